// Measurement voting. See `finding/voting.rs`.
//
// No sort: a ballot counts the better ones of its measurement.
#pragma once
#include "finding/duplicates.cuh"

namespace traccc {

/// Number of measurements up to a link.
__device__ inline u32 count_measurements(const Batch& batch, u32 tip) {
    u32 count = 0;
    for (u32 row = tip; row != NONE; row = batch.links[row].previous) count += batch.links[row].measurement != NONE;
    return count;
}

/// What tells ballots of this pass from what was there before.
__device__ __forceinline__ u32 ballot_tag(u32 steps) { return 0x80000000u | steps; }

/// Puts the ballots of a tip, from row `first` on, into the lists of their measurements, the last measurement first.
__device__ inline void cast_ballots(const Batch& batch, u32 tip, u32 tip_row, u32 first, u32 tag) {
    u32 ballot = first;
    for (u32 row = tip; row != NONE; row = batch.links[row].previous) {
        const u32 measurement = batch.links[row].measurement;
        if (measurement == NONE) continue;
        if (ballot >= batch.capacities.links) return;
        const u64 before = atomicExch(&batch.newest[measurement], (u64)tag << 32 | ballot);
        batch.ballots[ballot] = Rows{{tip_row, before >> 32 == tag ? (u32)before : NONE}};
        ballot++;
    }
}

/// How many measurements vote for a tip. Of equal tracks the earlier one is better, and of the ballots of one track, which may
/// hold a measurement several times, any.
__device__ inline u32 count_votes(const Batch& batch, u32 tip_row, u32 votes_each) {
    const f32 quality = batch.tip_quality[tip_row];
    u32 votes = 0;
    u32 ballot = batch.tip_ballots[tip_row];
    for (u32 row = batch.tips[tip_row]; row != NONE; row = batch.links[row].previous) {
        const u32 measurement = batch.links[row].measurement;
        if (measurement == NONE) continue;
        if (ballot >= batch.capacities.links) break;
        u32 before = 0;
        for (u32 other = (u32)batch.newest[measurement]; other != NONE && before < votes_each;) {
            const Rows entry = batch.ballots[other];
            const u32 tip = entry[0];
            if (tip == tip_row) {
                before += other < ballot;
            } else {
                const i32 by_quality = total_cmp(batch.tip_quality[tip], quality);
                before += by_quality > 0 || (by_quality == 0 && tip < tip_row);
            }
            other = entry[1];
        }
        votes += before < votes_each;
        ballot++;
    }
    return votes;
}

}  // namespace traccc
