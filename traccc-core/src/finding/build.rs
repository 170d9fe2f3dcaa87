//! From the ends of links to tracks.

use super::{Link, Prediction, Search};
use crate::event::{BoundParameters, FitOutcome, Track, TrackState, Tracks};
use crate::kalman::mbf::{FilterStep, smooth};
use crate::kalman::{Observation, track_state, widen};
use crate::math::{Symmetric5, probability};
use rayon::prelude::*;

impl Search<'_> {
    /// A track for each tip of allowed length.
    pub(super) fn build(&self, seeds: &[BoundParameters]) -> Tracks {
        let (min, max) = (self.cuts.min_measurements as usize, self.cuts.max_measurements as usize);
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
        if self.cuts.smoother != 0 {
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
        let rows = tracks.with_states();
        rows.into_par_iter().zip(tips).for_each_init(Vec::new, |steps, ((track, states), &tip)| {
            let seed = &seeds[self.links[tip as usize].seed as usize];
            self.smooth_one(tip, seed, steps, states);
            let sound = |s: &TrackState| s.smoothed.covariance.diagonal().iter().all(|&v| v > 0.0);
            let sound = states.iter().all(sound);
            track.outcome = match (sound, track.ndf > 0) {
                (false, _) => FitOutcome::SMOOTHER_FAILED,
                (true, false) => FitOutcome::NO_DEGREES_OF_FREEDOM,
                (true, true) => FitOutcome::SUCCESS,
            };
            if let (true, Some(first)) = (sound, states.first()) {
                track.parameters = first.smoothed;
            }
        });
    }

    fn smooth_one(
        &self,
        tip: u32,
        seed: &BoundParameters,
        steps: &mut Vec<FilterStep>,
        states: &mut [TrackState],
    ) {
        steps.clear();
        steps.extend(self.links_back(tip).map(|(row, link)| self.filter_step(row, link)));
        steps.reverse();
        let mut links =
            self.links_back(tip).map(|(_, link)| link).filter(|link| link.measurement.is_some());
        let mut free = states.iter_mut().rev();
        smooth(steps, |_, step| {
            // One state for each link with a measurement: all three walk back together.
            if let (Some(link), Some(state)) = (links.next(), free.next()) {
                let surface = self.measurements.surface[link.measurement.get()];
                *state = track_state(&step, link.chi2, surface, seed);
            }
        });
    }

    fn filter_step(&self, row: u32, link: &Link) -> FilterStep {
        let Prediction { vector, covariance, jacobian } = &self.predictions[row as usize];
        let seen = || Observation::of(self.measurements, link.measurement.get()).widened();
        FilterStep {
            predicted: vector.map(f64::from),
            covariance: Symmetric5(covariance.0.map(f64::from)),
            jacobian: widen(jacobian),
            observation: link.measurement.is_some().then(seen),
        }
    }
}
