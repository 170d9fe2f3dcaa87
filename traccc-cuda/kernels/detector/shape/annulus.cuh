// See `detector/shape/annulus.rs`.
#pragma once
#include "detector/shape/shape.cuh"

namespace traccc {
namespace shapes {

/// Bounds: r min, r max, phi min, phi max, phi average, shift x, shift y.
struct Annulus {
    __device__ static __forceinline__ bool contains(const Bounds& b, const Vector3& local, f32 tolerance) {
        const SinCos of = sin_cos(b[4]);
        const f32 turned_x = local.x * of.cos + local.y * of.sin, turned_y = local.y * of.cos - local.x * of.sin;
        const f32 beam = perp(turned_x - b[5], turned_y - b[6]);
        const f32 focal_radius = perp(local.x, local.y);
        const f32 phi = wrap_phi(atan2(local.y, local.x) - b[4]);
        const f32 phi_tolerance = focal_radius > 0.0f ? tolerance / focal_radius : tolerance;
        return beam + tolerance >= b[0] && beam <= b[1] + tolerance && phi >= b[2] - phi_tolerance &&
               phi <= b[3] + phi_tolerance;
    }
};

}  // namespace shapes
}  // namespace traccc
