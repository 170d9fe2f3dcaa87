// See `detector/shape/trapezoid.rs`.
#pragma once
#include "detector/shape/shape.cuh"

namespace traccc {
namespace shapes {

/// Bounds: half x at -y, half x at +y, half y, 1 / (2 half y).
struct Trapezoid {
    __device__ static __forceinline__ bool contains(const Bounds& b, const Vector3& local, f32 tolerance) {
        const f32 half_x = b[0] + (b[2] + local.y) * b[3] * (b[1] - b[0]);
        return abs(local.x) <= half_x + tolerance && abs(local.y) <= b[2] + tolerance;
    }
};

}  // namespace shapes
}  // namespace traccc
