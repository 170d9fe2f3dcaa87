//! The traccc service as a backend of NVIDIA Triton: `libtriton_traccc.so`.
//!
//! Triton loads this library and calls its `TRITONBACKEND_*` functions (`backend`); this library calls functions of the
//! server that loads it (`ffi`), so it is linked to nothing of Triton. A model is a
//! [`traccc_service::Model`], an instance a [`traccc_service::Instance`]; everything here is about handing them what
//! Triton has. Nothing unwinds into Triton (`guard`): a panic becomes an error of its request.

mod backend;
mod clock;
mod config;
mod execute;
mod ffi;
mod guard;
mod instance;
mod log;
mod metrics;
mod model;
mod request;
mod response;
mod state;
mod status;

#[cfg(test)]
mod mock;

#[cfg(test)]
mod tests;
