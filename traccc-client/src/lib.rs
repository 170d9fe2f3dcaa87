//! Client of the traccc service: sends the cells of an event to a server, Triton or ours, and gets its tracks.
//!
//! [`Client::connect`] with [`ConnectOptions`] gives a [`Client`]; [`Client::infer`] with the cells and [`InferOptions`] a
//! [`Response`], whose [`tracks`](Response::tracks) are read from its tensors. [`SharedMemory`] does the same without sending
//! tensors through the network, [`SharedMemoryPool`] for many requests at once; a [`Route`] is either way. [`run_load`]
//! measures a server; [`plot_load`] and [`plot_tracks`] draw.
//!
//! Units: mm, c·t in mm for time, GeV, e, rad.
#![forbid(unsafe_code)]

mod client;
mod connect;
mod connection;
mod error;
mod load;
mod plot;
mod request;
mod response;
mod retry;
mod route;
mod shared_memory;

pub use client::Client;
pub use connect::{ClientIdentity, ConnectOptions};
pub use error::ClientError;
pub use load::{Arrivals, Bound, LoadPlan, LoadReport, run_load};
pub use plot::{LoadPoint, PlotError, plot_load, plot_tracks};
pub use request::{InferOptions, Request};
pub use response::{OutputTensor, Response};
pub use retry::RetryPolicy;
pub use route::Route;
pub use shared_memory::{SharedMemory, SharedMemoryPool};
