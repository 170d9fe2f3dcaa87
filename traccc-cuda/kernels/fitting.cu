// The Kalman fit. See `fitting/mod.rs` of core.
#include "fitting/fitting.cuh"

namespace traccc {

/// Fits each track: of the resolved ones for the argument 1, else of the found ones.
KERNEL(fit_tracks, 128, 2) {
    const u32 events = batch.head->events;
    const bool resolved = argument == 1;
    const u32* event_first = resolved ? batch.resolved_first : batch.found_first;
    const u32 count = resolved ? batch.resolved_first[events] : batch.counters->tracks;
    const u32* offsets = resolved ? batch.resolved_offsets : batch.found_offsets;
    const u32* measurements = resolved ? batch.resolved_measurements : batch.found_measurements;
    const Track* tracks = resolved ? batch.resolved : batch.found;
    if (blockIdx.x == 0 && threadIdx.x == 0)
        batch.counters->fit_steps = resolved ? batch.counters->resolved_states : batch.counters->states;
    FOR_EACH_ROW(row, min(count, batch.capacities.tracks)) {
        const u32 first = offsets[row], end = offsets[row + 1];
        if (end > min(batch.capacities.states, batch.capacities.fit_steps)) continue;
        Track track = tracks[row];
        fit(tables, batch, FitRows{measurements + first, end - first, batch.fit_steps + first, batch.fitted_states + first},
            track);
        batch.fitted[row] = track;
        if (track.outcome.value == FitOutcome::SUCCESS)
            atomicAdd(&batch.fitted_count[event_of(event_first, events, row)], 1u);
    }
}

}  // namespace traccc
