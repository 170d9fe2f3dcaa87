// Appending to a list from many blocks, in the order of the rows that append: a scan in one pass.
//
// D. Merrill, M. Garland, Single-pass parallel prefix scan with decoupled look-back, NVIDIA NVR-2016-002.
#pragma once
#include "common.cuh"

namespace traccc {

/// State of one ordered append; zeroed before each batch.
///
/// `tiles[t]` holds, for the tile of that number, what it appended (`AGGREGATE`) or what it and all before appended (`PREFIX`).
struct AppendState {
    /// The next tile to be worked on.
    u32 ticket;
    u32 padding;
    u64 tiles[1];
};

constexpr u64 AGGREGATE = 1ull << 62;
constexpr u64 PREFIX = 2ull << 62;
constexpr u64 TILE_VALUE = (1ull << 62) - 1;

/// The sum of `value` over the threads of the block before this one; `total` is that of all. All threads of the block call it.
/// `shared` is one `u32` for each warp and one more.
__device__ inline u32 block_exclusive_sum(u32 value, u32* shared, u32& total) {
    const u32 lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = (blockDim.x + 31) >> 5;
    u32 sum = value;
    for (u32 step = 1; step < 32; step *= 2) {
        u32 before = __shfl_up_sync(0xffffffffu, sum, step);
        if (lane >= step) sum += before;
    }
    if (lane == 31) shared[warp] = sum;
    __syncthreads();
    u32 base = 0, all = 0;
    for (u32 w = 0; w < warps; w++) {
        base += w < warp ? shared[w] : 0;
        all += shared[w];
    }
    __syncthreads();
    total = all;
    return base + sum - value;
}

/// Hands out the tiles of an ordered append: rows `tile * blockDim.x` on. Tiles are given in order, so that whoever has a tile
/// may wait for those before. All threads of the block call it and get the same answer.
///
/// Use: `for (u32 tile;;) { next_tile(state, shared, tile); if (tile * blockDim.x >= rows) break; ...; append(...); }`
__device__ inline void next_tile(AppendState* state, u32* shared, u32& tile) {
    __syncthreads();
    if (threadIdx.x == 0) shared[0] = atomicAdd(&state->ticket, 1u);
    __syncthreads();
    tile = shared[0];
    __syncthreads();
}

/// The row at which this thread appends its `count` entries to the list: behind those of all rows before. All threads of a block
/// call it, once for a tile, with the tile that `next_tile` gave. The last tile stores the length of the list in `*length`.
__device__ inline u32 append(AppendState* state, u32 tile, bool last, u32 count, u32* shared, u32* length) {
    u32 total;
    const u32 here = block_exclusive_sum(count, shared, total);
    // One warp looks back; the block waits for it.
    if (threadIdx.x < 32) {
        volatile u64* tiles = state->tiles;
        u64 before = 0;
        if (tile > 0) {
            if (threadIdx.x == 0) tiles[tile] = AGGREGATE | total;
            i64 at = (i64)tile - 1 - threadIdx.x;
            for (bool found = false; !found;) {
                u64 seen = PREFIX;
                if (at >= 0) {
                    do seen = tiles[at];
                    while (seen == 0);
                }
                const u32 prefixes = __ballot_sync(0xffffffffu, seen >= PREFIX);
                // The nearest tile whose prefix is known, and all nearer ones.
                const u32 nearest = prefixes ? __ffs(prefixes) - 1 : 31;
                u64 part = threadIdx.x <= nearest ? seen & TILE_VALUE : 0;
                for (u32 step = 16; step > 0; step /= 2) part += __shfl_down_sync(0xffffffffu, part, step);
                before += __shfl_sync(0xffffffffu, part, 0);
                found = prefixes != 0;
                at -= 32;
            }
        }
        if (threadIdx.x == 0) {
            tiles[tile] = PREFIX | (before + total);
            shared[0] = (u32)before;
            if (last) *length = (u32)before + total;
        }
    }
    __syncthreads();
    const u32 first = shared[0];
    __syncthreads();
    return first + here;
}

/// The event of a row. `first` holds the first row of each of `events` events, and at the end the number of all.
__device__ inline u32 event_of(const u32* first, u32 events, u32 row) {
    u32 low = 0, high = events;
    while (high - low > 1) {
        const u32 middle = (low + high) / 2;
        if (first[middle] <= row) low = middle;
        else high = middle;
    }
    return low;
}

/// Notes where the entries of each event begin in a list that was appended to: called for each of `rows` rows, whose events begin at
/// `rows_first`, with the place and the number of its entries. Without rows one thread of each block has to call it once, for any row.
__device__ inline void note_firsts(const u32* rows_first, u32 events, u32 rows, u32 row, u32 at, u32 count, u32* first) {
    if (rows == 0) {
        for (u32 event = 0; event <= events; event++) first[event] = 0;
        return;
    }
    if (row >= rows) return;
    // The first event that begins here or behind.
    u32 low = 0, high = events + 1;
    while (low < high) {
        const u32 middle = (low + high) / 2;
        if (rows_first[middle] < row) low = middle + 1;
        else high = middle;
    }
    for (; low <= events && rows_first[low] == row; low++) first[low] = at;
    if (row + 1 == rows)
        for (; low <= events; low++) first[low] = at + count;
}

}  // namespace traccc
