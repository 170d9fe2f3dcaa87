//! The modified Bryson-Frazier smoother: G. J. Bierman, Automatica 9 (1973) 503.
//!
//! It runs backwards over the steps of a filter and needs neither a backward propagation nor the inverse of a
//! covariance. The adjoint (lambda, Lambda) is what the later measurements say about the present state.

use super::{Observation, SmoothedStep, residual_chi2};
use crate::event::Subspace;
use crate::math::{Symmetric5, dot, product};
use nalgebra::{SMatrix, SVector};

type Matrix = SMatrix<f64, 5, 5>;
type Vector = SVector<f64, 5>;

/// One step of a filter, forwards: a prediction and, unless the sensor was empty, a measurement.
///
/// Double precision: the smoothed covariance is a small difference of large ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FilterStep {
    /// Parameters before the measurement.
    pub(crate) predicted: [f64; 5],
    /// Covariance before the measurement.
    pub(crate) covariance: Symmetric5<f64>,
    /// Derivatives of `predicted` by the updated parameters of the step before; unused in the first step.
    pub(crate) jacobian: Matrix,
    /// The measurement; `None` for a hole.
    pub(crate) observation: Option<Observation<f64>>,
}

/// Smooths the steps of a filter; one answer for each step with a measurement, in the order of the steps, through
/// `sink(step, state)`, last step first.
pub(crate) fn smooth(steps: &[FilterStep], mut sink: impl FnMut(usize, SmoothedStep)) {
    let mut lambda = Vector::zeros();
    let mut information = Matrix::zeros();
    for (index, step) in steps.iter().enumerate().rev() {
        if let Some(seen) = &step.observation {
            let filtered = Filtered::new(step, seen);
            sink(index, filtered.smoothed(seen, &lambda, &information));
            filtered.absorb(&mut lambda, &mut information);
        }
        let back = step.jacobian.transpose();
        lambda = product(&back, &lambda);
        information = product(&back, &product(&information, &step.jacobian));
    }
}

/// A step after its measurement, and how each coordinate got there.
struct Filtered {
    vector: [f64; 5],
    covariance: Symmetric5<f64>,
    updates: [Option<Gain>; 2],
}

/// The use of one coordinate.
struct Gain {
    axis: usize,
    /// Column `axis` of 1 - K hᵀ. Its own element is v / (C_aa + v): as one minus the gain it would have no digits left
    /// where the prediction is much wider than the measurement.
    rest: Vector,
    residual: f64,
    /// Variance of the residual.
    variance: f64,
}

impl Filtered {
    fn new(step: &FilterStep, seen: &Observation<f64>) -> Self {
        let mut filtered =
            Self { vector: step.predicted, covariance: step.covariance, updates: [None, None] };
        for axis in 0..2 {
            if seen.measures(axis) {
                let variance = filtered.covariance[(axis, axis)] + seen.variance[axis];
                let mut rest = Vector::from_fn(|j, _| -filtered.covariance[(j, axis)] / variance);
                rest[axis] = seen.variance[axis] / variance;
                let residual = seen.local[axis] - filtered.vector[axis];
                filtered.updates[axis] = Some(Gain { axis, rest, residual, variance });
                let one = Observation { subspace: Subspace(1 << axis), ..*seen };
                super::update(&mut filtered.vector, &mut filtered.covariance, &one);
            }
        }
        filtered
    }

    /// x - C lambda and C - C Lambda C. From the updated state: from the prediction it would be the same, but a wide
    /// prediction loses all digits in the difference.
    fn smoothed(
        &self,
        seen: &Observation<f64>,
        lambda: &Vector,
        information: &Matrix,
    ) -> SmoothedStep {
        let filtered = self.covariance.to_matrix();
        let vector: [f64; 5] = (Vector::from(self.vector) - product(&filtered, lambda)).into();
        let gained = product(&product(&filtered, information), &filtered);
        let covariance = Symmetric5::from_lower(&(filtered - gained));
        let chi2 = residual_chi2(&vector, &covariance, seen);
        SmoothedStep { vector, covariance, chi2 }
    }

    /// Carries the adjoint from after the measurement to before it, coordinate by coordinate in the reverse of the
    /// filter's order: lambda becomes Aᵀ lambda - h r / s, Lambda becomes Aᵀ Lambda A + h hᵀ / s, with A = 1 - K hᵀ.
    fn absorb(&self, lambda: &mut Vector, information: &mut Matrix) {
        for Gain { axis, rest, residual, variance } in self.updates.iter().rev().flatten() {
            lambda[*axis] = dot(rest, lambda) - residual / variance;
            // Only row and column `axis` change.
            let column = product(information, rest);
            for j in 0..5 {
                information[(*axis, j)] = column[j];
                information[(j, *axis)] = column[j];
            }
            information[(*axis, *axis)] = dot(rest, &column) + 1.0 / variance;
        }
    }
}
