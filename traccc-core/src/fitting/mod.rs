//! The Kalman fit of tracks whose measurements are known.
//!
//! Forwards an extended Kalman filter over the track's measurements, starting from its parameters with an inflated
//! covariance; backwards the smoother of `kalman::two_filter` over the same steps. The algebra is in double
//! precision: the wide prior is up to 1e11 times larger than the result. Upstream propagates its second filter backwards
//! through the detector; here it uses the derivatives of the first, which is the same filter to first order.
//!
//! Other differences from upstream, on purpose: chi2 of a track is the sum of the forward filter's predicted chi2 (not of
//! the backward one's); the material of the first measurement's sensor is not added to a start on that sensor; the
//! sensor of the next measurement may be missed by the largest mask tolerance.

mod config;

pub use config::{FittingConfig, FittingCuts};

use crate::Scalar;
use crate::event::{BoundParameters, FitOutcome, Measurements, Track, TrackState, Tracks};
use crate::index::{MeasurementIndex, SurfaceIndex};
use crate::kalman::two_filter::{FilteredStep, smooth};
use crate::kalman::{Observation, normalize, predicted_chi2, track_state, update, widen};
use crate::math::{Symmetric5, probability, product};
use crate::propagation::{Limits, PropagatedState, PropagationResult, Propagator, Scene};
use rayon::prelude::*;

/// Fits tracks; one answer for each, in their order, with its outcome.
///
/// A track whose fit fails keeps its measurements and its latest
/// parameters; its states are zero. Holes are counted from the sensor of the parameters given: if they are smoothed ones,
/// from the first measurement.
pub fn fit_tracks(
    measurements: &Measurements,
    tracks: &Tracks,
    scene: &Scene<'_>,
    cuts: &FittingCuts,
) -> Tracks {
    let FittingCuts { limits, particle, iterations, covariance_inflation } = *cuts;
    let fitter = Fitter {
        measurements,
        propagator: Propagator { scene: *scene, particle, limits },
        inflation: f64::from(covariance_inflation),
        iterations,
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
    surface: SurfaceIndex,
    holes: u32,
    /// Path since the start, in mm.
    path: Scalar,
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
        let mut leading = 0;
        for iteration in 0..self.iterations {
            match self.iterate(&track.parameters, ids, steps, states) {
                Ok((chi2, before_first, inner)) => {
                    // Later iterations start at the first measurement.
                    leading = if iteration == 0 { before_first } else { leading };
                    let holes = leading + inner;
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

    /// One filter and smoother pass: chi2, holes before and after the first measurement, and the smoothed states.
    fn iterate(
        &self,
        start: &BoundParameters,
        ids: &[MeasurementIndex],
        steps: &mut Vec<FilteredStep>,
        states: &mut [TrackState],
    ) -> Result<(Scalar, u32, u32), FitOutcome> {
        let diagonal = start.covariance.diagonal().map(|v| f64::from(v) * self.inflation);
        steps.clear();
        let mut filter = Filter {
            vector: start.vector.map(f64::from),
            reference: f64::from(start.vector[4]),
            covariance: Symmetric5::from_diagonal(diagonal),
            jacobian: Matrix::identity(),
            noise: Symmetric5::zeros(),
            surface: start.surface,
            holes: 0,
            path: 0.0,
            steps,
        };
        let mut leading = 0;
        for (i, id) in ids.iter().enumerate() {
            let target = self.measurements.surface[id.get()];
            if i == 0 {
                // The start is a sensor, too.
                filter.holes = u32::from(target != start.surface);
            }
            self.reach(&mut filter, target, &ids[i + 1..])?;
            if i == 0 {
                leading = filter.holes;
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
        Ok((chi2 as Scalar, leading, filter.holes - leading))
    }

    /// Carries the filter to a sensor, counting empty ones on the way; sensors of the measurements after it must not come
    /// first. Two measurements on one sensor in a row are used in place.
    fn reach(
        &self,
        filter: &mut Filter<'_>,
        target: SurfaceIndex,
        later: &[MeasurementIndex],
    ) -> Result<(), FitOutcome> {
        while filter.surface != target {
            let mut vector = filter.vector.map(|v| v as Scalar);
            vector[4] = filter.reference as Scalar;
            let max_path = self.propagator.limits.max_path - filter.path;
            let limits = Limits { max_path, ..self.propagator.limits };
            let propagator = Propagator { limits, ..self.propagator };
            let arrival = match propagator.to_next_sensor(&vector, filter.surface, Some(target)) {
                PropagationResult::Sensor(arrival) => arrival,
                PropagationResult::LeftDetector => return Err(FitOutcome::NOT_ALL_FITTED),
                PropagationResult::Aborted => return Err(FitOutcome::PROPAGATION_FAILED),
            };
            let is_later =
                |m: &MeasurementIndex| self.measurements.surface[m.get()] == arrival.surface;
            if arrival.surface != target {
                if later.iter().any(is_later) {
                    return Err(FitOutcome::NOT_ALL_FITTED);
                }
                filter.holes += 1;
            }
            filter.carry(&arrival);
        }
        Ok(())
    }
}

impl Filter<'_> {
    /// Takes over the arrival at a sensor.
    fn carry(&mut self, arrival: &PropagatedState) {
        let jacobian = widen(&arrival.jacobian);
        let noise = Symmetric5(arrival.noise.0.map(f64::from));
        let difference = self.vector[4] - self.reference;
        self.reference = f64::from(arrival.vector[4]);
        self.vector =
            std::array::from_fn(|i| f64::from(arrival.vector[i]) + jacobian[(i, 4)] * difference);
        self.covariance = self.covariance.transported(&jacobian) + noise;
        self.noise = self.noise.transported(&jacobian) + noise;
        self.jacobian = product(&jacobian, &self.jacobian);
        self.surface = arrival.surface;
        self.path += arrival.path;
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
