//! What a client and a server of the traccc service say to each other: tensors, their names, types and shapes, and how
//! cells and tracks become them.
//!
//! A request has the [`contract::input`] tensors; [`decode_cells`] makes [`Cells`](traccc_core::event::Cells) of them with
//! a [`SensorTable`]. A [`Selection`] of a reconstruction writes the [`Output`] tensors, and [`ServedTracks`] reads them.
//! The four outputs of [`Output::UPSTREAM`] and the inputs `CELL_POSITIONS` and `CELL_PROPERTIES` are those of upstream's
//! service; everything else is an addition beside them.
//!
//! Decoding trusts no length, shape or number of the other side. Units: mm, c·t in mm for time, GeV, e, rad.
#![forbid(unsafe_code)]

pub mod contract;
mod error;
mod parameters;
mod reply;
mod request;
mod served;
mod tensor;

#[cfg(feature = "grpc")]
pub mod grpc;

pub use contract::Output;
pub use error::{RequestError, ResponseError};
pub use parameters::{PREFIX, RequestParameters};
pub use reply::{Excluded, Selection};
pub use request::{CellForm, MAX_CELLS, decode_cells, encode_cells};
pub use served::{ServedState, ServedTrack, ServedTracks};
pub use tensor::{DataType, OwnedTensor, Tensor, TensorSpec};
pub use traccc_core::detector::{Numbering, Sensor, SensorError, SensorTable};
