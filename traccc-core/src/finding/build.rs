//! From the ends of links to tracks.

use super::{Search, Smoother};
use crate::Scalar;
use crate::event::{BoundParameters, FitOutcome, Track, TrackState, Tracks};
use crate::index::SurfaceIndex;
use crate::kalman::mbf::{FilterStep, smooth};
use crate::kalman::{Observation, SmoothedStep};
use crate::math::{Matrix5, Symmetric5, probability};
use rayon::prelude::*;

impl Search<'_> {
    /// A track for each tip of allowed length.
    pub(super) fn build(&self, seeds: &[BoundParameters]) -> Tracks {
        let (min, max) =
            (self.config.min_measurements as usize, self.config.max_measurements as usize);
        let mut tracks = Tracks::new();
        let mut tips = Vec::with_capacity(self.tips.len());
        for &tip in &self.tips {
            let length = self.measurements_back(tip).count();
            if !(min..=max).contains(&length) {
                continue;
            }
            tips.push(tip);
            tracks.tracks.push(self.summary(tip, seeds));
            let first = tracks.measurements.values.len();
            tracks.measurements.push(self.measurements_back(tip));
            tracks.measurements.values[first..].reverse();
        }
        if self.config.smoother == Smoother::Mbf {
            self.smooth_all(&tips, seeds, &mut tracks);
        }
        tracks
    }

    fn summary(&self, tip: u32, seeds: &[BoundParameters]) -> Track {
        let link = &self.links[tip as usize];
        let ndf = link.coordinates as i32 - 5;
        let trailing =
            self.links_back(tip).take_while(|(_, l)| !l.measurement.is_some()).count() as u32;
        Track {
            parameters: seeds[link.seed as usize],
            chi2: link.chi2_sum,
            ndf,
            p_value: probability(link.chi2_sum, ndf),
            holes: link.holes - trailing,
            outcome: FitOutcome::NOT_FITTED,
        }
    }

    fn smooth_all(&self, tips: &[u32], seeds: &[BoundParameters], tracks: &mut Tracks) {
        let smoothed: Vec<Vec<TrackState>> = tips
            .par_iter()
            .map_init(Vec::new, |steps, &tip| {
                let seed = &seeds[self.links[tip as usize].seed as usize];
                self.smooth_one(tip, seed, steps)
            })
            .collect();
        for (track, states) in tracks.tracks.iter_mut().zip(smoothed) {
            let sound =
                states.iter().all(|s| s.smoothed.covariance.diagonal().iter().all(|&v| v > 0.0));
            track.outcome = match (sound, track.ndf > 0) {
                (false, _) => FitOutcome::SMOOTHER_FAILED,
                (true, false) => FitOutcome::NO_DEGREES_OF_FREEDOM,
                (true, true) => FitOutcome::SUCCESS,
            };
            if sound && let Some(first) = states.first() {
                track.parameters = first.smoothed;
            }
            tracks.states.extend(states);
        }
    }

    fn smooth_one(
        &self,
        tip: u32,
        seed: &BoundParameters,
        steps: &mut Vec<FilterStep>,
    ) -> Vec<TrackState> {
        let rows: Vec<u32> = self.links_back(tip).map(|(row, _)| row).collect();
        let links = || {
            rows.iter()
                .rev()
                .map(|&row| (&self.links[row as usize], &self.predictions[row as usize]))
        };
        steps.clear();
        steps.extend(links().map(|(link, prediction)| {
            FilterStep {
                predicted: prediction.vector.map(f64::from),
                covariance: Symmetric5(prediction.covariance.0.map(f64::from)),
                jacobian: widen(&prediction.jacobian),
                observation: link
                    .measurement
                    .is_some()
                    .then(|| Observation::of(self.measurements, link.measurement.get()).widened()),
            }
        }));
        let mut states = Vec::with_capacity(steps.len());
        let mut filtered_chi2 =
            links().filter(|(l, _)| l.measurement.is_some()).map(|(l, _)| l.chi2).rev();
        let mut measurements = self.measurements_back(tip);
        smooth(steps, |_, step| {
            let (Some(measurement), Some(chi2)) = (measurements.next(), filtered_chi2.next())
            else {
                return;
            };
            let surface = self.measurements.surface[measurement.get()];
            states.push(track_state(&step, chi2, surface, seed));
        });
        states.reverse();
        states
    }
}

pub(crate) fn widen(jacobian: &Matrix5) -> nalgebra::SMatrix<f64, 5, 5> {
    jacobian.map(f64::from)
}

/// The smoothed state in the precision of the event data; time and its variance come from the seed.
pub(crate) fn track_state(
    step: &SmoothedStep,
    filtered_chi2: Scalar,
    surface: SurfaceIndex,
    seed: &BoundParameters,
) -> TrackState {
    let mut vector = step.vector.map(|v| v as Scalar);
    vector[2] = crate::math::wrap_phi(vector[2]);
    let smoothed = BoundParameters {
        vector,
        covariance: Symmetric5(step.covariance.0.map(|v| v as Scalar)),
        surface,
        time: seed.time,
        time_variance: seed.time_variance,
    };
    TrackState { smoothed, filtered_chi2, smoothed_chi2: step.chi2 as Scalar }
}
