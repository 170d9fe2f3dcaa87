//! The combinatorial Kalman filter.
mod config;
pub use config::{FindingConfig, Smoother};
