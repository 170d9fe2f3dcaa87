use super::plane::Cartesian;
use super::{Area, Bounds, Form};
use crate::Scalar;
use crate::detector::outline::pairs;
use crate::math::Vector3;

/// Bounds: half x, half y.
pub(super) enum Rectangle {}

impl Form for Rectangle {
    type Coordinates = Cartesian;
    const NAME: &'static str = "rectangle";
    const BOUNDS: usize = 2;

    fn sound(b: &[f64]) -> bool {
        b[0] > 0.0 && b[1] > 0.0
    }

    #[inline]
    fn contains(b: &Bounds, local: &Vector3, tolerance: Scalar) -> bool {
        local.x.abs() <= b[0] + tolerance && local.y.abs() <= b[1] + tolerance
    }

    fn area(b: &Bounds) -> Area {
        Area { low: [-b[0], -b[1]], high: [b[0], b[1]] }
    }

    fn outline(b: &[f64], t: f64) -> Vec<[f64; 3]> {
        pairs().map(|(u, v)| [u * (b[0] + t), v * (b[1] + t), 0.0]).collect()
    }

    #[inline]
    fn half_box(b: &Bounds) -> [Scalar; 2] {
        [b[0], b[1]]
    }
}
