// See `detector/shape/rectangle.rs`.
#pragma once
#include "detector/shape/shape.cuh"

namespace traccc {
namespace shapes {

/// Bounds: half x, half y.
struct Rectangle {
    __device__ static __forceinline__ bool contains(const Bounds& b, const Vector3& local, f32 tolerance) {
        return abs(local.x) <= b[0] + tolerance && abs(local.y) <= b[1] + tolerance;
    }
};

}  // namespace shapes
}  // namespace traccc
