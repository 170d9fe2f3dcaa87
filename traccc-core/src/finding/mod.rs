//! The combinatorial Kalman filter: from seed parameters to track candidates.
//!
//! All candidates advance together, sensor by sensor. In a step each candidate meets the measurements of the sensor it
//! has arrived at; every compatible measurement (the best ones, as configured) gives a link, an empty sensor gives
//! a hole. Links that continue are propagated to their next sensor, which makes the candidates of the next step.
//! R. Mankel, Nucl. Instrum. Meth. A 395 (1997) 169. Cost: linear in the links; links of a step are independent.
//!
//! Differences from upstream, on purpose:
//! - The first step is an ordinary one (any measurement within the chi2 limit, as on upstream's devices).
//! - A candidate does not cross the material of its seed's sensor again when it leaves.
//! - The holes of a track are all those before its last measurement.
//! - A chi2 that is not a number excludes a measurement before the update, not in it.
//! - The two coordinates are used one after the other, which keeps the covariance symmetric without Joseph's form; an
//!   update that leaves no track falls back to the next measurement, or to a hole.
//! - Duplicate removal asks the candidate that is to die for degrees of freedom, and computes them with a sign.

mod build;
mod config;
mod duplicates;
mod step;
mod voting;

pub use config::{FindingConfig, FindingCuts, Smoother};

use crate::Scalar;
use crate::event::{BoundParameters, Measurements, Tracks};
use crate::index::MeasurementIndex;
use crate::kalman::is_track;
use crate::math::{Matrix5, Symmetric5};
use crate::propagation::{Propagator, Scene};
use step::Candidate;

/// One candidate at one sensor: a measurement or a hole.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// The link of the step before, as a row of [`Search::links`]; `NO_LINK` in the first step.
    previous: u32,
    /// The measurement; none for a hole.
    measurement: MeasurementIndex,
    /// Row of the seed.
    seed: u32,
    /// Holes so far.
    holes: u32,
    /// Holes since the last measurement.
    consecutive_holes: u32,
    /// Predicted chi2 of the measurement; 0 for a hole.
    chi2: Scalar,
    /// Sum of chi2 so far.
    chi2_sum: Scalar,
    /// Measured coordinates so far.
    coordinates: u32,
}

const NO_LINK: u32 = u32::MAX;

/// What smoothing needs of a link: the prediction and how it depends on the updated state before.
#[derive(Clone, Copy, Debug)]
struct Prediction {
    vector: [Scalar; 5],
    covariance: Symmetric5,
    jacobian: Matrix5,
}

/// The search under way.
struct Search<'a> {
    measurements: &'a Measurements,
    /// First measurement of each surface.
    offsets: Vec<u32>,
    propagator: Propagator<'a>,
    cuts: &'a FindingCuts,
    /// All links, step after step.
    links: Vec<Link>,
    /// A prediction for each link; empty unless smoothing is on.
    predictions: Vec<Prediction>,
    /// Links where tracks end, step by step, in the order of the links.
    tips: Vec<u32>,
}

/// Finds tracks from seed parameters.
///
/// `measurements` are in ascending surface order. Tracks come in the order in which they end; their parameters are those of their seeds, or the smoothed ones at the first measurement.
/// Seeds that describe no track (not finite, q/p = 0, along z) or are on no surface of the detector are passed over.
///
/// # Panics
/// If a measurement is on no surface of the detector.
pub fn find_tracks(
    measurements: &Measurements,
    seeds: &[BoundParameters],
    scene: &Scene<'_>,
    cuts: &FindingCuts,
) -> Tracks {
    let FindingCuts { particle, limits, .. } = *cuts;
    let mut search = Search {
        measurements,
        offsets: measurements.offsets_by_surface(scene.detector.surfaces.len()),
        propagator: Propagator { scene: *scene, particle, limits },
        cuts,
        links: Vec::with_capacity(seeds.len() * 12),
        predictions: Vec::new(),
        tips: Vec::with_capacity(seeds.len()),
    };
    let surfaces = scene.detector.surfaces.len();
    let usable = |(_, seed): &(usize, &BoundParameters)| {
        seed.surface.get() < surfaces && is_track(&seed.vector)
    };
    let seeded =
        seeds.iter().enumerate().filter(usable).map(|(row, seed)| Candidate::of_seed(row, seed));
    let mut candidates: Vec<Candidate> = seeded.collect();
    for step in 0..cuts.max_measurements {
        if candidates.is_empty() {
            break;
        }
        candidates = search.advance(step, &candidates, seeds.len());
    }
    if cuts.max_tracks_per_measurement > 0 {
        search.vote();
    }
    search.build(seeds)
}
