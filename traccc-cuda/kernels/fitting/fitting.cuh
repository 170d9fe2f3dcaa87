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

/// What one pass gives.
struct Pass {
    /// `FITS`, or why not.
    u32 outcome;
    f32 chi2;
    /// Holes before and after the first measurement.
    u32 leading;
    u32 inner;
};

/// Carries the filter to a sensor, counting empty ones on the way; sensors of the measurements after it, from `later` on, must
/// not come first.
__device__ inline u32 reach(const Tables& tables, const Batch& batch, Filter& filter, SurfaceIndex target,
                            const FitRows& rows, u32 later) {
    const FittingCuts& config = tables.settings.fitting;
    while (filter.surface != target) {
        f32 vector[5];
#pragma unroll
        for (u32 i = 0; i < 5; i++) vector[i] = (f32)filter.vector[i];
        vector[4] = (f32)filter.reference;
        Limits limits = config.limits;
        limits.max_path = config.limits.max_path - filter.path;
        const Propagator<1> propagator{Scene{&tables.detector, &tables.field, &tables.settings.propagation},
                                       config.particle, limits};
        Workspace work;
        const PropagationResult result = propagator.to_next_sensor(vector, filter.surface, target, work);
        if (result.kind == PropagationResult::LEFT_DETECTOR) return FitOutcome::NOT_ALL_FITTED;
        if (result.kind != PropagationResult::SENSOR) return FitOutcome::PROPAGATION_FAILED;
        const PropagatedState& arrival = result.state;
        if (arrival.surface != target) {
            for (u32 i = later; i < rows.count; i++)
                if (batch.surface[rows.ids[i]] == arrival.surface) return FitOutcome::NOT_ALL_FITTED;
            filter.holes += 1;
        }
        filter.carry(arrival, work);
    }
    return FITS;
}

/// One filter and smoother pass.
__device__ inline Pass iterate(const Tables& tables, const Batch& batch, const BoundParameters& start,
                               const FitRows& rows) {
    const f64 inflation = (f64)tables.settings.fitting.covariance_inflation;
    Filter filter;
    f64 diagonal[5];
#pragma unroll
    for (u32 i = 0; i < 5; i++) {
        filter.vector[i] = (f64)start.vector[i];
        diagonal[i] = (f64)start.covariance.diagonal(i) * inflation;
    }
    filter.reference = (f64)start.vector[4];
    filter.covariance = Symmetric5<f64>::from_diagonal(diagonal);
    filter.jacobian = FitMatrix::identity();
    filter.noise = Symmetric5<f64>::zeros();
    filter.surface = start.surface;
    filter.holes = 0;
    filter.path = 0.0f;
    Pass pass{FITS, 0.0f, 0, 0};
    // As a sum of no terms in Rust.
    f64 chi2 = -0.0;
    for (u32 i = 0; i < rows.count; i++) {
        const SurfaceIndex target = batch.surface[rows.ids[i]];
        // The start is a sensor, too.
        if (i == 0) filter.holes = target != start.surface ? 1 : 0;
        pass.outcome = reach(tables, batch, filter, target, rows, i + 1);
        if (pass.outcome != FITS) return pass;
        if (i == 0) pass.leading = filter.holes;
        FilteredStep& step = rows.steps[i];
        if (!filter.add(Observation<f32>::of(batch, rows.ids[i]).widened(), step)) {
            pass.outcome = FitOutcome::FILTER_FAILED;
            return pass;
        }
        chi2 += step.chi2;
    }
    two_filter::Smoother smoother = two_filter::Smoother::start();
    for (u32 i = rows.count; i-- > 0;) {
        const FilteredStep step = rows.steps[i];
        const Option<SmoothedStep> smoothed = smoother.step(step);
        if (!smoothed.is_some) {
            pass.outcome = FitOutcome::SMOOTHER_FAILED;
            return pass;
        }
        rows.states[i] = track_state(smoothed.value, (f32)step.chi2, batch.surface[rows.ids[i]], start);
    }
    pass.chi2 = (f32)chi2;
    pass.inner = filter.holes - pass.leading;
    return pass;
}

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

/// Fits one track.
__device__ inline void fit(const Tables& tables, const Batch& batch, const FitRows& rows, Track& track) {
    u32 coordinates = 0;
    for (u32 i = 0; i < rows.count; i++) coordinates += Subspace{batch.subspace[rows.ids[i]]}.dimensions();
    const i32 ndf = (i32)coordinates - 5;
    u32 leading = 0;
    for (u32 iteration = 0; iteration < tables.settings.fitting.iterations; iteration++) {
        const Pass pass = iterate(tables, batch, track.parameters, rows);
        if (pass.outcome != FITS) {
            track.chi2 = 0.0f;
            track.ndf = 0;
            track.p_value = 0.0f;
            track.holes = 0;
            track.outcome = FitOutcome{pass.outcome};
            for (u32 i = 0; i < rows.count; i++) rows.states[i] = no_state();
            return;
        }
        // Later iterations start at the first measurement.
        if (iteration == 0) leading = pass.leading;
        if (rows.count > 0) track.parameters = rows.states[0].smoothed;
        track.chi2 = pass.chi2;
        track.ndf = ndf;
        track.p_value = probability(pass.chi2, ndf);
        track.holes = leading + pass.inner;
        track.outcome = FitOutcome{ndf > 0 ? FitOutcome::SUCCESS : FitOutcome::NO_DEGREES_OF_FREEDOM};
    }
}

}  // namespace traccc
