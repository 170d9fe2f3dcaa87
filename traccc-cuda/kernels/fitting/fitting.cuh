// The Kalman fit of tracks whose measurements are known. See `fitting/mod.rs`.
#pragma once
#include "batch.cuh"
#include "kalman/two_filter.cuh"
#include "propagation/propagator.cuh"
#include "tables.cuh"

namespace traccc {

typedef Matrix<f64, 5, 5> FitMatrix;

/// What `FitOutcome` is not: the step worked.
constexpr u32 FITS = FitOutcome::NOT_FITTED;

/// The filter on its way.
struct Filter {
    f64 vector[5];
    /// The q/p that is propagated.
    f64 reference;
    Symmetric5<f64> covariance;
    /// From the last measurement to here.
    FitMatrix jacobian;
    Symmetric5<f64> noise;
    SurfaceIndex surface;
    u32 holes;
    f32 path;

    /// At the start of a track.
    __device__ inline void start(const BoundParameters& start, f64 inflation) {
        f64 diagonal[5];
#pragma unroll
        for (u32 i = 0; i < 5; i++) {
            vector[i] = (f64)start.vector[i];
            diagonal[i] = (f64)start.covariance.diagonal(i) * inflation;
        }
        reference = (f64)start.vector[4];
        covariance = Symmetric5<f64>::from_diagonal(diagonal);
        jacobian = FitMatrix::identity();
        noise = Symmetric5<f64>::zeros();
        surface = start.surface;
        holes = 0;
        path = 0.0f;
    }

    /// Takes over the arrival at a sensor.
    __device__ inline void carry(const PropagatedState& arrival, const Workspace& work) {
        const FitMatrix step = widen(work.jacobian);
        const Symmetric5<f64> gained = widen(work.noise);
        const f64 difference = vector[4] - reference;
        reference = (f64)arrival.vector[4];
#pragma unroll
        for (u32 i = 0; i < 5; i++) vector[i] = (f64)arrival.vector[i] + step(i, 4) * difference;
        covariance = covariance.transported(step) + gained;
        noise = noise.transported(step) + gained;
        jacobian = product(step, jacobian);
        surface = arrival.surface;
        path += arrival.path;
    }

    /// Adds a measurement at the present sensor, as step `place`; false when that leaves no track.
    __device__ inline bool add(const Observation<f64>& observation, FilteredStep& place) {
#pragma unroll
        for (u32 i = 0; i < 5; i++) place.predicted[i] = vector[i];
        place.chi2 = predicted_chi2(vector, covariance, observation);
        update(vector, covariance, observation);
#pragma unroll
        for (u32 i = 0; i < 5; i++) place.filtered[i] = vector[i];
        place.covariance = covariance;
        place.jacobian = jacobian;
        place.noise = noise;
        place.observation = observation;
        jacobian = FitMatrix::identity();
        noise = Symmetric5<f64>::zeros();
        return normalize(vector, covariance);
    }
};

/// The measurements of a track, with places for what the fit makes of each.
struct FitRows {
    const u32* ids;
    u32 count;
    FilteredStep* steps;
    TrackState* states;
};

/// The tracks that are fitted: the resolved ones, or else the found ones.
struct ToFit {
    const Batch& batch;
    const u32* event_first;
    const u32* offsets;
    const u32* measurements;
    const Track* tracks;
    u32 count;

    __device__ static __forceinline__ ToFit of(const Batch& batch, bool resolved) {
        const u32 count = resolved ? batch.resolved_first[batch.head->events] : batch.counters->tracks;
        return ToFit{batch,
                     resolved ? batch.resolved_first : batch.found_first,
                     resolved ? batch.resolved_offsets : batch.found_offsets,
                     resolved ? batch.resolved_measurements : batch.found_measurements,
                     resolved ? batch.resolved : batch.found,
                     min(count, batch.capacities.tracks)};
    }

    /// Measurements and places of a track; false where there is no room.
    __device__ __forceinline__ bool rows(u32 row, FitRows& rows) const {
        const u32 first = offsets[row], end = offsets[row + 1];
        if (end > min(batch.capacities.states, batch.capacities.fit_steps)) return false;
        rows = FitRows{measurements + first, end - first, batch.fit_steps + first, batch.fitted_states + first};
        return true;
    }
};

/// Filters tracks one after another in each thread. Whenever the filter has to be carried to another sensor, it lets the block do
/// that.
struct FilterTracks {
    const Tables& tables;
    const Batch& batch;
    ToFit tracks;
    u32 iteration;
    /// The track that is filtered and its measurements.
    u32 row;
    FitRows rows;
    /// The measurement that the filter is on its way to.
    u32 place;
    Filter filter;
    FitPass pass;

    __device__ inline void turn(propagation::Propagation& propagation) {
        using propagation::Task;
        bool has_track = propagation.task != Task::IDLE;
        if (has_track) pass.outcome = arrived(propagation);
        for (;;) {
            if (!has_track && !next_track()) {
                propagation.task = Task::FINISHED;
                return;
            }
            has_track = pass.outcome == FITS && place < rows.count;
            if (!has_track) {
                pass.inner = filter.holes - pass.leading;
                batch.fit_passes[row] = pass;
            } else if (filter.surface != target()) {
                reach(propagation);
                return;
            } else {
                pass.outcome = filter_one();
            }
        }
    }

    /// Takes a track.
    __device__ inline bool next_track() {
        do {
            row = atomicAdd(batch.fit_next, 1u);
            if (row >= tracks.count) return false;
        } while (!tracks.rows(row, rows));
        const bool first = iteration == 0;
        filter.start((first ? tracks.tracks : batch.fitted)[row].parameters,
                     (f64)tables.settings.fitting.covariance_inflation);
        place = 0;
        // What failed before is not tried again.
        pass = first ? FitPass{0.0, FITS, 0, 0, 0} : batch.fit_passes[row];
        pass.leading = 0;
        // As a sum of no terms in Rust.
        pass.chi2 = -0.0;
        // The start is a sensor, too.
        if (rows.count > 0 && target() != filter.surface) filter.holes = 1;
        return true;
    }

    __device__ __forceinline__ SurfaceIndex target() const { return batch.surface[rows.ids[place]]; }

    /// Lets the filter be carried to the next sensor.
    __device__ inline void reach(propagation::Propagation& propagation) {
        f32 vector[5];
#pragma unroll
        for (u32 i = 0; i < 5; i++) vector[i] = (f32)filter.vector[i];
        vector[4] = (f32)filter.reference;
        propagation.limits.max_path = tables.settings.fitting.limits.max_path - filter.path;
        propagation.start(vector, filter.surface, target());
    }

    /// Takes over the arrival, counting empty sensors; those of the measurements after the target must not come first.
    __device__ inline u32 arrived(propagation::Propagation& propagation) {
        using propagation::Task;
        if (propagation.task == Task::LEFT_DETECTOR) return FitOutcome::NOT_ALL_FITTED;
        PropagatedState arrival;
        if (propagation.task != Task::SENSOR || !propagation.arrive(arrival)) return FitOutcome::PROPAGATION_FAILED;
        if (arrival.surface != target()) {
            for (u32 i = place + 1; i < rows.count; i++)
                if (batch.surface[rows.ids[i]] == arrival.surface) return FitOutcome::NOT_ALL_FITTED;
            filter.holes += 1;
        }
        filter.carry(arrival, propagation.work);
        return FITS;
    }

    /// Uses the measurement where the filter is.
    __device__ inline u32 filter_one() {
        if (place == 0) pass.leading = filter.holes;
        FilteredStep& step = rows.steps[place];
        if (!filter.add(Observation<f32>::of(batch, rows.ids[place]).widened(), step)) return FitOutcome::FILTER_FAILED;
        pass.chi2 += step.chi2;
        place++;
        return FITS;
    }
};

/// The state of a measurement of a track whose fit failed: as Rust's default.
__device__ inline TrackState no_state() {
    TrackState state;
    for (u32 i = 0; i < 5; i++) state.smoothed.vector[i] = 0.0f;
    state.smoothed.time = 0.0f;
    state.smoothed.covariance = Symmetric5<f32>::zeros();
    state.smoothed.time_variance = 0.0f;
    state.smoothed.surface = NONE;
    state.filtered_chi2 = 0.0f;
    state.smoothed_chi2 = 0.0f;
    return state;
}

/// Smooths what the filter has stored; `FITS` or why not.
__device__ inline u32 smooth_fit(const Batch& batch, const FitRows& rows, const BoundParameters& start) {
    two_filter::Smoother smoother = two_filter::Smoother::start();
    for (u32 i = rows.count; i-- > 0;) {
        const FilteredStep step = rows.steps[i];
        const Option<SmoothedStep> smoothed = smoother.step(step);
        if (!smoothed.is_some) return FitOutcome::SMOOTHER_FAILED;
        rows.states[i] = track_state(smoothed.value, (f32)step.chi2, batch.surface[rows.ids[i]], start);
    }
    return FITS;
}

/// Ends one pass of a track: smooths, and stores what it gave.
__device__ inline void end_pass(const Batch& batch, u32 row, const FitRows& rows, u32 iteration, Track& track) {
    FitPass& pass = batch.fit_passes[row];
    if (pass.outcome == FITS) pass.outcome = smooth_fit(batch, rows, track.parameters);
    if (pass.outcome != FITS) {
        track.chi2 = 0.0f;
        track.ndf = 0;
        track.p_value = 0.0f;
        track.holes = 0;
        track.outcome = FitOutcome{pass.outcome};
        for (u32 i = 0; i < rows.count; i++) rows.states[i] = no_state();
        return;
    }
    u32 coordinates = 0;
    for (u32 i = 0; i < rows.count; i++) coordinates += Subspace{batch.subspace[rows.ids[i]]}.dimensions();
    // Later passes start at the first measurement.
    if (iteration == 0) pass.first_leading = pass.leading;
    if (rows.count > 0) track.parameters = rows.states[0].smoothed;
    track.ndf = (i32)coordinates - 5;
    track.chi2 = (f32)pass.chi2;
    track.p_value = probability(track.chi2, track.ndf);
    track.holes = pass.first_leading + pass.inner;
    track.outcome = FitOutcome{track.ndf > 0 ? FitOutcome::SUCCESS : FitOutcome::NO_DEGREES_OF_FREEDOM};
}

}  // namespace traccc
