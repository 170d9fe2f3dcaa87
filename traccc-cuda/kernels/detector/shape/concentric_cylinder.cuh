// See `detector/shape/concentric_cylinder.rs`.
#pragma once
#include "detector/shape/shape.cuh"

namespace traccc {
namespace shapes {

/// Bounds: r, z min, z max. Local coordinates: phi, in rad, and z, in mm, both global.
struct ConcentricCylinder {
    __device__ static __forceinline__ bool contains(const Bounds& b, const Vector3& local, f32 tolerance) {
        return local.z >= b[1] - tolerance && local.z <= b[2] + tolerance;
    }

    __device__ static __forceinline__ Vector3 to_global(const Surface& surface, const Pair& local) {
        const f32 radius = surface.mask.bounds[0];
        const SinCos of = sin_cos(local[0]);
        return Vector3{radius * of.cos, radius * of.sin, local[1]};
    }
    __device__ static __forceinline__ Pair to_local(const Surface&, const Vector3& global) {
        return Pair{{atan2(global.y, global.x), global.z}};
    }
    __device__ static __forceinline__ Vector3 normal(const Surface&, const Pair& local) {
        const SinCos of = sin_cos(local[0]);
        return Vector3{of.cos, of.sin, 0.0f};
    }
    __device__ static __forceinline__ LocalFrame frame(const Surface& surface, const Pair& local) {
        const Vector3 across = normal(surface, local);
        const Vector3 around = Vector3{-across.y, across.x, 0.0f}, z = Vector3{0.0f, 0.0f, 1.0f};
        const f32 r = surface.mask.bounds[0];
        return LocalFrame{across, {around * r, z}, {around / r, z}};
    }
};

}  // namespace shapes
}  // namespace traccc
