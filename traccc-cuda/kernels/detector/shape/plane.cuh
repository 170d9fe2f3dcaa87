// The local coordinates that flat shapes share. See `detector/shape/plane.rs`.
#pragma once
#include "detector/shape/shape.cuh"

namespace traccc {
namespace shapes {

/// x and y of the local plane, in mm.
struct Cartesian {
    __device__ static __forceinline__ Vector3 to_global(const Surface& surface, const Pair& local) {
        return surface.origin() + surface.axis(0) * local[0] + surface.axis(1) * local[1];
    }
    __device__ static __forceinline__ Pair to_local(const Surface& surface, const Vector3& global) {
        const Vector3 local = surface.to_cartesian(global);
        return Pair{{local.x, local.y}};
    }
    __device__ static __forceinline__ Vector3 normal(const Surface& surface, const Pair&) { return surface.axis(2); }
    __device__ static __forceinline__ LocalFrame frame(const Surface& surface, const Pair&) {
        const Vector3 x = surface.axis(0), y = surface.axis(1);
        return LocalFrame{surface.axis(2), {x, y}, {x, y}};
    }
};

/// Radius, in mm, and azimuth, in rad, of the local plane.
struct Polar {
    __device__ static __forceinline__ Vector3 to_global(const Surface& surface, const Pair& local) {
        const SinCos of = sin_cos(local[1]);
        return surface.origin() + surface.axis(0) * (local[0] * of.cos) + surface.axis(1) * (local[0] * of.sin);
    }
    __device__ static __forceinline__ Pair to_local(const Surface& surface, const Vector3& global) {
        const Vector3 local = surface.to_cartesian(global);
        return Pair{{perp(local.x, local.y), atan2(local.y, local.x)}};
    }
    __device__ static __forceinline__ Vector3 normal(const Surface& surface, const Pair&) { return surface.axis(2); }
    __device__ static __forceinline__ LocalFrame frame(const Surface& surface, const Pair& local) {
        const Vector3 x = surface.axis(0), y = surface.axis(1);
        const f32 r = local[0];
        const SinCos of = sin_cos(local[1]);
        const Vector3 radial = x * of.cos + y * of.sin, azimuthal = y * of.cos - x * of.sin;
        return LocalFrame{surface.axis(2), {radial, azimuthal * r}, {radial, azimuthal / r}};
    }
};

}  // namespace shapes
}  // namespace traccc
