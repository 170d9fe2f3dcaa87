//! The Kalman fit.
mod config;
pub use config::FittingConfig;
