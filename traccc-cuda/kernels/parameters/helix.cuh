// A helix through three points. See `parameters/helix.rs`.
#pragma once
#include "math/math.cuh"

namespace traccc {

/// Length of an arc over that of its chord, from the sine of half the angle of the arc.
__device__ inline f32 arc_over_chord(f32 sine) {
    sine = min(abs(sine), 1.0f);
    return sine < 1e-2f ? 1.0f + sine * sine / 6.0f : asin(sine) / sine;
}

/// A helix at the first of its points; NaN or infinite when the points do not determine it.
struct Helix {
    Vector3 direction;
    f32 curvature;
    f32 sine_to_field;

    /// The helix from `bottom` through `middle` to `top`, in mm, about the unit vector `axis` of the field.
    __device__ static inline Helix through(const Vector3& bottom, const Vector3& middle, const Vector3& top,
                                           const Vector3& axis) {
        const Vector3 to_middle = middle - bottom;
        const Vector3 to_top = top - bottom;
        const Vector3 across = cross(axis, to_middle);
        const f32 chord = norm(across);
        const Vector3 y_axis = across / chord;
        const Vector3 x_axis = cross(y_axis, axis);
        const f32 top_y = dot(y_axis, to_top);
        const f32 top_z = dot(axis, to_top);

        const f32 reach = norm(cross(axis, to_top));
        const f32 last_chord = norm(cross(axis, top - middle));
        const f32 curvature = -2.0f * top_y / (reach * last_chord);
        const f32 sine = clamp(0.5f * chord * curvature, -1.0f, 1.0f);
        const f32 cosine = sqrt(1.0f - sine * sine);
        const f32 slope = top_z / (reach * arc_over_chord(0.5f * reach * curvature));

        const f32 length = sqrt(1.0f + slope * slope);
        const Vector3 direction = (x_axis * cosine + y_axis * sine + axis * slope) / length;
        return Helix{direction, curvature, 1.0f / length};
    }
};

}  // namespace traccc
