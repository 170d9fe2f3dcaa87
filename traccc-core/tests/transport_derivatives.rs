//! Jacobians between surfaces against central differences, which need double precision.
#![cfg(traccc_f64)]

mod support;

use support::surface;
use traccc_core::detector::{
    Detector, DetectorModel, MaskModel, Placement, Shape, SurfaceKind, VolumeModel,
};
use traccc_core::field::MagneticField;
use traccc_core::math::Vector3;
use traccc_core::propagation::{
    PropagatedState, PropagationConfig, PropagationResult, Propagator, Scene,
};
use traccc_core::{Hypothesis, SurfaceIndex};

/// A start plane, a target surface and a wall around both.
fn detector(target_shape: Shape, placement: Placement, bounds: &[f64]) -> Detector {
    with_passive(target_shape, placement, bounds, None)
}

/// The same with a passive surface in between.
fn with_passive(
    target_shape: Shape,
    placement: Placement,
    bounds: &[f64],
    passive: Option<traccc_core::detector::SurfaceModel>,
) -> Detector {
    let tilted = Placement {
        translation: [5.0, 2.0, -3.0],
        axes: [[0.0, 0.8, 0.6], [0.0, -0.6, 0.8], [1.0, 0.0, 0.0]],
    };
    let start = surface(SurfaceKind::SENSITIVE, Shape::Rectangle, tilted, &[50.0, 50.0], Some(0));
    let target = surface(SurfaceKind::SENSITIVE, target_shape, placement, bounds, Some(0));
    let wall = [1000.0, -1000.0, 1000.0];
    let mut portal =
        surface(SurfaceKind::PORTAL, Shape::ConcentricCylinder, Placement::IDENTITY, &wall, None);
    portal.masks = vec![MaskModel { bounds: wall.to_vec(), link: None }];
    let surfaces = [start, target, portal].into_iter().chain(passive).collect();
    let volume = VolumeModel { surfaces, ..VolumeModel::default() };
    support::compiled(&DetectorModel { name: "pair".into(), volumes: vec![volume] })
}

fn check(detector: &Detector, tolerance: f64) -> PropagatedState {
    let field = MagneticField::Constant(Vector3::new(0.3, -0.2, 1.9));
    let config = PropagationConfig {
        step_tolerance: 1e-9,
        path_tolerance: 1e-7,
        ..PropagationConfig::default()
    };
    let cuts = config.cuts();
    let limits = support::NO_LIMITS;
    let propagator = Propagator {
        scene: Scene { detector, field: &field, cuts: &cuts },
        particle: Hypothesis::Muon.into(),
        limits,
    };
    let fly = |vector: [f64; 5]| -> PropagatedState {
        match propagator.to_next_sensor(&vector, SurfaceIndex(0), None) {
            PropagationResult::Sensor(arrival) => arrival,
            other => panic!("the target was not reached: {other:?}"),
        }
    };
    let start = [1.5, -0.7, 0.25, 1.3, -0.9];
    let arrival = fly(start);
    assert_eq!(arrival.surface, SurfaceIndex(1));
    let steps = [1e-3, 1e-3, 1e-5, 1e-5, 1e-5];
    for column in 0..5 {
        let shifted = |sign: f64| {
            let mut vector = start;
            vector[column] += sign * steps[column];
            fly(vector).vector
        };
        let (up, down) = (shifted(1.0), shifted(-1.0));
        for row in 0..5 {
            let expected = (up[row] - down[row]) / (2.0 * steps[column]);
            let found = arrival.jacobian[(row, column)];
            // Energy loss depends on the path in the material; the Jacobian neglects that.
            let tolerance =
                if row == 4 { 10.0 * tolerance } else { tolerance * (1e-3 + expected.abs()) };
            assert!(
                (found - expected).abs() < tolerance,
                "({row}, {column}): {found}, by differences {expected}"
            );
        }
    }
    arrival
}

/// Through 2 mm of silicon on the way: derivatives start anew there, and are multiplied. q/p itself changes by the
/// energy loss, whose derivative is left out by design: it is small against the tolerance at this momentum.
#[test]
fn derivatives_through_material_agree_with_differences() {
    let axes = [[0.0, 0.6, 0.8], [0.0, -0.8, 0.6], [1.0, 0.0, 0.0]];
    let placement = Placement { translation: [80.0, 0.0, 10.0], axes };
    let mut slab =
        surface(SurfaceKind::PASSIVE, Shape::Rectangle, placement, &[300.0, 300.0], Some(0));
    slab.material = Some(support::silicon(2.0));
    let target = turned([160.0, 30.0, 40.0]);
    let detector = with_passive(Shape::Rectangle, target, &[400.0, 400.0], Some(slab));
    let arrival = check(&detector, 2e-3);
    assert!(
        arrival.noise[(0, 0)] > 0.0,
        "scattering in the slab must move the crossing of the target"
    );
}

fn turned(translation: [f64; 3]) -> Placement {
    Placement { translation, axes: [[-0.48, 0.8, 0.36], [-0.6, 0.0, -0.8], [-0.64, -0.6, 0.48]] }
}

#[test]
fn derivatives_to_a_rectangle_agree_with_differences() {
    check(&detector(Shape::Rectangle, turned([160.0, 30.0, 40.0]), &[400.0, 400.0]), 2e-4);
}

#[test]
fn derivatives_to_a_polar_plane_agree_with_differences() {
    check(
        &detector(
            Shape::Annulus,
            turned([160.0, 60.0, 90.0]),
            &[1.0, 900.0, -3.1, 3.1, 0.0, 0.0, 0.0],
        ),
        2e-4,
    );
}

#[test]
fn derivatives_to_a_concentric_cylinder_agree_with_differences() {
    check(&detector(Shape::ConcentricCylinder, Placement::IDENTITY, &[220.0, -600.0, 600.0]), 2e-4);
}

#[test]
fn derivatives_to_a_tilted_cylinder_agree_with_differences() {
    let axes = [[0.8, 0.0, -0.6], [0.0, 1.0, 0.0], [0.6, 0.0, 0.8]];
    let placement = Placement { translation: [10.0, -5.0, 3.0], axes };
    check(&detector(Shape::Cylinder, placement, &[220.0, -600.0, 600.0]), 2e-4);
}
