use super::{Mask, Shape};
use crate::math::wrap_phi;
use crate::{Scalar, consts};

impl Mask {
    /// The smallest and largest value of each local coordinate, (loc0, loc1) as [`Shape`] says, in mm and rad.
    ///
    /// Full turns reach from -pi to pi, angles of an annulus are those of the local frame and can lie beyond.
    pub fn extent(&self, shape: Shape) -> [[Scalar; 2]; 2] {
        let b = &self.bounds;
        let symmetric = |half: Scalar| [-half, half];
        match shape {
            Shape::RECTANGLE => [symmetric(b[0]), symmetric(b[1])],
            Shape::TRAPEZOID => [symmetric(b[0].max(b[1])), symmetric(b[2])],
            Shape::ANNULUS => [annulus_radii(b), [b[4] + b[2], b[4] + b[3]]],
            Shape::RING => [[b[0], b[1]], symmetric(consts::PI)],
            Shape::CYLINDER => [symmetric(b[0] * consts::PI), [b[1], b[2]]],
            _ => [symmetric(consts::PI), [b[1], b[2]]],
        }
    }
}

/// The radii of an annulus about the focus of its strips, the local origin.
///
/// The bounds are radii about the beam, which lies at the shift (see [`Mask::contains`]). Along a direction from the focus
/// the distance of a circle about the beam has its extremes at the ends of the sector, and in and against the direction
/// of the beam.
fn annulus_radii(b: &[Scalar; 7]) -> [Scalar; 2] {
    let beam = [b[5], b[6]];
    let distance_squared = beam[0] * beam[0] + beam[1] * beam[1];
    let focal_radius = |beam_radius: Scalar, phi: Scalar| {
        let (sin, cos) = phi.sin_cos();
        let along = beam[0] * cos + beam[1] * sin;
        along + (along * along - distance_squared + beam_radius * beam_radius).max(0.0).sqrt()
    };
    let towards = beam[1].atan2(beam[0]);
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
    use crate::index::VolumeIndex;
    use crate::math::Vector3;
    use proptest::prelude::*;

    fn mask(bounds: &[Scalar]) -> Mask {
        let mut all = [0.0; 7];
        all[..bounds.len()].copy_from_slice(bounds);
        Mask { bounds: all, link: VolumeIndex::NONE }
    }

    #[test]
    fn every_shape_has_the_extent_of_its_local_coordinates() {
        let pi = consts::PI;
        for (shape, bounds, expected) in [
            (Shape::RECTANGLE, &[2.0, 3.0][..], [[-2.0, 2.0], [-3.0, 3.0]]),
            (Shape::TRAPEZOID, &[2.0, 6.0, 4.0, 0.125], [[-6.0, 6.0], [-4.0, 4.0]]),
            (Shape::RING, &[2.0, 6.0], [[2.0, 6.0], [-pi, pi]]),
            (Shape::CYLINDER, &[2.0, -1.0, 5.0], [[-2.0 * pi, 2.0 * pi], [-1.0, 5.0]]),
            (Shape::CONCENTRIC_CYLINDER, &[2.0, -1.0, 5.0], [[-pi, pi], [-1.0, 5.0]]),
            (Shape::ANNULUS, &[30.0, 60.0, -0.1, 0.2, 1.0, 0.0, 0.0], [[30.0, 60.0], [0.9, 1.2]]),
        ] {
            for (axis, (found, expected)) in
                mask(bounds).extent(shape).iter().zip(&expected).enumerate()
            {
                for (found, expected) in found.iter().zip(expected) {
                    assert!((found - expected).abs() < 1e-5, "{shape:?}, axis {axis}: {found}");
                }
            }
        }
    }

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
            let mask = mask(&bounds);
            let [radii, angles] = mask.extent(Shape::ANNULUS);
            let (mut least, mut most) = (Scalar::INFINITY, Scalar::NEG_INFINITY);
            for i in 0..=100 {
                let phi = angles[0] + (angles[1] - angles[0]) * Scalar::from(i as f32 / 100.0);
                for k in 0..1200 {
                    let r = Scalar::from(k as f32 * 0.5);
                    let local = Vector3::new(r * phi.cos(), r * phi.sin(), 0.0);
                    if mask.contains(Shape::ANNULUS, &local, 1.0e-3) {
                        least = least.min(r);
                        most = most.max(r);
                    }
                }
            }
            prop_assert!((least - radii[0]).abs() < 1.0, "{least} {}", radii[0]);
            prop_assert!((most - radii[1]).abs() < 1.0, "{most} {}", radii[1]);
        }
    }
}
