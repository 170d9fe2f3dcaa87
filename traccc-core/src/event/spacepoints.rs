use crate::Scalar;
use crate::index::MeasurementIndex;
use crate::storage::{Column, soa};

soa! {
    /// Space points of one event, in the order of their measurements.
    Spacepoints in Column of
    /// A point in space, from one measurement of two coordinates.
    Spacepoint {
        /// Global x, in mm.
        x: Scalar,
        /// Global y, in mm.
        y: Scalar,
        /// Global z, in mm.
        z: Scalar,
        /// The measurement.
        measurement: MeasurementIndex,
    }
}
