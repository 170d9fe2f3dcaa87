use super::{Area, Bounds, Coordinates, Form};
use crate::Scalar;
use crate::detector::outline::{circle, unit};
use crate::math::Vector3;

/// A tube. Bounds: r, z min, z max; the second local coordinate is z.
pub(super) trait Tube: Coordinates {
    /// Name for messages.
    const NAME: &'static str;

    /// The first local coordinate after half a turn.
    fn half_turn(radius: Scalar) -> Scalar;
}

impl<T: Tube> Form for T {
    type Coordinates = Self;
    const NAME: &'static str = <T as Tube>::NAME;
    const BOUNDS: usize = 3;

    fn sound(b: &[f64]) -> bool {
        b[0] > 0.0 && b[1] < b[2]
    }

    #[inline]
    fn contains(b: &Bounds, local: &Vector3, tolerance: Scalar) -> bool {
        local.z >= b[1] - tolerance && local.z <= b[2] + tolerance
    }

    fn area(b: &Bounds) -> Area {
        let half_turn = T::half_turn(b[0]);
        Area { low: [-half_turn, b[1]], high: [half_turn, b[2]] }
    }

    fn outline(b: &[f64], t: f64) -> Vec<[f64; 3]> {
        let ring = |v: f64| circle(b[0], 0.5 * (b[1] + b[2]) + v * (0.5 * (b[2] - b[1]) + t));
        unit().flat_map(ring).collect()
    }
}
