// One Runge-Kutta-Nyström step, with derivatives. See `propagation/stepper.rs`.
#pragma once
#include "field.cuh"
#include "math/math.cuh"
#include "settings.cuh"
#include "units.cuh"

namespace traccc {
namespace propagation {

/// The stages of one step: directions, fields and their cross products.
struct Stages {
    /// t x B at the four stages.
    Vector3 turn[4];
    /// Field at the first, the two middle and the last stage, in T.
    Vector3 field[3];
    f32 error;
};

__device__ __forceinline__ f32 scale(f32 error, f32 tolerance) {
    return clamp(sqrt(sqrt(tolerance / error)), 0.25f, 4.0f);
}

/// A particle on its way, with the derivatives of position and direction with respect to where it started.
struct Stepper {
    Vector3 position;
    Vector3 direction;
    f32 q_over_p;
    f32 path;
    /// Change of the direction per path at the present position, in 1/mm.
    Vector3 curvature;
    /// Derivatives of the position by the starting loc0 and loc1.
    Vector3 position_by_local[2];
    /// Derivatives of the position by the starting phi, theta and q/p.
    Vector3 position_by[3];
    /// Derivatives of the direction by the starting phi, theta and q/p.
    Vector3 direction_by[3];
    /// The step size that the last error suggests, in mm.
    f32 next_step;

    /// `new`: starts at a position and direction.
    __device__ static __forceinline__ Stepper start(const Vector3& position, const Vector3& direction, f32 q_over_p,
                                                    const Vector3 (&tangents)[2], const MagneticField& field) {
        Stepper stepper;
        stepper.position = position;
        stepper.direction = direction;
        stepper.q_over_p = q_over_p;
        stepper.path = 0.0f;
        stepper.curvature = cross(direction, field.at(position)) * (q_over_p * units::CURVATURE_PER_TESLA);
        stepper.next_step = F32_MAX;
        stepper.restart_derivatives(tangents);
        return stepper;
    }

    /// Forgets the start: from here on derivatives refer to the present place.
    __device__ __forceinline__ void restart_derivatives(const Vector3 (&tangents)[2]) {
        const Vector3 t = direction;
        const Vector3 zero = Vector3{0.0f, 0.0f, 0.0f};
        const f32 transverse = perp(t.x, t.y);
        position_by_local[0] = tangents[0];
        position_by_local[1] = tangents[1];
        const Vector3 by_phi = Vector3{-t.y, t.x, 0.0f};
        const Vector3 by_theta = Vector3{t.z * t.x / transverse, t.z * t.y / transverse, -transverse};
#pragma unroll
        for (u32 i = 0; i < 3; i++) {
            position_by[i] = zero;
            direction_by[i] = i == 0 ? by_phi : i == 1 ? by_theta : zero;
        }
    }

    /// Moves towards a place `distance` mm ahead (behind, if negative), as far as the error allows.
    __device__ inline void step(f32 distance, const MagneticField& field, const PropagationCuts& cuts) {
        f32 h = distance < 0.0f ? max(max(distance, -next_step), -cuts.max_step)
                                : min(min(distance, next_step), cuts.max_step);
        const f32 qc = q_over_p * units::CURVATURE_PER_TESLA;
        const Vector3 field_here = field.at(position);
        Stages stages;
        // The first trial and the others in one loop: one copy of the code.
        for (u32 trials = 1;; trials++) {
            stages = this->stages(h, qc, field_here, field);
            if (!(stages.error > 4.0f * cuts.step_tolerance && abs(h) > cuts.min_step &&
                  trials < cuts.max_step_trials))
                break;
            h *= scale(stages.error, cuts.step_tolerance);
        }
        next_step = max(abs(h) * scale(stages.error, cuts.step_tolerance), cuts.min_step);
        advance(h, qc, stages);
    }

    /// Lets the next step try the whole distance again.
    __device__ __forceinline__ void reset_step() { next_step = F32_MAX; }

    __device__ __forceinline__ Stages stages(f32 h, f32 qc, const Vector3& field_here,
                                             const MagneticField& field) const {
        const Vector3 p = position, t = direction;
        Stages stages;
        stages.field[0] = field_here;
        stages.turn[0] = cross(t, field_here);
        const Vector3 k1 = stages.turn[0] * qc;
        stages.field[1] = field.at(p + t * (0.5f * h) + k1 * (0.125f * h * h));
        stages.turn[1] = cross(t + k1 * (0.5f * h), stages.field[1]);
        const Vector3 k2 = stages.turn[1] * qc;
        stages.turn[2] = cross(t + k2 * (0.5f * h), stages.field[1]);
        const Vector3 k3 = stages.turn[2] * qc;
        stages.field[2] = field.at(p + t * h + k3 * (0.5f * h * h));
        stages.turn[3] = cross(t + k3 * h, stages.field[2]);
        const f32 error = norm(k1 - k2 - k3 + stages.turn[3] * qc) * (h * h / 6.0f);
        stages.error = max(error, 1.0e-20f);
        return stages;
    }

    __device__ __forceinline__ void advance(f32 h, f32 qc, const Stages& stages) {
        const Vector3 b1 = stages.field[0], b2 = stages.field[1], b4 = stages.field[2];
        const Vector3 k[4] = {stages.turn[0] * qc, stages.turn[1] * qc, stages.turn[2] * qc, stages.turn[3] * qc};
        position += (direction + (k[0] + k[1] + k[2]) * (h / 6.0f)) * h;
        direction = unit(direction + (k[0] + (k[1] + k[2]) * 2.0f + k[3]) * (h / 6.0f));
        path += h;
        curvature = k[3];
#pragma unroll
        for (u32 i = 0; i < 3; i++) {
            const Vector3 start = direction_by[i];
            // Only the last column changes q/p, by one unit.
            const f32 by_charge = i == 2 ? units::CURVATURE_PER_TESLA : 0.0f;
            const Vector3 d1 = cross(start, b1) * qc + stages.turn[0] * by_charge;
            const Vector3 d2 = cross(start + d1 * (0.5f * h), b2) * qc + stages.turn[1] * by_charge;
            const Vector3 d3 = cross(start + d2 * (0.5f * h), b2) * qc + stages.turn[2] * by_charge;
            const Vector3 d4 = cross(start + d3 * h, b4) * qc + stages.turn[3] * by_charge;
            position_by[i] += (start + (d1 + d2 + d3) * (h / 6.0f)) * h;
            direction_by[i] = start + (d1 + (d2 + d3) * 2.0f + d4) * (h / 6.0f);
        }
    }

    /// Moves by a distance so short, in mm, that the third order of the path does not matter.
    __device__ inline void parabolic_step(f32 h, const MagneticField& field) {
        const f32 qc = q_over_p * units::CURVATURE_PER_TESLA;
        const Vector3 b = field.at(position);
        const Vector3 turn = cross(direction, b);
        const Vector3 k = turn * qc;
#pragma unroll
        for (u32 i = 0; i < 3; i++) {
            const f32 by_charge = i == 2 ? units::CURVATURE_PER_TESLA : 0.0f;
            const Vector3 d = cross(direction_by[i], b) * qc + turn * by_charge;
            position_by[i] += (direction_by[i] + d * (0.5f * h)) * h;
            direction_by[i] += d * h;
        }
        position += (direction + k * (0.5f * h)) * h;
        direction = unit(direction + k * h);
        path += h;
        curvature = cross(direction, b) * qc;
    }
};

}  // namespace propagation
}  // namespace traccc
