//! Material on the border of two volumes.

mod support;

use support::{compiled, silicon, surface};
use traccc_core::detector::{DetectorModel, Placement, Shape, SurfaceKind, VolumeModel};
use traccc_core::field::MagneticField;
use traccc_core::propagation::{PropagationConfig, PropagationResult, Propagator, Scene};
use traccc_core::{Hypothesis, SurfaceIndex};

/// Two tubes side by side along z, a sensor in each, and silicon on one or both portals between them.
fn tubes(material: [bool; 2]) -> DetectorModel {
    let volumes = [0_usize, 1].map(|v| {
        let z = [-100.0, 100.0][v];
        let ring = |kind, z: f64, link| {
            surface(kind, Shape::Ring, Placement::at([0.0, 0.0, z]), &[0.0, 500.0], link)
        };
        let sensor = Placement::at([0.0, 0.0, z]);
        let sensor =
            surface(SurfaceKind::SENSITIVE, Shape::Rectangle, sensor, &[400.0, 400.0], Some(v));
        let mut border = ring(SurfaceKind::PORTAL, 0.0, Some(1 - v));
        border.material = material[v].then(|| silicon(5.0));
        let end = ring(SurfaceKind::PORTAL, 2.0 * z, None);
        let bounds = [500.0, f64::min(2.0 * z, 0.0), f64::max(2.0 * z, 0.0)];
        let wall = surface(
            SurfaceKind::PORTAL,
            Shape::ConcentricCylinder,
            Placement::IDENTITY,
            &bounds,
            None,
        );
        VolumeModel { surfaces: vec![sensor, border, end, wall], ..VolumeModel::default() }
    });
    DetectorModel { name: "tubes".into(), volumes: volumes.into() }
}

/// Momentum after the flight from the sensor `from` to the other one, from 1 GeV.
fn arrives_with(material: [bool; 2], from: u32) -> traccc_core::Scalar {
    let detector = compiled(&tubes(material));
    let (field, cuts) = (MagneticField::along_z(2.0), PropagationConfig::default().cuts());
    let limits = support::NO_LIMITS;
    let propagator = Propagator {
        scene: Scene { detector: &detector, field: &field, cuts: &cuts },
        particle: Hypothesis::Muon.into(),
        limits,
    };
    let theta = if from == 0 { 0.2 } else { std::f64::consts::PI - 0.2 };
    let vector = [1.0, 2.0, 0.3, theta as traccc_core::Scalar, 1.0];
    match propagator.to_next_sensor(&vector, SurfaceIndex(from), None) {
        PropagationResult::Sensor(arrival) => 1.0 / arrival.vector[4],
        other => panic!("the other sensor was not reached: {other:?}"),
    }
}

#[test]
fn material_of_a_border_counts_once_in_both_directions() {
    let free = arrives_with([false, false], 0);
    assert!((free - 1.0).abs() < 1e-6);
    let both = arrives_with([true, true], 0);
    // 5 mm of silicon at 0.39 MeV/mm.
    assert!((1.0 - both - 0.0020).abs() < 0.0003, "{both}");
    for material in [[true, true], [true, false], [false, true]] {
        for from in [0, 4] {
            let momentum = arrives_with(material, from);
            assert!(
                (momentum - both).abs() < 1e-6,
                "{material:?} from {from}: {momentum}, expected {both}"
            );
        }
    }
}
