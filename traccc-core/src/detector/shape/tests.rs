use super::*;
use crate::detector::{MaterialRef, SurfaceKind};
use crate::index::VolumeIndex;
use crate::math::perp;
use proptest::prelude::*;

/// Each shape with bounds that it can have; angles avoid the branch cut.
const SHAPES: [(Shape, Bounds); 6] = [
    (Shape::Rectangle, [8.0, 30.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
    (Shape::Trapezoid, [8.0, 20.0, 30.0, 1.0 / 60.0, 0.0, 0.0, 0.0]),
    (Shape::Annulus, [30.0, 60.0, -0.3, 0.2, 1.0, 0.0, 0.0]),
    (Shape::Ring, [20.0, 90.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
    (Shape::Cylinder, [40.0, -100.0, 250.0, 0.0, 0.0, 0.0, 0.0]),
    (Shape::ConcentricCylinder, [40.0, -100.0, 250.0, 0.0, 0.0, 0.0, 0.0]),
];

/// A surface of each shape in a frame turned by a rotation vector, in rad.
fn surfaces(turn: [f32; 3], translation: [f32; 3]) -> impl Iterator<Item = Surface> {
    let rotation = nalgebra::Rotation3::new(Vector3::from(turn.map(Scalar::from)));
    SHAPES.into_iter().map(move |(shape, bounds)| {
        let axes = if shape == Shape::ConcentricCylinder {
            nalgebra::Rotation3::identity()
        } else {
            rotation
        };
        Surface {
            axes: [Vector3::x(), Vector3::y(), Vector3::z()].map(|axis| (axes * axis).into()),
            translation: if shape == Shape::ConcentricCylinder {
                [0.0; 3]
            } else {
                translation.map(Scalar::from)
            },
            mask: Mask { bounds, link: VolumeIndex::NONE },
            shape,
            kind: SurfaceKind::SENSITIVE,
            volume: VolumeIndex(0),
            material: MaterialRef::NONE,
            first_further_mask: 0,
            further_masks: 0,
        }
    })
}

/// Local coordinates at a fraction of the range of the mask, the range of half a turn at most.
fn at(surface: &Surface, fraction: [f32; 2]) -> [Scalar; 2] {
    let Area { low, high } = surface.mask.area(surface.shape);
    [0, 1].map(|i| low[i] + Scalar::from(fraction[i]) * (high[i] - low[i]))
}

#[test]
fn every_shape_needs_its_bounds_and_refuses_others() {
    for (shape, bounds) in SHAPES {
        let bounds: Vec<f64> = bounds.map(f64::from)[..shape.bounds()].to_vec();
        assert_eq!(shape.check_bounds(&bounds), Ok(()));
        let fails = |bounds: &[f64], part: &str| {
            let message = shape.check_bounds(bounds).unwrap_err();
            assert!(message.contains(shape.name()) && message.contains(part), "{message}");
        };
        fails(&bounds[1..], &format!("needs {} bounds", shape.bounds()));
        let mut other = bounds.clone();
        other[1] = f64::NAN;
        fails(&other, "is not finite");
        // No half length or radius is negative, and no lower end above the upper one.
        other[1] = if bounds[1] < 0.0 { 1.0e4 } else { -1.0 };
        fails(&other, "cannot have the bounds");
    }
}

proptest! {
    #[test]
    fn local_coordinates_survive_the_way_through_space(
        turn in prop::array::uniform3(-3.0_f32..3.0),
        translation in prop::array::uniform3(-200.0_f32..200.0),
        fraction in prop::array::uniform2(0.01_f32..0.99),
    ) {
        for surface in surfaces(turn, translation) {
            let local = at(&surface, fraction);
            let global = surface.to_global(local);
            let back = surface.to_local(&global);
            for axis in 0..2 {
                let error = (back[axis] - local[axis]).abs();
                prop_assert!(error < 2e-3, "{:?}: {local:?} {back:?}", surface.shape);
            }
            let cartesian = surface.to_cartesian(&global);
            let from_carrier = match surface.shape.carrier() {
                Carrier::Plane => cartesian.z,
                Carrier::Cylinder => perp(cartesian.x, cartesian.y) - surface.mask.bounds[0],
                Carrier::ConcentricCylinder => perp(global.x, global.y) - surface.mask.bounds[0],
            };
            prop_assert!(from_carrier.abs() < 2e-3, "{:?}: {from_carrier}", surface.shape);
        }
    }

    /// Tangents are the differences of nearby points, gradients are dual to them, the normal is normal to both.
    #[test]
    fn frames_are_the_derivatives(
        turn in prop::array::uniform3(-3.0_f32..3.0),
        translation in prop::array::uniform3(-200.0_f32..200.0),
        fraction in prop::array::uniform2(0.05_f32..0.95),
    ) {
        for surface in surfaces(turn, translation) {
            let local = at(&surface, fraction);
            let LocalFrame { normal, tangents, gradients } = surface.frame(local);
            prop_assert!((normal.norm() - 1.0).abs() < 1e-5);
            prop_assert_eq!(normal, surface.normal(local));
            for i in 0..2 {
                let step: Scalar = if surface.shape.azimuth() == Some(i) { 0.02 } else { 1.0 };
                let moved = |sign: Scalar| {
                    let mut moved = local;
                    moved[i] += sign * step;
                    surface.to_global(moved)
                };
                let expected = (moved(1.0) - moved(-1.0)) / (2.0 * step);
                let error = (tangents[i] - expected).norm() / tangents[i].norm();
                prop_assert!(error < 3e-3, "{:?} {i}: {error}", surface.shape);
                prop_assert!(normal.dot(&tangents[i]).abs() < 1e-5 * tangents[i].norm());
                for (j, tangent) in tangents.iter().enumerate() {
                    let product = gradients[i].dot(tangent);
                    let expected = if i == j { 1.0 } else { 0.0 };
                    let scale = gradients[i].norm() * tangent.norm();
                    prop_assert!((product - expected).abs() < 1e-5 * scale.max(1.0));
                }
            }
        }
    }

    /// Whatever lies inside has coordinates in the range of the mask, whose ends are reached.
    #[test]
    fn areas_are_the_smallest_that_hold_the_mask(
        fraction in prop::array::uniform2(-0.5_f32..1.5),
        end in 0_usize..4,
    ) {
        for surface in surfaces([0.0; 3], [0.0; 3]) {
            let (shape, mask) = (surface.shape, surface.mask);
            let inside = |fraction: [f32; 2]| {
                let global = surface.to_global(at(&surface, fraction));
                mask.contains(shape, &surface.to_cartesian(&global), 1e-3)
            };
            let within = |axis: usize| (-1e-3..=1.001).contains(&fraction[axis]);
            // A whole turn has no ends.
            let turn = match shape {
                Shape::Ring => Some(1),
                Shape::Cylinder | Shape::ConcentricCylinder => Some(0),
                Shape::Rectangle | Shape::Trapezoid | Shape::Annulus => None,
            };
            let outside = (0..2).any(|axis| turn != Some(axis) && !within(axis));
            prop_assert!(!(outside && inside(fraction)), "{shape:?} {fraction:?}");
            // The wide side of the trapezoid is at +y.
            let mut edge = [0.5, if shape == Shape::Trapezoid { 1.0 } else { 0.5 }];
            edge[end / 2] = if end % 2 == 0 { 0.0 } else { 1.0 };
            let reached = shape != Shape::Trapezoid || end != 2;
            prop_assert!(!reached || inside(edge), "{shape:?} {edge:?}");
        }
    }
}
