use crate::Scalar;
use crate::index::MeasurementIndex;
use crate::storage::{Column, soa};

soa! {
    /// Space points of one event, in the order of their (first) measurements.
    Spacepoints in Column of
    /// A point in space, from one measurement of two coordinates or from two of one coordinate each (strips).
    Spacepoint {
        /// Global x, in mm.
        x: Scalar,
        /// Global y, in mm.
        y: Scalar,
        /// Global z, in mm.
        z: Scalar,
        /// Variance of the distance from the z axis, in mm².
        r_variance: Scalar,
        /// Variance of z, in mm².
        z_variance: Scalar,
        /// The measurements, the inner one of two first; the second is [`MeasurementIndex::NONE`] where there is one.
        measurements: [MeasurementIndex; 2],
    }
}

impl Spacepoints {
    /// The one or two measurements of space point `i`.
    ///
    /// # Panics
    /// If `i` is not less than [`Self::len`].
    #[inline]
    pub fn measurements_of(&self, i: usize) -> &[MeasurementIndex] {
        let both = &self.measurements[i];
        if both[1].is_some() { both } else { &both[..1] }
    }
}
