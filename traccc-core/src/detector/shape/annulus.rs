use super::plane::Polar;
use super::{Area, Bounds, Form};
use crate::detector::outline::pairs;
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

    fn area(b: &Bounds) -> Area {
        let [low, high] = focal_radii(b);
        Area { low: [low, b[4] + b[2]], high: [high, b[4] + b[3]] }
    }

    fn outline(b: &[f64], t: f64) -> Vec<[f64; 3]> {
        pairs().map(|(u, v)| outline_point(b, t, u, v)).collect()
    }
}

/// A point of an annulus from its coordinates between -1 and 1: the angle about the focus and the radius about the beam.
fn outline_point(b: &[f64], t: f64, u: f64, v: f64) -> [f64; 3] {
    let beam = [b[5], b[6]];
    let radius = (0.5 * (b[0] + b[1]) + v * (0.5 * (b[1] - b[0]) + t)).max(0.0);
    let from_focus = |angle: f64| {
        let (sin, cos) = libm::sincos(angle);
        let along = cos * beam[0] + sin * beam[1];
        let off2 = beam[0] * beam[0] + beam[1] * beam[1] - along * along;
        (along + (radius * radius - off2).max(0.0).sqrt()).max(0.0)
    };
    let middle = 0.5 * (b[2] + b[3]);
    let edge = middle + u * 0.5 * (b[3] - b[2]);
    let angle = edge + u * t / from_focus(edge).max(t);
    let focal = from_focus(angle);
    let (sin, cos) = libm::sincos(angle + b[4]);
    [focal * cos, focal * sin, 0.0]
}

/// The smallest and largest radius about the focus.
///
/// Along a direction from the focus the distance of a circle about the beam has its extremes at the ends of the sector, and
/// in and against the direction of the beam.
fn focal_radii(b: &Bounds) -> [Scalar; 2] {
    let beam = [b[5], b[6]];
    let distance2 = beam[0] * beam[0] + beam[1] * beam[1];
    let focal_radius = |beam_radius: Scalar, phi: Scalar| {
        let (sin, cos) = sin_cos(phi);
        let along = beam[0] * cos + beam[1] * sin;
        along + (along * along - distance2 + beam_radius * beam_radius).max(0.0).sqrt()
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

    proptest! {
        /// Points of the sector, by the test of the mask itself: none lies outside its area, and some reach the ends.
        #[test]
        fn the_radii_of_a_shifted_annulus_reach_just_as_far_as_its_area(
            (inner, width) in (200.0_f32..400.0, 20.0_f32..100.0),
            (low, high) in (-0.3_f32..-0.02, 0.02_f32..0.3),
            average in -3.0_f32..3.0,
            (shift_x, shift_y) in (-60.0_f32..60.0, -60.0_f32..60.0),
        ) {
            let bounds = [inner, inner + width, low, high, average, shift_x, shift_y].map(Scalar::from);
            let area = Annulus::area(&bounds);
            let (mut least, mut most) = (Scalar::INFINITY, Scalar::NEG_INFINITY);
            for i in 0..=100 {
                let fraction = Scalar::from(i as f32 / 100.0);
                let (sin, cos) = sin_cos(area.low[1] + (area.high[1] - area.low[1]) * fraction);
                for k in 0..1200 {
                    let r = Scalar::from(k as f32 * 0.5);
                    if Annulus::contains(&bounds, &Vector3::new(r * cos, r * sin, 0.0), 1.0e-3) {
                        least = least.min(r);
                        most = most.max(r);
                    }
                }
            }
            prop_assert!((least - area.low[0]).abs() < 1.0, "{least} {}", area.low[0]);
            prop_assert!((most - area.high[0]).abs() < 1.0, "{most} {}", area.high[0]);
        }
    }
}
