//! The traccc service without Triton: the models of a repository over the KServe v2 protocol, gRPC and HTTP.
//!
//! ```no_run
//! # async fn example() -> Result<(), traccc_server::ServerError> {
//! use traccc_server::{Server, ServerConfig};
//!
//! let server = Server::start(ServerConfig::new("models")).await?;
//! println!("gRPC on {}", server.grpc_address());
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! A repository is what Triton reads too: `models/<name>/config.pbtxt` and `models/<name>/<version>/`. Each instance of a
//! model has a thread of its own, and all instances take their requests from one queue. A request whose client has gone is
//! not begun, and broken off at the next stage if it has begun.
#![forbid(unsafe_code)]

mod address;
mod config;
mod error;
mod grpc;
mod http;
mod infer;
mod listener;
mod messages;
mod metrics;
mod misdirected;
mod queue;
mod reply;
mod repository;
mod served_model;
mod server;
mod service;
mod shared_memory;
mod statistics;
mod ticket;
mod tls;
mod work;

pub use config::{Drain, Limits, ServerConfig, TlsFiles};
pub use error::ServerError;
pub use server::Server;
