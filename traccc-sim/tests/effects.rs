//! Effects that are off by default: what they change, and that all else stays.
#![expect(clippy::unwrap_used, reason = "a test stops with a message")]

use std::collections::HashSet;
use traccc_core::detector::{Detector, Modules};
use traccc_core::event::{Particle, TruthHit};
use traccc_core::field::MagneticField;
use traccc_sim::detectors::{ToyConfig, pixel_modules, toy_detector};
use traccc_sim::{
    DigitizationConfig, Gun, Inclination, Momentum, SimulatedEvent, SimulationConfig, Simulator,
    TransportConfig, simulate_event,
};

fn toy() -> (Detector, Modules) {
    let detector = Detector::compile(&toy_detector(&ToyConfig::full()).unwrap()).unwrap();
    let modules = pixel_modules(&detector, [0.05, 0.05]).unwrap();
    (detector, modules)
}

fn config(
    pdg: i32,
    transport: TransportConfig,
    digitization: DigitizationConfig,
) -> SimulationConfig {
    let gun = Gun {
        particles: 2000,
        pdg,
        momentum: Momentum::Total([2.0, 2.0]),
        inclination: Inclination::Eta([-1.0, 1.0]),
        ..Gun::default()
    };
    SimulationConfig { gun, transport, digitization, ..SimulationConfig::default() }
}

fn event(config: &SimulationConfig) -> SimulatedEvent {
    let (detector, modules) = toy();
    simulate_event(&detector, &modules, &MagneticField::along_z(2.0), config, 1, 0).unwrap()
}

fn norm(v: [f32; 3]) -> f64 {
    v.iter().map(|&c| f64::from(c).powi(2)).sum::<f64>().sqrt()
}

/// Mean momentum of primary particles when they reach their last hit.
fn mean_last(hits: &[TruthHit]) -> f64 {
    let last = hits.windows(2).filter(|pair| pair[0].particle != pair[1].particle);
    let momenta: Vec<f64> = last.map(|pair| norm(pair[0].momentum)).collect();
    momenta.iter().sum::<f64>() / momenta.len() as f64
}

#[test]
fn electrons_lose_the_material_in_radiation_lengths_and_muons_nothing_more() {
    let radiating = TransportConfig { bremsstrahlung: true, ..TransportConfig::default() };
    let digitization = DigitizationConfig::default();
    let muons = |transport| event(&config(13, transport, digitization.clone()));
    assert!(muons(radiating.clone()) == muons(TransportConfig::default()));
    let electrons =
        |transport| mean_last(&event(&config(11, transport, digitization.clone())).truth.hits);
    let lost = electrons(TransportConfig::default()) - electrons(radiating);
    // Beam pipe and the three layers before the last, at the mean inclination.
    let expected = 2.0 * (0.8 / 352.8 + 3.0 * 0.15 / 95.7) * 1.18;
    assert!((0.6..1.6).contains(&(lost / expected)), "{lost} {expected}");
}

#[test]
fn decays_and_interactions_end_pions_as_often_as_they_should_and_leave_particles() {
    let (detector, _) = toy();
    let field = MagneticField::along_z(2.0);
    let made = |transport: TransportConfig| {
        let config = config(211, transport, DigitizationConfig::default());
        let simulator = Simulator::of(&detector, &field, &config).unwrap();
        let truth = simulator.truth(1, 0);
        assert!(truth.particles.windows(2).all(|p| p[0].id + 1 == p[1].id));
        assert!(truth.hits.is_sorted_by_key(|hit| hit.particle));
        truth
    };
    let plain = made(TransportConfig::default());
    assert!(plain.particles.iter().all(|p| p.process == 0));

    let decays = made(TransportConfig { decays: true, ..TransportConfig::default() });
    let muons: Vec<&Particle> =
        decays.particles.iter().filter(|p| p.process == 1 && p.pdg == -13).collect();
    // Some 230 mm (to 180 mm in radius) of a mean of 7804.5 * 2 / 0.1396 = 111,800 mm: 4 of 2000.
    assert!((1..=15).contains(&muons.len()), "{}", muons.len());
    for muon in muons {
        assert!(norm(muon.vertex) > 0.0 && muon.time > 0.0 && norm(muon.momentum) < 2.0);
    }

    let nuclear =
        made(TransportConfig { nuclear_interactions: true, ..TransportConfig::default() });
    let vertices: HashSet<[u32; 3]> = nuclear
        .particles
        .iter()
        .filter(|p| p.process == 4)
        .map(|p| p.vertex.map(f32::to_bits))
        .collect();
    // Beam pipe and four layers, at the mean inclination: 0.0038 of 2000, of which some leave no charged particle.
    assert!((2..=16).contains(&vertices.len()), "{}", vertices.len());
    assert!(nuclear.hits.iter().any(|hit| hit.particle > 2000));
}

#[test]
fn charges_fluctuate_about_their_mean_with_a_long_tail() {
    let still = config(
        13,
        TransportConfig::default(),
        DigitizationConfig { threshold: 0.0, ..DigitizationConfig::default() },
    );
    let digitization = DigitizationConfig {
        charge_fluctuations: true,
        threshold: 0.0,
        ..DigitizationConfig::default()
    };
    let (before, after) = (event(&still), event(&SimulationConfig { digitization, ..still }));
    assert_eq!(before.truth.hits, after.truth.hits);
    let sum = |e: &SimulatedEvent| e.cells.activation.iter().map(|&a| f64::from(a)).sum::<f64>();
    // One loss in ten thousand is as large as a thousand others.
    assert!((sum(&after) / sum(&before) - 1.0).abs() < 0.3, "{}", sum(&after) / sum(&before));
    // The tail holds much of the mean: nine of ten losses are smaller.
    let below =
        before.cells.activation.iter().zip(&after.cells.activation).filter(|(b, a)| a < b).count();
    assert!((0.82..0.96).contains(&(below as f64 / before.cells.len() as f64)), "{below}");
}

#[test]
fn noise_and_dead_channels_are_as_many_as_asked_for() {
    let plain = config(13, TransportConfig::default(), DigitizationConfig::default());
    let with = |digitization| event(&SimulationConfig { digitization, ..plain.clone() });
    let before = event(&plain);
    let occupancy = 1.0e-6;
    let noisy =
        with(DigitizationConfig { noise_occupancy: occupancy, ..DigitizationConfig::default() });
    let channels = 2492.0 * 336.0 * 1440.0 + 14.0 * 108.0 * 400.0 * 1560.0;
    let added = (noisy.cells.len() - before.cells.len()) as f64;
    assert!((added - occupancy * channels).abs() < 5.0 * (occupancy * channels).sqrt(), "{added}");
    assert_eq!(noisy.truth.cells.len(), before.truth.cells.len());
    let (_, modules) = toy();
    noisy.cells.validate(&modules).unwrap();

    let dead = with(DigitizationConfig { dead_channels: 0.1, ..DigitizationConfig::default() });
    let lost = 1.0 - dead.cells.len() as f64 / before.cells.len() as f64;
    assert!((lost - 0.1).abs() < 0.015, "{lost}");
    let all = with(DigitizationConfig { dead_channels: 1.0, ..DigitizationConfig::default() });
    assert_eq!(all.cells.len(), 0);
}
