//! First track parameters from a seed.
mod config;
use crate::detector::Detector;
use crate::event::{BoundParameters, Measurements, Seed, Spacepoints};
use crate::field::MagneticField;
pub use config::{FieldSource, ParametersConfig};

/// Estimates the parameters of each seed at its bottom space point.
pub fn estimate_parameters(
    _measurements: &Measurements,
    _spacepoints: &Spacepoints,
    _seeds: &[Seed],
    _detector: &Detector,
    _field: &MagneticField,
    _config: &ParametersConfig,
) -> Vec<BoundParameters> {
    todo!()
}
