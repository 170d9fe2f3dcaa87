// Transport of track parameters from sensor to sensor. See `propagation/propagator.rs`.
//
// There a propagation runs from its start to its end. Here the threads of a block have one each, and what they have to do next is
// done in turn for all that have to: so lanes of a warp do the same at the same time, however different their ways are, and the
// warps of a block run the same code, which their processor has to fetch once. A thread whose propagation has ended turns to the
// next one while the others go on.
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

/// What is large of a propagation and seldom used.
struct Workspace {
    /// From the start to the last material and, at the end, of `PropagatedState::vector` by the starting vector.
    Matrix5 jacobian;
    /// Covariance gained in the material on the way and of the sensor.
    Symmetric5<f32> noise;
};

namespace propagation {

/// Below this distance the third order of the path does not matter, in mm.
constexpr f32 PARABOLIC = 0.3f;
/// Error of the parabola up to which volumes are searched from afar, in mm.
constexpr f32 SEE_THROUGH = 0.05f;
/// Searches of one volume without reaching anything.
constexpr u32 MAX_SEARCHES = 3;

/// See `Propagation::carry_to`. A call, not inlined: its code is long and asked for twice.
__device__ __noinline__ void carry(LocalFrame frame, Stepper stepper, bool has_jacobian, Workspace& work) {
    Matrix5 here;
    frame_jacobian(frame, stepper, here);
    if (!has_jacobian) {
        work.jacobian = here;
        return;
    }
    work.noise = work.noise.transported(here);
    work.jacobian = product(here, work.jacobian);
}

/// What a propagation does next, or how it has ended.
enum class Task : u32 {
    /// It waits for the surfaces ahead.
    SEARCH,
    /// It steps towards its target.
    APPROACH,
    /// It is at a sensor.
    SENSOR,
    /// It is outside the detector.
    LEFT_DETECTOR,
    /// It is given up.
    ABORTED,
    /// There is none, but may be.
    IDLE,
    /// There is none any more.
    FINISHED,
};

/// Carries (loc0, loc1, phi, theta, q/p) on a surface to the next sensor that is met.
struct Propagation {
    Scene scene;
    Particle particle;
    Workspace& work;
    Limits limits;
    Task task;
    Stepper stepper;
    /// The stepper as it was before a look through a portal, if that was the last thing done.
    Option<Stepper> before;
    /// Whether it may look through portals.
    bool look;
    /// Whether material has been crossed, where the stepper's derivatives start anew: `work.jacobian` leads there.
    bool has_jacobian;
    /// Whether all candidates were missed and it looks again.
    bool again;
    /// The volume of the last surface reached.
    VolumeIndex volume;
    Request request;
    u32 searches;
    u32 steps;
    /// Surfaces ahead, and the nearest of them that has neither been reached nor missed.
    Candidates ahead;
    u32 next;
    Candidate target;

    __device__ __forceinline__ Propagation(const Scene& scene, Particle particle, const Limits& limits,
                                           Workspace& work)
        : scene(scene), particle(particle), work(work), limits(limits), task(Task::IDLE) {}

    /// `expected` names a sensor known to have been hit; `NONE` for none.
    __device__ inline void start(const f32 (&vector)[5], SurfaceIndex index, SurfaceIndex expected) {
        const Surface& surface = scene.detector->surfaces[index];
        const Pair local = Pair{{vector[0], vector[1]}};
        const LocalFrame frame = surface.frame(local);
        stepper = Stepper::start(surface.to_global(local), direction(vector[2], vector[3]), vector[4], frame.tangents,
                                 *scene.field);
        work.noise = Symmetric5<f32>::zeros();
        has_jacobian = false;
        before.is_some = false;
        look = true;
        again = false;
        volume = surface.volume;
        searches = 0;
        steps = 0;
        request.expected = expected;
        search(volume, 0.0f, index);
        if (!has_momentum()) task = Task::ABORTED;
    }

    __device__ __forceinline__ bool has_ended() const { return task > Task::APPROACH; }

    __device__ __forceinline__ Parabola parabola() const {
        return Parabola{stepper.position, stepper.direction, stepper.curvature};
    }

    /// Asks for the surfaces of a volume that is entered after a path.
    __device__ __forceinline__ void search(VolumeIndex where, f32 entry, SurfaceIndex standing_on) {
        request.volume = where;
        request.entry = entry;
        request.standing_on = standing_on;
        task = Task::SEARCH;
    }

    /// Goes on with the surfaces that were asked for.
    __device__ inline void searched() {
        next = 0;
        if (again && (searches > MAX_SEARCHES || ahead.len == 0)) {
            task = Task::ABORTED;
            return;
        }
        again = false;
        aim();
    }

    /// Chooses what to do about the nearest surface ahead.
    __device__ inline void aim() {
        steps++;
        if (steps > limits.max_steps) {
            task = Task::ABORTED;
        } else if (next >= ahead.len) {
            search(volume, 0.0f, NONE);
            if (before.is_some) {
                // The surfaces seen from afar were missed: go back and step to the portal instead.
                stepper = before.value;
                before.is_some = false;
                look = false;
            } else {
                // All candidates were missed: look again from here, but not for ever.
                searches++;
                again = true;
            }
        } else {
            target = ahead.candidates[next];
            const Surface& surface = scene.detector->surfaces[target.surface];
            if (!(look && sees_through(surface))) {
                task = Task::APPROACH;
            } else if (!is_some(target.link)) {
                task = Task::LEFT_DETECTOR;
            } else {
                if (!before.is_some) before = some(stepper);
                search(target.link, target.path, NONE);
            }
        }
    }

    /// Whether a portal need not be stepped to: it is bare, and so near that the parabola is good behind it, too.
    __device__ __forceinline__ bool sees_through(const Surface& surface) const {
        return surface.kind == SurfaceKind::PORTAL && !surface.material.is_some() && target.path > 0.0f &&
               target.path * target.path * target.path * dot(stepper.curvature, stepper.curvature) <
                   6.0f * SEE_THROUGH;
    }

    /// A step to the target, until it is reached or turns out to be missed.
    __device__ inline void approach() {
        const MagneticField& field = *scene.field;
        if (abs(target.path) > PARABOLIC) {
            stepper.step(target.path, field, *scene.cuts);
            steps++;
            if (steps > limits.max_steps || stepper.path > limits.max_path) {
                task = Task::ABORTED;
                return;
            }
            const Option<Candidate> nearer = meet(target.surface);
            if (!nearer.is_some) {
                next_target();
                aim();
                return;
            }
            target = nearer.value;
            if (abs(target.path) > PARABOLIC) return;
        }
        stepper.parabolic_step(target.path, field);
        reached(scene.detector->surfaces[target.surface]);
    }

    /// Passes the target.
    __device__ inline void reached(const Surface& surface) {
        volume = surface.volume;
        before.is_some = false;
        look = true;
        searches = 0;
        if (surface.kind == SurfaceKind::SENSITIVE && stepper.path > limits.min_step_to_next_surface) {
            task = Task::SENSOR;
            return;
        }
        if (surface.material.is_some() && !cross_material(surface)) {
            task = Task::ABORTED;
            return;
        }
        stepper.reset_step();
        if (surface.kind != SurfaceKind::PORTAL) {
            next_target();
            aim();
        } else if (is_some(target.link)) {
            volume = target.link;
            search(volume, 0.0f, NONE);
        } else {
            task = Task::LEFT_DETECTOR;
        }
    }

    /// A surface from where the stepper is now, also a little behind.
    __device__ __forceinline__ Option<Candidate> meet(SurfaceIndex index) const {
        return Navigator{scene.detector, scene.cuts}.meet(parabola(), index, request.expected,
                                                          scene.cuts->overstep_tolerance);
    }

    /// Drops the target and those after it that are no longer met.
    __device__ inline void next_target() {
        for (next++; next < ahead.len; next++) {
            const Option<Candidate> updated = meet(ahead.candidates[next].surface);
            if (updated.is_some) {
                ahead.candidates[next] = updated.value;
                return;
            }
        }
    }

    __device__ __forceinline__ bool has_momentum() const {
        const f32 p = 1.0f / abs(stepper.q_over_p);
        return p > limits.min_p && p * perp(stepper.direction.x, stepper.direction.y) > limits.min_pt;
    }

    /// Adds the material at the present place to `noise`, whose frame is `frame`; false when the particle stops.
    __device__ inline bool add_material(const Surface& surface, const Pair& local, f32 normal) {
        const Slab* slab = scene.detector->slab_at(surface, local);
        if (slab == nullptr) return true;
        const Interaction effect = interact(*slab, normal, stepper.q_over_p, particle);
        const Option<f32> q_over_p = after_loss(stepper.q_over_p, effect.mean_loss, particle);
        if (!q_over_p.is_some) return false;
        const Vector3 direction = stepper.direction;
        const f32 transverse2 = direction.x * direction.x + direction.y * direction.y;
        const f32 angle2 = effect.scattering_angle * effect.scattering_angle;
        work.noise(2, 2) += angle2 / transverse2;
        work.noise(3, 3) += angle2;
        work.noise(4, 4) += effect.sigma_q_over_p * effect.sigma_q_over_p;
        stepper.curvature *= q_over_p.value / stepper.q_over_p;
        stepper.q_over_p = q_over_p.value;
        return has_momentum();
    }

    /// Crosses the material of a surface that does not measure: in the curvilinear frame, whatever its shape.
    __device__ inline bool cross_material(const Surface& surface) {
        const Pair local = surface.to_local(stepper.position);
        if (scene.detector->slab_at(surface, local) == nullptr) return true;
        const f32 normal = dot(surface.normal(local), stepper.direction);
        const LocalFrame frame = LocalFrame::curvilinear(stepper.direction);
        carry_to(frame);
        stepper.restart_derivatives(frame.tangents);
        return add_material(surface, local, normal);
    }

    /// Brings the Jacobian and the noise to a frame at the present place.
    __device__ __forceinline__ void carry_to(const LocalFrame& frame) {
        carry(frame, stepper, has_jacobian, work);
        has_jacobian = true;
    }

    /// Takes the parameters at the sensor where it is; false when the particle stops there.
    __device__ inline bool arrive(PropagatedState& state) {
        const Surface& surface = scene.detector->surfaces[target.surface];
        const Pair local = surface.to_local(stepper.position);
        const LocalFrame frame = surface.frame(local);
        carry_to(frame);
        const f32 normal = dot(frame.normal, stepper.direction);
        if (!(has_momentum() && add_material(surface, local, normal))) return false;
        const Vector3 direction = stepper.direction;
        const f32 phi = atan2(direction.y, direction.x);
        const f32 theta = atan2(perp(direction.x, direction.y), direction.z);
        state = PropagatedState{target.surface, {local[0], local[1], phi, theta, stepper.q_over_p}, stepper.path};
        return true;
    }
};

/// Threads whose propagation has ended wait until so many of the block's are in their place, as long as there is other work.
constexpr u32 TURN_TOGETHER = TEAM / 2;

}  // namespace propagation

/// Runs propagations, `count` in all blocks, one after another in each thread. `work.turn(propagation)` takes what has become of
/// the last one and starts the next, or makes the task `FINISHED`. All threads of the block call it; those without work help the
/// others to search.
template <class Work>
__device__ inline void propagate_all(propagation::Propagation& propagation, u32 count,
                                     propagation::NavigationMemory& memory, Work& work) {
    using propagation::Task;
    // Few are spread over all warps.
    const u32 warps = gridDim.x * (blockDim.x / 32);
    if ((threadIdx.x & 31) * warps >= count) propagation.task = Task::FINISHED;
    for (;;) {
        const bool ended = propagation.has_ended() && propagation.task != Task::FINISHED;
        const u32 waiting = __syncthreads_count(ended), busy = __syncthreads_count(!propagation.has_ended());
        if (waiting + busy == 0) return;
        if (ended && (busy == 0 || waiting >= propagation::TURN_TOGETHER)) work.turn(propagation);
        for (;;) {
            const bool wants = propagation.task == Task::SEARCH;
            if (!__syncthreads_or(wants)) break;
            const propagation::Navigator navigator{propagation.scene.detector, propagation.scene.cuts};
            navigator.search(wants, propagation.request, propagation.parabola(), memory, propagation.ahead);
            if (wants) propagation.searched();
        }
        if (propagation.task == Task::APPROACH) propagation.approach();
    }
}

}  // namespace traccc
