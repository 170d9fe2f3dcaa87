// Removal of candidates that follow the measurements of a better one. See `finding/duplicates.rs`.
#pragma once
#include "finding/finding.cuh"

namespace traccc {

/// The last link with a measurement at or before `row`; `NONE` for none.
__device__ inline u32 last_measurement(const Batch& batch, u32 row) {
    while (row != NONE && batch.links[row].measurement == NONE) row = batch.links[row].previous;
    return row;
}

/// Puts a new link into the list of its last measurement. The order of a list is that in which threads come by: the answers
/// do not depend on it.
__device__ inline void enlist(const Batch& batch, u32 row, const Link& link, u32 step, u32 min_length) {
    u32 last = NONE;
    if (step + 1 - link.holes > min_length) last = last_measurement(batch, row);
    batch.link_last[row] = last;
    if (last == NONE) return;
    const u64 mine = (u64)(step + 1) << 32 | row;
    const u64 before = atomicExch(&batch.newest[batch.links[last].measurement], mine);
    // What lists of earlier steps left behind is none of ours.
    batch.link_before[row] = before >> 32 == step + 1 ? (u32)before : NONE;
    batch.link_quality[row] = probability(link.chi2_sum, (i32)link.coordinates - 5);
}

/// Whether the measurements up to link `longer` end with all those up to link `shorter`.
__device__ inline bool ends_with(const Batch& batch, u32 longer, u32 shorter) {
    for (;;) {
        // The same link has the same ones before.
        if (longer == shorter) return true;
        if (batch.links[longer].measurement != batch.links[shorter].measurement) return false;
        longer = last_measurement(batch, batch.links[longer].previous);
        shorter = last_measurement(batch, batch.links[shorter].previous);
        if (shorter == NONE) return true;
        if (longer == NONE) return false;
    }
}

__device__ __forceinline__ bool better(f32 quality, u32 row, f32 than, u32 than_row) {
    return quality > than || (quality >= than && row < than_row);
}

/// Whether another link of this step is better and ends with all measurements of link `row`.
__device__ inline bool dominated(const Batch& batch, u32 row) {
    const u32 last = batch.link_last[row];
    if (last == NONE || batch.links[row].coordinates <= 5) return false;
    const f32 quality = batch.link_quality[row];
    const u64 newest = batch.newest[batch.links[last].measurement];
    // The link itself is in the list.
    for (u32 other = (u32)newest; other != NONE; other = batch.link_before[other]) {
        if (other != row && better(batch.link_quality[other], other, quality, row) &&
            ends_with(batch, batch.link_last[other], last))
            return true;
    }
    return false;
}

}  // namespace traccc
