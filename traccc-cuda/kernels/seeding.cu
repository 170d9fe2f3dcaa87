// Kernels of the seeding; see `seeding/seeding.cuh`.
#include "seeding/seeding.cuh"

namespace traccc {


/// Counts the space points of each cell of the search grid.
KERNEL(seeding_place, 256, 4) {
    FOR_EACH_ROW(row, min(batch.counters->spacepoints, batch.capacities.spacepoints))
        place_spacepoint(tables.settings.seeding, batch, row);
}

/// Sums them up: where the slots of each cell begin. A thread takes eight cells.
KERNEL(seeding_offsets, 256, 4) {
    constexpr u32 CELLS = 8;
    __shared__ u32 shared[10];
    const u32 cells = search_cells(tables.settings.seeding, batch);
    if (cells == 0 && threadIdx.x == 0) batch.search_offsets[0] = 0;
    for (u32 tile;;) {
        next_tile(batch.append_search, shared, tile);
        if (tile * blockDim.x * CELLS >= cells) break;
        const u32 first = (tile * blockDim.x + threadIdx.x) * CELLS;
        u32 counts[CELLS], sum = 0;
        for (u32 i = 0; i < CELLS; i++) {
            counts[i] = first + i < cells ? batch.search_counts[first + i] : 0;
            sum += counts[i];
        }
        const bool last = (tile + 1) * blockDim.x * CELLS >= cells;
        u32 at = append(batch.append_search, tile, last, sum, shared, &batch.search_offsets[cells]);
        for (u32 i = 0; i < CELLS; i++) {
            if (first + i < cells) batch.search_offsets[first + i] = at;
            at += counts[i];
        }
    }
}

/// Sorts the space points into the cells.
KERNEL(seeding_fill, 256, 4) {
    FOR_EACH_ROW(row, min(batch.counters->spacepoints, batch.capacities.spacepoints)) fill_slot(batch, row);
}

/// Searches seeds, a warp for each middle, in the order of the slots, whose partners lie close to each other.
KERNEL(seeding_search, 128, 6) {
    __shared__ Triplet best[4][SHARED_BEST];
    const SeedingCuts& cuts = tables.settings.seeding;
    const u32 lane = threadIdx.x & 31, warp = (blockIdx.x * blockDim.x + threadIdx.x) / 32;
    if (warp >= batch.seeding_warps) return;
    const u32 slots = batch.search_offsets[search_cells(cuts, batch)];
    Search search(cuts, batch, warp, best[threadIdx.x / 32]);
    for (;;) {
        u32 slot = 0;
        if (lane == 0) slot = atomicAdd(&batch.search_tickets[0], 1u);
        slot = __shfl_sync(ALL_LANES, slot, 0);
        if (slot >= slots) break;
        search.run(cuts, batch, slot);
        __syncwarp();
    }
}

/// Puts the seeds into the order of events, bins and middles. A block takes one bin after another.
KERNEL(seeding_order, 128, 8) {
    __shared__ u32 shared[10];
    const SeedingCuts& cuts = tables.settings.seeding;
    const u32 events = batch.head->events, bins = cuts.phi_bins * cuts.z_bins;
    if (events * bins == 0 && threadIdx.x == 0) batch.seed_first[0] = 0;
    for (u32 tile;;) {
        next_tile(batch.append_seeds, shared, tile);
        if (tile >= events * bins) break;
        const Rows found = batch.bin_seeds[tile];
        const bool last = tile + 1 == events * bins;
        u32 at = append(batch.append_seeds, tile, last, threadIdx.x == 0 ? found[1] : 0, shared, &batch.counters->seeds);
        if (threadIdx.x != 0) at -= found[1];
        if (threadIdx.x == 0 && tile % bins == 0) batch.seed_first[tile / bins] = at;
        if (threadIdx.x == 0 && last) batch.seed_first[events] = at + found[1];
        order_seeds(cuts, batch, tile / bins, tile % bins, found[0], at);
    }
}

}  // namespace traccc
