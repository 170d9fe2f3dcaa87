//! Finding and fitting of tracks through planes along x (upstream's sparse, combinatorics and hole-count tests).
#![expect(clippy::disallowed_methods, reason = "answers by other means")]

mod support;

use traccc_core::event::{
    BoundParameters, FitOutcome, Measurement, Measurements, Subspace, Tracks,
};
use traccc_core::field::MagneticField;
use traccc_core::finding::{FindingConfig, Smoother, find_tracks};
use traccc_core::fitting::{FittingConfig, FittingCuts, fit_tracks};
use traccc_core::math::{Symmetric5, Vector3};
use traccc_core::propagation::{
    PropagationConfig, PropagationCuts, PropagationResult, Propagator, Scene,
};
use traccc_core::{Hypothesis, MeasurementIndex, Scalar, SurfaceIndex};

const SIGMA: Scalar = 0.05;

/// A sequence of standard normal numbers.
struct Normal(u64);

impl Normal {
    fn uniform(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn next(&mut self) -> Scalar {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        (radius * (std::f64::consts::TAU * self.uniform()).cos()) as Scalar
    }
}

struct Setup {
    detector: traccc_core::detector::Detector,
    field: MagneticField,
    cuts: PropagationCuts,
}

impl Setup {
    fn new(planes: usize, field: MagneticField) -> Self {
        let positions: Vec<f64> = (0..planes).map(|i| 20.0 * (i + 1) as f64).collect();
        let detector = support::compiled(&support::telescope(&positions, 2000.0, None));
        Self { detector, field, cuts: PropagationConfig::default().cuts() }
    }

    fn scene(&self) -> Scene<'_> {
        Scene { detector: &self.detector, field: &self.field, cuts: &self.cuts }
    }

    fn propagator(&self) -> Propagator<'_> {
        let (particle, limits) = (Hypothesis::Muon.into(), support::NO_LIMITS);
        Propagator { scene: self.scene(), particle, limits }
    }

    /// A particle along x at (y, z) on the first plane and what it leaves on all planes.
    fn shoot(
        &self,
        y: Scalar,
        z: Scalar,
        q_over_p: Scalar,
        random: &mut Normal,
    ) -> (BoundParameters, Vec<Measurement>) {
        let half_pi = std::f64::consts::FRAC_PI_2 as Scalar;
        let truth = [y, z, 0.0, half_pi, q_over_p];
        let (mut vector, mut surface) = (truth, SurfaceIndex(0));
        let mut seen = Vec::new();
        loop {
            let local = [vector[0] + SIGMA * random.next(), vector[1] + SIGMA * random.next()];
            seen.push(Measurement {
                local,
                variance: [SIGMA * SIGMA; 2],
                surface,
                subspace: Subspace::BOTH,
                ..Measurement::default()
            });
            let PropagationResult::Sensor(arrival) =
                self.propagator().to_next_sensor(&vector, surface, None)
            else {
                break;
            };
            (vector, surface) = (arrival.vector, arrival.surface);
        }
        let sigma = [0.1, 0.1, 0.01, 0.01, 0.05];
        let mut start = truth;
        for (value, sigma) in start.iter_mut().zip(sigma) {
            *value += sigma * random.next();
        }
        let covariance = Symmetric5::from_diagonal(sigma.map(|s| s * s));
        let seed = BoundParameters {
            vector: start,
            covariance,
            surface: SurfaceIndex(0),
            time_variance: 1.0,
            time: 0.0,
        };
        (seed, seen)
    }
}

/// Sorts by surface; the particles of one surface keep their order.
fn collect(particles: Vec<Vec<Measurement>>) -> Measurements {
    let mut all: Vec<Measurement> = particles.into_iter().flatten().collect();
    all.sort_by_key(|m| m.surface);
    all.into_iter().collect()
}

fn loose() -> FindingConfig {
    FindingConfig {
        max_chi2: 200.0,
        min_p: 0.0,
        min_pt: 0.01,
        hypothesis: Hypothesis::Muon,
        ..FindingConfig::default()
    }
}

fn fit_cuts() -> FittingCuts {
    let config = FittingConfig {
        min_p: 0.01,
        min_pt: 0.01,
        hypothesis: Hypothesis::Muon,
        ..FittingConfig::default()
    };
    config.cuts(&PropagationConfig::default())
}

#[test]
fn sparse_tracks_are_all_found_and_fitted() {
    let setup = Setup::new(9, MagneticField::along_z(2.0));
    let mut random = Normal(7);
    for tracks in [1, 2, 4, 10] {
        let mut seeds = Vec::new();
        let mut particles = Vec::new();
        for _ in 0..tracks {
            let (y, z) = (400.0 * random.next(), 400.0 * random.next());
            let charge = if random.uniform() < 0.5 { -1.0 } else { 1.0 };
            let (seed, seen) = setup.shoot(y, z, charge, &mut random);
            seeds.push(seed);
            particles.push(seen);
        }
        let measurements = collect(particles);
        let found = find_tracks(&measurements, &seeds, &setup.scene(), &loose().cuts());
        assert_eq!(found.len(), tracks);
        let fitted = fit_tracks(&measurements, &found, &setup.scene(), &fit_cuts());
        for (i, track) in fitted.tracks.iter().enumerate() {
            assert_eq!(found.measurements.row(i).len(), 9);
            assert_eq!((track.outcome, track.ndf, track.holes), (FitOutcome::SUCCESS, 13, 0));
            assert!(track.chi2 > 1.0 && track.chi2 < 50.0, "{track:?}");
        }
    }
}

#[test]
fn coincident_tracks_combine_in_all_ways() {
    let setup = Setup::new(9, MagneticField::Constant(Vector3::new(2.0, 0.0, 0.0)));
    for (n, limit, expected) in
        [(2_usize, 10_000, 1024), (3, 100_000, 59_049), (2, 500, 1000), (3, 500, 1500)]
    {
        let mut random = Normal(n as u64);
        let shots: Vec<_> = (0..n).map(|_| setup.shoot(0.0, 0.0, -0.01, &mut random)).collect();
        let (seeds, particles): (Vec<_>, Vec<_>) = shots.into_iter().unzip();
        let config = FindingConfig {
            max_branches_per_surface: 10,
            max_branches_per_seed: limit,
            duplicate_removal_min_length: Some(100),
            max_chi2: 1e6,
            ..loose()
        };
        let found = find_tracks(&collect(particles), &seeds, &setup.scene(), &config.cuts());
        assert_eq!(found.len(), expected, "{n} tracks, {limit} branches");
    }
}

#[test]
fn candidates_that_follow_a_better_one_are_removed() {
    let setup = Setup::new(9, MagneticField::along_z(2.0));
    let mut random = Normal(3);
    let (seed, seen) = setup.shoot(1.0, 2.0, 1.0, &mut random);
    let mut worse = seed;
    worse.vector[0] += 0.1;
    let measurements = collect(vec![seen]);
    let keep = FindingConfig { duplicate_removal_min_length: None, ..loose() };
    let count = |config: &FindingConfig| {
        find_tracks(&measurements, &[worse, seed], &setup.scene(), &config.cuts()).len()
    };
    assert_eq!((count(&keep), count(&loose())), (2, 1));
}

/// Nine planes: only at the last one do candidates have more than eight measurements.
#[test]
fn duplicates_are_compared_beyond_the_minimum_length_only() {
    let setup = Setup::new(9, MagneticField::along_z(2.0));
    let (seed, seen) = setup.shoot(1.0, 2.0, 1.0, &mut Normal(3));
    let measurements = collect(vec![seen]);
    let count = |length| {
        let config = FindingConfig { duplicate_removal_min_length: Some(length), ..loose() };
        // Equally probable: the first one stays.
        find_tracks(&measurements, &[seed, seed], &setup.scene(), &config.cuts()).len()
    };
    assert_eq!((count(5), count(8), count(9)), (1, 1, 2));
}

#[test]
fn each_measurement_votes_for_its_best_tracks() {
    let setup = Setup::new(9, MagneticField::along_z(2.0));
    let (seed, seen) = setup.shoot(1.0, 2.0, 1.0, &mut Normal(5));
    let measurements = collect(vec![seen]);
    let count = |max_tracks_per_measurement, min_voting_fraction| {
        let config = FindingConfig {
            duplicate_removal_min_length: None,
            max_tracks_per_measurement,
            min_voting_fraction,
            ..loose()
        };
        find_tracks(&measurements, &[seed, seed, seed], &setup.scene(), &config.cuts()).len()
    };
    assert_eq!((count(0, 0.5), count(1, 0.5), count(2, 0.5), count(1, 0.0)), (3, 1, 2, 3));
}

/// Links erased: the first two, two in a row, one, the last three: five holes, the trailing ones not counted.
#[test]
fn the_fit_counts_holes_up_to_the_last_measurement() {
    let setup = Setup::new(20, MagneticField::Constant(Vector3::new(2.0, 0.0, 0.0)));
    let (seed, seen) = setup.shoot(0.0, 0.0, -1.0, &mut Normal(11));
    let measurements = collect(vec![seen]);
    let mut tracks = Tracks::new();
    tracks.tracks.push(traccc_core::event::Track { parameters: seed, ..Default::default() });
    let kept = (0..20_u32).filter(|i| ![0, 1, 4, 5, 11, 17, 18, 19].contains(i));
    tracks.measurements.push(kept.map(MeasurementIndex));
    let fitted = fit_tracks(&measurements, &tracks, &setup.scene(), &fit_cuts());
    let track = &fitted.tracks[0];
    assert_eq!((track.outcome, track.holes, track.ndf), (FitOutcome::SUCCESS, 5, 19));
}

#[test]
fn smoothing_while_finding_equals_the_fit() {
    let setup = Setup::new(9, MagneticField::along_z(2.0));
    let mut random = Normal(17);
    let (mut seed, seen) = setup.shoot(3.0, -2.0, 0.7, &mut random);
    // The fit starts from an inflated covariance; give finding the same.
    let measurements = collect(vec![seen]);
    let diagonal = seed.covariance.diagonal().map(|v| 100.0 * v);
    let fit = FittingCuts { covariance_inflation: 100.0, ..fit_cuts() };
    let plain = find_tracks(&measurements, &[seed], &setup.scene(), &loose().cuts());
    let fitted = fit_tracks(&measurements, &plain, &setup.scene(), &fit);
    seed.covariance = Symmetric5::from_diagonal(diagonal);
    let config = FindingConfig { smoother: Smoother::Mbf, ..loose() };
    let smoothed = find_tracks(&measurements, &[seed], &setup.scene(), &config.cuts());
    assert_eq!(smoothed.tracks[0].outcome, FitOutcome::SUCCESS);
    assert_eq!((smoothed.states.len(), fitted.states.len()), (9, 9));
    for (a, b) in smoothed.states.iter().zip(&fitted.states) {
        for i in 0..5 {
            let sigma = b.smoothed.covariance[(i, i)].sqrt();
            let away = (a.smoothed.vector[i] - b.smoothed.vector[i]).abs() / sigma;
            assert!(away < 0.1, "parameter {i} differs by {away} standard deviations");
            let ratio = a.smoothed.covariance[(i, i)] / b.smoothed.covariance[(i, i)];
            assert!((ratio - 1.0).abs() < 0.1, "variance {i} differs by a factor {ratio}");
        }
    }
}
