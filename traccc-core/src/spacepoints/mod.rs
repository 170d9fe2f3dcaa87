//! Space points.
use crate::detector::Detector;
use crate::event::{Measurements, Spacepoints};

/// Puts each two-dimensional measurement into space.
pub fn form_spacepoints(_measurements: &Measurements, _detector: &Detector) -> Spacepoints {
    todo!()
}
