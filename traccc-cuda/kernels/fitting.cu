// The Kalman fit. See `fitting/mod.rs` of core.
//
// The argument of both kernels is twice the number of the pass, plus one where the resolved tracks are fitted instead of the found
// ones.
#include "fitting/fitting.cuh"

namespace traccc {

/// Filters each track.
KERNEL(fit_filter, 256, 1) {
    using namespace propagation;
    __shared__ NavigationMemory memory;
    const FittingCuts& config = tables.settings.fitting;
    const bool resolved = argument & 1;
    if (blockIdx.x == 0 && threadIdx.x == 0)
        batch.counters->fit_steps = resolved ? batch.counters->resolved_states : batch.counters->states;
    Workspace work;
    Propagation propagation{Scene{&tables.detector, &tables.field, &tables.settings.propagation}, config.particle,
                            config.limits, work};
    const ToFit tracks = ToFit::of(batch, resolved);
    FilterTracks filter{tables, batch, tracks, argument / 2};
    propagate_all(propagation, tracks.count, memory, filter);
}

/// Smooths each track, and ends the pass.
KERNEL(fit_smooth, 128, 2) {
    const ToFit tracks = ToFit::of(batch, argument & 1);
    const u32 iteration = argument / 2;
    const bool last = iteration + 1 == tables.settings.fitting.iterations;
    // For the next pass.
    if (blockIdx.x == 0 && threadIdx.x == 0) *batch.fit_next = 0;
    FOR_EACH_ROW(row, tracks.count) {
        FitRows rows;
        if (!tracks.rows(row, rows)) continue;
        Track track = iteration == 0 ? tracks.tracks[row] : batch.fitted[row];
        end_pass(batch, row, rows, iteration, track);
        batch.fitted[row] = track;
        if (last && track.outcome.value == FitOutcome::SUCCESS)
            atomicAdd(&batch.fitted_count[event_of(tracks.event_first, batch.head->events, row)], 1u);
    }
}

}  // namespace traccc
