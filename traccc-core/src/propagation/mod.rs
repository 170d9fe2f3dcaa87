//! Transport through field and material.
mod config;
pub use config::PropagationConfig;
