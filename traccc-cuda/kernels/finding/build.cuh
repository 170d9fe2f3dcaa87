// From the ends of links to tracks. See `finding/build.rs`.
#pragma once
#include "finding/finding.cuh"
#include "kalman/mbf.cuh"

namespace traccc {

/// A found track; `p_value` is the probability of its chi2.
__device__ inline Track summary(const Batch& batch, u32 tip, f32 p_value) {
    const Link link = batch.links[tip];
    u32 trailing = 0;
    for (u32 row = tip; row != NONE && batch.links[row].measurement == NONE; row = batch.links[row].previous)
        trailing++;
    Track track;
    track.parameters = batch.parameters[link.seed];
    track.chi2 = link.chi2_sum;
    track.ndf = (i32)link.coordinates - 5;
    track.p_value = p_value;
    track.holes = link.holes - trailing;
    track.outcome = FitOutcome{FitOutcome::NOT_FITTED};
    return track;
}

__device__ inline mbf::FilterStep filter_step(const Batch& batch, const Link& link) {
    mbf::FilterStep step;
    if (link.previous == NONE) {
        const BoundParameters& seed = batch.parameters[link.seed];
        for (u32 i = 0; i < 5; i++) step.predicted[i] = (f64)seed.vector[i];
        step.covariance = widen(seed.covariance);
        step.jacobian = Matrix<f64, 5, 5>::identity();
    } else {
        const Arrival& arrival = batch.arrivals[link.previous];
        for (u32 i = 0; i < 5; i++) step.predicted[i] = (f64)arrival.vector[i];
        step.covariance = widen(arrival.covariance);
        step.jacobian = widen(batch.jacobians[link.previous]);
    }
    step.observation.is_some = link.measurement != NONE;
    if (step.observation.is_some) step.observation.value = Observation<f32>::of(batch, link.measurement).widened();
    return step;
}

/// Smooths one track, whose states are `first` to `end`, from its tip on.
__device__ inline void smooth_one(const Batch& batch, u32 tip, u32 first, u32 end, Track& track) {
    const BoundParameters seed = batch.parameters[batch.links[tip].seed];
    mbf::Smoother smoother = mbf::Smoother::start();
    bool sound = true;
    u32 free = end;
    for (u32 row = tip; row != NONE;) {
        const Link link = batch.links[row];
        const Option<SmoothedStep> smoothed = smoother.step(filter_step(batch, link));
        if (smoothed.is_some && free > first) {
            free--;
            const TrackState state = track_state(smoothed.value, link.chi2, batch.surface[link.measurement], seed);
            for (u32 i = 0; i < 5; i++) sound = sound && state.smoothed.covariance.diagonal(i) > 0.0f;
            batch.found_states[free] = state;
        }
        row = link.previous;
    }
    track.outcome = FitOutcome{!sound           ? FitOutcome::SMOOTHER_FAILED
                               : track.ndf <= 0 ? FitOutcome::NO_DEGREES_OF_FREEDOM
                                                : FitOutcome::SUCCESS};
    if (sound && first < end) track.parameters = batch.found_states[first].smoothed;
}

}  // namespace traccc
