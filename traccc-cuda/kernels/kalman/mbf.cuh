// The modified Bryson-Frazier smoother. See `kalman/mbf.rs`.
//
// Steps come one by one, the last first, so that they need not all lie in local memory:
//     mbf::Smoother smoother = mbf::Smoother::start();
//     for each step, last first: { Option<SmoothedStep> state = smoother.step(step); }
#pragma once
#include "kalman/kalman.cuh"

namespace traccc {
namespace mbf {

typedef Matrix<f64, 5, 5> SquareMatrix;
typedef Vector<f64, 5> ColumnVector;

/// One step of a filter, forwards: a prediction and, unless the sensor was empty, a measurement.
struct FilterStep {
    f64 predicted[5];
    Symmetric5<f64> covariance;
    SquareMatrix jacobian;
    Option<Observation<f64>> observation;
};

/// The use of one coordinate. `used` is false for one that is not measured.
struct Gain {
    bool used;
    ColumnVector rest;
    f64 residual;
    f64 variance;
};

/// A step after its measurement, and how each coordinate got there.
struct Filtered {
    f64 vector[5];
    Symmetric5<f64> covariance;
    Gain updates[2];

    __device__ static __forceinline__ Filtered of(const FilterStep& step, const Observation<f64>& seen) {
        Filtered filtered;
#pragma unroll
        for (u32 i = 0; i < 5; i++) filtered.vector[i] = step.predicted[i];
        filtered.covariance = step.covariance;
#pragma unroll
        for (u32 axis = 0; axis < 2; axis++) {
            Gain& gain = filtered.updates[axis];
            gain.used = seen.measures(axis);
            if (gain.used) {
                gain.variance = filtered.covariance(axis, axis) + seen.variance[axis];
#pragma unroll
                for (u32 j = 0; j < 5; j++) gain.rest[j] = -filtered.covariance(j, axis) / gain.variance;
                gain.rest[axis] = seen.variance[axis] / gain.variance;
                gain.residual = seen.local[axis] - filtered.vector[axis];
                Observation<f64> one = seen;
                one.subspace = Subspace{1u << axis};
                update(filtered.vector, filtered.covariance, one);
            }
        }
        return filtered;
    }

    /// x - C lambda and C - C Lambda C, from the updated state.
    __device__ __forceinline__ SmoothedStep smoothed(const Observation<f64>& seen, const ColumnVector& lambda,
                                                     const SquareMatrix& information) const {
        SmoothedStep state;
        const SquareMatrix full = covariance.to_matrix();
        const ColumnVector change = product(full, lambda);
#pragma unroll
        for (u32 i = 0; i < 5; i++) state.vector[i] = vector[i] - change[i];
        const SquareMatrix gained = product(product(full, information), full);
        state.covariance = Symmetric5<f64>::from_lower(full - gained);
        state.chi2 = residual_chi2(state.vector, state.covariance, seen);
        return state;
    }

    /// Carries the adjoint from after the measurement to before it, the last coordinate first.
    __device__ __forceinline__ void absorb(ColumnVector& lambda, SquareMatrix& information) const {
#pragma unroll
        for (u32 back = 0; back < 2; back++) {
            const u32 axis = 1 - back;
            const Gain& gain = updates[axis];
            if (!gain.used) continue;
            lambda[axis] = dot(gain.rest, lambda) - gain.residual / gain.variance;
            // Only row and column `axis` change.
            const ColumnVector column = product(information, gain.rest);
#pragma unroll
            for (u32 j = 0; j < 5; j++) {
                information(axis, j) = column[j];
                information(j, axis) = column[j];
            }
            information(axis, axis) = dot(gain.rest, column) + 1.0 / gain.variance;
        }
    }
};

/// What the later measurements say about the present state.
struct Smoother {
    ColumnVector lambda;
    SquareMatrix information;

    /// Behind the last step.
    __device__ static __forceinline__ Smoother start() {
        return Smoother{ColumnVector::zeros(), SquareMatrix::zeros()};
    }

    /// Takes the step before the one taken last; the smoothed state if it has a measurement.
    __device__ __forceinline__ Option<SmoothedStep> step(const FilterStep& step) {
        Option<SmoothedStep> state = none<SmoothedStep>();
        if (step.observation.is_some) {
            const Observation<f64>& seen = step.observation.value;
            const Filtered filtered = Filtered::of(step, seen);
            state = some(filtered.smoothed(seen, lambda, information));
            filtered.absorb(lambda, information);
        }
        const SquareMatrix back = step.jacobian.transpose();
        lambda = product(back, lambda);
        information = product(back, product(information, step.jacobian));
        return state;
    }
};

}  // namespace mbf
}  // namespace traccc
