// Bottoms, a middle and tops that may lie on one helix. See `seeding/triplets.rs`. A warp works on a bottom, each lane on a top.
#pragma once
#include "seeding/selection.cuh"

namespace traccc {

/// A top that fits the current bottom.
struct Fit {
    u32 slot;
    /// Distance of the top from the z axis, in mm.
    f32 r;
    /// Signed inverse diameter of the circle, in 1/mm.
    f32 curvature;
    f32 weight;
};

/// A bottom doublet with what all its triplets share.
struct Bottom {
    u32 slot;
    f32 cot_theta;
    f32 u;
    f32 v;
    /// 1 + cot²(theta).
    f32 scale;
    /// Largest squared difference of slopes whatever the momentum.
    f32 scattering;
    f32 r_middle;

    __device__ __forceinline__ Bottom(u32 slot, const Doublet& bottom, const Middle& middle, const SeedingCuts& cuts)
        : slot(slot), cot_theta(bottom.cot_theta), u(bottom.u), v(bottom.v), r_middle(middle.r) {
        scale = 1.0f + cot_theta * cot_theta;
        scattering = cuts.scattering * scale;
    }

    /// The cuts on the circle and on scattering at its momentum.
    __device__ __forceinline__ bool are_helices(f32 bend_squared, f32 u_top, f32 v_top, const SeedingCuts& cuts) const {
        const f32 slope = (v_top - v) / (u_top - u);
        const f32 offset = v - slope * u;
        const f32 length = 1.0f + slope * slope;
        const f32 offset_squared = offset * offset;
        // Both sides of each comparison are multiplied by `length`.
        const bool stiff = offset_squared < length * cuts.floor_curvature_squared;
        const f32 limit = stiff ? cuts.scattering_floor * length : cuts.scattering_per_curvature_squared * offset_squared;
        const f32 impact = abs((slope - offset * r_middle) * r_middle);
        return u_top != u && length >= offset_squared * cuts.helix_diameter_squared && bend_squared * length <= limit * scale &&
               impact <= cuts.impact_max;
    }

    __device__ __forceinline__ Fit fit(const SearchGrid& grid, const Doublets& tops, u32 top, const SeedingCuts& cuts) const {
        const u32 of_top = tops.slot[top];
        const f32 slope = (tops.v[top] - v) / (tops.u[top] - u);
        const f32 offset = v - slope * u;
        const f32 impact = abs((slope - offset * r_middle) * r_middle);
        return Fit{of_top, grid.points[of_top].r, offset / sqrt(1.0f + slope * slope), -impact * cuts.impact_weight_factor};
    }
};

/// Memory of the triplet search of a warp: tops that fit, by their row in the tops, twice, and radii.
struct TripletSearch {
    u32* fits;
    u32* unsorted;
    f32* compatible;

    __device__ inline TripletSearch(const Batch& batch, u32 warp) {
        const u64 capacity = batch.capacities.doublets;
        fits = batch.search_fits + warp * capacity * 3;
        unsorted = fits + capacity;
        compatible = (f32*)(unsorted + capacity);
    }

    /// Lists the tops that fit, in the search order, and gives their number.
    __device__ inline u32 find(const SearchGrid& grid, const Bottom& bottom, const Doublets& tops, const SeedingCuts& cuts) {
        const u32 lane = threadIdx.x & 31;
        u32 count = 0;
        for (u32 top = lane; top - lane < tops.count; top += 32) {
            const f32 bend = top < tops.count ? bottom.cot_theta - tops.cot_theta[top] : nan();
            const f32 bend_squared = bend * bend;
            bool fitting = bend_squared <= bottom.scattering;
            // Few tops are aligned with a bottom.
            if (fitting) fitting = bottom.are_helices(bend_squared, tops.u[top], tops.v[top], cuts);
            const u32 all = __ballot_sync(ALL_LANES, fitting);
            if (fitting) fits[count + __popc(all & ((1u << lane) - 1))] = top;
            count += __popc(all);
        }
        __syncwarp();
        // Which triplets support each other depends on their order as soon as there are three.
        if (count > 2) {
            u32* swapped = fits;
            fits = unsorted;
            unsorted = swapped;
            for (u32 i = lane; i < count; i += 32) {
                const u64 order = tops.order(grid, unsorted[i]);
                u32 before = 0;
                for (u32 j = 0; j < count; j++) before += tops.order(grid, unsorted[j]) < order;
                fits[before] = unsorted[i];
            }
            __syncwarp();
        }
        return count;
    }

    /// How many other triplets of the bottom bend like triplet `i`, their tops in different layers: at most `compatible_seed_limit`.
    /// The first that fits in the search order counts, and hides those at its radius. `fit` is that of the lane among those from
    /// `first` on.
    __device__ inline u32 support(u32 i, u32 count, u32 first, const Fit& fit, const SearchGrid& grid, const Bottom& bottom,
                                  const Doublets& tops, const SeedingCuts& cuts) const {
        const u32 lane = threadIdx.x & 31, limit = cuts.compatible_seed_limit;
        const f32 r = __shfl_sync(ALL_LANES, fit.r, i - first), curvature = __shfl_sync(ALL_LANES, fit.curvature, i - first);
        const auto apart = [&](f32 a, f32 b) { return abs(a - b) >= cuts.compatible_delta_r_min; };
        u32 supporting = 0;
        for (u32 block = 0; block < count && supporting < limit; block += 32) {
            const u32 j = block + lane;
            Fit other = fit;
            if (block != first && j < count) other = bottom.fit(grid, tops, fits[j], cuts);
            bool compatibles = j < count && j != i && apart(r, other.r) &&
                               other.curvature >= curvature - cuts.delta_inverse_helix_diameter &&
                               other.curvature <= curvature + cuts.delta_inverse_helix_diameter;
            for (u32 k = 0; k < supporting; k++) compatibles = compatibles && apart(compatible[k], other.r);
            u32 left = __ballot_sync(ALL_LANES, compatibles);
            while (left != 0 && supporting < limit) {
                const u32 next = __ffs(left) - 1;
                const f32 radius = __shfl_sync(ALL_LANES, other.r, next);
                if (count > 32 && lane == 0) compatible[supporting] = radius;
                supporting++;
                left &= ~((2u << next) - 1) & __ballot_sync(ALL_LANES, apart(radius, other.r));
            }
            if (count > 32) __syncwarp();
        }
        return supporting;
    }

    /// Finds the triplets of a bottom and takes them into account.
    __device__ inline void search(const SearchGrid& grid, const Bottom& bottom, const Doublets& tops, const SeedingCuts& cuts,
                                  Selection& selection) {
        const u32 lane = threadIdx.x & 31;
        const u32 count = find(grid, bottom, tops, cuts);
        if (count == 0) return;
        const auto square = [&](u32 slot) {
            const f32 y = grid.points[slot].y, z = grid.points[slot].z;
            return y * y + z * z;
        };
        for (u32 first = 0; first < count; first += 32) {
            Fit fit{0, 0.0f, 0.0f, 0.0f};
            const bool fits_here = first + lane < count;
            if (fits_here) fit = bottom.fit(grid, tops, fits[first + lane], cuts);
            u32 supporting = 0;
            for (u32 i = first; i < min(first + 32, count) && count > 1; i++) {
                const u32 of = support(i, count, first, fit, grid, bottom, tops, cuts);
                if (i == first + lane) supporting = of;
            }
            Triplet triplet{bottom.slot, fit.slot, 0.0f, 0.0f};
            if (fits_here) {
                triplet.weight = fit.weight + cuts.compatible_seed_weight * (f32)supporting;
                triplet.spread = square(bottom.slot) + square(fit.slot);
            }
            selection.add(grid, triplet, fits_here, cuts);
        }
        __syncwarp();
    }
};

}  // namespace traccc
