// The two-filter smoother. See `kalman/two_filter.rs`.
//
// Steps come one by one, the last first, so that they need not all lie in local memory:
//     two_filter::Smoother smoother = two_filter::Smoother::start();
//     for each step, last first: { Option<SmoothedStep> state = smoother.step(step); if (!state.is_some) the fit fails }
#pragma once
#include "kalman/kalman.cuh"

namespace traccc {

/// One measurement of a filter, forwards.
struct FilteredStep {
    f64 predicted[5];
    f64 filtered[5];
    Symmetric5<f64> covariance;
    Matrix<f64, 5, 5> jacobian;
    Symmetric5<f64> noise;
    Observation<f64> observation;
    f64 chi2;
};
static_assert(sizeof(FilteredStep) == 568, "its place in the arena");

namespace two_filter {

typedef Matrix<f64, 5, 5> SquareMatrix;
typedef Vector<f64, 5> ColumnVector;

/// What measurements say about the deviation from a reference.
struct Information {
    ColumnVector vector;
    SquareMatrix matrix;

    /// Changes the reference: the old one lies `shift` from the new one.
    __device__ __forceinline__ void reference_to(const ColumnVector& shift) { vector = vector + product(matrix, shift); }

    /// Adds a measurement, with the prediction as the reference.
    __device__ __forceinline__ void add(const FilteredStep& step) {
        const Observation<f64>& seen = step.observation;
#pragma unroll
        for (u32 axis = 0; axis < 2; axis++) {
            if (!seen.measures(axis)) continue;
            matrix(axis, axis) += 1.0 / seen.variance[axis];
            vector[axis] += (seen.local[axis] - step.predicted[axis]) / seen.variance[axis];
        }
    }

    /// Forgets as much as the noise between two steps blurs.
    __device__ __forceinline__ void spread(const Symmetric5<f64>& noise) {
        Symmetric5<f64> rest = noise;
#pragma unroll
        for (u32 back = 0; back < 5; back++) {
            const u32 axis = 4 - back;
            const f64 d = rest(axis, axis);
            if (d <= 0.0) continue;
            ColumnVector l;
#pragma unroll
            for (u32 i = 0; i < 5; i++) l[i] = i <= axis ? rest(i, axis) / d : 0.0;
#pragma unroll
            for (u32 i = 0; i < axis; i++) {
#pragma unroll
                for (u32 j = 0; j <= i; j++) rest(i, j) -= l[i] * l[j] * d;
            }
            const ColumnVector seen = product(matrix, l);
            const f64 factor = d / (1.0 + d * dot(l, seen));
            vector = vector - seen * (factor * dot(l, vector));
            matrix = matrix - product(seen, seen.transpose()) * factor;
        }
    }
};

/// The state of the forward filter and the information of the later measurements together.
__device__ __forceinline__ Option<SmoothedStep> combine(const FilteredStep& step, const Information& later) {
    const Option<SquareMatrix> root = cholesky(step.covariance.to_matrix());
    if (!root.is_some) return none<SmoothedStep>();
    const SquareMatrix across = root.value.transpose();
    const SquareMatrix inner = product(across, product(later.matrix, root.value));
    const Option<SquareMatrix> inner_root = cholesky(SquareMatrix::identity() + inner);
    if (!inner_root.is_some) return none<SmoothedStep>();
    const SquareMatrix half = solve_lower(inner_root.value, across);
    const SquareMatrix full = product(half.transpose(), half);
    const ColumnVector change = product(full, later.vector);
    SmoothedStep state;
#pragma unroll
    for (u32 i = 0; i < 5; i++) state.vector[i] = step.filtered[i] + change[i];
    state.covariance = Symmetric5<f64>::from_lower(full);
    state.chi2 = residual_chi2(state.vector, state.covariance, step.observation);
    return some(state);
}

/// The filter that runs backwards.
struct Smoother {
    Information later;

    /// Behind the last step.
    __device__ static __forceinline__ Smoother start() {
        return Smoother{Information{ColumnVector::zeros(), SquareMatrix::zeros()}};
    }

    /// Takes the step before the one taken last; none if a covariance is not positive definite.
    __device__ __forceinline__ Option<SmoothedStep> step(const FilteredStep& step) {
        const Option<SmoothedStep> state = combine(step, later);
        if (!state.is_some) return state;
        ColumnVector shift;
#pragma unroll
        for (u32 i = 0; i < 5; i++) shift[i] = step.filtered[i] - step.predicted[i];
        later.reference_to(shift);
        later.add(step);
        later.spread(step.noise);
        const SquareMatrix back = step.jacobian.transpose();
        later.vector = product(back, later.vector);
        later.matrix = product(back, product(later.matrix, step.jacobian));
        return state;
    }
};

}  // namespace two_filter
}  // namespace traccc
