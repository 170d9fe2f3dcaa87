use super::plane::Polar;
use super::{Area, Bounds, Form};
use crate::detector::outline::circle;
use crate::math::{Vector3, perp};
use crate::{Scalar, consts};

/// Bounds: r min, r max.
pub(super) enum Ring {}

impl Form for Ring {
    type Coordinates = Polar;
    const NAME: &'static str = "ring";
    const BOUNDS: usize = 2;

    fn sound(b: &[f64]) -> bool {
        b[0] >= 0.0 && b[0] < b[1]
    }

    #[inline]
    fn contains(b: &Bounds, local: &Vector3, tolerance: Scalar) -> bool {
        let r = perp(local.x, local.y);
        r + tolerance >= b[0] && r <= b[1] + tolerance
    }

    fn area(b: &Bounds) -> Area {
        Area { low: [b[0], -consts::PI], high: [b[1], consts::PI] }
    }

    fn outline(b: &[f64], t: f64) -> Vec<[f64; 3]> {
        circle(b[1] + t, 0.0).chain(circle((b[0] - t).max(0.0), 0.0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_has_a_hole() {
        let bounds = [3.0, 7.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let inside = |x, y, tolerance| Ring::contains(&bounds, &Vector3::new(x, y, 0.0), tolerance);
        for (radius, expected) in [(2.9, false), (3.1, true), (6.9, true), (7.1, false)] {
            assert_eq!(inside(0.0, -radius, 0.0), expected, "{radius}");
        }
        assert!(inside(2.9, 0.0, 0.2));
    }
}
