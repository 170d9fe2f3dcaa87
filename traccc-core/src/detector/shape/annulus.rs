use super::plane::Polar;
use super::{Area, Bounds, Form};
use crate::Scalar;
use crate::math::{Vector3, atan2, perp, sin_cos, wrap_phi};

/// Bounds: r min, r max, phi min, phi max, phi average, shift x, shift y.
///
/// Angles are measured about the focus of the strips (the local origin) from the average angle, and taken modulo a turn;
/// radii about the beam, which lies at the shift in the frame turned by the average angle. This is ACTS' rule and that of
/// detray's test from local coordinates; detray's test from a global position has the opposite sign of the shift and
/// does not turn (`detray.md` 4.3).
pub(super) enum Annulus {}

impl Form for Annulus {
    type Coordinates = Polar;
    const NAME: &'static str = "annulus";
    const BOUNDS: usize = 7;

    fn sound(b: &[f64]) -> bool {
        b[0] >= 0.0 && b[0] < b[1] && b[2] < b[3]
    }

    #[inline]
    fn contains(b: &Bounds, local: &Vector3, tolerance: Scalar) -> bool {
        let (sin, cos) = sin_cos(b[4]);
        let turned = (local.x * cos + local.y * sin, local.y * cos - local.x * sin);
        let beam = perp(turned.0 - b[5], turned.1 - b[6]);
        let focal_radius = perp(local.x, local.y);
        let phi = wrap_phi(atan2(local.y, local.x) - b[4]);
        let phi_tolerance = if focal_radius > 0.0 { tolerance / focal_radius } else { tolerance };
        beam + tolerance >= b[0]
            && beam <= b[1] + tolerance
            && phi >= b[2] - phi_tolerance
            && phi <= b[3] + phi_tolerance
    }

    fn area(b: &Bounds) -> Area {
        Area { low: [b[0], b[4] + b[2]], high: [b[1], b[4] + b[3]] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consts;

    /// Points placed about the beam, at (-2, 2) in the frame turned by the average angle, and about the focus.
    #[test]
    fn an_annulus_has_radii_about_the_beam_and_angles_about_the_focus() {
        let average: Scalar = 1.04;
        let bounds = [7.2, 12.0, -0.3, 0.3, average, -2.0, 2.0];
        let (sin, cos) = sin_cos(average);
        let contains = |x: Scalar, y: Scalar| {
            let local = Vector3::new(x * cos - y * sin, x * sin + y * cos, 0.0);
            Annulus::contains(&bounds, &local, 0.0)
        };
        // Along the turned x axis, distance to (-2, 2) by Pythagoras.
        let at = |radius: Scalar| -2.0 + (radius * radius - 4.0).sqrt();
        assert!(contains(at(7.3), 0.0) && !contains(at(7.1), 0.0));
        assert!(contains(at(11.9), 0.0) && !contains(at(12.1), 0.0));
        // At a fixed distance from the focus, left and right of the angular limits.
        let polar = |angle: Scalar| {
            let (sin, cos) = sin_cos(angle);
            contains(7.0 * cos, 7.0 * sin)
        };
        assert!(polar(0.29) && !polar(0.31) && polar(-0.29) && !polar(-0.31));
    }

    #[test]
    fn an_annulus_may_lie_across_the_branch_cut() {
        let bounds = [5.0, 9.0, -0.2, 0.2, consts::PI - 0.05, 0.0, 0.0];
        let inside = |x| Annulus::contains(&bounds, &Vector3::new(x, -0.5, 0.0), 0.0);
        assert!(inside(-7.0) && !inside(7.0));
    }
}
