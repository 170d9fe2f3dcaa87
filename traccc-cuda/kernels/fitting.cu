// The Kalman fit. See `fitting/mod.rs` of core.
#include "fitting/fitting.cuh"

namespace traccc {

/// Fits each track: of the resolved ones for the argument 1, else of the found ones.
KERNEL(fit_tracks, 256, 1) {
    using namespace propagation;
    __shared__ NavigationMemory memory;
    const FittingCuts& config = tables.settings.fitting;
    const u32 events = batch.head->events;
    const bool resolved = argument == 1;
    const u32* event_first = resolved ? batch.resolved_first : batch.found_first;
    const u32 count = resolved ? batch.resolved_first[events] : batch.counters->tracks;
    const u32* offsets = resolved ? batch.resolved_offsets : batch.found_offsets;
    const u32* measurements = resolved ? batch.resolved_measurements : batch.found_measurements;
    const Track* tracks = resolved ? batch.resolved : batch.found;
    if (blockIdx.x == 0 && threadIdx.x == 0)
        batch.counters->fit_steps = resolved ? batch.counters->resolved_states : batch.counters->states;
    Workspace work;
    Propagation propagation{Scene{&tables.detector, &tables.field, &tables.settings.propagation}, config.particle,
                            config.limits, work};
    const u32 rows = min(count, batch.capacities.tracks), warps = gridDim.x * (blockDim.x / 32);
    // Few tracks are spread over all warps.
    if ((threadIdx.x & 31) * warps >= rows) propagation.task = Task::FINISHED;
    FitTracks fit{tables, batch, measurements, offsets, event_first, tracks, rows};
    propagate_all(propagation, memory, fit);
}

}  // namespace traccc
