// Where the search stands. See `finding/mod.rs`.
#pragma once
#include "batch.cuh"
#include "kalman/kalman.cuh"
#include "tables.cuh"

namespace traccc {

/// Links of one step: rows from `first` to `end`.
struct StepRange {
    u32 first;
    u32 end;
};

/// The first link of a step; in `step_first` it may be one that has no room.
__device__ __forceinline__ u32 first_link(const Batch& batch, u32 step) {
    return step == 0 ? 0 : min(batch.step_first[step & 3], batch.capacities.links);
}

__device__ __forceinline__ StepRange links_of_step(const Batch& batch, u32 step) {
    return StepRange{first_link(batch, step), first_link(batch, step + 1)};
}

/// Number of parameters to start from.
__device__ __forceinline__ u32 seed_count(const Batch& batch) {
    return min(batch.parameter_first[batch.head->events], batch.capacities.seeds);
}

/// Words of the state of an append over `rows` rows. See `append` in `src/layout.rs`.
__device__ __forceinline__ u32 append_words(u32 rows) { return (rows + 255) / 256 + 2; }

/// Makes the state of an append of up to `rows` rows ready for the next use. All threads of the grid call it.
__device__ inline void clear_append(AppendState* state, u32 rows) {
    u64* words = (u64*)state;
    FOR_EACH_ROW(word, append_words(rows)) words[word] = 0;
}

}  // namespace traccc
