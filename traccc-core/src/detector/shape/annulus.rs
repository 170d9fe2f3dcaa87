use super::plane::Polar;
use super::{Bounds, Form};
use crate::math::{Vector3, atan2, perp, sin_cos, wrap_phi};
use crate::{Scalar, consts};

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

    fn extent(b: &Bounds) -> [[Scalar; 2]; 2] {
        [focal_radii(b), [b[4] + b[2], b[4] + b[3]]]
    }
}

/// The radii about the focus of the strips, the local origin.
///
/// Along a direction from the focus the distance of a circle about the beam has its extremes at the ends of the sector,
/// and in and against the direction of the beam.
fn focal_radii(b: &Bounds) -> [Scalar; 2] {
    let beam = [b[5], b[6]];
    let distance_squared = beam[0] * beam[0] + beam[1] * beam[1];
    let focal_radius = |beam_radius: Scalar, phi: Scalar| {
        let (sin, cos) = sin_cos(phi);
        let along = beam[0] * cos + beam[1] * sin;
        along + (along * along - distance_squared + beam_radius * beam_radius).max(0.0).sqrt()
    };
    let towards = atan2(beam[1], beam[0]);
    let inside = |phi: &Scalar| (b[2]..=b[3]).contains(phi);
    let extremes = [towards, wrap_phi(towards + consts::PI)].into_iter().filter(inside);
    let mut radii = [Scalar::INFINITY, 0.0];
    for phi in [b[2], b[3]].into_iter().chain(extremes) {
        radii[0] = radii[0].min(focal_radius(b[0], phi));
        radii[1] = radii[1].max(focal_radius(b[1], phi));
    }
    radii
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Points of the sector, by the test of the mask itself: none lies outside the extent, and some reach its ends.
        #[test]
        fn an_annulus_reaches_just_as_far_as_its_extent(
            (inner, width) in (200.0_f32..400.0, 20.0_f32..100.0),
            (low, high) in (-0.3_f32..-0.02, 0.02_f32..0.3),
            average in -3.0_f32..3.0,
            (shift_x, shift_y) in (-60.0_f32..60.0, -60.0_f32..60.0),
        ) {
            let bounds = [inner, inner + width, low, high, average, shift_x, shift_y].map(Scalar::from);
            let [radii, angles] = Annulus::extent(&bounds);
            let (mut least, mut most) = (Scalar::INFINITY, Scalar::NEG_INFINITY);
            for i in 0..=100 {
                let phi = angles[0] + (angles[1] - angles[0]) * Scalar::from(i as f32 / 100.0);
                let (sin, cos) = sin_cos(phi);
                for k in 0..1200 {
                    let r = Scalar::from(k as f32 * 0.5);
                    if Annulus::contains(&bounds, &Vector3::new(r * cos, r * sin, 0.0), 1.0e-3) {
                        least = least.min(r);
                        most = most.max(r);
                    }
                }
            }
            prop_assert!((least - radii[0]).abs() < 1.0, "{least} {}", radii[0]);
            prop_assert!((most - radii[1]).abs() < 1.0, "{most} {}", radii[1]);
        }
    }

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
