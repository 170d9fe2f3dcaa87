// See `detector/shape/cylinder.rs`.
#pragma once
#include "detector/shape/shape.cuh"

namespace traccc {
namespace shapes {

/// Bounds: r, z min, z max. Local coordinates: r phi and z, in mm.
struct Cylinder {
    __device__ static __forceinline__ bool contains(const Bounds& b, const Vector3& local, f32 tolerance) {
        return local.z >= b[1] - tolerance && local.z <= b[2] + tolerance;
    }

    __device__ static __forceinline__ Vector3 to_global(const Surface& surface, const Pair& local) {
        const f32 radius = surface.mask.bounds[0];
        const SinCos of = sin_cos(local[0] / radius);
        return surface.origin() + surface.axis(0) * (radius * of.cos) + surface.axis(1) * (radius * of.sin) +
               surface.axis(2) * local[1];
    }
    __device__ static __forceinline__ Pair to_local(const Surface& surface, const Vector3& global) {
        const Vector3 local = surface.to_cartesian(global);
        return Pair{{perp(local.x, local.y) * atan2(local.y, local.x), local.z}};
    }
    __device__ static __forceinline__ Vector3 normal(const Surface& surface, const Pair& local) {
        const SinCos of = sin_cos(local[0] / surface.mask.bounds[0]);
        return surface.axis(0) * of.cos + surface.axis(1) * of.sin;
    }
    __device__ static __forceinline__ LocalFrame frame(const Surface& surface, const Pair& local) {
        const Vector3 across = normal(surface, local), z = surface.axis(2);
        const Vector3 around = cross(z, across);
        return LocalFrame{across, {around, z}, {around, z}};
    }
};

}  // namespace shapes
}  // namespace traccc
