use super::plane::Cartesian;
use super::{Bounds, Form};
use crate::Scalar;
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

    fn extent(b: &Bounds) -> [[Scalar; 2]; 2] {
        [[-b[0], b[0]], [-b[1], b[1]]]
    }
}
