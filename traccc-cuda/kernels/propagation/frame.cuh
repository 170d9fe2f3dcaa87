// What the propagation adds to the frames of surfaces. See `propagation/frame.rs`.
#pragma once
#include "detector/shape/shape.cuh"
#include "propagation/stepper.cuh"

namespace traccc {

/// The curvilinear frame: the plane perpendicular to a direction.
__device__ __forceinline__ LocalFrame LocalFrame::curvilinear(const Vector3& direction) {
    const f32 transverse = perp(direction.x, direction.y);
    const Vector3 u = transverse < 1.0e-6f ? Vector3{1.0f, 0.0f, 0.0f}
                                           : Vector3{-direction.y / transverse, direction.x / transverse, 0.0f};
    const Vector3 v = cross(direction, u);
    return LocalFrame{direction, {u, v}, {u, v}};
}

/// The Jacobian from the bound parameters where the stepper started to those in this frame, column by column into `jacobian`.
__device__ __forceinline__ void frame_jacobian(const LocalFrame& frame, const propagation::Stepper& stepper,
                                               Matrix5& jacobian) {
    const Vector3 t = stepper.direction;
    const f32 transverse2 = t.x * t.x + t.y * t.y;
    const f32 transverse = sqrt(transverse2);
    const Vector3 phi_gradient = Vector3{-t.y / transverse2, t.x / transverse2, 0.0f};
    const Vector3 theta_gradient = Vector3{t.z * t.x / transverse, t.z * t.y / transverse, -transverse};
    const Vector3 path_by_position = frame.normal / -dot(frame.normal, t);
    auto column = [&](u32 j, Vector3 position, Vector3 direction) {
        const f32 path = dot(path_by_position, position);
        position = position + t * path;
        direction = direction + stepper.curvature * path;
        jacobian(0, j) = dot(frame.gradients[0], position);
        jacobian(1, j) = dot(frame.gradients[1], position);
        jacobian(2, j) = dot(phi_gradient, direction);
        jacobian(3, j) = dot(theta_gradient, direction);
        jacobian(4, j) = j == 4 ? 1.0f : 0.0f;
    };
    const Vector3 zero = Vector3{0.0f, 0.0f, 0.0f};
    column(0, stepper.position_by_local[0], zero);
    column(1, stepper.position_by_local[1], zero);
#pragma unroll
    for (u32 i = 0; i < 3; i++) column(2 + i, stepper.position_by[i], stepper.direction_by[i]);
}

}  // namespace traccc
