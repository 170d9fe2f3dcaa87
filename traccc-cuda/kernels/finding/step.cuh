// One step of all candidates. See `finding/step.rs`.
#pragma once
#include "finding/finding.cuh"
#include "propagation/propagator.cuh"

namespace traccc {

/// A candidate that has arrived at a sensor.
struct Candidate {
    f32 vector[5];
    Symmetric5<f32> covariance;
    u32 surface;
    u32 event;
};

/// The candidate whose measurement or hole is a link that comes from link `previous`, or from a seed.
__device__ inline Candidate candidate_of(const Batch& batch, u32 previous, u32 seed) {
    Candidate candidate;
    if (previous == NONE) {
        const BoundParameters& parameters = batch.parameters[seed];
        for (u32 i = 0; i < 5; i++) candidate.vector[i] = parameters.vector[i];
        candidate.covariance = parameters.covariance;
        candidate.surface = parameters.surface;
        candidate.event = event_of(batch.parameter_first, batch.head->events, seed);
    } else {
        const Arrival arrival = batch.arrivals[previous];
        for (u32 i = 0; i < 5; i++) candidate.vector[i] = arrival.vector[i];
        candidate.covariance = arrival.covariance;
        candidate.surface = arrival.surface;
        candidate.event = arrival.event;
    }
    return candidate;
}

/// A measurement within the chi2 limit.
struct Compatible {
    f32 chi2;
    u32 measurement;
};

/// The best compatible measurement of a candidate's sensor behind `after`, if given; equal ones by number. In this order
/// `rank` of the CPU has them.
__device__ inline Option<Compatible> next_best(const Batch& batch, const Candidate& candidate, f32 max_chi2,
                                               const Option<Compatible>& after) {
    const Rows range = batch.surface_measurements[candidate.event * batch.surfaces + candidate.surface];
    const i32 after_order = after.is_some ? total_order(after.value.chi2) : 0;
    Option<Compatible> best = none<Compatible>();
    i32 best_order = 0;
    const u32 end = min(range[1], batch.capacities.measurements);
    for (u32 measurement = range[0]; measurement < end; measurement++) {
        const auto seen = Observation<f32>::of(batch, measurement);
        const f32 chi2 = predicted_chi2(candidate.vector, candidate.covariance, seen);
        if (!(chi2 >= 0.0f && chi2 <= max_chi2)) continue;
        const i32 order = total_order(chi2);
        if (after.is_some &&
            !(order > after_order || (order == after_order && measurement > after.value.measurement)))
            continue;
        if (!best.is_some || order < best_order) {
            best = some(Compatible{chi2, measurement});
            best_order = order;
        }
    }
    return best;
}

/// Uses a measurement; false when that leaves no track.
__device__ inline bool use_measurement(const Batch& batch, u32 measurement, Candidate& candidate) {
    update(candidate.vector, candidate.covariance, Observation<f32>::of(batch, measurement));
    return normalize(candidate.vector, candidate.covariance);
}

/// The next compatible measurement whose use leaves a track.
__device__ inline Option<Compatible> next_extension(const Batch& batch, const Candidate& candidate, f32 max_chi2,
                                                    Option<Compatible> after) {
    for (;;) {
        after = next_best(batch, candidate, max_chi2, after);
        if (!after.is_some) return after;
        Candidate updated = candidate;
        if (use_measurement(batch, after.value.measurement, updated)) return after;
    }
}

/// The links that a candidate gets.
struct Extensions {
    u32 count;
    /// The first of its measurements; none for a hole.
    Option<Compatible> best;
};

__device__ inline Extensions extensions_of(const Batch& batch, const FindingCuts& config, const Candidate& candidate) {
    Extensions extensions{1, none<Compatible>()};
    if (config.max_branches_per_surface == 0) return extensions;
    extensions.best = next_extension(batch, candidate, config.max_chi2, extensions.best);
    if (!extensions.best.is_some) return extensions;
    Option<Compatible> last = extensions.best;
    while (extensions.count < config.max_branches_per_surface) {
        last = next_extension(batch, candidate, config.max_chi2, last);
        if (!last.is_some) break;
        extensions.count++;
    }
    return extensions;
}

/// Of a candidate without its measurement: what it has from the link before.
__device__ inline Link base_link(const Batch& batch, u32 previous, u32 seed) {
    Link link{previous, NONE, seed, 0, 0, 0.0f, 0.0f, 0};
    if (previous != NONE) {
        const Link before = batch.links[previous];
        link.seed = before.seed;
        link.holes = before.holes;
        link.consecutive_holes = before.consecutive_holes;
        link.chi2_sum = before.chi2_sum;
        link.coordinates = before.coordinates;
    }
    return link;
}

/// The link of a candidate with a measurement.
__device__ inline Link with_measurement(const Batch& batch, const Link& base, const Compatible& seen) {
    Link link = base;
    link.measurement = seen.measurement;
    link.consecutive_holes = 0;
    link.chi2 = seen.chi2;
    link.chi2_sum = base.chi2_sum + seen.chi2;
    link.coordinates = base.coordinates + Subspace{batch.subspace[seen.measurement]}.dimensions();
    return link;
}

/// The link of a candidate without one.
__device__ inline Link with_hole(const Link& base) {
    Link link = base;
    link.holes = base.holes + 1;
    link.consecutive_holes = base.consecutive_holes + 1;
    return link;
}

/// Whether a surviving link is among the first `most` surviving ones of its seed and step. Links of a seed lie together.
__device__ inline bool within_branch_limit(const Batch& batch, u32 first, u32 row, u32 seed, u32 most) {
    u32 count = 1;
    for (u32 earlier = row; earlier > first && batch.links[earlier - 1].seed == seed && count <= most; earlier--)
        count += batch.link_status[earlier - 1] != DOMINATED;
    return count <= most;
}

/// Carries the links of a step that survive to their next sensors, or ends their tracks: one after another in each thread.
struct FollowLinks {
    const Tables& tables;
    const Batch& batch;
    u32 step;
    StepRange links;
    /// The link that is followed, its event, and the covariance of its parameters.
    u32 row;
    u32 event;
    Symmetric5<f32> covariance;

    __device__ inline void turn(propagation::Propagation& propagation) {
        using propagation::Task;
        if (propagation.task != Task::IDLE) batch.link_status[row] = arrived(propagation);
        const u32 most = tables.settings.finding.max_branches_per_seed;
        do {
            row = links.first + atomicAdd(&batch.follow_next[step], 1u);
            if (row >= links.end) {
                propagation.task = Task::FINISHED;
                return;
            }
        } while (batch.link_status[row] == DOMINATED ||
                 !within_branch_limit(batch, links.first, row, batch.links[row].seed, most) || !follow(propagation));
    }

    /// Starts to carry the link; false if its track ends here.
    __device__ inline bool follow(propagation::Propagation& propagation) {
        const FindingCuts& config = tables.settings.finding;
        const Link link = batch.links[row];
        const bool last = step + 1 == config.max_measurements;
        if (link.holes > config.max_holes || link.consecutive_holes > config.max_consecutive_holes || last) {
            batch.link_status[row] = ENDED;
            return false;
        }
        // The update again, rather than storing what it gave.
        Candidate from = candidate_of(batch, link.previous, link.seed);
        if (link.measurement != NONE) use_measurement(batch, link.measurement, from);
        event = from.event;
        covariance = from.covariance;
        propagation.start(from.vector, from.surface, NONE);
        return true;
    }

    /// Takes what has become of it.
    __device__ inline LinkStatus arrived(propagation::Propagation& propagation) {
        const FindingCuts& config = tables.settings.finding;
        PropagatedState arrival;
        if (propagation.task != propagation::Task::SENSOR || !propagation.arrive(arrival) || !is_track(arrival.vector))
            return step + 1 >= config.min_measurements ? ENDED : DROPPED;
        Arrival& place = batch.arrivals[row];
        for (u32 i = 0; i < 5; i++) place.vector[i] = arrival.vector[i];
        place.surface = arrival.surface;
        place.event = event;
        place.covariance = covariance.transported(propagation.work.jacobian) + propagation.work.noise;
        if (config.smoother != 0) batch.jacobians[row] = propagation.work.jacobian;
        return ARRIVED;
    }
};

}  // namespace traccc
