//! Events in the toy detector: hits against brute force, numbers against the sample events, cells and truth.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops with a message, and says when it skips"
)]

use nalgebra::Vector3;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use traccc_core::Scalar;
use traccc_core::detector::{Detector, Modules};
use traccc_core::event::{Particle, TruthEvent, TruthHit};
use traccc_core::field::MagneticField;
use traccc_sim::detectors::{
    TelescopeConfig, ToyConfig, ToyMaterial, pixel_modules, telescope, toy_detector,
};
use traccc_sim::{
    DigitizationConfig, EnergyLoss, Gun, Inclination, Momentum, SimulationConfig, Simulator,
    TransportConfig, digitize, simulate_event,
};

fn toy() -> (Detector, Modules) {
    let detector = Detector::compile(&toy_detector(&ToyConfig::full()).unwrap()).unwrap();
    let modules = pixel_modules(&detector, [0.05, 0.05]).unwrap();
    (detector, modules)
}

fn muons(particles: usize) -> SimulationConfig {
    SimulationConfig { gun: Gun { particles, ..Gun::default() }, ..SimulationConfig::default() }
}

fn field() -> MagneticField {
    MagneticField::along_z(2.0)
}

/// Sensors that the helix of a particle crosses: surely, and perhaps (within 0.02 mm of a border).
///
/// Walks in small steps and looks at every sensor of the detector at each of them.
fn crossed_by_brute_force(detector: &Detector, particle: &Particle) -> [BTreeSet<u32>; 2] {
    let momentum = Vector3::from(particle.momentum).map(f64::from);
    let p = momentum.norm();
    let (pt, phi) = (momentum.xy().norm(), momentum.y.atan2(momentum.x));
    let radius = pt / (2.0 * 2.997_924_58e-4 * f64::from(particle.charge));
    let at = |path: f64| {
        let turn = -path / p * pt / radius;
        let x = -radius * ((phi + turn).sin() - phi.sin());
        Vector3::new(x, radius * ((phi + turn).cos() - phi.cos()), path / p * momentum.z)
    };
    let sensors: Vec<_> = detector.sensitive_surfaces().collect();
    let [mut surely, mut perhaps] = [BTreeSet::new(), BTreeSet::new()];
    let mut last = at(0.0);
    for step in 1.. {
        let here = at(f64::from(step));
        let [a, b] = [last, here].map(|x| x.map(|v| v as Scalar));
        for index in &sensors {
            let surface = &detector.surfaces[index.get()];
            let (before, after) = (surface.to_cartesian(&a), surface.to_cartesian(&b));
            if before.z * after.z <= 0.0 {
                let local = before.lerp(&after, before.z / (before.z - after.z));
                if surface.mask.contains(surface.shape, &local, -0.02) {
                    surely.insert(index.0);
                }
                if surface.mask.contains(surface.shape, &local, 0.02) {
                    perhaps.insert(index.0);
                }
            }
        }
        if here.xy().norm() > 180.0 || here.z.abs() > 1507.5 {
            break;
        }
        last = here;
    }
    [surely, perhaps]
}

#[test]
fn hits_are_on_the_sensors_that_brute_force_finds() {
    let (detector, _) = toy();
    let gun = Gun {
        particles: 60,
        momentum: Momentum::Transverse([0.2, 2.0]),
        inclination: Inclination::Eta([-3.0, 3.0]),
        random_charge: true,
        ..Gun::default()
    };
    let vacuum =
        TransportConfig { energy_loss: EnergyLoss::None, scattering: false, ..Default::default() };
    let field = field();
    let truth = Simulator::new(&detector, &field, &gun, &vacuum).unwrap().truth(2, 0);
    let mut compared = 0;
    for particle in &truth.particles {
        let hits = truth.hits.iter().filter(|h| h.particle == particle.id);
        let found: BTreeSet<u32> = hits.map(|h| h.surface.0).collect();
        let [surely, perhaps] = crossed_by_brute_force(&detector, particle);
        assert!(surely.is_subset(&found), "{particle:?} misses {:?}", &surely - &found);
        assert!(found.is_subset(&perhaps), "{particle:?} invents {:?}", &found - &perhaps);
        compared += found.len();
    }
    assert!(compared > 250, "{compared}");
}

#[test]
fn material_maps_on_portals_slow_particles_down_between_sensors() {
    let config = ToyConfig { material: ToyMaterial::Maps, ..ToyConfig::full() };
    let detector = Detector::compile(&toy_detector(&config).unwrap()).unwrap();
    let gun = Gun {
        particles: 50,
        momentum: Momentum::Total([2.0; 2]),
        inclination: Inclination::Eta([-1.0, 1.0]),
        ..Gun::default()
    };
    let mean = TransportConfig {
        energy_loss: EnergyLoss::Mean,
        scattering: false,
        ..TransportConfig::default()
    };
    let field = field();
    let truth = Simulator::new(&detector, &field, &gun, &mean).unwrap().truth(0, 0);
    let momentum = |h: &TruthHit| Vector3::from(h.momentum).map(f64::from).norm();
    let mut compared = 0;
    for pair in truth.hits.windows(2).filter(|p| p[0].particle == p[1].particle) {
        assert!(pair[0].momentum_change.iter().all(|c| *c == 0.0), "sensors have no material");
        // Overlapping sensors of one layer have no portal between them.
        let radius = |h: &TruthHit| h.position[0].hypot(h.position[1]);
        if (radius(&pair[1]) - radius(&pair[0])).abs() > 20.0 {
            // Two cylinders of 5 mm, mostly silicon: 4 MeV at right angles, more at others.
            let lost = momentum(&pair[0]) - momentum(&pair[1]);
            assert!((0.003..0.010).contains(&lost), "{lost}");
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}

fn rows(file: &str) -> Option<usize> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/toy/events");
    let path = root.join(file);
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: {} is absent", path.display());
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    Some(text.lines().count() - 1)
}

#[test]
fn a_thousand_muons_leave_as_many_hits_and_cells_as_in_the_sample() {
    let (detector, modules) = toy();
    let event = simulate_event(&detector, &modules, &field(), &muons(1000), 1, 0).unwrap();
    let per_particle = event.truth.hits.len() as f64 / 1000.0;
    assert!((4.9..5.5).contains(&per_particle), "{per_particle}");
    let sample = "n_particles_1000/event000000000";
    let Some(hits) = rows(&format!("{sample}-hits.csv.gz")) else { return };
    let Some(cells) = rows(&format!("{sample}-cells.csv.gz")) else { return };
    // Hits per particle spread by 1.3: a difference of 0.17 is three standard deviations.
    let ratio = event.truth.hits.len() as f64 / hits as f64;
    assert!((ratio - 1.0).abs() < 0.035, "hits: {ratio}");
    // Cells per hit depend on the angles and on nothing else that could differ.
    let per_hit = |cells: usize, hits: usize| cells as f64 / hits as f64;
    let ratio = per_hit(event.cells.len(), event.truth.hits.len()) / per_hit(cells, hits);
    assert!((ratio - 1.0).abs() < 0.05, "cells per hit: {ratio}");
}

#[test]
fn events_depend_on_seed_and_number_only() {
    let (detector, modules) = toy();
    let (field, config) = (field(), muons(20));
    let simulator = Simulator::new(&detector, &field, &config.gun, &config.transport).unwrap();
    let make = |seed, event| simulator.event(&modules, &config.digitization, seed, event).unwrap();
    let later = make(5, 8);
    assert_eq!(make(5, 8), later);
    assert_eq!(simulate_event(&detector, &modules, &field, &config, 5, 8).unwrap(), later);
    assert_ne!(make(5, 9), later);
    assert_ne!(make(6, 8), later);
}

/// FNV-1a over the bits of all numbers.
#[cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))]
fn checksum(cells: &traccc_core::event::Cells, truth: &TruthEvent) -> u64 {
    let cells = cells.iter().flat_map(|c| {
        [c.module.0, c.channel0, c.channel1, c.activation.to_bits(), c.time.to_bits()]
    });
    let hits = truth.hits.iter().flat_map(|h| {
        let floats = [h.position, h.momentum, h.momentum_change].concat();
        std::iter::once(h.surface.0).chain(floats.into_iter().map(f32::to_bits))
    });
    cells.chain(hits).flat_map(u32::to_le_bytes).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// Elsewhere powers and logarithms may differ in the last digit.
#[cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))]
#[test]
fn the_first_event_has_the_bits_it_had_before() {
    let (detector, modules) = toy();
    let event = simulate_event(&detector, &modules, &field(), &muons(10), 42, 0).unwrap();
    let found = checksum(&event.cells, &event.truth);
    assert_eq!(found, 0xa39b_58ee_485a_4499, "the simulation has changed: {found:#x}");
}

#[test]
fn cells_are_in_order_and_belong_to_their_truth() {
    let (detector, modules) = toy();
    let event = simulate_event(&detector, &modules, &field(), &muons(2000), 3, 0).unwrap();
    let (cells, truth) = (&event.cells, &event.truth);
    cells.validate(&modules).unwrap();
    assert!(truth.cells.is_sorted());
    assert_eq!(truth.cells.len(), cells.len());
    let mut first_cells = Vec::new();
    for (row, cell) in truth.cells.iter().enumerate() {
        let key = (cell.module, cell.channel1, cell.channel0);
        assert_eq!(key, (cells.module[row], cells.channel1[row], cells.channel0[row]));
        if cell.measurement as usize == first_cells.len() {
            first_cells.push(row);
        }
        assert!((cell.measurement as usize) < first_cells.len(), "out of order");
    }
    assert_eq!(first_cells.len(), truth.measurement_hits.len());
    let mut merged = 0;
    for (measurement, hits) in truth.measurement_hits.iter().enumerate() {
        assert!(!hits.is_empty() && hits.is_sorted_by(|a, b| a < b));
        merged += usize::from(hits.len() > 1);
        let module = cells.module[first_cells[measurement]];
        for &hit in hits {
            assert_eq!(modules.module_of(truth.hits[hit as usize].surface), Some(module));
        }
    }
    assert!(merged > 0, "two thousand muons must share some clusters");
}

#[test]
fn without_threshold_the_signal_is_the_path_in_the_sensors() {
    let (detector, modules) = toy();
    let mut config = muons(500);
    config.digitization.threshold = 0.0;
    let event = simulate_event(&detector, &modules, &field(), &config, 4, 0).unwrap();
    let found: f64 = event.cells.activation.iter().map(|&a| f64::from(a)).sum();
    let path = |hit: &TruthHit| {
        let momentum = Vector3::from(hit.momentum).map(f64::from);
        let normal = detector.surfaces[hit.surface.get()].axis(2).map(f64::from);
        0.15 * momentum.norm() / momentum.dot(&normal).abs()
    };
    let expected: f64 = event.truth.hits.iter().map(path).sum();
    // Tracks near the border of a sensor leave through its side.
    assert!(found <= expected * (1.0 + 1e-6) && found > 0.99 * expected, "{found} {expected}");
}

#[test]
fn cluster_centres_are_unbiased_and_as_precise_as_pixels_are() {
    let (detector, modules) = toy();
    let event = simulate_event(&detector, &modules, &field(), &muons(2000), 6, 0).unwrap();
    let mut centres: BTreeMap<u32, [f64; 3]> = BTreeMap::new();
    for (row, truth) in event.truth.cells.iter().enumerate() {
        let sensor = modules.segmentation(truth.module);
        let weight = f64::from(event.cells.activation[row]);
        let centre = centres.entry(truth.measurement).or_default();
        centre[0] += weight * f64::from(sensor.centre(0, truth.channel0));
        centre[1] += weight * f64::from(sensor.centre(1, truth.channel1));
        centre[2] += weight;
    }
    let mut sums = [[0.0; 3]; 2];
    for (measurement, [x, y, weight]) in centres {
        let [hit] = event.truth.measurement_hits.row(measurement as usize) else { continue };
        let hit = &event.truth.hits[*hit as usize];
        let surface = &detector.surfaces[hit.surface.get()];
        let local = surface.to_local(&Vector3::from(hit.position.map(Scalar::from)));
        for (axis, centre) in [x / weight, y / weight].into_iter().enumerate() {
            let residual = centre - f64::from(local[axis]);
            // Tracks that leave through the side of a sensor keep a part of their path only.
            if residual.abs() < 0.1 {
                let sum = &mut sums[axis];
                *sum = [sum[0] + 1.0, sum[1] + residual, sum[2] + residual * residual];
            }
        }
    }
    for [n, sum, squares] in sums {
        let (mean, rms) = (sum / n, (squares / n).sqrt());
        assert!(n > 0.98 * event.truth.measurement_hits.len() as f64);
        assert!(mean.abs() < 4.0 * rms / n.sqrt(), "{mean}");
        // No worse than one pixel without any sharing.
        assert!(rms < 0.05 / 12.0_f64.sqrt(), "{rms}");
    }
}

fn one_plane() -> (Detector, Modules) {
    let config = TelescopeConfig { positions: vec![0.0], ..TelescopeConfig::default() };
    let detector = Detector::compile(&telescope(&config).unwrap()).unwrap();
    let modules = pixel_modules(&detector, [0.05, 0.05]).unwrap();
    (detector, modules)
}

fn hit(particle: u64, x: f32, time: f32) -> TruthHit {
    TruthHit {
        particle,
        surface: traccc_core::SurfaceIndex(0),
        position: [x, 0.01, 0.0],
        momentum: [0.0, 0.0, 1.0],
        time,
        ..TruthHit::default()
    }
}

#[test]
fn particles_in_touching_channels_make_one_truth_measurement() {
    let (detector, modules) = one_plane();
    // Two in one channel, one in the next, one apart.
    let hits = vec![hit(1, 0.06, 9.0), hit(2, 0.42, 8.0), hit(3, 0.07, 5.0), hit(4, 0.03, 7.0)];
    let mut truth = TruthEvent { hits, ..TruthEvent::default() };
    let config = DigitizationConfig::default();
    let cells = digitize(&detector, &modules, &config, &mut truth, 0, 0);
    let expected = [(400, 0.15, 7.0), (401, 0.3, 5.0), (408, 0.15, 8.0)];
    for (cell, (channel0, activation, time)) in cells.iter().zip(expected) {
        assert_eq!((cell.channel0, cell.time), (channel0, time));
        assert!((cell.activation - activation).abs() < 1e-6);
    }
    assert_eq!(truth.measurement_hits.row(0), [0, 2, 3]);
    assert_eq!(truth.measurement_hits.row(1), [1]);
}

#[test]
fn channels_below_the_threshold_do_not_fire() {
    let (detector, modules) = one_plane();
    let mut truth = TruthEvent { hits: vec![hit(1, 0.06, 0.0)], ..TruthEvent::default() };
    let config = DigitizationConfig { threshold: 0.16, ..DigitizationConfig::default() };
    assert!(digitize(&detector, &modules, &config, &mut truth, 0, 0).is_empty());
    assert!(truth.measurement_hits.is_empty() && truth.cells.is_empty());
}

#[test]
fn noise_spreads_the_signal_by_its_deviation() {
    let (detector, modules) = one_plane();
    let hits = (0..300).map(|i| hit(i, i as f32 * 0.1 - 15.0 + 0.02, 0.0)).collect();
    let mut truth = TruthEvent { hits, ..TruthEvent::default() };
    let config = DigitizationConfig { noise: 0.01, ..DigitizationConfig::default() };
    let cells = digitize(&detector, &modules, &config, &mut truth, 0, 0);
    assert_eq!(cells.len(), 300);
    let squares: f64 = cells.activation.iter().map(|&a| (f64::from(a) - 0.15).powi(2)).sum();
    let rms = (squares / 300.0).sqrt();
    assert!((rms / 0.01 - 1.0).abs() < 0.15, "{rms}");
}

#[test]
fn cells_are_shifted_against_the_translation_of_the_module() {
    let (detector, plain) = one_plane();
    let mut shifted = plain.clone();
    shifted.translation.fill([0.1, -0.05]);
    let channels = |modules: &Modules| {
        let mut truth = TruthEvent { hits: vec![hit(1, 0.06, 0.0)], ..TruthEvent::default() };
        let cells = digitize(&detector, modules, &DigitizationConfig::default(), &mut truth, 0, 0);
        (cells.channel0[0], cells.channel1[0])
    };
    let (x, y) = channels(&plain);
    assert_eq!(channels(&shifted), (x - 2, y + 1));
}
