// Ambiguity resolution. See `ambiguity/mod.rs` of core.
#include "ambiguity/ambiguity.cuh"

namespace traccc {

/// Enters the tracks at their measurements.
KERNEL(resolve_enter, 256, 4) {
    FOR_EACH_ROW(track, min(batch.counters->tracks, batch.capacities.tracks))
        enter(batch, tables.settings.ambiguity, track);
}

/// Counts what the tracks share.
KERNEL(resolve_count, 256, 4) {
    FOR_EACH_ROW(track, min(batch.counters->tracks, batch.capacities.tracks)) {
        batch.badness[track] = 0;
        if (batch.shared[track] != REMOVED) batch.shared[track] = count_shared(batch, track);
    }
}

// The first rounds of large events, the argument, by the whole card.

KERNEL(resolve_mark, 256, 4) {
    FOR_EACH_ROW(track, min(batch.counters->tracks, batch.capacities.tracks))
        mark(batch, tables.settings.ambiguity, track, argument);
}

KERNEL(resolve_ties, 256, 4) {
    FOR_EACH_ROW(track, min(batch.counters->tracks, batch.capacities.tracks)) break_ties(batch, track, argument);
}

KERNEL(resolve_remove, 256, 4) {
    FOR_EACH_ROW(track, min(batch.counters->tracks, batch.capacities.tracks)) remove_if_worst(batch, track, argument);
}

/// The rounds from the argument on, an event by one block.
KERNEL(resolve_rounds, 1024, 1) {
    __shared__ u32 lengths[2];
    const u32 event = blockIdx.x;
    if (event >= batch.head->events) return;
    if (threadIdx.x == 0) lengths[0] = lengths[1] = 0;
    __syncthreads();
    const u32 first = min(batch.found_first[event], batch.capacities.tracks);
    const u32 end = min(batch.found_first[event + 1], batch.capacities.tracks);
    resolve(batch, tables.settings.ambiguity, first, end, argument, lengths);
}

/// Gathers the tracks that remain.
KERNEL(resolve_gather, 256, 4) {
    __shared__ u32 shared[10];
    const u32 rows = min(batch.counters->tracks, batch.capacities.tracks);
    if (blockIdx.x == 0 && threadIdx.x == 0) {
        batch.resolved_offsets[0] = 0;
        if (rows == 0) note_firsts(batch.found_first, batch.head->events, rows, 0, 0, 0, batch.resolved_first);
    }
    for (u32 tile;;) {
        next_tile(batch.append_resolved, shared, tile);
        if (tile * blockDim.x >= rows) break;
        const u32 row = tile * blockDim.x + threadIdx.x;
        const bool last = (tile + 1) * blockDim.x >= rows;
        const bool remains = row < rows && batch.shared[row] != REMOVED;
        const TrackRange range = remains ? range_of(batch, row) : TrackRange{0, 0};
        const u32 track = append(batch.append_resolved, tile, last, remains ? 1 : 0, shared, &batch.counters->resolved);
        const u32 first =
            append(batch.append_resolved_measurements, tile, last, range.length(), shared, &batch.counters->resolved_states);
        note_firsts(batch.found_first, batch.head->events, rows, row, track, remains ? 1 : 0, batch.resolved_first);
        if (remains) {
            batch.resolved[track] = batch.found[row];
            batch.resolved_offsets[track + 1] = first + range.length();
        }
        // A warp copies the rows of its tracks, one after the other.
        for (u32 lane = 0; lane < 32; lane++) {
            const u32 length = __shfl_sync(0xffffffffu, range.length(), lane);
            const u32 from = __shfl_sync(0xffffffffu, range.first, lane);
            const u32 to = __shfl_sync(0xffffffffu, first, lane);
            for (u32 i = threadIdx.x & 31; i < length; i += 32)
                batch.resolved_measurements[to + i] = batch.found_measurements[from + i];
            if (tables.settings.finding.smoother == 0) continue;
            const u32* states = (const u32*)&batch.found_states[from];
            u32* copies = (u32*)&batch.resolved_states[to];
            for (u32 i = threadIdx.x & 31; i < length * (sizeof(TrackState) / 4); i += 32) copies[i] = states[i];
        }
    }
}

}  // namespace traccc
