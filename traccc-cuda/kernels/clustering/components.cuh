// Connected cells of all modules at once. See `clustering/components.rs`.
//
// On the device every cell points to an earlier one of its cluster and trees grow together until each has one root, the first cell:
// which links are made depends on the order of threads, the roots do not.
#pragma once
#include "common.cuh"

namespace traccc {

/// Cells in ascending order of (`module`, `channel1`, `channel0`) and the trees of their clusters.
struct Components {
    const u32* channel0;
    const u32* channel1;
    const u32* module;
    /// The complement of an earlier cell of the same cluster; 0 for the first one.
    u32* parent;

    /// An earlier cell of the cluster, or the cell itself. Other threads may change it at the same time.
    __device__ __forceinline__ u32 parent_of(u32 cell) const {
        const u32 earlier = ((volatile const u32*)parent)[cell];
        return earlier == 0 ? cell : ~earlier;
    }

    /// The first cell that is known of the cluster; halves the path to it on the way.
    __device__ inline u32 find_root(u32 cell) const {
        for (;;) {
            const u32 next = parent_of(cell);
            if (next == cell) return cell;
            const u32 further = parent_of(next);
            if (further == next) return next;
            // Whatever others store here is an earlier cell of the same cluster, too.
            ((volatile u32*)parent)[cell] = ~further;
            cell = further;
        }
    }

    /// The first cell of the cluster, once all are linked. Leaves the path as it is: who stores the root of another cell meanwhile
    /// must not have it replaced by one on the way.
    __device__ inline u32 root_of(u32 cell) const {
        for (u32 next = parent_of(cell); next != cell; next = parent_of(cell)) cell = next;
        return cell;
    }

    /// Makes one cluster of those of two cells.
    __device__ inline void join(u32 a, u32 b) const {
        for (;;) {
            a = find_root(a);
            b = find_root(b);
            if (a == b) return;
            const u32 later = a > b ? a : b, earlier = a > b ? b : a;
            // The smaller of two cells has the larger complement.
            const u32 before = atomicMax(&parent[later], ~earlier);
            if (before == 0) return;
            // It was no root any more: what it pointed to belongs to the cluster, too.
            a = ~before;
            b = earlier;
        }
    }

    /// Whether a cell comes before these channels of a module.
    __device__ __forceinline__ bool is_before(u32 cell, u32 of_module, u32 channels1, u32 channels0) const {
        if (module[cell] != of_module) return module[cell] < of_module;
        if (channel1[cell] != channels1) return channel1[cell] < channels1;
        return channel0[cell] < channels0;
    }

    /// The first of the cells from `first` to `end` that does not come before these channels of a module, looked for from the end.
    __device__ inline u32 lower_bound(u32 first, u32 end, u32 of_module, u32 channels1, u32 channels0) const {
        u32 high = end, step = 1;
        while (high - first >= step && !is_before(high - step, of_module, channels1, channels0)) {
            high -= step;
            step *= 2;
        }
        u32 low = high - first >= step ? high - step + 1 : first;
        while (low < high) {
            const u32 middle = low + (high - low) / 2;
            if (is_before(middle, of_module, channels1, channels0)) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    /// Joins a cell with those that it touches among the earlier ones of its event, which begins at `first`.
    __device__ inline void link(u32 first, u32 cell) const {
        const u32 of_module = module[cell], row = channel1[cell], channel = channel0[cell];
        const bool follows = cell > first && module[cell - 1] == of_module && channel1[cell - 1] == row &&
                             channel - channel0[cell - 1] <= 1;
        if (follows) join(cell, cell - 1);
        if (row == 0) return;
        // The cell before has seen to what it touches itself.
        const u32 lowest = follows ? channel + (channel != NONE) : channel - (channel != 0);
        const u32 highest = channel + (channel != NONE);
        u32 below = lower_bound(first, cell, of_module, row - 1, lowest);
        for (u32 last = NONE; below < cell; below++) {
            if (module[below] != of_module || channel1[below] != row - 1 || channel0[below] > highest) break;
            // Neighbours in the row below are one cluster already.
            if (last == NONE || channel0[below] - last > 1) join(cell, below);
            last = channel0[below];
        }
    }
};

}  // namespace traccc
