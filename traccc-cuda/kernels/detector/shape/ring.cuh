// See `detector/shape/ring.rs`.
#pragma once
#include "detector/shape/shape.cuh"

namespace traccc {
namespace shapes {

/// Bounds: r min, r max.
struct Ring {
    __device__ static __forceinline__ bool contains(const Bounds& b, const Vector3& local, f32 tolerance) {
        const f32 r = perp(local.x, local.y);
        return r + tolerance >= b[0] && r <= b[1] + tolerance;
    }
};

}  // namespace shapes
}  // namespace traccc
