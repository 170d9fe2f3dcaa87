// Space points to seeds. See `seeding/mod.rs`.
//
// A warp takes one middle after another. It stores the tops, takes the bottoms as it finds them, and keeps the best triplets. The seeds
// of middles lie in the order in which warps have found them; `order_seeds` puts them into theirs.
#pragma once
#include "seeding/triplets.cuh"

namespace traccc {

/// Finds the cell of a space point and counts it there.
__device__ inline void place_spacepoint(const SeedingCuts& cuts, const Batch& batch, u32 row) {
    const u32 event = event_of(batch.spacepoint_first, batch.head->events, row);
    const Axes axes = Axes::of_event(cuts, batch, event);
    const f32 x = batch.x[row], y = batch.y[row], z = batch.z[row];
    const f32 r = sqrt(x * x + y * y);
    const u32 bin = axes.bin(x, y, z, r);
    u32 cell = NONE;
    if (bin != NONE) {
        cell = axes.cell(bin, axes.slice(r), axes.z_cell((i32)bin / axes.phi_bins, z));
        batch.search_place[row] = atomicAdd(&batch.search_counts[cell], 1u);
    }
    batch.search_cell[row] = cell;
}

/// Puts a space point into its slot.
__device__ inline void fill_slot(const Batch& batch, u32 row) {
    const u32 cell = batch.search_cell[row];
    if (cell == NONE) return;
    const u32 slot = batch.search_offsets[cell] + batch.search_place[row];
    const f32 x = batch.x[row], y = batch.y[row];
    batch.search_points[slot] = SearchPoint{x, y, batch.z[row], sqrt(x * x + y * y)};
    batch.search_rows[slot] = row;
}

/// Memory of the search, reused from middle to middle.
struct Search {
    Doublets tops;
    TripletSearch triplets;
    Selection selection;

    __device__ inline Search(const SeedingCuts& cuts, const Batch& batch, u32 warp, Triplet* shared)
        : tops(batch, warp), triplets(batch, warp), selection(cuts, batch, warp, shared) {}

    /// Finds the seeds of the middle in a slot.
    __device__ inline void run(const SeedingCuts& cuts, const Batch& batch, u32 slot) {
        const u32 lane = threadIdx.x & 31, row = batch.search_rows[slot];
        const u32 event = event_of(batch.spacepoint_first, batch.head->events, row);
        const SearchGrid grid(cuts, batch, event);
        const u32 bin = grid.axes.bin_of(batch.search_cell[row]);
        const Neighbours neighbours(grid.axes, bin, cuts.neighbour_bins);
        const Middle middle = grid.points[slot];
        find_tops(tops, grid, neighbours, middle, cuts);
        if (tops.count == 0) return;
        if (tops.count > tops.capacity) {
            if (lane == 0) atomicMax(&batch.counters->doublets, tops.count);
            return;
        }
        selection.clear();
        const auto with_bottoms = [&](u32 partners, u32 of_bottom, u32, const SearchPoint& point) {
            const Doublet doublet = transform<false>(point, middle);
            for (; partners != 0; partners &= partners - 1) {
                const u32 next = __ffs(partners) - 1;
                const Doublet of_next{__shfl_sync(ALL_LANES, doublet.cot_theta, next), __shfl_sync(ALL_LANES, doublet.u, next),
                                      __shfl_sync(ALL_LANES, doublet.v, next)};
                const Bottom bottom(__shfl_sync(ALL_LANES, of_bottom, next), of_next, middle, cuts);
                triplets.search(grid, bottom, tops, cuts, selection);
            }
        };
        for_each_partner<false>(grid, neighbours, middle, cuts, with_bottoms);
        selection.emit(grid, batch, slot, bin, event * cuts.phi_bins * cuts.z_bins + bin, cuts);
    }
};

/// Copies the seeds of one bin of an event, which begin at row `at`, in the order of their middles. A block works on a bin.
__device__ inline void order_seeds(const SeedingCuts& cuts, const Batch& batch, u32 event, u32 bin, u32 middles, u32 at) {
    if (middles == 0) return;
    const Axes axes = Axes::of_event(cuts, batch, event);
    const FoundMiddle* found = batch.found_middles + batch.search_offsets[axes.cell(bin, 0, 0)];
    const u32 capacity = batch.capacities.seeds;
    for (u32 i = threadIdx.x; i < middles; i += blockDim.x) {
        const FoundMiddle middle = found[i];
        u32 place = at;
        for (u32 j = 0; j < middles; j++) place += found[j].row < middle.row ? found[j].count : 0;
        for (u32 k = 0; k < middle.count && place + k < capacity; k++) {
            // Without room for all of them some were not stored; then any space point does, as the batch runs again.
            const bool is_stored = middle.first + k < capacity;
            batch.seeds[place + k] = is_stored ? batch.found_seeds[middle.first + k] : Seed{0, 0, 0, 0.0f};
        }
    }
}

}  // namespace traccc
