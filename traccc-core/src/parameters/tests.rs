use super::*;
use crate::detector::{
    DetectorModel, MaskModel, Placement, Shape, SurfaceKind, SurfaceModel, VolumeModel,
};
use crate::event::{Measurement, Spacepoint, Subspace};
use crate::field::FieldChoice;
use crate::index::{MeasurementIndex, SurfaceIndex};
use proptest::prelude::*;

/// The measurements of a space point that has one.
fn only(row: usize) -> [MeasurementIndex; 2] {
    [MeasurementIndex::from(row), MeasurementIndex::NONE]
}

/// Three points on the helix of a particle from `start`, at these path lengths in mm.
fn points_on_helix(
    start: Vector3,
    momentum: Vector3,
    charge: Scalar,
    bz: Scalar,
    paths: [Scalar; 3],
) -> (Measurements, Spacepoints) {
    let mut measurements = Measurements::new();
    let mut spacepoints = Spacepoints::new();
    let (start, momentum) = (start.map(f64::from), momentum.map(f64::from));
    // Azimuth changes by -q B / p for each mm of path.
    let turn = -f64::from(charge * bz * units::CURVATURE_PER_TESLA) / momentum.norm();
    let phi = momentum.y.atan2(momentum.x);
    let transverse = momentum.x.hypot(momentum.y) / momentum.norm();
    for (i, s) in paths.map(f64::from).into_iter().enumerate() {
        let x = start.x + transverse * ((phi + turn * s).sin() - phi.sin()) / turn;
        let y = start.y - transverse * ((phi + turn * s).cos() - phi.cos()) / turn;
        let z = start.z + s * momentum.z / momentum.norm();
        spacepoints.push(Spacepoint {
            x: x as Scalar,
            y: y as Scalar,
            z: z as Scalar,
            measurements: only(i),
            ..Spacepoint::default()
        });
        measurements.push(Measurement {
            local: [0.1 + i as Scalar, 0.2],
            surface: SurfaceIndex(7 + i as u32),
            ..Measurement::default()
        });
    }
    (measurements, spacepoints)
}

fn seed() -> Seed {
    let [bottom, middle, top] = [0, 1, 2].map(SpacepointIndex);
    Seed { bottom, middle, top, weight: 0.0 }
}

fn estimate_one(measurements: &Measurements, spacepoints: &Spacepoints) -> Vec<BoundParameters> {
    let field = MagneticField::along_z(2.0);
    let (detector, cuts) = (Detector::default(), ParametersConfig::default().cuts());
    estimate_parameters(measurements, spacepoints, &[seed()], &detector, &field, &cuts)
}

/// Upstream's test: p = (1, 0, 1) GeV in 2 T, points at 50, 100 and 150 mm.
#[test]
fn parameters_of_a_helix_give_its_momentum_and_charge() {
    for charge in [-1.0, 1.0] {
        let momentum = Vector3::new(1.0, 0.0, 1.0);
        let (measurements, spacepoints) =
            points_on_helix(Vector3::zeros(), momentum, charge, 2.0, [50.0, 100.0, 150.0]);
        let parameters = estimate_one(&measurements, &spacepoints);
        assert_eq!(parameters.len(), 1);
        let q_over_p = parameters[0].q_over_p();
        assert!((1.0 / q_over_p.abs() - (2.0 as Scalar).sqrt()).abs() < 2e-4, "{q_over_p}");
        assert_eq!(q_over_p.signum(), charge);
    }
}

#[test]
fn position_and_surface_are_those_of_the_bottom_measurement() {
    let (measurements, spacepoints) = points_on_helix(
        Vector3::zeros(),
        Vector3::new(0.0, 2.0, -1.0),
        1.0,
        2.0,
        [30.0, 70.0, 120.0],
    );
    let parameters = estimate_one(&measurements, &spacepoints)[0];
    assert_eq!(parameters.vector[..2], [0.1, 0.2]);
    assert_eq!(parameters.surface, SurfaceIndex(7));
    assert_eq!(parameters.time, 0.0);
}

/// A strip measures one coordinate; the other one is where the space point lies.
#[test]
fn what_a_strip_leaves_open_is_that_of_the_space_point() {
    let (mut measurements, spacepoints) = points_on_helix(
        Vector3::zeros(),
        Vector3::new(2.0, 0.0, 0.4),
        1.0,
        2.0,
        [30.0, 70.0, 120.0],
    );
    let sensor = SurfaceModel {
        kind: SurfaceKind::SENSITIVE,
        source: 0,
        placement: Placement {
            translation: [29.0, 1.0, 2.0],
            axes: [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]],
        },
        shape: Shape::Rectangle,
        masks: vec![MaskModel { bounds: vec![40.0, 40.0], link: None }],
        material: None,
    };
    let volume = VolumeModel { surfaces: vec![sensor], ..VolumeModel::default() };
    let model = DetectorModel { name: String::new(), volumes: vec![volume] };
    let detector = Detector::compile(&model).unwrap();
    measurements.surface[0] = SurfaceIndex(0);
    measurements.local[0] = [0.25, 0.5];
    let mut start = |subspace| {
        measurements.subspace[0] = subspace;
        let field = MagneticField::along_z(2.0);
        let cuts = ParametersConfig::default().cuts();
        let seeds = [seed()];
        let found =
            estimate_parameters(&measurements, &spacepoints, &seeds, &detector, &field, &cuts);
        [found[0].vector[0], found[0].vector[1]]
    };
    let (y, z) = (spacepoints.y[0] - 1.0, spacepoints.z[0] - 2.0);
    assert_eq!(start(Subspace::BOTH), [0.25, 0.5]);
    assert_eq!(start(Subspace::LOC0), [0.25, z]);
    assert_eq!(start(Subspace::LOC1), [y, 0.5]);
}

#[test]
fn covariance_follows_from_the_settings() {
    let (measurements, spacepoints) = points_on_helix(
        Vector3::zeros(),
        Vector3::new(1.0, 0.0, 1.0),
        1.0,
        2.0,
        [50.0, 100.0, 150.0],
    );
    let parameters = estimate_one(&measurements, &spacepoints)[0];
    let [loc0, loc1, phi, theta, q_over_p] = parameters.covariance.diagonal();
    let degree = units::DEGREE * units::DEGREE;
    assert_eq!([loc0, loc1, phi, theta], [1.0, 1.0, degree, degree]);
    // sin²(45 degrees) of (0.1 e/GeV)², 10 % of 1/sqrt(2), one degree times q/p.
    let expected = 0.005 + 0.01 * 0.5 + degree * 0.5;
    assert!((q_over_p - expected).abs() < 1e-5, "{q_over_p} {expected}");
    let time = 100.0 * units::NANOSECOND * units::NANOSECOND;
    assert!((parameters.time_variance / time - 1.0).abs() < 1e-6);
}

#[test]
fn a_constant_replaces_the_field() {
    let (measurements, spacepoints) = points_on_helix(
        Vector3::zeros(),
        Vector3::new(1.0, 0.0, 0.5),
        1.0,
        2.0,
        [50.0, 100.0, 150.0],
    );
    let config = ParametersConfig { field: FieldChoice::Constant(1.0), ..Default::default() };
    let field = MagneticField::along_z(2.0);
    let halved = estimate_parameters(
        &measurements,
        &spacepoints,
        &[seed()],
        &Detector::default(),
        &field,
        &config.cuts(),
    );
    let whole = estimate_one(&measurements, &spacepoints);
    assert!((halved[0].q_over_p() / whole[0].q_over_p() - 2.0).abs() < 1e-5);
}

#[test]
fn seeds_without_a_helix_are_left_out() {
    let at = |points: [[Scalar; 3]; 3]| {
        let spacepoints = points
            .into_iter()
            .map(|[x, y, z]| Spacepoint { x, y, z, measurements: only(0), ..Spacepoint::default() })
            .collect::<Spacepoints>();
        let measurements = std::iter::once(Measurement::default()).collect::<Measurements>();
        estimate_one(&measurements, &spacepoints).len()
    };
    let straight = [[10.0, 10.0, 0.0], [20.0, 20.0, 5.0], [30.0, 30.0, 10.0]];
    let along_z = [[10.0, 10.0, 0.0], [10.0, 10.0, 5.0], [10.0, 10.0, 10.0]];
    let same_top = [[10.0, 0.0, 0.0], [20.0, 1.0, 5.0], [20.0, 1.0, 5.0]];
    let closed = [[10.0, 0.0, 0.0], [20.0, 1.0, 5.0], [10.0, 0.0, 10.0]];
    let bent = [[10.0, 0.0, 0.0], [20.0, 1.0, 5.0], [30.0, 3.0, 10.0]];
    assert_eq!([straight, along_z, same_top, closed, bent].map(at), [0, 0, 0, 0, 1]);
}

#[test]
fn without_a_field_there_are_no_parameters() {
    let (measurements, spacepoints) = points_on_helix(
        Vector3::zeros(),
        Vector3::new(1.0, 0.0, 0.5),
        1.0,
        2.0,
        [50.0, 100.0, 150.0],
    );
    let field = MagneticField::along_z(0.0);
    let cuts = ParametersConfig::default().cuts();
    assert!(
        estimate_parameters(
            &measurements,
            &spacepoints,
            &[seed()],
            &Detector::default(),
            &field,
            &cuts
        )
        .is_empty()
    );
}

proptest! {
    #[test]
    fn any_helix_is_recovered(
        phi in -3.1_f32..3.1,
        theta in 0.15_f32..2.99,
        pt in 0.3_f32..50.0,
        positive in any::<bool>(),
        offset in -5.0_f32..5.0,
    ) {
        let [phi, theta, pt, offset] = [phi, theta, pt, offset].map(Scalar::from);
        let charge = if positive { 1.0 } else { -1.0 };
        let momentum = Vector3::new(pt * phi.cos(), pt * phi.sin(), pt / theta.tan());
        let paths = [40.0, 80.0, 140.0].map(|r: Scalar| r / theta.sin());
        let start = Vector3::new(-offset * phi.sin(), offset * phi.cos(), 3.0 * offset);
        let (measurements, spacepoints) = points_on_helix(start, momentum, charge, 2.0, paths);
        let found = estimate_one(&measurements, &spacepoints);
        prop_assert_eq!(found.len(), 1);
        // The direction at the bottom point, one step along the helix from the start.
        let turned = phi - charge * 2.0 * units::CURVATURE_PER_TESLA / momentum.norm() * paths[0];
        prop_assert!(wrap_phi(found[0].phi() - turned).abs() < 2e-4);
        prop_assert!((found[0].theta() - theta).abs() < 1e-3);
        let expected = charge * theta.sin() / pt;
        prop_assert!((found[0].q_over_p() - expected).abs() < 0.002 + 0.01 * expected.abs());
    }

    #[test]
    fn azimuth_lies_in_its_interval(points in prop::array::uniform9(-200.0_f32..200.0)) {
        let spacepoints = points
            .chunks(3)
            .map(|p| Spacepoint {
                x: Scalar::from(p[0]),
                y: Scalar::from(p[1]),
                z: Scalar::from(p[2]),
                measurements: only(0),
                ..Spacepoint::default()
            })
            .collect::<Spacepoints>();
        let measurements = std::iter::once(Measurement::default()).collect::<Measurements>();
        for parameters in estimate_one(&measurements, &spacepoints) {
            prop_assert!((-consts::PI..consts::PI).contains(&parameters.phi()));
            prop_assert!(parameters.theta() > 0.0 && parameters.theta() < consts::PI);
            prop_assert!(parameters.vector.iter().all(|v| v.is_finite()));
        }
    }
}
