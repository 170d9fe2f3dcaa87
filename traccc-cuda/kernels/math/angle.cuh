// Angles. See `math/angle.rs`.
#pragma once
#include "math/algebra.cuh"
#include "math/elementary.cuh"

namespace traccc {

/// The azimuth in [-pi, pi) of the same direction, in rad.
__device__ inline f32 wrap_phi(f32 phi) {
    if (phi >= -consts::PI && phi < consts::PI) return phi;
    f32 turns = floor((phi + consts::PI) / (2.0f * consts::PI));
    f32 wrapped = phi - turns * 2.0f * consts::PI;
    // Rounding can leave the value on or just beyond an end.
    return wrapped >= consts::PI ? -consts::PI : max(wrapped, -consts::PI);
}

/// The length of a vector in the plane.
__device__ __forceinline__ f32 perp(f32 x, f32 y) { return sqrt(x * x + y * y); }

/// The unit vector of azimuth `phi` and polar angle `theta`, both in rad.
__device__ __forceinline__ Vector3 direction(f32 phi, f32 theta) {
    SinCos of_phi = sin_cos(phi);
    SinCos of_theta = sin_cos(theta);
    return Vector3{of_phi.cos * of_theta.sin, of_phi.sin * of_theta.sin, of_theta.cos};
}

}  // namespace traccc
