//! The Kalman filter: measurement update and smoothing (`mbf` for finding, `two_filter` for the fit).
//!
//! Residuals are plain differences: a polar angle measured on both sides of pi (a full ring or cylinder as a sensor) is
//! not wrapped. Sectors of an annulus, whose local azimuth is near zero, are not affected.
//!
//! R. Frühwirth, Nucl. Instrum. Meth. A 262 (1987) 444. The two coordinates of a measurement are independent, so they
//! are used one after the other: no matrix is inverted.

pub(crate) mod mbf;
#[cfg(test)]
mod smoother_tests;
pub(crate) mod two_filter;

use crate::event::{BoundParameters, Measurements, Subspace, TrackState};
use crate::index::SurfaceIndex;
use crate::math::{Matrix5, Symmetric5, wrap_phi};
use crate::{Scalar, consts};
use nalgebra::RealField;

/// A measurement as the filter sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observation<T = Scalar> {
    /// Local coordinates, in mm (rad for polar angles).
    pub(crate) local: [T; 2],
    /// Their variances.
    pub(crate) variance: [T; 2],
    /// Which of them are measured.
    pub(crate) subspace: Subspace,
}

impl Observation {
    /// Row `i` of the measurements.
    #[inline]
    pub(crate) fn of(measurements: &Measurements, i: usize) -> Self {
        Self {
            local: measurements.local[i],
            variance: measurements.variance[i],
            subspace: measurements.subspace[i],
        }
    }

    /// The same in double precision.
    #[inline]
    pub(crate) fn widened(&self) -> Observation<f64> {
        let wide = |pair: [Scalar; 2]| pair.map(f64::from);
        Observation {
            local: wide(self.local),
            variance: wide(self.variance),
            subspace: self.subspace,
        }
    }
}

impl<T: RealField + Copy> Observation<T> {
    /// Whether coordinate `axis` is measured.
    #[inline]
    pub(crate) fn measures(&self, axis: usize) -> bool {
        self.subspace.measures(axis)
    }
}

/// chi2 of a measurement against parameters that do not contain it: rᵀ (H C Hᵀ + V)⁻¹ r.
#[inline]
pub(crate) fn predicted_chi2<T: RealField + Copy>(
    vector: &[T; 5],
    covariance: &Symmetric5<T>,
    seen: &Observation<T>,
) -> T {
    let r = [seen.local[0] - vector[0], seen.local[1] - vector[1]];
    let s00 = covariance[(0, 0)] + seen.variance[0];
    let s11 = covariance[(1, 1)] + seen.variance[1];
    match seen.subspace {
        Subspace::LOC0 => r[0] * r[0] / s00,
        Subspace::LOC1 => r[1] * r[1] / s11,
        Subspace::BOTH => {
            let s01 = covariance[(1, 0)];
            let cross = s01 * r[0] * r[1];
            (s11 * r[0] * r[0] - cross - cross + s00 * r[1] * r[1]) / (s00 * s11 - s01 * s01)
        }
        // Nothing measured.
        _ => T::zero(),
    }
}

/// Adds a measurement to parameters and their covariance.
///
/// For one coordinate a with variance v: gain K = C e_a / (C_aa + v), x += K r, C -= K (C e_a)ᵀ; row a of C is scaled by
/// v / (C_aa + v) instead, which is the same without cancellation.
#[inline]
pub(crate) fn update<T: RealField + Copy>(
    vector: &mut [T; 5],
    covariance: &mut Symmetric5<T>,
    seen: &Observation<T>,
) {
    for axis in 0..2 {
        if !seen.measures(axis) {
            continue;
        }
        let column: [T; 5] = std::array::from_fn(|j| covariance[(j, axis)]);
        let inverse = T::one() / (column[axis] + seen.variance[axis]);
        let residual = seen.local[axis] - vector[axis];
        for j in 0..5 {
            let gain = column[j] * inverse;
            vector[j] += gain * residual;
            for k in 0..=j {
                covariance[(j, k)] -= gain * column[k];
            }
        }
        let shrink = seen.variance[axis] * inverse;
        for j in 0..5 {
            covariance[(j, axis)] = column[j] * shrink;
        }
    }
}

/// The smoothed state at one measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SmoothedStep {
    /// Parameters from all measurements.
    pub(crate) vector: [f64; 5],
    /// Their covariance.
    pub(crate) covariance: Symmetric5<f64>,
    /// chi2 of the measurement against them: rᵀ (V - H C Hᵀ)⁻¹ r.
    pub(crate) chi2: f64,
}

/// chi2 of a measurement against parameters that contain it: the variance of the residual is V - H C Hᵀ.
fn residual_chi2(vector: &[f64; 5], covariance: &Symmetric5<f64>, seen: &Observation<f64>) -> f64 {
    let remaining = Observation {
        variance: [0, 1].map(|axis| seen.variance[axis] - 2.0 * covariance[(axis, axis)]),
        ..*seen
    };
    // The sum of covariance and variance is then the wanted difference on the diagonal; beside it the sign is wrong.
    let mut mirrored = *covariance;
    mirrored[(1, 0)] = -mirrored[(1, 0)];
    predicted_chi2(vector, &mirrored, &remaining)
}

/// Brings the angles into their ranges; false when the parameters describe no track (not finite, q/p = 0, along z, or
/// a variance that is not positive).
#[inline]
pub(crate) fn normalize<T: RealField + Copy>(
    vector: &mut [T; 5],
    covariance: &Symmetric5<T>,
) -> bool {
    let pi = T::pi();
    let (mut phi, mut theta) = (vector[2], vector[3]);
    if theta < T::zero() || theta > pi {
        theta = theta - T::two_pi() * ((theta + pi) / T::two_pi()).floor();
        if theta < T::zero() {
            theta = -theta;
            phi += pi;
        }
    }
    if !(phi >= -pi && phi < pi) {
        phi -= T::two_pi() * ((phi + pi) / T::two_pi()).floor();
        if phi >= pi {
            phi = -pi;
        }
    }
    vector[2] = phi;
    vector[3] = theta;
    let valid = vector.iter().all(|v| v.is_finite())
        && vector[4] != T::zero()
        && theta > T::zero()
        && theta < pi;
    valid && covariance.diagonal().iter().all(|&v| v > T::zero())
}

/// Whether finite parameters can be propagated: a direction not along z and a momentum.
#[inline]
pub(crate) fn is_track(vector: &[Scalar; 5]) -> bool {
    vector.iter().all(|v| v.is_finite())
        && vector[4] != 0.0
        && vector[3] > 0.0
        && vector[3] < consts::PI
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
    vector[2] = wrap_phi(vector[2]);
    let smoothed = BoundParameters {
        vector,
        covariance: Symmetric5(step.covariance.0.map(|v| v as Scalar)),
        surface,
        time: seed.time,
        time_variance: seed.time_variance,
    };
    TrackState { smoothed, filtered_chi2, smoothed_chi2: step.chi2 as Scalar }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Matrix2, SMatrix, Vector2};

    fn example() -> ([f64; 5], Symmetric5<f64>) {
        let root = SMatrix::<f64, 5, 5>::from_fn(|i, j| {
            ((2 * i + 3 * j) as f64).sin() + if i == j { 1.5 } else { 0.0 }
        });
        ([0.3, -0.8, 3.0, 1.1, -0.7], Symmetric5::from_lower(&(root * root.transpose())))
    }

    fn projection(subspace: Subspace) -> SMatrix<f64, 2, 5> {
        SMatrix::from_fn(|i, j| if i == j && subspace.0 >> i & 1 != 0 { 1.0 } else { 0.0 })
    }

    /// The textbook form with a full matrix inverse, Joseph form of the covariance.
    #[test]
    fn the_sequential_update_equals_the_joint_one() {
        for subspace in [Subspace::BOTH, Subspace::LOC0, Subspace::LOC1] {
            let (vector, covariance) = example();
            let seen = Observation { local: [0.9, -1.3], variance: [0.04, 0.5], subspace };
            let (mut x, mut c) = (vector, covariance);
            update(&mut x, &mut c, &seen);

            let h = projection(subspace);
            let full = covariance.to_matrix();
            // An unmeasured coordinate has a zero row in H: any variance will do for it.
            let v = Matrix2::from_diagonal(&Vector2::from(seen.variance));
            let s = h * full * h.transpose() + v;
            let gain = full * h.transpose() * s.try_inverse().unwrap();
            let state = SMatrix::<f64, 5, 1>::from(vector);
            let mut residual = Vector2::from(seen.local) - h * state;
            for axis in 0..2 {
                residual[axis] *= if seen.measures(axis) { 1.0 } else { 0.0 };
            }
            let expected = state + gain * residual;
            let left = SMatrix::<f64, 5, 5>::identity() - gain * h;
            let joseph = left * full * left.transpose() + gain * v * gain.transpose();
            let chi2 = (residual.transpose() * s.try_inverse().unwrap() * residual)[0];

            assert!((expected - SMatrix::<f64, 5, 1>::from(x)).amax() < 1e-12);
            assert!((joseph - c.to_matrix()).amax() < 1e-12);
            assert!((predicted_chi2(&vector, &covariance, &seen) - chi2).abs() < 1e-12);
        }
    }

    #[test]
    fn angles_beyond_the_pole_come_back_on_the_other_side() {
        let (_, covariance) = example();
        let mut vector = [0.0, 0.0, 3.0, -0.2, 1.0];
        assert!(normalize(&mut vector, &covariance));
        assert!(
            (vector[3] - 0.2_f64).abs() < 1e-12 && (vector[2] - (3.0 - f64::pi())).abs() < 1e-12
        );
        assert!(!normalize(&mut [0.0, 0.0, 1.0, 0.0, 1.0], &covariance));
        assert!(!normalize(&mut [0.0, 0.0, 1.0, 1.0, 0.0], &covariance));
        assert!(!normalize(&mut [f64::NAN, 0.0, 1.0, 1.0, 0.5], &covariance));
    }
}
