// Track parameters. See `event/parameters.rs`.
#pragma once
#include "index.cuh"
#include "math/math.cuh"

namespace traccc {

/// Track parameters bound to a surface, with their covariance.
struct BoundParameters {
    /// (loc0, loc1, phi, theta, q/p)
    f32 vector[5];
    f32 time;
    Symmetric5<f32> covariance;
    f32 time_variance;
    SurfaceIndex surface;

    __device__ __forceinline__ f32 phi() const { return vector[2]; }
    __device__ __forceinline__ f32 theta() const { return vector[3]; }
    __device__ __forceinline__ f32 q_over_p() const { return vector[4]; }
};
static_assert(sizeof(BoundParameters) == 92, "as in Rust");

}  // namespace traccc
