//! The CUDA engine: the stages of `traccc-core` on NVIDIA GPUs, with the same bits.
//!
//! Kernels are CUDA C++ under `kernels`, a header for each file of core that it mirrors, compiled by NVRTC for the card that is
//! there. A batch of events lies in one arena, whose arrays are listed once for both languages (`src/layout.rs`).

mod card;
mod chain;
mod compile;
mod device;
mod engine;
mod error;
mod kernels;
mod layout;
mod memory;
mod readback;
mod simulated;
mod stages;
mod tables;
mod transfer;
mod upload;

pub use card::cards;
pub use chain::{CudaBatch, CudaChain};
pub use compile::{Cache, Nvrtc};
pub use engine::CudaEngine;
pub use error::Error;
pub use kernels::{SOURCES, kernel_files};
pub use layout::{Capacities, Counters, declarations};
#[doc(hidden)]
pub use simulated::Faults;
