//! Particles through a telescope: counts, field, material, borders of the world, smeared measurements.
#![expect(clippy::unwrap_used, clippy::float_cmp, reason = "a test stops with a message")]

use nalgebra::Vector3;
use std::f64::consts::PI;
use traccc_core::detector::{
    Detector, DetectorModel, MaskModel, Placement, Shape, SurfaceKind, SurfaceModel, VolumeModel,
};
use traccc_core::event::{Particle, Subspace, TruthHit};
use traccc_core::field::{FieldGrid, FieldMap, MagneticField};
use traccc_sim::detectors::{TelescopeConfig, telescope};
use traccc_sim::{
    EnergyLoss, Gun, Inclination, Momentum, Simulator, SmearingConfig, TransportConfig, World,
    hits_of,
};

fn muon_telescope(planes: usize, config: &TelescopeConfig) -> Detector {
    let positions = TelescopeConfig::equidistant(planes, 50.0 * (planes - 1) as f64);
    Detector::compile(&telescope(&TelescopeConfig { positions, ..config.clone() }).unwrap())
        .unwrap()
}

fn vacuum() -> TransportConfig {
    TransportConfig { energy_loss: EnergyLoss::None, scattering: false, ..Default::default() }
}

fn wide() -> TelescopeConfig {
    TelescopeConfig { half_lengths: [1000.0; 2], thickness: 0.05, ..TelescopeConfig::default() }
}

/// The sixteen configurations of upstream's simulation test.
#[test]
fn every_muon_leaves_a_hit_in_each_of_eleven_planes() {
    let detector = muon_telescope(11, &wide());
    let field = MagneticField::along_z(2.0);
    for momentum in [0.1, 1.0, 10.0, 100.0] {
        for (theta, pdg) in [(0.01, 13), (PI / 12.0, -13), (PI / 8.0, -13), (PI / 6.0, -13)] {
            let gun = Gun {
                particles: 100,
                pdg,
                momentum: Momentum::Total([momentum; 2]),
                inclination: Inclination::Theta([theta; 2]),
                ..Gun::default()
            };
            let simulator =
                Simulator::new(&detector, &field, &gun, &TransportConfig::default()).unwrap();
            let (measurements, truth) =
                simulator.smeared_event(&SmearingConfig::default(), 0, 0).unwrap();
            let what = format!("{momentum} GeV, theta {theta}");
            assert_eq!((measurements.len(), truth.hits.len()), (1100, 1100), "{what}");
            for particle in &truth.particles {
                let hits = truth.hits.iter().filter(|h| h.particle == particle.id);
                let surfaces: Vec<u32> = hits.clone().map(|h| h.surface.0).collect();
                assert_eq!(surfaces, (0..11).collect::<Vec<_>>(), "{what}");
                assert!(hits.is_sorted_by(|a, b| a.time < b.time), "{what}");
            }
        }
    }
}

/// Position on the plane at `z` of a particle from the origin, from the formula of the helix.
fn helix_at(z: f64, particle: &Particle, tesla: f64) -> Vector3<f64> {
    let [px, py, pz] = particle.momentum.map(f64::from);
    let pt = px.hypot(py);
    let radius = pt / (2.997_924_58e-4 * tesla * f64::from(particle.charge));
    let turn = -z / pz * pt / radius;
    let phi = py.atan2(px);
    Vector3::new(
        -radius * ((phi + turn).sin() - phi.sin()),
        radius * ((phi + turn).cos() - phi.cos()),
        z,
    )
}

#[test]
fn in_a_vacuum_hits_lie_on_the_helix_in_a_constant_field_and_in_a_map() {
    let detector = muon_telescope(11, &wide());
    let gun = Gun {
        particles: 50,
        momentum: Momentum::Total([0.3, 3.0]),
        inclination: Inclination::Theta([0.1, 0.5]),
        random_charge: true,
        ..Gun::default()
    };
    let to_node = [[0.001, 0.0, 0.0, 1.0], [0.0, 0.001, 0.0, 1.0], [0.0, 0.0, 0.001, 1.0]];
    let values = vec![[0.0, 0.0, 2.0]; 27];
    let map = FieldMap { grid: FieldGrid { to_node, nodes: [3; 3] }, values };
    for field in [MagneticField::along_z(2.0), MagneticField::Map(Box::new(map))] {
        let simulator = Simulator::new(&detector, &field, &gun, &vacuum()).unwrap();
        let truth = simulator.truth(3, 1);
        assert_eq!(truth.hits.len(), 50 * 11);
        for hit in &truth.hits {
            let particle = truth.particles[hit.particle as usize - 1];
            let expected = helix_at(f64::from(hit.position[2]), &particle, 2.0);
            let found = Vector3::from(hit.position).map(f64::from);
            assert!((found - expected).norm() < 1e-4, "{found} {expected}");
            let momentum = |m: [f32; 3]| Vector3::from(m).map(f64::from).norm();
            assert!((momentum(hit.momentum) - momentum(particle.momentum)).abs() < 1e-5);
            assert_eq!(hit.momentum_change, [0.0; 3]);
            // Time is path over velocity.
            let p = momentum(particle.momentum);
            let path = f64::from(hit.position[2]) * p / f64::from(particle.momentum[2]);
            let time = path * p.hypot(0.105_658_375_5) / p;
            assert!((f64::from(hit.time) - time).abs() < 1e-3 + 1e-6 * time);
        }
    }
}

#[test]
fn momentum_falls_by_the_change_at_each_hit() {
    let config = TelescopeConfig { thickness: 2.0, ..wide() };
    let detector = muon_telescope(11, &config);
    let field = MagneticField::along_z(2.0);
    let gun = Gun {
        particles: 100,
        momentum: Momentum::Total([1.0; 2]),
        inclination: Inclination::Theta([0.3; 2]),
        ..Gun::default()
    };
    let simulator = Simulator::new(&detector, &field, &gun, &TransportConfig::default()).unwrap();
    let truth = simulator.truth(0, 0);
    let before = |h: &TruthHit| Vector3::from(h.momentum).map(f64::from);
    let after = |h: &TruthHit| before(h) + Vector3::from(h.momentum_change).map(f64::from);
    for pair in truth.hits.windows(2).filter(|p| p[0].particle == p[1].particle) {
        let (left, right) = (after(&pair[0]), before(&pair[1]));
        // The field turns the momentum, but neither its length nor its component along the field.
        assert!((left.norm() - right.norm()).abs() < 1e-6 && (left.z - right.z).abs() < 1e-6);
        assert!(left.norm() < before(&pair[0]).norm());
    }
}

#[test]
fn scattering_and_energy_loss_can_be_switched_off_each_alone() {
    let detector = muon_telescope(5, &TelescopeConfig { thickness: 2.0, ..wide() });
    let field = MagneticField::Constant(Default::default());
    let gun = Gun { inclination: Inclination::Theta([0.2, 0.4]), ..Gun::default() };
    let run = |energy_loss, scattering| {
        let config = TransportConfig { energy_loss, scattering, ..Default::default() };
        Simulator::new(&detector, &field, &gun, &config).unwrap().truth(0, 0).hits
    };
    let change = |h: &TruthHit| Vector3::from(h.momentum_change).map(f64::from);
    let along = |h: &TruthHit| {
        let p = Vector3::from(h.momentum).map(f64::from);
        let after = p + change(h);
        (p.cross(&after).norm() / p.norm_squared(), after.norm() / p.norm() - 1.0)
    };
    for hit in run(EnergyLoss::None, true) {
        let (angle, loss) = along(&hit);
        assert!(angle > 1e-7 && loss.abs() < 1e-6, "{angle} {loss}");
    }
    for hit in run(EnergyLoss::Mean, false) {
        let (angle, loss) = along(&hit);
        assert!(angle < 1e-6 && loss < -1e-6, "{angle} {loss}");
    }
}

/// A particle from outside must enter through one wall and leave through another.
#[test]
fn particles_that_start_outside_enter_the_world() {
    let detector =
        muon_telescope(3, &TelescopeConfig { thickness: 0.0, ..TelescopeConfig::default() });
    let field = MagneticField::Constant(Default::default());
    let world = World::new(&detector);
    let particle = Particle {
        id: 1,
        pdg: 13,
        vertex: [1.0, 2.0, -40.0],
        momentum: [0.0, 0.0, 5.0],
        charge: -1.0,
        ..Particle::default()
    };
    let hits = hits_of(&particle, &world, &field, &TransportConfig::default(), 0, 0);
    let z: Vec<f32> = hits.iter().map(|h| h.position[2].round()).collect();
    assert_eq!(z, [0.0, 50.0, 100.0]);
}

#[test]
fn slow_particles_circle_until_a_limit() {
    let field = MagneticField::Constant(traccc_core::math::Vector3::new(2.0, 0.0, 0.0));
    // A circle of radius 33.4 mm in the yz plane around a point on the first plane: two hits a turn.
    let particle = Particle {
        id: 1,
        pdg: -13,
        vertex: [0.0, 0.0, -33.4],
        momentum: [0.0, -0.02, 0.0],
        charge: 1.0,
        ..Particle::default()
    };
    let turn = 2.0 * PI * 0.02 / (2.0 * 2.997_924_58e-4);
    let roomy = TelescopeConfig { thickness: 0.0, envelope: 100.0, ..wide() };
    let detector = muon_telescope(2, &roomy);
    let fly = |detector, config: &TransportConfig| {
        hits_of(&particle, &World::new(detector), &field, config, 0, 0).len()
    };
    for turns in [1.0, 7.0] {
        let config = TransportConfig { max_path: turns * turn, ..vacuum() };
        assert_eq!(fly(&detector, &config), 2 * turns as usize);
    }
    let slow = TransportConfig { min_momentum: 0.1, ..vacuum() };
    assert_eq!(fly(&detector, &slow), 0);
    // With the wall close behind the first plane, and the particle above it, the second hit is the last.
    let detector = muon_telescope(2, &TelescopeConfig { thickness: 0.0, ..wide() });
    let above = Particle { vertex: [0.0, 0.0, 33.4], momentum: [0.0, 0.02, 0.0], ..particle };
    let hits = hits_of(&above, &World::new(&detector), &field, &vacuum(), 0, 0);
    assert_eq!(hits.len(), 1, "{hits:?}");
}

#[test]
fn every_flight_ends() {
    let field = MagneticField::along_z(2.0);
    let tiny = TransportConfig { min_momentum: 1.0e-6, ..vacuum() };
    let endless = TransportConfig { max_path: f64::INFINITY, ..vacuum() };
    let detector = muon_telescope(2, &wide());
    let gun = Gun { momentum: Momentum::Total([0.02, 0.02]), ..Gun::default() };
    for config in [tiny, endless] {
        assert!(Simulator::new(&detector, &field, &gun, &config).is_err(), "{config:?}");
    }
    // 20 MeV on a circle through the first plane, for ten thousand kilometres: each step is a tenth of a radian.
    let particle = Particle {
        id: 1,
        pdg: -13,
        vertex: [0.0, 0.0, 33.4],
        momentum: [0.0, 0.02, 0.0],
        charge: 1.0,
        ..Particle::default()
    };
    let roomy = TelescopeConfig { thickness: 0.0, envelope: 100.0, ..wide() };
    let detector = muon_telescope(2, &roomy);
    let field = MagneticField::Constant(Vector3::new(2.0, 0.0, 0.0));
    let long = TransportConfig { max_path: 1.0e10, ..vacuum() };
    let hits = hits_of(&particle, &World::new(&detector), &field, &long, 0, 0).len();
    let turns = 200_000.0 * 0.1 / (2.0 * PI);
    assert!((0.8 * turns..2.2 * turns).contains(&(hits as f64)), "{hits} {turns}");
}

#[test]
fn smeared_measurements_scatter_about_the_hits_with_their_variance() {
    let detector = muon_telescope(11, &wide());
    let field = MagneticField::along_z(2.0);
    let inclination = Inclination::Theta([0.0, 0.4]);
    let gun = Gun { particles: 1000, inclination, ..Gun::default() };
    let simulator = Simulator::new(&detector, &field, &gun, &TransportConfig::default()).unwrap();
    let config = SmearingConfig { deviation: [0.067, 0.170] };
    let (measurements, truth) = simulator.smeared_event(&config, 9, 2).unwrap();
    assert!(measurements.surface.is_sorted());
    assert_eq!(truth.measurement_hits.len(), measurements.len());
    let mut sums = [[0.0; 2]; 2];
    for (row, measurement) in measurements.iter().enumerate() {
        let [hit] = truth.measurement_hits.row(row) else { panic!("not one hit") };
        let hit = &truth.hits[*hit as usize];
        assert_eq!(hit.surface, measurement.surface);
        assert_eq!(measurement.subspace, Subspace::BOTH);
        for (axis, sum) in sums.iter_mut().enumerate() {
            let pull = f64::from(measurement.local[axis] - hit.position[axis])
                / f64::from(measurement.variance[axis]).sqrt();
            sum[0] += pull;
            sum[1] += pull * pull;
        }
    }
    let n = measurements.len() as f64;
    for [sum, squares] in sums {
        assert!((sum / n).abs() < 4.0 / n.sqrt(), "{}", sum / n);
        assert!((squares / n - 1.0).abs() < 0.06, "{}", squares / n);
    }
}

#[test]
fn with_tiny_deviations_measurements_are_the_hits() {
    let detector = muon_telescope(3, &wide());
    let field = MagneticField::along_z(2.0);
    let gun = Gun { inclination: Inclination::Theta([0.0, 0.4]), ..Gun::default() };
    let simulator = Simulator::new(&detector, &field, &gun, &TransportConfig::default()).unwrap();
    let (measurements, truth) =
        simulator.smeared_event(&SmearingConfig { deviation: [1.0e-9; 2] }, 0, 0).unwrap();
    for (row, measurement) in measurements.iter().enumerate() {
        let hit = &truth.hits[truth.measurement_hits.row(row)[0] as usize];
        assert!((0..2).all(|i| (measurement.local[i] - hit.position[i]).abs() < 1e-6));
        assert!(measurement.variance.iter().all(|v| *v > 0.0));
    }
    for wrong in [-0.1, 0.0, 1.0e-30, 1.0e30, f64::NAN] {
        let wrong = SmearingConfig { deviation: [0.1, wrong] };
        assert!(simulator.smeared_event(&wrong, 0, 0).is_err());
    }
}

/// One annulus across the z axis, in a world without walls.
fn annulus() -> Detector {
    let sensor = SurfaceModel {
        kind: SurfaceKind::SENSITIVE,
        source: 1,
        placement: Placement::at([0.0, 0.0, 100.0]),
        shape: Shape::Annulus,
        masks: vec![MaskModel {
            bounds: vec![10.0, 40.0, -0.2, 0.2, 0.5, 0.0, 0.0],
            link: Some(0),
        }],
        material: None,
    };
    let volume = VolumeModel { surfaces: vec![sensor], ..VolumeModel::default() };
    Detector::compile(&DetectorModel { name: "annulus".into(), volumes: vec![volume] }).unwrap()
}

#[test]
fn on_an_annulus_the_angle_is_smeared_with_the_first_deviation() {
    let detector = annulus();
    let field = MagneticField::Constant(Default::default());
    let gun = Gun {
        particles: 2000,
        inclination: Inclination::Theta([0.15, 0.3]),
        phi: [0.35, 0.65],
        ..Gun::default()
    };
    let simulator = Simulator::new(&detector, &field, &gun, &vacuum()).unwrap();
    let config = SmearingConfig { deviation: [0.001, 7.0] };
    let (measurements, truth) = simulator.smeared_event(&config, 0, 0).unwrap();
    assert_eq!(measurements.len(), 2000);
    let mut squares = 0.0;
    for (row, m) in measurements.iter().enumerate() {
        let [x, y, _] = truth.hits[truth.measurement_hits.row(row)[0] as usize].position;
        assert_eq!(m.subspace, Subspace::LOC1);
        assert!((m.local[0] - x.hypot(y)).abs() < 1e-5);
        assert_eq!(m.variance[1], 1e-6);
        squares += f64::from(m.local[1] - y.atan2(x)).powi(2) / 2000.0;
    }
    assert!((squares.sqrt() / 0.001 - 1.0).abs() < 0.06, "{}", squares.sqrt());
}
