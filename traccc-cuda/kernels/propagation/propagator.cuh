// Transport of track parameters from sensor to sensor. See `propagation/propagator.rs`.
#pragma once
#include "detector/detector.cuh"
#include "field.cuh"
#include "math/math.cuh"
#include "propagation/frame.cuh"
#include "propagation/interaction.cuh"
#include "propagation/navigation.cuh"
#include "propagation/stepper.cuh"
#include "settings.cuh"

namespace traccc {

/// What tracks move through, and how closely they are followed.
struct Scene {
    const Detector* detector;
    const MagneticField* field;
    const PropagationCuts* cuts;
};

/// Parameters at the next sensor, before any of its measurements is used but after its material. What is large of them is in the
/// workspace.
struct PropagatedState {
    SurfaceIndex surface;
    /// (loc0, loc1, phi, theta, q/p) there.
    f32 vector[5];
    /// Path from the start, in mm.
    f32 path;
};

/// Memory of a propagation, which the lanes of a team share.
struct Workspace {
    propagation::Candidates candidates;
    /// From the start to the last material and, at the end, of `PropagatedState::vector` by the starting vector.
    Matrix5 jacobian;
    /// Covariance gained in the material on the way and of the sensor.
    Symmetric5<f32> noise;
    /// From the last material to the present place.
    Matrix5 here;
    /// Half of a product.
    Matrix5 half;
};

/// How a propagation ends.
struct PropagationResult {
    enum Kind : u32 {
        /// At a sensor.
        SENSOR,
        /// Outside the detector.
        LEFT_DETECTOR,
        /// Given up.
        ABORTED,
    };

    Kind kind;
    /// At a sensor; otherwise not even written.
    PropagatedState state;

    __device__ static __forceinline__ PropagationResult without_state(Kind kind) {
        PropagationResult result;
        result.kind = kind;
        return result;
    }
};

/// Carries track parameters from sensor to sensor; all lanes of a team carry the same ones.
template <u32 LANES>
struct Propagator {
    Scene scene;
    Particle particle;
    Limits limits;

    /// Carries (loc0, loc1, phi, theta, q/p) on a surface to the next sensor that is met.
    ///
    /// `expected` names a sensor known to have been hit; `NONE` for none.
    __device__ inline PropagationResult to_next_sensor(const f32 (&vector)[5], SurfaceIndex surface,
                                                       SurfaceIndex expected, Workspace& work) const;
};

/// `product(left, right)` into `right`, by way of `half`.
template <u32 LANES>
__device__ __noinline__ void multiply(Team<LANES> team, const Matrix5& left, Matrix5& right, Matrix5& half) {
    if constexpr (LANES == 1) {
        right = product(left, right);
        return;
    }
#pragma unroll 1
    FOR_EACH_OF_TEAM(LANES, team, e, 25) {
        const u32 i = e % 5, j = e / 5;
        f32 sum = left(i, 0) * right(0, j);
#pragma unroll
        for (u32 k = 1; k < 5; k++) sum += left(i, k) * right(k, j);
        half(i, j) = sum;
    }
    team.sync();
    FOR_EACH_OF_TEAM(LANES, team, e, 25) right.m[e] = half.m[e];
    team.sync();
}

/// `covariance.transported(jacobian)` into `covariance`, by way of `half`.
template <u32 LANES>
__device__ __noinline__ void transport(Team<LANES> team, const Matrix5& jacobian, Symmetric5<f32>& covariance,
                                 Matrix5& half) {
    if constexpr (LANES == 1) {
        covariance = covariance.transported(jacobian);
        return;
    }
#pragma unroll 1
    FOR_EACH_OF_TEAM(LANES, team, e, 25) {
        const u32 i = e % 5, j = e / 5;
        f32 sum = jacobian(i, 0) * covariance(0, j);
#pragma unroll
        for (u32 k = 1; k < 5; k++) sum += jacobian(i, k) * covariance(k, j);
        half(i, j) = sum;
    }
    team.sync();
#pragma unroll 1
    FOR_EACH_OF_TEAM(LANES, team, e, 15) {
        const u32 i = e < 1 ? 0 : e < 3 ? 1 : e < 6 ? 2 : e < 10 ? 3 : 4;
        const u32 j = e - i * (i + 1) / 2;
        f32 sum = 0.0f;
#pragma unroll
        for (u32 k = 0; k < 5; k++) sum += half(i, k) * jacobian(j, k);
        covariance.m[e] = sum;
    }
    team.sync();
}

namespace propagation {

/// Below this distance the third order of the path does not matter, in mm.
constexpr f32 PARABOLIC = 0.3f;
/// Error of the parabola up to which volumes are searched from afar, in mm.
constexpr f32 SEE_THROUGH = 0.05f;
/// Searches of one volume without reaching anything.
constexpr u32 MAX_SEARCHES = 3;

/// How an approach to a surface ends.
struct Approach {
    enum Kind : u32 { REACHED, MISSED, GIVEN_UP };

    Kind kind;
    /// The volume behind the mask that was reached.
    VolumeIndex link;
};

/// See `Propagation::carry_to`. A call by value, not inlined: its code is long and asked for twice, and what is passed stays in
/// registers.
template <u32 LANES>
__device__ __noinline__ void carry(Team<LANES> team, LocalFrame frame, Stepper<LANES> stepper, bool has_jacobian,
                                   Workspace& work) {
    frame_jacobian(frame, stepper, team, has_jacobian ? work.here : work.jacobian);
    team.sync();
    if (!has_jacobian) return;
    transport(team, work.here, work.noise, work.half);
    multiply(team, work.here, work.jacobian, work.half);
}

/// A propagation under way.
template <u32 LANES>
struct Propagation {
    Team<LANES> team;
    const Propagator<LANES>& propagator;
    Navigator<LANES> navigator;
    Stepper<LANES> stepper;
    /// The volume of the last surface reached.
    VolumeIndex volume;
    /// Whether material has been crossed, where the stepper's derivatives start anew: `work.jacobian` leads there.
    bool has_jacobian;
    Workspace& work;
    /// The nearest of the surfaces ahead that has neither been reached nor missed.
    u32 next;
    u32 steps;

    __device__ inline PropagationResult run(SurfaceIndex start) {
        // What is to be searched next. All searches go through one place, whose code is long.
        bool search = true;
        VolumeIndex where = volume;
        f32 entry = 0.0f;
        SurfaceIndex standing_on = start;
        u32 searches = 0;
        bool again = false;
        // The stepper as it was before a look through a portal, and whether it may look.
        Option<Stepper<LANES>> before = none<Stepper<LANES>>();
        bool look = true;
        for (;;) {
            if (search) {
                navigator.search(where, parabola(), entry, standing_on, work.candidates);
                next = 0;
                search = false;
                standing_on = NONE;
                if (again && (searches > MAX_SEARCHES || !work.candidates.target(next).is_some))
                    return PropagationResult::without_state(PropagationResult::ABORTED);
                again = false;
            }
            steps++;
            if (steps > propagator.limits.max_steps) return PropagationResult::without_state(PropagationResult::ABORTED);
            const Option<Candidate> nearest = work.candidates.target(next);
            if (!nearest.is_some) {
                search = true;
                where = volume;
                entry = 0.0f;
                if (before.is_some) {
                    // The surfaces seen from afar were missed: go back and step to the portal instead.
                    stepper = before.value;
                    before.is_some = false;
                    look = false;
                    continue;
                }
                // All candidates were missed: look again from here, but not for ever.
                searches++;
                again = true;
                continue;
            }
            const Candidate target = nearest.value;
            const Surface& surface = propagator.scene.detector->surfaces[target.surface];
            if (look && sees_through(target, surface)) {
                if (!is_some(target.link)) return PropagationResult::without_state(PropagationResult::LEFT_DETECTOR);
                if (!before.is_some) before = some(stepper);
                search = true;
                where = target.link;
                entry = target.path;
                continue;
            }
            const Approach reached = approach(target, surface);
            if (reached.kind == Approach::MISSED) {
                next_target();
                continue;
            }
            if (reached.kind == Approach::GIVEN_UP) return PropagationResult::without_state(PropagationResult::ABORTED);
            volume = surface.volume;
            before.is_some = false;
            look = true;
            searches = 0;
            if (surface.kind == SurfaceKind::SENSITIVE &&
                stepper.path > propagator.limits.min_step_to_next_surface)
                return arrive(target.surface, surface);
            if (surface.material.is_some() && !cross_material(surface))
                return PropagationResult::without_state(PropagationResult::ABORTED);
            if (surface.kind == SurfaceKind::PORTAL) {
                if (!is_some(reached.link)) return PropagationResult::without_state(PropagationResult::LEFT_DETECTOR);
                volume = reached.link;
                search = true;
                where = volume;
                entry = 0.0f;
            } else {
                next_target();
            }
            stepper.reset_step();
        }
    }

    /// Whether a portal need not be stepped to: it is bare, and so near that the parabola is good behind it, too.
    __device__ __forceinline__ bool sees_through(const Candidate& target, const Surface& surface) const {
        return surface.kind == SurfaceKind::PORTAL && !surface.material.is_some() && target.path > 0.0f &&
               target.path * target.path * target.path * dot(stepper.curvature, stepper.curvature) <
                   6.0f * SEE_THROUGH;
    }

    /// Steps to a surface until it is reached or turns out to be missed.
    __device__ __forceinline__ Approach approach(const Candidate& target, const Surface& surface) {
        const MagneticField& field = *propagator.scene.field;
        const Limits& limits = propagator.limits;
        Candidate candidate = target;
        while (abs(candidate.path) > PARABOLIC) {
            stepper.step(candidate.path, field, *propagator.scene.cuts);
            steps++;
            if (steps > limits.max_steps || stepper.path > limits.max_path) return Approach{Approach::GIVEN_UP, NONE};
            const Option<Candidate> nearer = meet(target.surface, surface);
            if (!nearer.is_some) return Approach{Approach::MISSED, NONE};
            candidate = nearer.value;
        }
        stepper.parabolic_step(candidate.path, field);
        return Approach{Approach::REACHED, candidate.link};
    }

    /// The surface from where the stepper is now, also a little behind.
    __device__ __forceinline__ Option<Candidate> meet(SurfaceIndex index, const Surface& surface) const {
        return navigator.meet(parabola(), index, surface, propagator.scene.cuts->overstep_tolerance);
    }

    /// Drops the target and those after it that are no longer met.
    __device__ inline void next_target() {
        next++;
        for (;;) {
            const Option<Candidate> target = work.candidates.target(next);
            if (!target.is_some) return;
            const SurfaceIndex index = target.value.surface;
            const Option<Candidate> updated = meet(index, propagator.scene.detector->surfaces[index]);
            if (updated.is_some) {
                team.sync();
                if (team.leads()) work.candidates.candidates[next] = updated.value;
                team.sync();
                return;
            }
            next++;
        }
    }

    __device__ __forceinline__ Parabola parabola() const {
        return Parabola{stepper.position, stepper.direction, stepper.curvature};
    }

    __device__ __forceinline__ bool has_momentum() const {
        const Limits& limits = propagator.limits;
        const f32 p = 1.0f / abs(stepper.q_over_p);
        return p > limits.min_p && p * perp(stepper.direction.x, stepper.direction.y) > limits.min_pt;
    }

    /// Adds the material at the present place to `noise`, whose frame is `frame`; false when the particle stops.
    __device__ inline bool add_material(const Surface& surface, const Pair& local, f32 normal) {
        const Slab* slab = propagator.scene.detector->slab_at(surface, local);
        if (slab == nullptr) return true;
        const Interaction effect = interact(*slab, normal, stepper.q_over_p, propagator.particle);
        const Option<f32> q_over_p = after_loss(stepper.q_over_p, effect.mean_loss, propagator.particle);
        if (!q_over_p.is_some) return false;
        const Vector3 direction = stepper.direction;
        const f32 transverse2 = direction.x * direction.x + direction.y * direction.y;
        const f32 angle2 = effect.scattering_angle * effect.scattering_angle;
        if (team.leads()) {
            work.noise(2, 2) += angle2 / transverse2;
            work.noise(3, 3) += angle2;
            work.noise(4, 4) += effect.sigma_q_over_p * effect.sigma_q_over_p;
        }
        team.sync();
        stepper.curvature *= q_over_p.value / stepper.q_over_p;
        stepper.q_over_p = q_over_p.value;
        return has_momentum();
    }

    /// Crosses the material of a surface that does not measure: in the curvilinear frame, whatever its shape.
    __device__ inline bool cross_material(const Surface& surface) {
        const Pair local = surface.to_local(stepper.position);
        if (propagator.scene.detector->slab_at(surface, local) == nullptr) return true;
        const f32 normal = dot(surface.normal(local), stepper.direction);
        const LocalFrame frame = LocalFrame::curvilinear(stepper.direction);
        carry_to(frame);
        stepper.restart_derivatives(frame.tangents);
        return add_material(surface, local, normal);
    }

    /// Brings the Jacobian and the noise to a frame at the present place.
    __device__ __forceinline__ void carry_to(const LocalFrame& frame) {
        carry(team, frame, stepper, has_jacobian, work);
        has_jacobian = true;
    }

    __device__ inline PropagationResult arrive(SurfaceIndex index, const Surface& surface) {
        const Pair local = surface.to_local(stepper.position);
        const LocalFrame frame = surface.frame(local);
        carry_to(frame);
        const f32 normal = dot(frame.normal, stepper.direction);
        if (!(has_momentum() && add_material(surface, local, normal)))
            return PropagationResult::without_state(PropagationResult::ABORTED);
        const Vector3 direction = stepper.direction;
        const f32 phi = atan2(direction.y, direction.x);
        const f32 theta = atan2(perp(direction.x, direction.y), direction.z);
        return PropagationResult{
            PropagationResult::SENSOR,
            {index, {local[0], local[1], phi, theta, stepper.q_over_p}, stepper.path}};
    }
};

}  // namespace propagation

template <u32 LANES>
__device__ inline PropagationResult Propagator<LANES>::to_next_sensor(const f32 (&vector)[5], SurfaceIndex surface,
                                                                      SurfaceIndex expected, Workspace& work) const {
    using namespace propagation;
    const Surface& start = scene.detector->surfaces[surface];
    const Pair local = Pair{{vector[0], vector[1]}};
    const LocalFrame frame = start.frame(local);
    const Team<LANES> team = Team<LANES>::here();
    team.sync();
    FOR_EACH_OF_TEAM(LANES, team, e, 15) work.noise.m[e] = 0.0f;
    team.sync();
    Propagation<LANES> propagation{
        team,
        *this,
        Navigator<LANES>{team, scene.detector, scene.cuts, expected},
        Stepper<LANES>::start(start.to_global(local), direction(vector[2], vector[3]), vector[4], frame.tangents,
                              *scene.field),
        start.volume,
        false,
        work,
        0,
        0,
    };
    if (!propagation.has_momentum()) return PropagationResult::without_state(PropagationResult::ABORTED);
    return propagation.run(surface);
}

}  // namespace traccc
