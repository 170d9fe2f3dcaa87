//! Simulated events.
#![forbid(unsafe_code)]
pub mod detectors;
