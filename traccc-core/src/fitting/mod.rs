//! The Kalman fit of tracks whose measurements are known.
//!
//! Forwards an extended Kalman filter over the track's measurements, starting from its parameters with an inflated
//! covariance; backwards the smoother of [`crate::kalman::two_filter`] over the same steps. The algebra is in double
//! precision: the wide prior is up to 1e11 times larger than the result. Upstream propagates its second filter backwards
//! through the detector; here it uses the derivatives of the first, which is the same filter to first order.

mod config;

pub use config::FittingConfig;

use crate::Scalar;
use crate::event::{BoundParameters, FitOutcome, Measurements, Track, TrackState, Tracks};
use crate::finding::{track_state, widen};
use crate::index::MeasurementIndex;
use crate::kalman::two_filter::{FilteredStep, smooth};
use crate::kalman::{Observation, normalize, predicted_chi2, update};
use crate::math::{Symmetric5, probability};
use crate::propagation::{Arrival, Limits, Propagator, Stop};
use rayon::prelude::*;

/// Fits tracks; one answer for each, in their order, with its outcome.
///
/// The propagator's limits and hypothesis are taken from `config`, its longest path from the propagation settings. A
/// track whose fit fails keeps its measurements and parameters; its states are zero.
pub fn fit_tracks(
    measurements: &Measurements,
    tracks: &Tracks,
    propagator: &Propagator<'_>,
    config: &FittingConfig,
) -> Tracks {
    let limits = Limits {
        min_p: config.min_p,
        min_pt: config.min_pt,
        min_step_to_next_surface: 0.0,
        max_steps: config.max_steps_to_next_surface,
        max_path: propagator.config.path_limit,
    };
    let fitter = Fitter {
        measurements,
        propagator: Propagator { hypothesis: config.hypothesis, limits, ..*propagator },
        inflation: f64::from(config.covariance_inflation),
        iterations: config.iterations,
    };
    let mut result = tracks.clone();
    result.with_states().into_par_iter().enumerate().for_each_init(
        Vec::new,
        |steps, (i, (track, states))| {
            fitter.fit(tracks.measurements.row(i), steps, track, states);
        },
    );
    result
}

type Matrix = nalgebra::SMatrix<f64, 5, 5>;

struct Fitter<'a> {
    measurements: &'a Measurements,
    propagator: Propagator<'a>,
    inflation: f64,
    iterations: u32,
}

/// The filter on its way.
struct Filter<'a> {
    vector: [f64; 5],
    /// The q/p that is propagated, with its energy losses: that of the start. The first few measurements, which may lie
    /// millimetres apart where sensors overlap, determine q/p so badly that a propagation with the filtered value goes
    /// astray; the difference is carried by the Jacobian, in which the trajectory is almost linear.
    reference: f64,
    covariance: Symmetric5<f64>,
    /// From the last measurement to here.
    jacobian: Matrix,
    noise: Symmetric5<f64>,
    holes: u32,
    steps: &'a mut Vec<FilteredStep>,
}

impl Fitter<'_> {
    fn fit(
        &self,
        ids: &[MeasurementIndex],
        steps: &mut Vec<FilteredStep>,
        track: &mut Track,
        states: &mut [TrackState],
    ) {
        let coordinates: u32 =
            ids.iter().map(|m| self.measurements.subspace[m.get()].dimensions()).sum();
        let ndf = coordinates as i32 - 5;
        for _ in 0..self.iterations {
            match self.iterate(&track.parameters, ids, steps, states) {
                Ok((chi2, holes)) => {
                    let outcome = if ndf > 0 {
                        FitOutcome::SUCCESS
                    } else {
                        FitOutcome::NO_DEGREES_OF_FREEDOM
                    };
                    let parameters =
                        states.first().map_or(track.parameters, |first| first.smoothed);
                    *track = Track {
                        parameters,
                        chi2,
                        ndf,
                        p_value: probability(chi2, ndf),
                        holes,
                        outcome,
                    };
                }
                Err(outcome) => {
                    *track = Track { chi2: 0.0, ndf: 0, p_value: 0.0, holes: 0, outcome, ..*track };
                    states.fill(TrackState::default());
                    return;
                }
            }
        }
    }

    /// One filter and smoother pass: chi2, holes and the smoothed states.
    fn iterate(
        &self,
        start: &BoundParameters,
        ids: &[MeasurementIndex],
        steps: &mut Vec<FilteredStep>,
        states: &mut [TrackState],
    ) -> Result<(Scalar, u32), FitOutcome> {
        let diagonal = start.covariance.diagonal().map(|v| f64::from(v) * self.inflation);
        steps.clear();
        let mut filter = Filter {
            vector: start.vector.map(f64::from),
            reference: f64::from(start.vector[4]),
            covariance: Symmetric5::from_diagonal(diagonal),
            jacobian: Matrix::identity(),
            noise: Symmetric5::zeros(),
            // The start is a sensor, too.
            holes: u32::from(
                ids.first().is_some_and(|id| self.measurements.surface[id.get()] != start.surface),
            ),
            steps,
        };
        let mut surface = start.surface;
        for (i, id) in ids.iter().enumerate() {
            let target = self.measurements.surface[id.get()];
            let later = &ids[i + 1..];
            let mut arrived = i == 0 && surface == target;
            while !arrived {
                let mut vector = filter.vector.map(|v| v as Scalar);
                vector[4] = filter.reference as Scalar;
                let arrival = match self.propagator.to_next_sensor(&vector, surface, Some(target)) {
                    Stop::Sensor(arrival) => arrival,
                    Stop::Left => return Err(FitOutcome::NOT_ALL_FITTED),
                    Stop::Lost => return Err(FitOutcome::PROPAGATION_FAILED),
                };
                surface = arrival.surface;
                if later.iter().any(|m| self.measurements.surface[m.get()] == surface) {
                    return Err(FitOutcome::NOT_ALL_FITTED);
                }
                arrived = surface == target;
                filter.holes += u32::from(!arrived);
                filter.carry(&arrival);
            }
            filter.add(Observation::of(self.measurements, id.get()).widened())?;
        }
        let smoothed = smooth(filter.steps, |step, smoothed| {
            let surface = self.measurements.surface[ids[step].get()];
            states[step] =
                track_state(&smoothed, filter.steps[step].chi2 as Scalar, surface, start);
        });
        smoothed.ok_or(FitOutcome::SMOOTHER_FAILED)?;
        let chi2: f64 = filter.steps.iter().map(|step| step.chi2).sum();
        Ok((chi2 as Scalar, filter.holes))
    }
}

impl Filter<'_> {
    /// Takes over the arrival at a sensor.
    fn carry(&mut self, arrival: &Arrival) {
        let jacobian = widen(&arrival.jacobian);
        let noise = Symmetric5(arrival.noise.0.map(f64::from));
        let difference = self.vector[4] - self.reference;
        self.reference = f64::from(arrival.vector[4]);
        self.vector =
            std::array::from_fn(|i| f64::from(arrival.vector[i]) + jacobian[(i, 4)] * difference);
        self.covariance = self.covariance.transported(&jacobian) + noise;
        self.noise = self.noise.transported(&jacobian) + noise;
        self.jacobian = jacobian * self.jacobian;
    }

    /// Adds a measurement at the present sensor.
    fn add(&mut self, observation: Observation<f64>) -> Result<(), FitOutcome> {
        let (predicted, chi2) =
            (self.vector, predicted_chi2(&self.vector, &self.covariance, &observation));
        update(&mut self.vector, &mut self.covariance, &observation);
        let (jacobian, noise) = (self.jacobian, self.noise);
        let (filtered, covariance) = (self.vector, self.covariance);
        self.steps.push(FilteredStep {
            predicted,
            filtered,
            covariance,
            jacobian,
            noise,
            observation,
            chi2,
        });
        (self.jacobian, self.noise) = (Matrix::identity(), Symmetric5::zeros());
        if normalize(&mut self.vector, &self.covariance) {
            Ok(())
        } else {
            Err(FitOutcome::FILTER_FAILED)
        }
    }
}
