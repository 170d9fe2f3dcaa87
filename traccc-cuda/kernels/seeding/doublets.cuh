// The partners of one middle space point. See `seeding/doublets.rs`. A warp works on a middle, each lane on a partner.
#pragma once
#include "seeding/grid.cuh"

namespace traccc {

constexpr u32 ALL_LANES = 0xffffffffu;
constexpr f32 WINDOW_SLACK = 1e-2f;
constexpr f32 WINDOW_RELATIVE_SLACK = 1e-5f;
constexpr f32 RADIUS_RELATIVE_SLACK = 1e-6f;

/// The middle space point of a search.
typedef SearchPoint Middle;

/// What rounding can do to a radius of up to `r`, generously, in mm.
__device__ __forceinline__ f32 radius_slack(f32 r) { return WINDOW_SLACK + RADIUS_RELATIVE_SLACK * r; }

/// Where along z the partners at these radii lie, a little enlarged.
template <bool OUTWARD>
__device__ inline Pair z_window(const Pair& radii, const Middle& middle, const SeedingCuts& cuts) {
    const f32 r_low = radii[0], r_high = radii[1];
    f32 near = OUTWARD ? r_low - middle.r : middle.r - r_high;
    f32 far = OUTWARD ? r_high - middle.r : middle.r - r_low;
    near = max(near - radius_slack(r_high), cuts.delta_r_min);
    far = min(far + radius_slack(r_high), cuts.delta_r_max);
    const f32 reach = min(cuts.cot_theta_max * far, cuts.delta_z_max);
    // The line meets the axis at z - r dz / dr. `max` and `min` ignore the NaN of a middle on the axis.
    const f32 low_slope = (middle.z - cuts.collision_z_max) / middle.r;
    const f32 high_slope = (middle.z - cuts.collision_z_min) / middle.r;
    const f32 low = max(min(low_slope * near, low_slope * far), -reach);
    const f32 high = min(max(high_slope * near, high_slope * far), reach);
    const f32 z_low = OUTWARD ? middle.z + low : middle.z - high;
    const f32 z_high = OUTWARD ? middle.z + high : middle.z - low;
    const auto slack = [&](f32 z) { return WINDOW_SLACK + WINDOW_RELATIVE_SLACK * (abs(z) + reach); };
    return Pair{{z_low - slack(z_low), z_high + slack(z_high)}};
}

/// Whether one of the two smallest circles through both points passes the beam axis within the impact parameter.
__device__ __forceinline__ bool within_smallest_helix(f32 x, f32 y, const Middle& middle, const SeedingCuts& cuts) {
    const f32 dx = x - middle.x, dy = y - middle.y;
    const f32 distance_squared = dx * dx + dy * dy;
    const f32 cross = middle.x * y - middle.y * x;
    const f32 inner = middle.x * x + middle.y * y + cuts.impact_reach;
    const f32 gap = cuts.helix_diameter_squared - distance_squared;
    return (inner > 0.0f && inner * inner * distance_squared > cross * cross * gap) || dx == 0.0f || dy == 0.0f || gap < 0.0f;
}

/// The cuts on a doublet.
template <bool OUTWARD>
__device__ __forceinline__ bool are_partners(const SearchPoint& point, const Middle& middle, const SeedingCuts& cuts) {
    const f32 dr = OUTWARD ? point.r - middle.r : middle.r - point.r;
    const f32 dz = OUTWARD ? point.z - middle.z : middle.z - point.z;
    // z on the beam axis of the line through both, times dr.
    const f32 origin = middle.z * dr - middle.r * dz;
    return dr > cuts.delta_r_min && dr < cuts.delta_r_max && abs(dz) < cuts.cot_theta_max * dr && abs(dz) < cuts.delta_z_max &&
           origin > cuts.collision_z_min * dr && origin < cuts.collision_z_max * dr &&
           within_smallest_helix(point.x, point.y, middle, cuts);
}

/// A partner as seen from the middle.
struct Doublet {
    f32 cot_theta;
    f32 u;
    f32 v;
};

/// Slope and conformal coordinates of a partner.
template <bool OUTWARD>
__device__ __forceinline__ Doublet transform(const SearchPoint& point, const Middle& middle) {
    const f32 cos = middle.x / middle.r, sin = middle.y / middle.r;
    const f32 dx = point.x - middle.x, dy = point.y - middle.y, dz = point.z - middle.z;
    const f32 inverse_squared = 1.0f / (dx * dx + dy * dy);
    const f32 slope = dz * sqrt(inverse_squared);
    return Doublet{OUTWARD ? slope : -slope, (dx * cos + dy * sin) * inverse_squared, (dy * cos - dx * sin) * inverse_squared};
}

/// The tops of one middle in memory of its warp, in no particular order.
struct Doublets {
    /// Slot of the partner in the search grid.
    u32* slot;
    /// Position of its bin among the neighbours.
    u32* position;
    f32* cot_theta;
    f32* u;
    f32* v;
    u32 capacity;
    /// All that there are, also where there is no room for them.
    u32 count;

    __device__ inline Doublets(const Batch& batch, u32 warp) : capacity(batch.capacities.doublets), count(0) {
        u32* columns = batch.search_tops + (u64)warp * capacity * 5;
        slot = columns;
        position = columns + capacity;
        cot_theta = (f32*)(columns + 2 * (u64)capacity);
        u = (f32*)(columns + 3 * (u64)capacity);
        v = (f32*)(columns + 4 * (u64)capacity);
    }

    /// Rank in the documented search order: neighbouring bin, then row of the space point.
    __device__ __forceinline__ u64 order(const SearchGrid& grid, u32 top) const {
        return (u64)position[top] << 32 | grid.row[slot[top]];
    }
};

/// Calls `found` for all partners of `middle` in `neighbours`, up to 32 at a time: tops if `OUTWARD`, else bottoms.
///
/// `found(partners, slot, position, point)`: the lanes that have one, and that of the lane. All lanes of a warp call it with the same
/// arguments. The runs of the slices and bins are laid out one after another, so that all lanes have a candidate whatever their lengths.
template <bool OUTWARD, class Found>
__device__ inline void for_each_partner(const SearchGrid& grid, const Neighbours& neighbours, const Middle& middle,
                                        const SeedingCuts& cuts, Found found) {
    const u32 lane = threadIdx.x & 31;
    const f32 r_low = OUTWARD ? middle.r + cuts.delta_r_min : middle.r - cuts.delta_r_max;
    const f32 r_high = OUTWARD ? middle.r + cuts.delta_r_max : middle.r - cuts.delta_r_min;
    const f32 slack = radius_slack(middle.r + cuts.delta_r_max);
    const Rows slices = grid.slices(r_low - slack, r_high + slack);
    const u32 runs = slices[1] * neighbours.count;
    for (u32 first = 0; first < runs; first += 32) {
        const u32 run = first + lane, position = run % neighbours.count;
        u32 begin = 0, length = 0;
        if (run < runs) {
            const u32 slice = slices[0] + run / neighbours.count;
            const Pair z = z_window<OUTWARD>(grid.slice_radii(slice), middle, cuts);
            const Rows slots = grid.run(neighbours[position], slice, z[0], z[1]);
            begin = slots[0];
            // A window may be empty: its end before its beginning.
            length = slots[1] > begin ? slots[1] - begin : 0;
        }
        u32 end = length;
        for (u32 step = 1; step < 32; step *= 2) {
            const u32 before = __shfl_up_sync(ALL_LANES, end, step);
            if (lane >= step) end += before;
        }
        const u32 candidates = __shfl_sync(ALL_LANES, end, 31);
        const u32 shift = begin - (end - length);
        for (u32 candidate = lane; candidate - lane < candidates; candidate += 32) {
            // The run of the candidate: as many end before.
            u32 of = 0;
            for (u32 step = 16; step > 0; step /= 2)
                if (__shfl_sync(ALL_LANES, end, of + step - 1) <= candidate) of += step;
            const u32 slot = candidate + __shfl_sync(ALL_LANES, shift, of);
            const u32 of_position = __shfl_sync(ALL_LANES, position, of);
            SearchPoint point = middle;
            bool partner = false;
            if (candidate < candidates) {
                point = grid.points[slot];
                partner = are_partners<OUTWARD>(point, middle, cuts);
            }
            const u32 partners = __ballot_sync(ALL_LANES, partner);
            if (partners != 0) found(partners, slot, of_position, point);
        }
    }
}

/// Fills `tops` with those of `middle`.
__device__ inline void find_tops(Doublets& tops, const SearchGrid& grid, const Neighbours& neighbours, const Middle& middle,
                                 const SeedingCuts& cuts) {
    const u32 lane = threadIdx.x & 31;
    tops.count = 0;
    const auto put = [&](u32 partners, u32 slot, u32 position, const SearchPoint& point) {
        const u32 at = tops.count + __popc(partners & ((1u << lane) - 1));
        if ((partners >> lane & 1) && at < tops.capacity) {
            const Doublet top = transform<true>(point, middle);
            tops.slot[at] = slot;
            tops.position[at] = position;
            tops.cot_theta[at] = top.cot_theta;
            tops.u[at] = top.u;
            tops.v[at] = top.v;
        }
        tops.count += __popc(partners);
    };
    for_each_partner<true>(grid, neighbours, middle, cuts, put);
    __syncwarp();
}

}  // namespace traccc
