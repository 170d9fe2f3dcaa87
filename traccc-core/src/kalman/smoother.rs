//! The modified Bryson-Frazier smoother: G. J. Bierman, Automatica 9 (1973) 503.
//!
//! It runs backwards over the steps of a filter and needs neither a backward propagation nor the inverse of a
//! covariance. The adjoint (lambda, Lambda) is what the later measurements say about the present state.

use super::Observation;
use crate::event::Subspace;
use crate::math::Symmetric5;
use nalgebra::{SMatrix, SVector};

type Matrix = SMatrix<f64, 5, 5>;
type Vector = SVector<f64, 5>;

/// One step of a filter, forwards: a prediction and, unless the sensor was empty, a measurement.
///
/// Double precision: the smoothed covariance is a small difference of large ones.
#[derive(Clone, Copy, Debug)]
pub struct FilterStep {
    /// Parameters before the measurement.
    pub predicted: [f64; 5],
    /// Covariance before the measurement.
    pub covariance: Symmetric5<f64>,
    /// Derivatives of `predicted` by the updated parameters of the step before; unused in the first step.
    pub jacobian: Matrix,
    /// The measurement; `None` for a hole.
    pub observation: Option<Observation<f64>>,
}

/// The smoothed state at one measurement.
#[derive(Clone, Copy, Debug)]
pub struct SmoothedStep {
    /// Parameters from all measurements.
    pub vector: [f64; 5],
    /// Their covariance.
    pub covariance: Symmetric5<f64>,
    /// chi2 of the measurement against them: rᵀ (V - H C Hᵀ)⁻¹ r.
    pub chi2: f64,
}

/// Smooths the steps of a filter; one answer for each step with a measurement, in the order of the steps, through
/// `sink(step, state)`, last step first.
pub fn smooth(steps: &[FilterStep], mut sink: impl FnMut(usize, SmoothedStep)) {
    let mut lambda = Vector::zeros();
    let mut information = Matrix::zeros();
    for (index, step) in steps.iter().enumerate().rev() {
        if let Some(seen) = &step.observation {
            let filtered = Filtered::new(step, seen);
            sink(index, filtered.smoothed(seen, &lambda, &information));
            filtered.absorb(&mut lambda, &mut information);
        }
        lambda = step.jacobian.tr_mul(&lambda);
        information = step.jacobian.tr_mul(&(information * step.jacobian));
    }
}

/// A step after its measurement, and how each coordinate got there.
struct Filtered {
    vector: [f64; 5],
    covariance: Symmetric5<f64>,
    updates: [Option<Gain>; 2],
}

/// The use of one coordinate: its axis, Kalman gain, residual and the variance of the residual.
struct Gain {
    axis: usize,
    gain: Vector,
    residual: f64,
    variance: f64,
}

impl Filtered {
    fn new(step: &FilterStep, seen: &Observation<f64>) -> Self {
        let mut filtered =
            Self { vector: step.predicted, covariance: step.covariance, updates: [None, None] };
        for axis in 0..2 {
            if seen.measures(axis) {
                let column = Vector::from_fn(|j, _| filtered.covariance[(j, axis)]);
                let variance = column[axis] + seen.variance[axis];
                let residual = seen.local[axis] - filtered.vector[axis];
                filtered.updates[axis] =
                    Some(Gain { axis, gain: column / variance, residual, variance });
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
        let vector: [f64; 5] = (Vector::from(self.vector) - filtered * lambda).into();
        let covariance = Symmetric5::from_lower(&(filtered - filtered * information * filtered));
        // chi2 against parameters that contain the measurement: the variance of the residual is V - H C Hᵀ.
        let remaining = Observation {
            variance: [0, 1].map(|axis| seen.variance[axis] - 2.0 * covariance[(axis, axis)]),
            ..*seen
        };
        let chi2 = residual_chi2(&vector, &covariance, &remaining);
        SmoothedStep { vector, covariance, chi2 }
    }

    /// Carries the adjoint from after the measurement to before it, coordinate by coordinate in the reverse of the
    /// filter's order: lambda becomes Aᵀ lambda - h r / s, Lambda becomes Aᵀ Lambda A + h hᵀ / s, with A = 1 - K hᵀ.
    fn absorb(&self, lambda: &mut Vector, information: &mut Matrix) {
        for Gain { axis, gain, residual, variance } in self.updates.iter().rev().flatten() {
            lambda[*axis] -= gain.dot(lambda) + residual / variance;
            // Only row and column `axis` change.
            let product = *information * gain;
            for j in 0..5 {
                information[(*axis, j)] -= product[j];
                information[(j, *axis)] -= product[j];
            }
            information[(*axis, *axis)] += gain.dot(&product) + 1.0 / variance;
        }
    }
}

/// rᵀ (V - H C Hᵀ)⁻¹ r, given the variances already reduced by twice the diagonal of C.
fn residual_chi2(
    vector: &[f64; 5],
    covariance: &Symmetric5<f64>,
    remaining: &Observation<f64>,
) -> f64 {
    let mut mirrored = *covariance;
    mirrored[(1, 0)] = -mirrored[(1, 0)];
    super::predicted_chi2(vector, &mirrored, remaining)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Updated = ([f64; 5], Symmetric5<f64>);

    /// A filter over a made-up linear system with process noise and a hole, and its steps.
    fn filtered() -> (Vec<FilterStep>, Vec<Updated>) {
        let mut vector = [0.1, -0.2, 0.5, 1.2, 0.8];
        let mut covariance = Symmetric5::from_diagonal([10.0, 10.0, 0.01, 0.01, 0.1]);
        let (mut steps, mut updated) = (Vec::new(), Vec::new());
        for k in 0..9 {
            let mut jacobian = Matrix::identity();
            let mut noise = Matrix::zeros();
            if k > 0 {
                for (i, j, value) in
                    [(0, 2, 30.0), (1, 3, -25.0), (0, 4, 5.0 * k as f64), (2, 4, 0.3)]
                {
                    jacobian[(i, j)] = value;
                }
                noise[(2, 2)] = 1e-6;
                noise[(3, 3)] = 2e-6;
                noise[(4, 4)] = 1e-8;
                vector = (jacobian * Vector::from(vector)).into();
                covariance = Symmetric5::from_lower(
                    &(covariance.transported(&jacobian).to_matrix() + noise),
                );
            }
            let subspace = if k == 3 { Subspace::LOC0 } else { Subspace::BOTH };
            let wobble = |a: f64| 0.02 * (a * (k as f64 + 1.0)).sin();
            let local = [vector[0] + wobble(1.7) + 0.3, vector[1] + wobble(2.9) - 0.1];
            let seen = Observation { local, variance: [1e-4, 4e-4], subspace };
            let observation = (k != 5).then_some(seen);
            steps.push(FilterStep { predicted: vector, covariance, jacobian, observation });
            if let Some(seen) = &observation {
                super::super::update(&mut vector, &mut covariance, seen);
            }
            updated.push((vector, covariance));
        }
        (steps, updated)
    }

    /// Rauch, Tung, Striebel (1965), with explicit inverses, against the recursion without.
    #[test]
    fn equals_the_rauch_tung_striebel_smoother() {
        let (steps, updated) = filtered();
        let mut found = vec![None; steps.len()];
        smooth(&steps, |k, state| found[k] = Some(state));

        let last = steps.len() - 1;
        let mut x = Vector::from(updated[last].0);
        let mut c = updated[last].1.to_matrix();
        for k in (0..steps.len()).rev() {
            if k < last {
                let next = &steps[k + 1];
                let filtered = updated[k].1.to_matrix();
                let predicted = next.covariance.to_matrix();
                let gain = filtered * next.jacobian.transpose() * predicted.try_inverse().unwrap();
                x = Vector::from(updated[k].0) + gain * (x - Vector::from(next.predicted));
                c = filtered + gain * (c - predicted) * gain.transpose();
            }
            assert_eq!(found[k].is_some(), steps[k].observation.is_some());
            let (Some(state), Some(seen)) = (&found[k], &steps[k].observation) else { continue };
            let scale = c.diagonal().map(f64::sqrt);
            let away = (Vector::from(state.vector) - x).component_div(&scale);
            assert!(away.amax() < 1e-6, "step {k}: {away}");
            for i in 0..5 {
                for j in 0..=i {
                    let away = (state.covariance[(i, j)] - c[(i, j)]) / (scale[i] * scale[j]);
                    assert!(away.abs() < 1e-6, "step {k}, element ({i}, {j}): {away}");
                }
            }
            let h =
                SMatrix::<f64, 2, 5>::from_fn(
                    |i, j| if i == j && seen.measures(i) { 1.0 } else { 0.0 },
                );
            let v = SMatrix::<f64, 2, 2>::from_diagonal(&seen.variance.into());
            let mut r = SVector::<f64, 2>::from(seen.local) - SVector::<f64, 2>::new(x[0], x[1]);
            for axis in 0..2 {
                r[axis] *= if seen.measures(axis) { 1.0 } else { 0.0 };
            }
            let expected =
                (r.transpose() * (v - h * c * h.transpose()).try_inverse().unwrap() * r)[0];
            assert!(
                (state.chi2 - expected).abs() < 1e-3 * (1.0 + expected),
                "step {k}: {} {expected}",
                state.chi2
            );
        }
    }
}
