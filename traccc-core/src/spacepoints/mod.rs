//! Measurements to space points: the global position of each measurement of two coordinates.

use crate::detector::Detector;
use crate::event::{Measurements, Spacepoint, Spacepoints, Subspace};
use crate::index::MeasurementIndex;

/// Puts each two-dimensional measurement into space, in the order of the measurements.
///
/// Measurements of one coordinate (strips) give no space point.
///
/// # Panics
/// If a measurement names a surface that `detector` does not have.
pub fn form_spacepoints(measurements: &Measurements, detector: &Detector) -> Spacepoints {
    let mut spacepoints = Spacepoints::with_capacity(measurements.len());
    for (row, &subspace) in measurements.subspace.iter().enumerate() {
        if subspace != Subspace::BOTH {
            continue;
        }
        let surface = &detector.surfaces[measurements.surface[row].get()];
        let position = surface.to_global(measurements.local[row]);
        spacepoints.push(Spacepoint {
            x: position.x,
            y: position.y,
            z: position.z,
            measurement: MeasurementIndex::from(row),
        });
    }
    spacepoints
}
