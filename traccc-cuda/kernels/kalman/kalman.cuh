// The Kalman filter: measurement update, and what its smoothers share. See `kalman/mod.rs`.
#pragma once
#include "event/event.cuh"
#include "math/math.cuh"

namespace traccc {

/// A measurement as the filter sees it.
template <class T>
struct Observation {
    T local[2];
    T variance[2];
    Subspace subspace;

    /// Row `i` of the measurements: of a batch or whatever else has these columns.
    template <class Columns>
    __device__ static __forceinline__ Observation of(const Columns& measurements, u32 i) {
        const Pair local = measurements.local[i], variance = measurements.variance[i];
        const u32 subspace = measurements.subspace[i];
        return Observation{{local[0], local[1]}, {variance[0], variance[1]}, Subspace{subspace}};
    }

    /// The same in double precision.
    __device__ __forceinline__ Observation<f64> widened() const {
        return Observation<f64>{
            {(f64)local[0], (f64)local[1]}, {(f64)variance[0], (f64)variance[1]}, subspace};
    }

    /// Whether coordinate `axis` is measured.
    __device__ __forceinline__ bool measures(u32 axis) const { return subspace.measures(axis); }
};

/// chi2 of a measurement against parameters that do not contain it.
template <class T>
__device__ __forceinline__ T predicted_chi2(const T (&vector)[5], const Symmetric5<T>& covariance,
                                            const Observation<T>& seen) {
    const T r[2] = {seen.local[0] - vector[0], seen.local[1] - vector[1]};
    const T s00 = covariance(0, 0) + seen.variance[0];
    const T s11 = covariance(1, 1) + seen.variance[1];
    switch (seen.subspace.bits) {
        case Subspace::LOC0:
            return r[0] * r[0] / s00;
        case Subspace::LOC1:
            return r[1] * r[1] / s11;
        case Subspace::BOTH: {
            const T s01 = covariance(1, 0);
            const T cross = s01 * r[0] * r[1];
            return (s11 * r[0] * r[0] - cross - cross + s00 * r[1] * r[1]) / (s00 * s11 - s01 * s01);
        }
        default:  // Nothing measured.
            return T(0);
    }
}

/// Adds a measurement to parameters and their covariance.
template <class T>
__device__ __forceinline__ void update(T (&vector)[5], Symmetric5<T>& covariance, const Observation<T>& seen) {
#pragma unroll
    for (u32 axis = 0; axis < 2; axis++) {
        if (!seen.measures(axis)) continue;
        T column[5];
#pragma unroll
        for (u32 j = 0; j < 5; j++) column[j] = covariance(j, axis);
        const T inverse = T(1) / (column[axis] + seen.variance[axis]);
        const T residual = seen.local[axis] - vector[axis];
#pragma unroll
        for (u32 j = 0; j < 5; j++) {
            const T gain = column[j] * inverse;
            vector[j] += gain * residual;
#pragma unroll
            for (u32 k = 0; k <= j; k++) covariance(j, k) -= gain * column[k];
        }
        const T shrink = seen.variance[axis] * inverse;
#pragma unroll
        for (u32 j = 0; j < 5; j++) covariance(j, axis) = column[j] * shrink;
    }
}

/// The smoothed state at one measurement.
struct SmoothedStep {
    f64 vector[5];
    Symmetric5<f64> covariance;
    f64 chi2;
};

/// chi2 of a measurement against parameters that contain it.
__device__ __forceinline__ f64 residual_chi2(const f64 (&vector)[5], const Symmetric5<f64>& covariance,
                                             const Observation<f64>& seen) {
    Observation<f64> remaining = seen;
#pragma unroll
    for (u32 axis = 0; axis < 2; axis++)
        remaining.variance[axis] = seen.variance[axis] - 2.0 * covariance(axis, axis);
    // The sum of covariance and variance is then the wanted difference on the diagonal; beside it the sign is wrong.
    Symmetric5<f64> mirrored = covariance;
    mirrored(1, 0) = -mirrored(1, 0);
    return predicted_chi2(vector, mirrored, remaining);
}

__device__ __forceinline__ f32 pi_of(f32) { return consts::PI; }
__device__ __forceinline__ f64 pi_of(f64) { return 3.14159265358979323846264338327950288; }

/// Brings the angles into their ranges; false when the parameters describe no track.
template <class T>
__device__ __forceinline__ bool normalize(T (&vector)[5], const Symmetric5<T>& covariance) {
    const T pi = pi_of(T(0));
    const T two_pi = pi + pi;
    T phi = vector[2], theta = vector[3];
    if (theta < T(0) || theta > pi) {
        theta = theta - two_pi * floor((theta + pi) / two_pi);
        if (theta < T(0)) {
            theta = -theta;
            phi += pi;
        }
    }
    if (!(phi >= -pi && phi < pi)) {
        phi -= two_pi * floor((phi + pi) / two_pi);
        if (phi >= pi) phi = -pi;
    }
    vector[2] = phi;
    vector[3] = theta;
    bool valid = vector[4] != T(0) && theta > T(0) && theta < pi;
#pragma unroll
    for (u32 i = 0; i < 5; i++) valid = valid && is_finite(vector[i]) && covariance.diagonal(i) > T(0);
    return valid;
}

/// Whether finite parameters can be propagated.
__device__ __forceinline__ bool is_track(const f32 (&vector)[5]) {
    bool finite = true;
#pragma unroll
    for (u32 i = 0; i < 5; i++) finite = finite && is_finite(vector[i]);
    return finite && vector[4] != 0.0f && vector[3] > 0.0f && vector[3] < consts::PI;
}

/// In double precision.
__device__ __forceinline__ Matrix<f64, 5, 5> widen(const Matrix5& jacobian) {
    Matrix<f64, 5, 5> wide;
#pragma unroll
    for (u32 i = 0; i < 25; i++) wide.m[i] = (f64)jacobian.m[i];
    return wide;
}
__device__ __forceinline__ Symmetric5<f64> widen(const Symmetric5<f32>& covariance) {
    Symmetric5<f64> wide;
#pragma unroll
    for (u32 i = 0; i < 15; i++) wide.m[i] = (f64)covariance.m[i];
    return wide;
}

/// The smoothed state in the precision of the event data; time and its variance come from the seed.
__device__ __forceinline__ TrackState track_state(const SmoothedStep& step, f32 filtered_chi2, SurfaceIndex surface,
                                                  const BoundParameters& seed) {
    TrackState state;
#pragma unroll
    for (u32 i = 0; i < 5; i++) state.smoothed.vector[i] = (f32)step.vector[i];
    state.smoothed.vector[2] = wrap_phi(state.smoothed.vector[2]);
#pragma unroll
    for (u32 i = 0; i < 15; i++) state.smoothed.covariance.m[i] = (f32)step.covariance.m[i];
    state.smoothed.surface = surface;
    state.smoothed.time = seed.time;
    state.smoothed.time_variance = seed.time_variance;
    state.filtered_chi2 = filtered_chi2;
    state.smoothed_chi2 = (f32)step.chi2;
    return state;
}

}  // namespace traccc
