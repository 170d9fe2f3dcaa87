use super::plane::Cartesian;
use super::{Area, Bounds, Form};
use crate::Scalar;
use crate::detector::outline::pairs;
use crate::math::Vector3;

/// Bounds: half x at -y, half x at +y, half y, 1 / (2 half y).
pub(super) enum Trapezoid {}

impl Form for Trapezoid {
    type Coordinates = Cartesian;
    const NAME: &'static str = "trapezoid";
    const BOUNDS: usize = 4;

    fn sound(b: &[f64]) -> bool {
        b[0] >= 0.0 && b[1] >= 0.0 && b[2] > 0.0 && (b[3] * 2.0 * b[2] - 1.0).abs() < 1.0e-4
    }

    #[inline]
    fn contains(b: &Bounds, local: &Vector3, tolerance: Scalar) -> bool {
        let half_x = b[0] + (b[2] + local.y) * b[3] * (b[1] - b[0]);
        local.x.abs() <= half_x + tolerance && local.y.abs() <= b[2] + tolerance
    }

    fn area(b: &Bounds) -> Area {
        let half = Self::half_box(b);
        Area { low: half.map(|h| -h), high: half }
    }

    fn outline(b: &[f64], t: f64) -> Vec<[f64; 3]> {
        let point = |(u, v): (f64, f64)| {
            let y = v * (b[2] + t);
            let half_x = b[0] + (b[2] + y) * b[3] * (b[1] - b[0]);
            [u * (half_x + t), y, 0.0]
        };
        pairs().map(point).collect()
    }

    #[inline]
    fn half_box(b: &Bounds) -> [Scalar; 2] {
        [b[0].max(b[1]), b[2]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trapezoid_is_as_wide_as_its_height_says() {
        let bounds = [2.0, 6.0, 4.0, 1.0 / 8.0, 0.0, 0.0, 0.0];
        let inside =
            |x, y, tolerance| Trapezoid::contains(&bounds, &Vector3::new(x, y, 0.0), tolerance);
        assert!(inside(3.9, 0.0, 0.0) && !inside(4.1, 0.0, 0.0));
        assert!(inside(2.0, -4.0, 0.0) && !inside(0.0, 4.1, 0.0));
        assert!(inside(4.1, 0.0, 0.2));
    }
}
