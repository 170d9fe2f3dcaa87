//! The two-filter smoother: D. C. Fraser, J. E. Potter, IEEE Trans. Autom. Control 14 (1969) 387.
//!
//! A second filter runs backwards in information form, without a prior, and its information is added to that of the
//! forward filter at each measurement. All steps add positive matrices, so that it stands a prior of any width, where
//! the adjoint recursion of [`super::mbf`] loses the small difference of large numbers.

use super::{Observation, SmoothedStep, residual_chi2};
use crate::math::{Symmetric5, cholesky, dot, product, solve_lower};
use nalgebra::{SMatrix, SVector};

type Matrix = SMatrix<f64, 5, 5>;
type Vector = SVector<f64, 5>;

/// One measurement of a filter, forwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FilteredStep {
    /// Parameters before the measurement.
    pub(crate) predicted: [f64; 5],
    /// Parameters after the measurement.
    pub(crate) filtered: [f64; 5],
    /// Covariance after the measurement.
    pub(crate) covariance: Symmetric5<f64>,
    /// Derivatives of `predicted` by the filtered parameters of the step before; unused in the first step.
    pub(crate) jacobian: Matrix,
    /// Covariance gained on the way from the step before.
    pub(crate) noise: Symmetric5<f64>,
    /// The measurement.
    pub(crate) observation: Observation<f64>,
    /// chi2 of the measurement against `predicted`.
    pub(crate) chi2: f64,
}

/// Smooths the steps of a filter; hands `(step, state)` to `sink`, last step first. `None` if a covariance is not
/// positive definite.
pub(crate) fn smooth(
    steps: &[FilteredStep],
    mut sink: impl FnMut(usize, SmoothedStep),
) -> Option<()> {
    let mut later = Information { vector: Vector::zeros(), matrix: Matrix::zeros() };
    for (index, step) in steps.iter().enumerate().rev() {
        sink(index, combine(step, &later)?);
        later.reference_to(Vector::from(step.filtered) - Vector::from(step.predicted));
        later.add(step);
        later.spread(&step.noise);
        let back = step.jacobian.transpose();
        later.vector = product(&back, &later.vector);
        later.matrix = product(&back, &product(&later.matrix, &step.jacobian));
    }
    Some(())
}

/// What measurements say about the deviation d from a reference: the function dᵀ Y d - 2 yᵀ d is smallest at the best d.
struct Information {
    vector: Vector,
    matrix: Matrix,
}

impl Information {
    /// Changes the reference: the old one lies `shift` from the new one.
    fn reference_to(&mut self, shift: Vector) {
        self.vector += product(&self.matrix, &shift);
    }

    /// Adds a measurement, with the prediction as the reference.
    fn add(&mut self, step: &FilteredStep) {
        let seen = &step.observation;
        for axis in (0..2).filter(|&axis| seen.measures(axis)) {
            self.matrix[(axis, axis)] += 1.0 / seen.variance[axis];
            self.vector[axis] += (seen.local[axis] - step.predicted[axis]) / seen.variance[axis];
        }
    }

    /// Forgets as much as the noise between two steps blurs: (Y⁻¹ + Q)⁻¹, by one vector l of Q = Σ l d lᵀ after the
    /// other (Sherman-Morrison).
    fn spread(&mut self, noise: &Symmetric5<f64>) {
        let mut rest = *noise;
        for axis in (0..5).rev() {
            let d = rest[(axis, axis)];
            if d <= 0.0 {
                continue;
            }
            let l = Vector::from_fn(|i, _| if i <= axis { rest[(i, axis)] / d } else { 0.0 });
            for i in 0..axis {
                for j in 0..=i {
                    rest[(i, j)] -= l[i] * l[j] * d;
                }
            }
            let seen = product(&self.matrix, &l);
            let factor = d / (1.0 + d * dot(&l, &seen));
            self.vector -= seen * (factor * dot(&l, &self.vector));
            self.matrix -= product(&seen, &seen.transpose()) * factor;
        }
    }
}

/// C_s = (C⁻¹ + Y)⁻¹ and x_s = x + C_s y; with C = L Lᵀ the first is L (1 + Lᵀ Y L)⁻¹ Lᵀ, whose inner matrix is never
/// smaller than one.
fn combine(step: &FilteredStep, later: &Information) -> Option<SmoothedStep> {
    let root = cholesky(&step.covariance.to_matrix())?;
    let across = root.transpose();
    let inner = product(&across, &product(&later.matrix, &root));
    let half = solve_lower(&cholesky(&(Matrix::identity() + inner))?, &across);
    let full = product(&half.transpose(), &half);
    let vector: [f64; 5] = (Vector::from(step.filtered) + product(&full, &later.vector)).into();
    let covariance = Symmetric5::from_lower(&full);
    let chi2 = residual_chi2(&vector, &covariance, &step.observation);
    Some(SmoothedStep { vector, covariance, chi2 })
}
