//! One step of all candidates.

use super::duplicates::survivors;
use super::{Link, NO_LINK, Prediction, Search};
use crate::Scalar;
use crate::event::BoundParameters;
use crate::index::{MeasurementIndex, SurfaceIndex};
use crate::kalman::{Observation, is_track, normalize, predicted_chi2, update};
use crate::math::{Matrix5, Symmetric5};
use crate::propagation::PropagationResult;
use rayon::prelude::*;

/// A candidate that has arrived at a sensor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    vector: [Scalar; 5],
    covariance: Symmetric5,
    /// From the updated state of the link before to here.
    jacobian: Matrix5,
    surface: SurfaceIndex,
    /// The link it comes from; `NO_LINK` for a seed.
    link: u32,
    seed: u32,
}

impl Candidate {
    pub(super) fn of_seed(row: usize, seed: &BoundParameters) -> Self {
        Self {
            vector: seed.vector,
            covariance: seed.covariance,
            jacobian: Matrix5::identity(),
            surface: seed.surface,
            link: NO_LINK,
            seed: row as u32,
        }
    }
}

/// A link with its updated parameters.
struct Extension {
    link: Link,
    /// Row of the candidate.
    candidate: u32,
    surface: SurfaceIndex,
    vector: [Scalar; 5],
    covariance: Symmetric5,
}

/// What becomes of the links of one task.
#[derive(Default)]
struct Followed {
    arrived: Vec<Candidate>,
    ended: Vec<u32>,
}

/// Candidates handled by one task: large enough to hide the cost of a task, small enough to share an event.
const CHUNK: usize = 64;

impl Search<'_> {
    /// Extends all candidates by one sensor; returns those that arrive at another one.
    pub(super) fn advance(
        &mut self,
        step: u32,
        candidates: &[Candidate],
        seeds: usize,
    ) -> Vec<Candidate> {
        let extensions: Vec<Vec<Extension>> = candidates
            .par_chunks(CHUNK)
            .enumerate()
            .map(|(chunk, rows)| self.extend_all(chunk * CHUNK, rows))
            .collect();
        let first = self.links.len();
        let smoothing = self.cuts.smoother != 0;
        for extension in extensions.iter().flatten() {
            self.links.push(extension.link);
            if smoothing {
                let candidate = &candidates[extension.candidate as usize];
                self.predictions.push(Prediction {
                    vector: candidate.vector,
                    covariance: candidate.covariance,
                    jacobian: candidate.jacobian,
                });
            }
        }
        let length = self.cuts.duplicate_removal_min_length;
        let mut goes_on = if step >= length {
            survivors(&self.links, first, self.measurements.len(), step, length)
        } else {
            vec![true; self.links.len() - first]
        };
        self.limit_branches(first, seeds, &mut goes_on);

        let starts = extensions.iter().scan(first, |next, chunk| {
            let start = *next;
            *next += chunk.len();
            Some(start)
        });
        let tasks: Vec<_> = starts.zip(&extensions).collect();
        let followed: Vec<Followed> = tasks
            .into_par_iter()
            .map(|(start, chunk)| self.follow_all(start, chunk, &goes_on[start - first..], step))
            .collect();
        let mut arrived = Vec::with_capacity(self.links.len() - first);
        for task in followed {
            arrived.extend(task.arrived);
            self.tips.extend(task.ended);
        }
        arrived
    }

    fn follow_all(
        &self,
        start: usize,
        extensions: &[Extension],
        goes_on: &[bool],
        step: u32,
    ) -> Followed {
        let mut followed =
            Followed { arrived: Vec::with_capacity(extensions.len()), ended: Vec::new() };
        for (i, (extension, goes_on)) in extensions.iter().zip(goes_on).enumerate() {
            if *goes_on {
                self.follow((start + i) as u32, extension, step, &mut followed);
            }
        }
        followed
    }

    fn extend_all(&self, first_row: usize, candidates: &[Candidate]) -> Vec<Extension> {
        let mut extensions = Vec::with_capacity(candidates.len() + candidates.len() / 4);
        let mut compatible = Vec::new();
        for (i, candidate) in candidates.iter().enumerate() {
            self.extend((first_row + i) as u32, candidate, &mut compatible, &mut extensions);
        }
        extensions
    }

    /// Links a candidate with the best measurements of its sensor, or with a hole.
    fn extend(
        &self,
        row: u32,
        candidate: &Candidate,
        compatible: &mut Vec<(Scalar, u32)>,
        extensions: &mut Vec<Extension>,
    ) {
        let (holes, consecutive_holes, chi2_sum, coordinates) =
            match self.links.get(candidate.link as usize) {
                Some(link) => (link.holes, link.consecutive_holes, link.chi2_sum, link.coordinates),
                None => (0, 0, 0.0, 0),
            };
        let base = Link {
            previous: candidate.link,
            measurement: MeasurementIndex::NONE,
            seed: candidate.seed,
            holes,
            consecutive_holes,
            chi2: 0.0,
            chi2_sum,
            coordinates,
        };
        let extension = |link, vector, covariance| Extension {
            link,
            candidate: row,
            surface: candidate.surface,
            vector,
            covariance,
        };
        self.rank(candidate, compatible);
        let before = extensions.len();
        for &(chi2, measurement) in compatible.iter() {
            if extensions.len() - before == self.cuts.max_branches_per_surface as usize {
                break;
            }
            let seen = Observation::of(self.measurements, measurement as usize);
            let (mut vector, mut covariance) = (candidate.vector, candidate.covariance);
            update(&mut vector, &mut covariance, &seen);
            if normalize(&mut vector, &covariance) {
                let link = Link {
                    measurement: MeasurementIndex(measurement),
                    consecutive_holes: 0,
                    chi2,
                    chi2_sum: chi2_sum + chi2,
                    coordinates: coordinates + seen.subspace.dimensions(),
                    ..base
                };
                extensions.push(extension(link, vector, covariance));
            }
        }
        if extensions.len() == before {
            let link = Link { holes: holes + 1, consecutive_holes: consecutive_holes + 1, ..base };
            extensions.push(extension(link, candidate.vector, candidate.covariance));
        }
    }

    /// The measurements of a candidate's sensor within the chi2 limit, best first; equal ones by number.
    fn rank(&self, candidate: &Candidate, compatible: &mut Vec<(Scalar, u32)>) {
        compatible.clear();
        let surface = candidate.surface.get();
        for measurement in self.offsets[surface]..self.offsets[surface + 1] {
            let seen = Observation::of(self.measurements, measurement as usize);
            let chi2 = predicted_chi2(&candidate.vector, &candidate.covariance, &seen);
            if (0.0..=self.cuts.max_chi2).contains(&chi2) {
                compatible.push((chi2, measurement));
            }
        }
        if compatible.len() > 1 {
            compatible.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        }
    }

    /// Stops the links of a seed that has too many.
    fn limit_branches(&self, first: usize, seeds: usize, goes_on: &mut [bool]) {
        let mut branches = vec![0_u32; seeds];
        for (link, goes_on) in self.links[first..].iter().zip(goes_on) {
            let count = &mut branches[link.seed as usize];
            *count += u32::from(*goes_on);
            *goes_on &= *count <= self.cuts.max_branches_per_seed;
        }
    }

    /// Carries a link to its next sensor, or ends a track.
    fn follow(&self, row: u32, extension: &Extension, step: u32, followed: &mut Followed) {
        let Extension { link, vector, covariance, surface, .. } = extension;
        let cuts = self.cuts;
        let last = step + 1 == cuts.max_measurements;
        if link.holes > cuts.max_holes
            || link.consecutive_holes > cuts.max_consecutive_holes
            || last
        {
            followed.ended.push(row);
            return;
        }
        match self.propagator.to_next_sensor(vector, *surface, None) {
            PropagationResult::Sensor(arrival) if is_track(&arrival.vector) => {
                let candidate = Candidate {
                    vector: arrival.vector,
                    covariance: covariance.transported(&arrival.jacobian) + arrival.noise,
                    jacobian: arrival.jacobian,
                    surface: arrival.surface,
                    link: row,
                    seed: link.seed,
                };
                followed.arrived.push(candidate);
            }
            _ if step + 1 >= cuts.min_measurements => followed.ended.push(row),
            _ => {}
        }
    }
}
