// The best triplets of one middle. See `seeding/selection.rs`.
#pragma once
#include "seeding/doublets.cuh"

namespace traccc {

/// Triplets for which shared memory has room.
constexpr u32 SHARED_BEST = 32;

/// The order of triplets; a triplet comes before another when it is better. No two are equal.
__device__ inline bool is_better(const SearchGrid& grid, const Triplet& a, const Triplet& b) {
    const i32 weight = total_cmp(b.weight, a.weight);
    if (weight != 0) return weight < 0;
    const i32 spread = total_cmp(b.spread, a.spread);
    if (spread != 0) return spread < 0;
    const u32 bottom_a = grid.row[a.bottom], bottom_b = grid.row[b.bottom];
    if (bottom_a != bottom_b) return bottom_a < bottom_b;
    return grid.row[a.top] < grid.row[b.top];
}

__device__ __forceinline__ Triplet from_lane(const Triplet& triplet, u32 lane) {
    return Triplet{__shfl_sync(ALL_LANES, triplet.bottom, lane), __shfl_sync(ALL_LANES, triplet.top, lane),
                   __shfl_sync(ALL_LANES, triplet.weight, lane), __shfl_sync(ALL_LANES, triplet.spread, lane)};
}

/// The best triplets, best first, in memory of the warp that works on the middle.
struct Selection {
    Triplet* best;
    /// Those for which there is room, and that are kept.
    u32 limit;
    u32 count;
    /// All that could be kept.
    u32 wanted;

    /// `shared` has room for `SHARED_BEST` triplets.
    __device__ inline Selection(const SeedingCuts& cuts, const Batch& batch, u32 warp, Triplet* shared) : count(0), wanted(0) {
        const u32 kept = cuts.max_seeds_per_middle, capacity = batch.capacities.triplets;
        const bool is_small = kept <= SHARED_BEST;
        best = is_small ? shared : batch.search_best + (u64)warp * capacity;
        limit = is_small ? kept : min(kept, capacity);
    }

    __device__ __forceinline__ void clear() { count = wanted = 0; }

    /// Takes a triplet of each lane into account, `candidate` where it has one.
    __device__ inline void add(const SearchGrid& grid, Triplet triplet, bool candidate, const SeedingCuts& cuts) {
        const u32 lane = threadIdx.x & 31;
        if (candidate) {
            const bool good_bottom = grid.points[triplet.bottom].r > cuts.good_bottom_min_radius;
            if (good_bottom) {
                triplet.weight += cuts.good_bottom_weight;
                if (triplet.weight < cuts.good_bottom_min_weight) candidate = false;
            } else if (grid.points[triplet.top].r < cuts.good_top_max_radius) {
                triplet.weight += cuts.good_top_weight;
            }
        }
        wanted += __popc(__ballot_sync(ALL_LANES, candidate));
        if (limit == 0) return;
        for (;;) {
            if (count == limit && candidate) candidate = is_better(grid, triplet, best[count - 1]);
            const u32 candidates = __ballot_sync(ALL_LANES, candidate);
            if (candidates == 0) return;
            const u32 first = __ffs(candidates) - 1;
            insert(grid, from_lane(triplet, first));
            if (lane == first) candidate = false;
        }
    }

    /// Puts a triplet into its place, at the cost of the last one where there is no room.
    __device__ inline void insert(const SearchGrid& grid, const Triplet& triplet) {
        const u32 lane = threadIdx.x & 31;
        u32 place = 0;
        for (u32 first = 0; first < count; first += 32) {
            const bool before = first + lane < count && is_better(grid, best[first + lane], triplet);
            place += __popc(__ballot_sync(ALL_LANES, before));
        }
        if (count < limit) count++;
        // The others move back, the last ones first.
        for (u32 first = (count - 1) / 32 * 32;; first -= 32) {
            const u32 row = first + lane;
            const bool moves = row > place && row < count;
            Triplet moved;
            if (moves) moved = best[row - 1];
            __syncwarp();
            if (moves) best[row] = moved;
            __syncwarp();
            if (first <= place) break;
        }
        if (lane == 0) best[place] = triplet;
        __syncwarp();
    }

    /// Notes the seeds of the middle, best first.
    __device__ inline void emit(const SearchGrid& grid, const Batch& batch, u32 middle, u32 bin, u32 event_bin,
                                const SeedingCuts& cuts) const {
        const u32 lane = threadIdx.x & 31;
        const auto is_seed = [&](u32 position) {
            return position < count &&
                   (position == 0 || best[position].weight > cuts.seed_min_weight ||
                    grid.points[best[position].bottom].r > cuts.bottom_min_radius);
        };
        if (lane == 0 && cuts.max_seeds_per_middle > SHARED_BEST)
            atomicMax(&batch.counters->triplets, min(wanted, cuts.max_seeds_per_middle));
        if (count == 0) return;
        u32 seeds = 0;
        for (u32 first = 0; first < count; first += 32) seeds += __popc(__ballot_sync(ALL_LANES, is_seed(first + lane)));
        u32 at = 0;
        if (lane == 0) {
            at = atomicAdd(&batch.search_tickets[1], seeds);
            const u32 found = atomicAdd(&batch.bin_seeds[event_bin][0], 1u);
            atomicAdd(&batch.bin_seeds[event_bin][1], seeds);
            const u32 first_slot = grid.cell_offsets[grid.axes.cell(bin, 0, 0)];
            batch.found_middles[first_slot + found] = FoundMiddle{grid.row[middle], at, seeds};
        }
        at = __shfl_sync(ALL_LANES, at, 0);
        for (u32 first = 0; first < count; first += 32) {
            const u32 position = first + lane;
            const u32 chosen = __ballot_sync(ALL_LANES, is_seed(position));
            const u32 place = at + __popc(chosen & ((1u << lane) - 1));
            if ((chosen >> lane & 1) && place < batch.capacities.seeds) {
                const Triplet& triplet = best[position];
                batch.found_seeds[place] =
                    Seed{grid.row[triplet.bottom], grid.row[middle], grid.row[triplet.top], triplet.weight};
            }
            at += __popc(chosen);
        }
        __syncwarp();
    }
};

}  // namespace traccc
