// The rounds of ambiguity resolution. See `ambiguity/mod.rs`.
#pragma once
#include "ambiguity/sharing.cuh"

namespace traccc {

/// A whole number that orders as `p` does; not a number is below all.
__device__ __forceinline__ u32 ascending(f32 p) {
    if (is_nan(p)) return 0;
    return is_sign_negative(p) ? ~to_bits(p) : to_bits(p) | 0x80000000u;
}

/// How bad a track is: shared fraction, then p-value complemented. Of equally bad tracks the first is worse. Never 0.
__device__ __forceinline__ u64 badness(const Batch& batch, u32 track) {
    return (u64)shared_fraction(batch, track) << 32 | ~ascending(batch.found[track].p_value);
}

/// The worst track of a round at each measurement. Rounds take two places in turn: one is in use while the other is cleared.
struct Worst {
    /// Its badness; 0 for none.
    u64* key;
    /// The complement of its row.
    u32* row;

    __device__ static __forceinline__ Worst of(const Batch& batch, u32 round) {
        const u32 first = (round & 1) * batch.capacities.measurements;
        return Worst{batch.worst_key + first, batch.worst_row + first};
    }
};

// A round has three passes over the tracks, with a barrier after each: all of an event, or at least those that could be removed
// in the round before. Within a pass they may go in any order.

/// First pass: a track that can be removed enters its badness at its measurements. Whether it can.
__device__ inline bool mark(const Batch& batch, const AmbiguityCuts& config, u32 track, u32 round) {
    const bool removable = is_removable(batch, config, track), was_removable = batch.badness[track] != 0;
    if (!removable && !was_removable) return false;
    const Worst here = Worst::of(batch, round), there = Worst::of(batch, round + 1);
    const TrackRange range = range_of(batch, track);
    const u64 bad = removable ? badness(batch, track) : 0;
    batch.badness[track] = bad;
#pragma unroll 4
    for (u32 m = range.first; m < range.end; m++) {
        const u32 measurement = batch.found_measurements[m];
        if (was_removable) {
            there.key[measurement] = 0;
            there.row[measurement] = 0;
        }
        if (removable) atomicMax(&here.key[measurement], bad);
    }
    return removable;
}

/// Second pass: of the worst ones of a measurement the first one counts.
__device__ inline void break_ties(const Batch& batch, u32 track, u32 round) {
    const u64 bad = batch.badness[track];
    if (bad == 0) return;
    const Worst here = Worst::of(batch, round);
    const TrackRange range = range_of(batch, track);
#pragma unroll 4
    for (u32 m = range.first; m < range.end; m++) {
        const u32 measurement = batch.found_measurements[m];
        if (here.key[measurement] == bad) atomicMax(&here.row[measurement], ~track);
    }
}

/// Third pass: who is the worst at each of its measurements goes.
__device__ inline void remove_if_worst(const Batch& batch, u32 track, u32 round) {
    const u64 bad = batch.badness[track];
    if (bad == 0) return;
    const Worst here = Worst::of(batch, round);
    const TrackRange range = range_of(batch, track);
    bool goes = true;
#pragma unroll 4
    for (u32 m = range.first; m < range.end; m++) {
        const u32 measurement = batch.found_measurements[m];
        goes = goes && here.key[measurement] == bad && here.row[measurement] == ~track;
    }
    if (goes) remove(batch, track);
}

/// The rounds from `round` on of the tracks `first` to `end` of an event, until none can be removed, by one block. `lengths` are
/// those of two lists of the tracks that can be removed, in no certain order; both 0.
__device__ inline void resolve(const Batch& batch, const AmbiguityCuts& config, u32 first, u32 end, u32 round,
                               u32* lengths) {
    const u32 thread = threadIdx.x, threads = blockDim.x;
    // At first all tracks.
    u32 length = end - first;
    for (bool all = true; length > 0; all = false, round++) {
        const u32 here = round & 1, there = here ^ 1;
        for (u32 i = thread; i < length; i += threads) {
            const u32 track = all ? first + i : batch.removable[first + i][here];
            if (mark(batch, config, track, round))
                batch.removable[first + atomicAdd(&lengths[there], 1u)][there] = track;
        }
        __syncthreads();
        length = lengths[there];
        if (thread == 0) lengths[here] = 0;
        for (u32 i = thread; i < length; i += threads) break_ties(batch, batch.removable[first + i][there], round);
        __syncthreads();
        for (u32 i = thread; i < length; i += threads)
            remove_if_worst(batch, batch.removable[first + i][there], round);
        __syncthreads();
    }
}

}  // namespace traccc
