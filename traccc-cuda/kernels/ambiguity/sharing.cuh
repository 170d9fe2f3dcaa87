// Which of the remaining tracks share how much. See `ambiguity/sharing.rs`.
#pragma once
#include "batch.cuh"
#include "math/math.cuh"
#include "tables.cuh"

namespace traccc {

/// What `shared` holds for a track that is out.
constexpr u32 REMOVED = NONE;

/// The measurements of a track in `found_measurements`.
struct TrackRange {
    u32 first;
    u32 end;

    __device__ __forceinline__ u32 length() const { return end - first; }
};

__device__ __forceinline__ TrackRange range_of(const Batch& batch, u32 track) {
    return TrackRange{batch.found_offsets[track], batch.found_offsets[track + 1]};
}

/// Whether the track has the measurement at `i` not before. Tracks are short.
__device__ inline bool is_first_occurrence(const Batch& batch, const TrackRange& range, u32 i) {
    for (u32 earlier = range.first; earlier < i; earlier++)
        if (batch.found_measurements[earlier] == batch.found_measurements[i]) return false;
    return true;
}

/// Enters a track with its measurements, or drops one that is too short.
__device__ inline void enter(const Batch& batch, const AmbiguityCuts& config, u32 track) {
    const TrackRange range = range_of(batch, track);
    // Without room for its measurements the batch will run again.
    const bool drops = range.length() < config.min_measurements || range.end > batch.capacities.states;
    batch.shared[track] = drops ? REMOVED : 0;
    if (drops) return;
    for (u32 i = range.first; i < range.end; i++) {
        if (!is_first_occurrence(batch, range, i)) continue;
        Rows& owners = batch.owners[batch.found_measurements[i]];
        atomicAdd(&owners.values[0], 1u);
        atomicXor(&owners.values[1], track);
    }
}

/// Counts the shared measurements of a track, once all are entered.
__device__ inline u32 count_shared(const Batch& batch, u32 track) {
    const TrackRange range = range_of(batch, track);
    u32 count = 0;
    for (u32 i = range.first; i < range.end; i++) count += batch.owners[batch.found_measurements[i]][0] > 1;
    return count;
}

/// Whether a track remains and shares too many measurements.
__device__ __forceinline__ bool is_removable(const Batch& batch, const AmbiguityCuts& config, u32 track) {
    const u32 shared = batch.shared[track];
    return shared != REMOVED && shared >= config.max_shared_measurements;
}

/// The shared part of a track's measurements in units of 2^-32, rounded down.
__device__ __forceinline__ u32 shared_fraction(const Batch& batch, u32 track) {
    const u64 length = max(range_of(batch, track).length(), 1u);
    return (u32)((u64)batch.shared[track] * 0xffffffffull / length);
}

/// Takes a track out; measurements with one track left are no longer shared. No other track that has one of its measurements
/// goes in the same round.
__device__ inline void remove(const Batch& batch, u32 track) {
    batch.shared[track] = REMOVED;
    const TrackRange range = range_of(batch, track);
    for (u32 i = range.first; i < range.end; i++) {
        if (!is_first_occurrence(batch, range, i)) continue;
        const u32 measurement = batch.found_measurements[i];
        Rows& owners = batch.owners[measurement];
        owners[0] -= 1;
        owners[1] ^= track;
        if (owners[0] != 1) continue;
        const u32 last = owners[1];
        const TrackRange other = range_of(batch, last);
        u32 times = 0;
        for (u32 j = other.first; j < other.end; j++) times += batch.found_measurements[j] == measurement;
        atomicSub(&batch.shared[last], times);
    }
}

}  // namespace traccc
