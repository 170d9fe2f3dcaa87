// Which surfaces lie ahead. See `propagation/navigation.rs`.
#pragma once
#include "append.cuh"
#include "detector/detector.cuh"
#include "propagation/intersection.cuh"
#include "settings.cuh"

namespace traccc {
namespace propagation {

/// Farther candidates are found again when the nearer ones are used up.
constexpr u32 CAPACITY = 8;
/// How far behind a portal may be when no other way out is seen, in mm.
constexpr f32 LOST_PORTAL = -100.0f;
/// A rounding error's width, so that no track slips between two portals that share an edge, in mm.
constexpr f32 PORTAL_TOLERANCE = 1.0e-3f;
/// Farther from its grid a trajectory is looked up where it is, in mm.
constexpr f32 MAX_LOOKUP = 1.0e4f;

/// A surface ahead.
struct Candidate {
    SurfaceIndex surface;
    /// Path to it, in mm.
    f32 path;
    /// The volume behind the mask that will be met.
    VolumeIndex link;
};

/// The surfaces ahead in one volume, nearest first.
struct Candidates {
    Candidate candidates[CAPACITY];
    u32 len;

    /// Inserts in order of path, and of the surface's number where paths are equal: in whichever order surfaces are found, the
    /// list is the same. The farthest is lost when there is no room.
    __device__ __noinline__ void insert(Candidate candidate) {
        const auto is_behind = [&](const Candidate& c) {
            return c.path > candidate.path || (c.path >= candidate.path && c.surface > candidate.surface);
        };
        u32 slot = len;
#pragma unroll 1
        while (slot > 0 && is_behind(candidates[slot - 1])) slot--;
        if (slot == CAPACITY) return;
        // A surface can be in two grids, and expected besides; its paths are then equal.
        if (slot > 0) {
            const Candidate& before = candidates[slot - 1];
            if (before.path >= candidate.path && before.surface == candidate.surface) return;
        }
        const u32 last = min(len, CAPACITY - 1);
#pragma unroll 1
        for (u32 i = last; i > slot; i--) candidates[i] = candidates[i - 1];
        candidates[slot] = candidate;
        len = last + 1;
    }
};

/// Coordinates of the grid bin for a trajectory: where it crosses the grid's reference surface, be that ahead or behind.
__device__ inline Pair lookup(const Grid& grid, const Volume& volume, const Parabola& parabola, f32 entry) {
    if (grid.frame == GridFrame::CYLINDER) {
        const Option<f32> s = parabola.nearest_to_cylinder(grid.reference, entry);
        const Vector3 point = parabola.at(s.is_some ? s.value : entry);
        return Pair{{atan2(point.y, point.x), point.z}};
    }
    const Vector3 normal = vector3(volume.axes[2]);
    const Vector3 origin = vector3(volume.translation) + normal * grid.reference;
    const Option<f32> s = parabola.plane(origin, normal, -MAX_LOOKUP);
    const Vector3 point = parabola.at(s.is_some ? s.value : entry) - origin;
    const f32 x = dot(vector3(volume.axes[0]), point), y = dot(vector3(volume.axes[1]), point);
    if (grid.frame == GridFrame::DISC) return Pair{{perp(x, y), atan2(y, x)}};
    return Pair{{x, y}};
}

/// What a trajectory asks for: all surfaces of a volume ahead of it, except the one it stands on.
struct Request {
    VolumeIndex volume;
    /// The path after which it enters the volume, in mm.
    f32 entry;
    SurfaceIndex standing_on;
    /// A sensor known to have been hit, whose border counts as wide as tolerances ever get; or `NONE`.
    SurfaceIndex expected;
};

/// Threads of a block that search together: all of it.
constexpr u32 TEAM = 256;

/// Surfaces that others can find for a thread in one list; with more it looks for itself.
constexpr u32 FINDS = 4;

/// What the threads of a block share while they search, in shared memory: a place for each.
struct NavigationMemory {
    /// Position, direction and curvature of the trajectory, and the path from which on surfaces lie ahead.
    f32 parabola[9][TEAM];
    f32 ahead[TEAM];
    SurfaceIndex expected[TEAM];
    /// Where its entries end in the row of those of all, and the row of the table of entry 0 of that row, were all its own.
    u32 end[TEAM];
    u32 offset[TEAM];
    /// What was found for it, in any order, and how much.
    Candidate finds[FINDS][TEAM];
    u32 found[TEAM];
    u32 sums[TEAM / 32 + 1];

    __device__ __forceinline__ void put_parabola(const Parabola& p) {
        const f32 words[9] = {p.position.x,  p.position.y,  p.position.z,  p.direction.x, p.direction.y,
                              p.direction.z, p.curvature.x, p.curvature.y, p.curvature.z};
#pragma unroll
        for (u32 i = 0; i < 9; i++) parabola[i][threadIdx.x] = words[i];
    }

    __device__ __forceinline__ Parabola get_parabola(u32 thread) const {
        return Parabola{{parabola[0][thread], parabola[1][thread], parabola[2][thread]},
                        {parabola[3][thread], parabola[4][thread], parabola[5][thread]},
                        {parabola[6][thread], parabola[7][thread], parabola[8][thread]}};
    }
};

/// Searches routes through one detector.
struct Navigator {
    const Detector* detector;
    const PropagationCuts* cuts;

    /// `search` for all threads that want it. They put what they have to look at into one row and share it out, so that nobody is
    /// without work while another has a long list. All threads of the block call it.
    __device__ inline void search(bool wants, const Request& request, const Parabola& parabola, NavigationMemory& memory,
                                  Candidates& candidates) const {
        const Volume& volume = detector->volumes[wants ? request.volume : 0];
        const f32 ahead = request.entry + cuts->path_tolerance;
        u32 lists = 0;
        if (wants) {
            candidates.len = 0;
            lists = 1 + volume.grids[1] - volume.grids[0];
            memory.put_parabola(parabola);
            memory.ahead[threadIdx.x] = ahead;
            memory.expected[threadIdx.x] = request.expected;
        }
        // First what is always searched, then a bin of each grid.
#pragma unroll 1
        for (u32 list = 0; __syncthreads_or(list < lists); list++) {
            const SurfaceIndex* table = list == 0 ? detector->searched : detector->bin_entries;
            Slice<SurfaceIndex> entries{table, 0};
            if (list < lists) entries = list_of(volume, list, parabola, request.entry);
            look_at(table, entries, memory);
            const u32 found = memory.found[threadIdx.x];
            bool way_out = false;
            const auto insert = [&](const Candidate& candidate) {
                way_out = way_out || detector->surfaces[candidate.surface].kind == SurfaceKind::PORTAL;
                if (candidate.surface != request.standing_on) candidates.insert(candidate);
            };
            if (found <= FINDS) {
                for (u32 i = 0; i < found; i++) insert(memory.finds[i][threadIdx.x]);
            } else {
                for (u32 i = 0; i < entries.count; i++) {
                    const Option<Candidate> candidate = meet(parabola, entries.rows[i], request.expected, ahead);
                    if (candidate.is_some) insert(candidate.value);
                }
            }
            if (list == 0 && wants && !way_out && request.entry <= 0.0f)
                search_behind(volume, parabola, request.expected, candidates);
        }
        const SurfaceIndex expected = request.expected;
        if (wants && is_some(expected) && expected != request.standing_on && volume.surfaces[0] <= expected &&
            expected < volume.surfaces[1]) {
            const Option<Candidate> candidate = meet(parabola, expected, expected, ahead);
            if (candidate.is_some) candidates.insert(candidate.value);
        }
    }

    /// The surfaces of a volume that are always searched, for list 0, or those of the bin of a grid.
    __device__ __forceinline__ Slice<SurfaceIndex> list_of(const Volume& volume, u32 list, const Parabola& parabola,
                                                           f32 entry) const {
        if (list == 0)
            return Slice<SurfaceIndex>{detector->searched + volume.searched[0], volume.searched[1] - volume.searched[0]};
        const Grid& grid = detector->grids[volume.grids[0] + list - 1];
        const Pair place = lookup(grid, volume, parabola, entry);
        const u32 bins[2] = {grid.axes[0].bin(place[0]), grid.axes[1].bin(place[1])};
        return detector->bin(grid, bins);
    }

    /// Finds for all threads which of their entries, rows of `table`, lie ahead of them.
    __device__ __forceinline__ void look_at(const SurfaceIndex* table, const Slice<SurfaceIndex>& entries,
                                            NavigationMemory& memory) const {
        u32 total;
        const u32 begin = block_exclusive_sum(entries.count, memory.sums, total);
        memory.end[threadIdx.x] = begin + entries.count;
        memory.offset[threadIdx.x] = (u32)(entries.rows - table) - begin;
        memory.found[threadIdx.x] = 0;
        __syncthreads();
#pragma unroll 1
        for (u32 item = threadIdx.x; item < total; item += TEAM) {
            // The thread that asks: as many have all their entries before this one.
            u32 asker = 0;
#pragma unroll
            for (u32 step = TEAM / 2; step > 0; step /= 2)
                if (memory.end[asker + step - 1] <= item) asker += step;
            const SurfaceIndex index = table[memory.offset[asker] + item];
            const Option<Candidate> candidate =
                meet(memory.get_parabola(asker), index, memory.expected[asker], memory.ahead[asker]);
            if (!candidate.is_some) continue;
            const u32 place = atomicAdd(&memory.found[asker], 1u);
            if (place < FINDS) memory.finds[place][asker] = candidate.value;
        }
        __syncthreads();
    }

    /// A trajectory just outside its volume (rounding at a corner) sees no way out ahead: the nearest portal behind.
    __device__ __noinline__ void search_behind(const Volume& volume, Parabola parabola, SurfaceIndex expected,
                                               Candidates& candidates) const {
        Option<Candidate> nearest = none<Candidate>();
#pragma unroll 1
        for (u32 row = volume.searched[0]; row < volume.searched[1]; row++) {
            const SurfaceIndex index = detector->searched[row];
            if (detector->surfaces[index].kind != SurfaceKind::PORTAL) continue;
            const Option<Candidate> candidate = meet(parabola, index, expected, LOST_PORTAL);
            if (!candidate.is_some || !(candidate.value.path < -cuts->path_tolerance)) continue;
            // The last of equals.
            if (!nearest.is_some || total_cmp(nearest.value.path, candidate.value.path) <= 0) nearest = candidate;
        }
        if (nearest.is_some) candidates.insert(nearest.value);
    }

    /// Where the trajectory meets a surface inside one of its masks, not before the path `from`.
    __device__ __noinline__ Option<Candidate> meet(Parabola parabola, SurfaceIndex index, SurfaceIndex expected,
                                                   f32 from) const {
        const Surface& surface = detector->surfaces[index];
        const Option<Crossing> crossing = parabola.surface(surface, from);
        if (!crossing.is_some) return none<Candidate>();
        const f32 path = crossing.value.path;
        const f32 tolerance = mask_tolerance(index == expected, surface, path);
        const Mask* mask = &surface.mask;
        const Mask* further = detector->further_masks + surface.first_further_mask;
#pragma unroll 1
        for (u32 left = surface.further_masks;; left--) {
            if (mask->contains(surface.shape, crossing.value.point, tolerance))
                return some(Candidate{index, path, mask->link});
            if (left == 0) return none<Candidate>();
            mask = further++;
        }
    }

    /// Portals must not overlap; sensors may be missed by the error of the extrapolation.
    __device__ __forceinline__ f32 mask_tolerance(bool expected, const Surface& surface, f32 path) const {
        if (surface.kind == SurfaceKind::PORTAL) return PORTAL_TOLERANCE;
        if (expected) return cuts->max_mask_tolerance;
        const f32 tolerance = cuts->mask_tolerance_per_path * abs(path);
        return max(min(tolerance, cuts->max_mask_tolerance), cuts->min_mask_tolerance);
    }
};

}  // namespace propagation
}  // namespace traccc
