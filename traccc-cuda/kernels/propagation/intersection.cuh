// Where a trajectory meets a surface. See `propagation/intersection.rs`.
#pragma once
#include "detector/shape/shape.cuh"
#include "detector/surface.cuh"
#include "math/math.cuh"

namespace traccc {
namespace propagation {

/// Farther surfaces are not met, in mm.
constexpr f32 MAX_PATH = 1.0e4f;

/// A path to a surface and the local point there.
struct Crossing {
    f32 path;
    Vector3 point;
};

/// A trajectory to second order in the path: x(s) = position + s direction + s²/2 curvature.
struct Parabola {
    Vector3 position;
    Vector3 direction;
    Vector3 curvature;

    __device__ __forceinline__ Vector3 at(f32 s) const { return position + (direction + curvature * (0.5f * s)) * s; }

    /// Path, not below `from`, to the plane with this normal through `origin`.
    __device__ __forceinline__ Option<f32> plane(const Vector3& origin, const Vector3& normal, f32 from) const {
        const f32 distance = dot(normal, origin - position);
        const f32 slope = dot(normal, direction);
        // Most planes asked for lie behind: the sign tells without a root.
        if (from > 0.0f && distance * slope < 0.0f) return none<f32>();
        const f32 bend = 0.5f * dot(normal, curvature);
        const f32 discriminant = slope * slope + 4.0f * bend * distance;
        const f32 divisor = slope + copysign(sqrt(discriminant), slope);
        const f32 s = 2.0f * distance / divisor;
        // Also false for NaN.
        return Option<f32>{s >= from && s < MAX_PATH, s};
    }

    /// The first path, not below `from`, to the cylinder of this radius about the z axis.
    __device__ __forceinline__ Option<f32> cylinder(f32 radius, f32 from) const {
        return cylinder(*this, radius, from);
    }

    /// A call by value, not inlined: one copy of its code, and what is passed stays in registers.
    __device__ static __noinline__ Option<f32> cylinder(Parabola parabola, f32 radius, f32 from) {
        const Option<Pair> straight = parabola.straight_to_cylinder(radius);
        if (!straight.is_some) return none<f32>();
#pragma unroll 1
        for (u32 root = 0; root < 2; root++) {
            const f32 s = root == 0 ? straight.value[0] : straight.value[1];
            if (!(s > from - abs(from) - 5.0f)) continue;
            const f32 refined = parabola.bend(s, radius);
            if (refined >= from && abs(refined) < MAX_PATH) return some(refined);
        }
        return none<f32>();
    }

    /// The path at which the trajectory crosses the cylinder of this radius about the z axis, the one nearer to the path
    /// `near`; where it does not reach the cylinder, that at which it comes closest to it.
    __device__ __forceinline__ Option<f32> nearest_to_cylinder(f32 radius, f32 near) const {
        const Vector3 p = position, t = direction, k = curvature;
        const f32 square = t.x * t.x + t.y * t.y + p.x * k.x + p.y * k.y;
        const f32 half = p.x * t.x + p.y * t.y;
        const f32 rho = perp(p.x, p.y);
        const f32 inside = (radius - rho) * (radius + rho);
        const f32 discriminant = half * half + square * inside;
        if (discriminant < 0.0f) {
            const f32 s = -half / square;
            return Option<f32>{abs(s) < MAX_PATH, s};
        }
        const f32 far = half + copysign(sqrt(discriminant), half);
        const f32 first = inside / far, second = -far / square;
        const f32 nearest = abs(second - near) < abs(first - near) ? second : first;
        const f32 s = bend(nearest, radius);
        return Option<f32>{abs(s) < MAX_PATH, s};
    }

    /// Where the tangent line crosses the cylinder, in ascending order.
    __device__ __forceinline__ Option<Pair> straight_to_cylinder(f32 radius) const {
        const Vector3 p = position, t = direction;
        const f32 transverse2 = t.x * t.x + t.y * t.y;
        const f32 rho = perp(p.x, p.y);
        const f32 half = -(p.x * t.x + p.y * t.y) / transverse2;
        const f32 inside = (radius - rho) * (radius + rho) / transverse2;
        const f32 discriminant = half * half + inside;
        if (is_nan(discriminant) || discriminant < 0.0f) return none<Pair>();
        const f32 far = half + copysign(sqrt(discriminant), half);
        const f32 near = far == 0.0f ? 0.0f : -inside / far;
        return some(Pair{{min(near, far), max(near, far)}});
    }

    /// Two Newton steps from the tangent's crossing of a cylinder to the parabola's.
    __device__ __forceinline__ f32 bend(f32 straight, f32 radius) const {
        f32 s = straight;
#pragma unroll 1
        for (u32 i = 0; i < 2; i++) {
            const Vector3 q = at(s);
            const Vector3 v = direction + curvature * s;
            const f32 change =
                0.5f * (radius * radius - q.x * q.x - q.y * q.y) / (q.x * v.x + q.y * v.y);
            // A tangent has no root to walk to.
            if (is_nan(change) || abs(change) > 0.5f * abs(straight) + 1.0f) return straight;
            s += change;
        }
        return s;
    }

    /// Path to a surface and the local Cartesian point there, whatever its masks say.
    __device__ __forceinline__ Option<Crossing> surface(const Surface& surface, f32 from) const {
        switch (carrier(surface.shape)) {
            case Carrier::Plane: {
                const Option<f32> s = plane(surface.origin(), surface.axis(2), from);
                if (!s.is_some) return none<Crossing>();
                const Vector3 relative = at(s.value) - surface.origin();
                return some(
                    Crossing{s.value, Vector3{dot(surface.axis(0), relative), dot(surface.axis(1), relative), 0.0f}});
            }
            case Carrier::ConcentricCylinder: {
                const Option<f32> s = cylinder(surface.mask.bounds[0], from);
                if (!s.is_some) return none<Crossing>();
                return some(Crossing{s.value, at(s.value)});
            }
            default: {
                const auto rotate = [&](const Vector3& v) {
                    return Vector3{dot(surface.axis(0), v), dot(surface.axis(1), v), dot(surface.axis(2), v)};
                };
                const Parabola local{surface.to_cartesian(position), rotate(direction), rotate(curvature)};
                const Option<f32> s = local.cylinder(surface.mask.bounds[0], from);
                if (!s.is_some) return none<Crossing>();
                return some(Crossing{s.value, local.at(s.value)});
            }
        }
    }
};

}  // namespace propagation
}  // namespace traccc
