//! Measurements to space points: the global position of each measurement of two coordinates.

use crate::Scalar;
use crate::detector::{Detector, Surface};
use crate::event::{Measurements, Spacepoint, Spacepoints, Subspace};
use crate::index::MeasurementIndex;
use crate::math::{Vector3, perp};

/// Puts each two-dimensional measurement into space, in the order of the measurements.
///
/// Measurements of one coordinate (strips) give no space point. The variances of r and z follow from those of the local
/// coordinates to first order; upstream leaves them 0.
///
/// # Panics
/// If a measurement names a surface that `detector` does not have.
pub fn form_spacepoints(measurements: &Measurements, detector: &Detector) -> Spacepoints {
    let Measurements { local, variance, subspace, surface, .. } = measurements;
    let mut spacepoints = Vec::with_capacity(measurements.len());
    let columns = subspace.iter().zip(surface).zip(local.iter().zip(variance));
    for (row, ((&subspace, surface), (&local, &variance))) in columns.enumerate() {
        if subspace != Subspace::BOTH {
            continue;
        }
        let surface = &detector.surfaces[surface.get()];
        let position = surface.to_global(local);
        let [r_variance, z_variance] = variances(surface, local, &position, variance);
        spacepoints.push(Spacepoint {
            x: position.x,
            y: position.y,
            z: position.z,
            r_variance,
            z_variance,
            measurements: [MeasurementIndex::from(row), MeasurementIndex::NONE],
        });
    }
    Spacepoints::from_rows(&spacepoints)
}

/// The variances of r and z at a point of a surface, in mm².
///
/// With the derivatives `t` of the position by the local coordinates, whose errors are independent, the variance of r is
/// the sum of `variance (t·e)²` for the radial unit vector e, that of z the sum of `variance t_z²`.
#[inline]
fn variances(
    surface: &Surface,
    local: [Scalar; 2],
    position: &Vector3,
    variance: [Scalar; 2],
) -> [Scalar; 2] {
    let r = perp(position.x, position.y);
    // On the axis every direction is radial.
    let (cos, sin) = if r > 0.0 { (position.x / r, position.y / r) } else { (1.0, 0.0) };
    let [first, second] = surface.frame(local).tangents;
    let sum = |along: [Scalar; 2]| {
        variance[0] * (along[0] * along[0]) + variance[1] * (along[1] * along[1])
    };
    let radial = |tangent: &Vector3| tangent.x * cos + tangent.y * sin;
    [sum([radial(&first), radial(&second)]), sum([first.z, second.z])]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::{Mask, MaterialRef, Shape, SurfaceKind};
    use crate::event::Measurement;
    use crate::index::{SurfaceIndex, VolumeIndex};
    use proptest::prelude::*;

    fn detector(shape: Shape, axes: [Vector3; 3], translation: [Scalar; 3]) -> Detector {
        let surface = Surface {
            axes: axes.map(Into::into),
            translation,
            mask: Mask {
                bounds: [90.0, -100.0, 100.0, 0.0, 0.0, 0.0, 0.0],
                link: VolumeIndex::NONE,
            },
            shape,
            kind: SurfaceKind::SENSITIVE,
            volume: VolumeIndex(0),
            material: MaterialRef::NONE,
            first_further_mask: 0,
            further_masks: 0,
        };
        let mut detector = Detector::default();
        detector.surfaces.push(surface);
        detector
    }

    fn point(detector: &Detector, local: [Scalar; 2], variance: [Scalar; 2]) -> Spacepoint {
        let surface = SurfaceIndex(0);
        let measurement = Measurement { local, variance, surface, ..Measurement::default() };
        form_spacepoints(&std::iter::once(measurement).collect(), detector).get(0)
    }

    #[test]
    fn a_barrel_sensor_measures_z_and_a_disc_the_radius() {
        let (x, y, z) = (Vector3::x(), Vector3::y(), Vector3::z());
        let on = |axes, translation| {
            point(&detector(Shape::Rectangle, axes, translation), [0.0, 3.0], [0.25, 4.0])
        };
        let barrel = on([y, z, x], [50.0, 0.0, 10.0]);
        assert!(barrel.r_variance.abs() < 1e-6 && (barrel.z_variance - 4.0).abs() < 1e-6);
        let disc = on([x, y, z], [0.0, 50.0, 600.0]);
        assert!((disc.r_variance - 4.0).abs() < 1e-6 && disc.z_variance.abs() < 1e-6);
        let on_axis = on([x, y, z], [0.0, -3.0, 600.0]);
        assert!((on_axis.r_variance - 0.25).abs() < 1e-6, "{on_axis:?}");
    }

    proptest! {
        /// Against the spread of r and z between points a little to both sides.
        #[test]
        fn variances_are_those_of_small_displacements(
            shape in prop::sample::select(vec![Shape::Rectangle, Shape::Annulus, Shape::Cylinder]),
            turn in prop::array::uniform3(-3.0_f32..3.0),
            translation in prop::array::uniform3(-20.0_f32..20.0),
            local in [40.0_f32..60.0, -1.0_f32..1.0],
            variance in prop::array::uniform2(0.1_f32..1.0),
        ) {
            let turn = Vector3::from(turn.map(Scalar::from));
            let axes = [Vector3::x(), Vector3::y(), Vector3::z()];
            let axes = axes.map(|axis| nalgebra::Rotation3::new(turn) * axis);
            let detector = detector(shape, axes, translation.map(Scalar::from));
            let (local, variance) = (local.map(Scalar::from), variance.map(Scalar::from));
            let steps = if shape == Shape::Annulus { [0.5, 0.01] } else { [0.5, 0.5] };
            let found = point(&detector, local, variance);
            prop_assume!(perp(found.x, found.y) > 20.0);
            let mut expected = [0.0, 0.0];
            for axis in 0..2 {
                let at = |sign: Scalar| {
                    let mut moved = local;
                    moved[axis] += sign * steps[axis];
                    let position = detector.surfaces[0].to_global(moved);
                    [perp(position.x, position.y), position.z]
                };
                let (up, down) = (at(1.0), at(-1.0));
                for i in 0..2 {
                    let slope = (up[i] - down[i]) / (2.0 * steps[axis]);
                    expected[i] += variance[axis] * slope * slope;
                }
            }
            let scale: Scalar = expected.iter().sum();
            for (found, expected) in [found.r_variance, found.z_variance].iter().zip(expected) {
                prop_assert!((found - expected).abs() < 5e-3 * scale, "{found} {expected}");
            }
        }
    }
}
