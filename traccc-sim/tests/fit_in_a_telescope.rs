//! Kalman fits of simulated particles through planes along x: success, pulls and p-values.
//!
//! Restates upstream's telescope tests of fitter and finding. Simulation and reconstruction share no propagation code.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and tells its numbers"
)]

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::collections::BTreeMap;
use traccc_core::detector::Detector;
use traccc_core::event::{
    BoundParameters, FitOutcome, Measurements, Track, Tracks, TruthEvent, TruthHit,
};
use traccc_core::field::MagneticField;
use traccc_core::finding::{FindingConfig, find_tracks};
use traccc_core::fitting::{FittingConfig, FittingCuts, fit_tracks};
use traccc_core::math::{Symmetric5, Vector3};
use traccc_core::propagation::{PropagationConfig, PropagationCuts, Scene};
use traccc_core::{Hypothesis, MeasurementIndex, Scalar};
use traccc_sim::detectors::{TelescopeConfig, telescope};
use traccc_sim::{Gun, Inclination, Momentum, Simulator, SmearingConfig, TransportConfig};

/// Planes along x from 20 mm on, and what flies through them.
struct Setup {
    detector: Detector,
    field: MagneticField,
    gun: Gun,
    smearing: SmearingConfig,
    /// Standard deviations of the seeds.
    sigma: [Scalar; 5],
}

impl Setup {
    fn new(
        planes: usize,
        spacing: f64,
        thickness: f64,
        momentum: f64,
        field: MagneticField,
    ) -> Self {
        let config = TelescopeConfig {
            positions: (0..planes).map(|i| 20.0 + spacing * i as f64).collect(),
            half_lengths: [10_000.0; 2],
            direction: [1.0, 0.0, 0.0],
            thickness,
            ..TelescopeConfig::default()
        };
        let gun = Gun {
            particles: 100,
            random_charge: true,
            momentum: Momentum::Total([momentum; 2]),
            inclination: Inclination::Eta([0.0; 2]),
            phi: [0.0; 2],
            ..Gun::default()
        };
        let detector = Detector::compile(&telescope(&config).unwrap()).unwrap();
        let smearing = SmearingConfig { deviation: [0.05, 0.05] };
        Self { detector, field, gun, smearing, sigma: [0.1, 0.1, 0.017, 0.017, 0.05] }
    }

    fn scene<'a>(&'a self, cuts: &'a PropagationCuts) -> Scene<'a> {
        Scene { detector: &self.detector, field: &self.field, cuts }
    }

    /// An event: its measurements, truth, and one track per particle with its measurements and a smeared seed.
    fn event(&self, number: u64) -> (Measurements, TruthEvent, Tracks) {
        let transport = TransportConfig::default();
        let simulator = Simulator::new(&self.detector, &self.field, &self.gun, &transport).unwrap();
        let (measurements, truth) = simulator.smeared_event(&self.smearing, 1, number).unwrap();
        let mut of_particle: BTreeMap<u64, Vec<(MeasurementIndex, TruthHit)>> = BTreeMap::new();
        for (row, hits) in truth.measurement_hits.iter().enumerate() {
            let hit = truth.hits[hits[0] as usize];
            of_particle.entry(hit.particle).or_default().push((MeasurementIndex::from(row), hit));
        }
        let mut random = ChaCha8Rng::seed_from_u64(number);
        let mut tracks = Tracks::new();
        for hits in of_particle.values_mut() {
            hits.sort_by(|a, b| a.1.position[0].total_cmp(&b.1.position[0]));
            let particle = truth.particles.iter().find(|p| p.id == hits[0].1.particle).unwrap();
            let mut vector = self.true_vector(&hits[0].1, particle.charge);
            for (value, sigma) in vector.iter_mut().zip(self.sigma) {
                let normal: f64 = random.sample(StandardNormal);
                *value += sigma * normal as Scalar;
            }
            let covariance = Symmetric5::from_diagonal(self.sigma.map(|s| s * s));
            let parameters = BoundParameters {
                vector,
                covariance,
                surface: hits[0].1.surface,
                ..Default::default()
            };
            tracks.tracks.push(Track { parameters, ..Track::default() });
            tracks.measurements.push(hits.iter().map(|h| h.0));
        }
        (measurements, truth, tracks)
    }

    /// Bound parameters of a hit, after the sensor's material.
    fn true_vector(&self, hit: &TruthHit, charge: f32) -> [Scalar; 5] {
        let surface = &self.detector.surfaces[hit.surface.get()];
        let [loc0, loc1] = surface.to_local(&Vector3::from(hit.position));
        let p = Vector3::from(hit.momentum) + Vector3::from(hit.momentum_change);
        [loc0, loc1, p.y.atan2(p.x), p.x.hypot(p.y).atan2(p.z), charge / p.norm()]
    }
}

/// Sums of a quantity that should be standard normal.
#[derive(Default)]
struct Sample {
    values: Vec<f64>,
}

impl Sample {
    fn mean(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len() as f64
    }

    /// Half of the width of the central 68.27 %: the tails of Landau's distribution do not count.
    fn width(&self) -> f64 {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |q: f64| sorted[(q * sorted.len() as f64) as usize];
        0.5 * (at(0.841_35) - at(0.158_65))
    }
}

fn fit_cuts() -> FittingCuts {
    let config = FittingConfig {
        min_p: 0.05,
        min_pt: 0.05,
        hypothesis: Hypothesis::Muon,
        ..FittingConfig::default()
    };
    config.cuts(&PropagationConfig::default())
}

fn check_pulls(
    setup: &Setup,
    events: u64,
    fit: impl Fn(&Measurements, &Tracks) -> Tracks,
) -> Sample {
    let mut pulls: [Sample; 5] = Default::default();
    let mut p_values = Sample::default();
    for number in 0..events {
        let (measurements, truth, tracks) = setup.event(number);
        let fitted = fit(&measurements, &tracks);
        assert_eq!(fitted.len(), tracks.len(), "event {number}: tracks lost or invented");
        for (row, track) in fitted.tracks.iter().enumerate() {
            let ids = fitted.measurements.row(row);
            assert_eq!(
                (track.outcome, track.holes),
                (FitOutcome::SUCCESS, 0),
                "event {number}, track {row}"
            );
            assert_eq!(track.ndf, 2 * ids.len() as i32 - 5);
            let hit = &truth.hits[truth.measurement_hits.row(ids[0].get())[0] as usize];
            let particle = truth.particles.iter().find(|p| p.id == hit.particle).unwrap();
            let expected = setup.true_vector(hit, particle.charge);
            for i in 0..5 {
                let sigma = f64::from(track.parameters.covariance[(i, i)]).sqrt();
                pulls[i].values.push(f64::from(track.parameters.vector[i] - expected[i]) / sigma);
            }
            p_values.values.push(f64::from(track.p_value));
        }
    }
    for (name, pull) in ["loc0", "loc1", "phi", "theta", "q/p"].iter().zip(&pulls) {
        let (mean, width) = (pull.mean(), pull.width());
        println!("{name}: mean {mean:.3}, width {width:.3}");
        assert!(mean.abs() < 0.1, "pull of {name}: mean {mean}");
        assert!((width - 1.0).abs() < 0.1, "pull of {name}: width {width}");
    }
    p_values
}

#[test]
fn pulls_of_muons_through_silicon_are_standard_normal() {
    for momentum in [1.0, 10.0, 100.0] {
        let setup = Setup::new(9, 20.0, 0.5, momentum, MagneticField::along_z(2.0));
        let cuts = PropagationConfig::default().cuts();
        let p_values = check_pulls(&setup, 20, |measurements, tracks| {
            fit_tracks(measurements, tracks, &setup.scene(&cuts), &fit_cuts())
        });
        println!("{momentum} GeV: mean p-value {}", p_values.mean());
        assert!(
            (p_values.mean() - 0.5).abs() < 0.05,
            "mean p-value {} at {momentum} GeV",
            p_values.mean()
        );
    }
}

#[test]
fn found_tracks_are_the_true_ones_and_fit() {
    let mut setup = Setup::new(9, 20.0, 0.0, 1.0, MagneticField::along_z(2.0));
    setup.gun.vertex_spread = [0.0, 400.0, 400.0];
    let finding = FindingConfig {
        max_chi2: 200.0,
        min_p: 0.0,
        min_pt: 0.01,
        hypothesis: Hypothesis::Muon,
        ..FindingConfig::default()
    };
    for particles in [1, 2, 4, 10] {
        setup.gun.particles = particles;
        let cuts = PropagationConfig::default().cuts();
        check_pulls(&setup, 1000 / particles as u64, |measurements, tracks| {
            let seeds: Vec<_> = tracks.tracks.iter().map(|t| t.parameters).collect();
            let found = find_tracks(measurements, &seeds, &setup.scene(&cuts), &finding.cuts());
            assert!(found.measurements.iter().all(|ids| ids.len() == 9));
            fit_tracks(measurements, &found, &setup.scene(&cuts), &fit_cuts())
        });
    }
}

/// R. L. Gluckstern, Nucl. Instrum. Meth. 24 (1963) 381: sigma(q/pT) = sigma sqrt(720 / (N + 4)) / (0.3 B L²).
#[test]
fn momentum_resolution_in_vacuum_follows_gluckstern() {
    // At 1 GeV tracks turn by 35 degrees in this detector: too much for the formula.
    for (momentum, deviation) in [(10.0, 0.05), (100.0, 0.05), (10.0, 0.1), (100.0, 0.1)] {
        let mut setup = Setup::new(20, 50.0, 0.0, momentum, MagneticField::along_z(2.0));
        setup.smearing.deviation = [deviation; 2];
        let mut residuals = Sample::default();
        for number in 0..40 {
            let (measurements, _, tracks) = setup.event(number);
            let cuts = PropagationConfig::default().cuts();
            let fitted = fit_tracks(&measurements, &tracks, &setup.scene(&cuts), &fit_cuts());
            for track in fitted.tracks.iter().filter(|t| t.outcome == FitOutcome::SUCCESS) {
                let curvature =
                    f64::from(track.parameters.q_over_p() / track.parameters.theta().sin());
                residuals.values.push(curvature - curvature.signum() / momentum);
            }
        }
        assert_eq!(residuals.values.len(), 4000, "every track is fitted");
        let length = 50.0 * 19.0;
        let expected =
            deviation / (length * length) * (720.0_f64 / 24.0).sqrt() / (2.0 * 0.000_299_792_458);
        let ratio = residuals.width() / expected;
        assert!(
            (ratio - 1.0).abs() < 0.06,
            "{momentum} GeV, {deviation} mm: {ratio} of the formula's width"
        );
    }
}
