// Accepted space points in search bins of azimuth and z. See `seeding/grid.rs`.
//
// The cells of all events lie one after another in one table; those of an event begin where they would if every event before had
// its most cells, so that nothing is summed up before. Within a cell the order of points is that of the threads: no result
// depends on it.
#pragma once
#include "batch.cuh"
#include "math/math.cuh"
#include "tables.cuh"

namespace traccc {

constexpr u32 RADIUS_SLICES = 20;
constexpr u32 MAX_Z_CELLS = 128;
/// Fewer than on the CPU: cells are cleared and summed for each batch.
constexpr u32 CELLS_PER_SPACEPOINT = 2;

/// How positions of one event map to bins, slices and cells.
struct Axes {
    i32 phi_bins;
    i32 z_bins;
    f32 z_min;
    f32 z_max;
    f32 r_limit;
    f32 slices_per_mm;
    u32 z_cells;
    f32 z_bin_length;
    f32 cells_per_mm;
    /// The first cell of the event.
    u32 first_cell;

    __device__ static inline Axes of_event(const SeedingCuts& cuts, const Batch& batch, u32 event) {
        const u32 capacity = batch.capacities.spacepoints;
        const u32 first = min(batch.spacepoint_first[event], capacity);
        const u32 spacepoints = min(batch.spacepoint_first[event + 1], capacity) - first;
        const u32 slices = cuts.phi_bins * cuts.z_bins * RADIUS_SLICES;
        Axes axes;
        axes.phi_bins = (i32)cuts.phi_bins;
        axes.z_bins = (i32)cuts.z_bins;
        axes.z_min = cuts.z_min;
        axes.z_max = cuts.z_max;
        axes.r_limit = cuts.r_limit;
        axes.slices_per_mm = (f32)RADIUS_SLICES / cuts.r_limit;
        axes.z_cells = min(max(CELLS_PER_SPACEPOINT * spacepoints / slices, 1u), MAX_Z_CELLS);
        axes.z_bin_length = (cuts.z_max - cuts.z_min) / (f32)cuts.z_bins;
        axes.cells_per_mm = (f32)axes.z_cells / axes.z_bin_length;
        axes.first_cell = event * slices + CELLS_PER_SPACEPOINT * first;
        return axes;
    }

    /// The bin, bins of the azimuth running fastest; `NONE` for a point that is not used.
    __device__ inline u32 bin(f32 x, f32 y, f32 z, f32 r) const {
        // Written so that NaN is not used.
        if (!(r < r_limit && z >= z_min && z <= z_max)) return NONE;
        const f32 phi = (atan2(y, x) + consts::PI) / (2.0f * consts::PI) * (f32)phi_bins;
        // pi itself is the azimuth -pi.
        const i32 phi_bin = to_i32(phi) >= phi_bins ? 0 : to_i32(phi);
        const i32 z_bin = clamp(to_i32((z - z_min) / (z_max - z_min) * (f32)z_bins), 0, z_bins - 1);
        return (u32)(phi_bin + phi_bins * z_bin);
    }

    /// The slice of a radius; grows with it and stays inside for any number.
    __device__ __forceinline__ u32 slice(f32 r) const { return min(to_u32(r * slices_per_mm), RADIUS_SLICES - 1); }

    /// The cell of z within a bin; grows with z and stays inside for any number.
    __device__ __forceinline__ u32 z_cell(i32 z_bin, f32 z) const {
        const f32 start = z_min + (f32)z_bin * z_bin_length;
        return min(to_u32((z - start) * cells_per_mm), z_cells - 1);
    }

    __device__ __forceinline__ u32 cell(u32 bin, u32 slice, u32 z_cell) const {
        return first_cell + (bin * RADIUS_SLICES + slice) * z_cells + z_cell;
    }

    /// The bin of a cell.
    __device__ __forceinline__ u32 bin_of(u32 cell) const { return (cell - first_cell) / (RADIUS_SLICES * z_cells); }
};

/// Cells of all events, those between events that no space point can have among them.
__device__ __forceinline__ u32 search_cells(const SeedingCuts& cuts, const Batch& batch) {
    const u32 spacepoints = min(batch.counters->spacepoints, batch.capacities.spacepoints);
    return batch.head->events * cuts.phi_bins * cuts.z_bins * RADIUS_SLICES + CELLS_PER_SPACEPOINT * spacepoints;
}

/// The bins to search for a middle: azimuth ascending across the seam, for each the bins of z ascending.
struct Neighbours {
    i32 phi_first;
    i32 phi_bins;
    u32 z_first;
    u32 z_count;
    u32 count;

    __device__ inline Neighbours(const Axes& axes, u32 bin, const u32 (&scope)[2]) {
        const i64 phi_bin = (i32)bin % axes.phi_bins, z_bin = (i32)bin / axes.phi_bins, below = scope[0];
        const i64 bins = axes.phi_bins, wanted = below + (i64)scope[1] + 1;
        const i64 span = wanted < bins ? wanted : bins;
        const i64 first = z_bin > below ? z_bin - below : 0;
        const i64 end = z_bin + (i64)scope[1] < axes.z_bins - 1 ? z_bin + (i64)scope[1] : axes.z_bins - 1;
        const i64 phi = (phi_bin - below) % bins;
        phi_first = (i32)(phi < 0 ? phi + bins : phi);
        phi_bins = axes.phi_bins;
        z_first = (u32)first;
        z_count = (u32)(end - first + 1);
        count = (u32)span * z_count;
    }

    /// The bin at a position of the list.
    __device__ __forceinline__ u32 operator[](u32 position) const {
        const u32 phi = (u32)phi_first + position / z_count, z = z_first + position % z_count;
        return phi % (u32)phi_bins + (u32)phi_bins * z;
    }
};

/// The search grid of one event.
struct SearchGrid {
    const SearchPoint* points;
    const u32* row;
    const u32* cell_offsets;
    Axes axes;

    __device__ inline SearchGrid(const SeedingCuts& cuts, const Batch& batch, u32 event)
        : points(batch.search_points),
          row(batch.search_rows),
          cell_offsets(batch.search_offsets),
          axes(Axes::of_event(cuts, batch, event)) {}

    /// Slices of the radius that can hold points from `r_low` to `r_high`, in mm: the first, and how many.
    __device__ inline Rows slices(f32 r_low, f32 r_high) const {
        if (r_high < 0.0f || r_low >= axes.r_limit) return Rows{{0, 0}};
        const u32 first = axes.slice(r_low);
        return Rows{{first, axes.slice(r_high) + 1 - first}};
    }

    /// The radii between which a slice lies, in mm.
    __device__ inline Pair slice_radii(u32 slice) const {
        return Pair{{(f32)slice / axes.slices_per_mm, (f32)(slice + 1) / axes.slices_per_mm}};
    }

    /// First and one past the last slot of one slice of a bin that can have a z from `z_low` to `z_high`, in mm.
    __device__ inline Rows run(u32 bin, u32 slice, f32 z_low, f32 z_high) const {
        const i32 z_bin = (i32)bin / axes.phi_bins;
        const u32 first = axes.cell(bin, slice, axes.z_cell(z_bin, z_low));
        const u32 last = axes.cell(bin, slice, axes.z_cell(z_bin, z_high));
        return Rows{{cell_offsets[first], cell_offsets[last + 1]}};
    }
};

}  // namespace traccc
