//! A model of the service, as Triton's backend and our own server both serve it.
//!
//! [`ModelDescription`] is what a model repository says; [`Model::load`] reads the detector (once for all models of a
//! process) and checks the settings; each [`Instance`] has a chain of its own and turns requests into replies.
//! [`RepositoryModel`] writes such a repository.
#![forbid(unsafe_code)]

mod chain_slot;
mod description;
mod error;
mod instance;
mod metrics;
mod model;
mod options;
mod repository;
mod setup_cache;

pub use description::{ModelDescription, TensorDescription};
pub use error::{Failure, FailureKind, ModelError};
pub use instance::{Decoded, Instance, Reply};
pub use metrics::{Counter, Increment};
pub use model::{MAX_THREADS, Model};
pub use options::{Batching, BatchingOptions, ModelOptions, ParameterKey};
pub use repository::{InstanceKind, RepositoryError, RepositoryModel};
pub use setup_cache::SetupCache;
