// Which surfaces lie ahead. See `propagation/navigation.rs`.
#pragma once
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

/// The surfaces ahead in one volume, nearest first: those of each lane of a warp, side by side in shared memory.
struct Candidates {
    f32 path[CAPACITY][32];
    SurfaceIndex surface[CAPACITY][32];
    VolumeIndex link[CAPACITY][32];

    __device__ static __forceinline__ u32 lane() { return threadIdx.x & 31; }

    __device__ __forceinline__ Candidate get(u32 slot) const {
        return Candidate{surface[slot][lane()], path[slot][lane()], link[slot][lane()]};
    }

    __device__ __forceinline__ void put(u32 slot, const Candidate& candidate) {
        surface[slot][lane()] = candidate.surface;
        path[slot][lane()] = candidate.path;
        link[slot][lane()] = candidate.link;
    }

    /// Inserts in order of path into the `len` that there are; the farthest is lost when there is no room.
    __device__ __forceinline__ void insert(const Candidate& candidate, u32& len) {
        u32 slot = len;
#pragma unroll 1
        while (slot > 0 && path[slot - 1][lane()] > candidate.path) slot--;
        if (slot == CAPACITY) return;
        // A surface can be in two grids, and expected besides; its paths are then equal.
#pragma unroll 1
        for (u32 equal = slot; equal > 0 && path[equal - 1][lane()] >= candidate.path; equal--)
            if (surface[equal - 1][lane()] == candidate.surface) return;
        const u32 last = min(len, CAPACITY - 1);
#pragma unroll 1
        for (u32 i = last; i > slot; i--) put(i, get(i - 1));
        put(slot, candidate);
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

/// Found surfaces for which there is room before they are put in order; a multiple of 32.
constexpr u32 FOUND = 96;

/// What the lanes of a warp share while they search, and the surfaces that lie ahead of each; in shared memory.
struct NavigationMemory {
    Candidates candidates;
    /// Position, direction and curvature of the trajectory of each lane.
    f32 parabola[9][32];
    f32 ahead[32];
    SurfaceIndex standing_on[32];
    SurfaceIndex expected[32];
    /// Surfaces found for the lanes, those of the first lane first; how many for each.
    Candidate found[FOUND];
    u32 found_by[32];
    /// Lanes, as bits, that see a way out of their volume.
    u32 way_out;

    __device__ __forceinline__ void put_parabola(u32 lane, const Parabola& p) {
        const f32 words[9] = {p.position.x,  p.position.y,  p.position.z,  p.direction.x, p.direction.y,
                              p.direction.z, p.curvature.x, p.curvature.y, p.curvature.z};
#pragma unroll
        for (u32 i = 0; i < 9; i++) parabola[i][lane] = words[i];
    }

    __device__ __forceinline__ Parabola get_parabola(u32 lane) const {
        return Parabola{{parabola[0][lane], parabola[1][lane], parabola[2][lane]},
                        {parabola[3][lane], parabola[4][lane], parabola[5][lane]},
                        {parabola[6][lane], parabola[7][lane], parabola[8][lane]}};
    }
};

/// The sum of `value` over the lanes up to this one.
__device__ __forceinline__ u32 inclusive_sum(u32 value) {
    const u32 lane = threadIdx.x & 31;
#pragma unroll
    for (u32 step = 1; step < 32; step *= 2) {
        const u32 before = __shfl_up_sync(0xffffffffu, value, step);
        if (lane >= step) value += before;
    }
    return value;
}

/// Searches routes through one detector.
struct Navigator {
    const Detector* detector;
    const PropagationCuts* cuts;

    /// `search` for all lanes that want it. They put what they have to look at into one row and share it out, so that no lane is
    /// without work while another has a long list. All lanes of the warp call it; `len` becomes the number of a lane's candidates.
    __device__ inline void search(bool wants, const Request& request, const Parabola& parabola, NavigationMemory& memory,
                                  u32& len) const {
        const u32 lane = threadIdx.x & 31;
        const Volume* volume = &detector->volumes[wants ? request.volume : 0];
        u32 lists = 0;
        if (wants) {
            len = 0;
            lists = 1 + volume->grids[1] - volume->grids[0];
            memory.put_parabola(lane, parabola);
            memory.ahead[lane] = request.entry + cuts->path_tolerance;
            memory.standing_on[lane] = request.standing_on;
            memory.expected[lane] = request.expected;
        }
        memory.found_by[lane] = 0;
        if (lane == 0) memory.way_out = 0;
        __syncwarp();
        // First the lists of what is always searched, then those of a bin of each grid.
#pragma unroll 1
        for (u32 list = 0; __any_sync(0xffffffffu, list < lists); list++) {
            Slice<SurfaceIndex> entries{detector->searched, 0};
            if (list < lists) entries = list_of(*volume, list, parabola, request.entry);
            look_at(list == 0 ? detector->searched : detector->bin_entries, entries, memory, len);
            if (list == 0 && wants && request.entry <= 0.0f && (memory.way_out >> lane & 1) == 0)
                search_behind(*volume, parabola, request.expected, memory.candidates, len);
        }
        const SurfaceIndex expected = request.expected;
        if (wants && is_some(expected) && expected != request.standing_on && volume->surfaces[0] <= expected &&
            expected < volume->surfaces[1]) {
            const Option<Candidate> candidate =
                meet(parabola, expected, expected, request.entry + cuts->path_tolerance);
            if (candidate.is_some) memory.candidates.insert(candidate.value, len);
        }
        __syncwarp();
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

    /// Looks at the entries of all lanes, which are rows of `table`, and inserts what lies ahead of each lane.
    __device__ __forceinline__ void look_at(const SurfaceIndex* table, const Slice<SurfaceIndex>& entries,
                                            NavigationMemory& memory, u32& len) const {
        constexpr u32 ALL = 0xffffffffu;
        const u32 lane = threadIdx.x & 31;
        const u32 end = inclusive_sum(entries.count);
        const u32 total = __shfl_sync(ALL, end, 31);
        // Of the first entry of this lane, were the row of all entries to begin at row 0.
        const u32 offset = (u32)(entries.rows - table) - (end - entries.count);
        u32 held = 0;
#pragma unroll 1
        for (u32 base = 0; base < total; base += 32) {
            const u32 item = base + lane;
            // The lane that asks: as many lanes have all their entries before this one.
            u32 asker = 0;
#pragma unroll
            for (u32 step = 16; step > 0; step /= 2)
                if (__shfl_sync(ALL, end, asker + step - 1) <= item) asker += step;
            const u32 row = __shfl_sync(ALL, offset, asker) + item;
            Option<Candidate> candidate = none<Candidate>();
            if (item < total) {
                const SurfaceIndex index = table[row];
                candidate = meet(memory.get_parabola(asker), index, memory.expected[asker], memory.ahead[asker]);
                if (candidate.is_some && detector->surfaces[index].kind == SurfaceKind::PORTAL)
                    atomicOr(&memory.way_out, 1u << asker);
                candidate.is_some = candidate.is_some && index != memory.standing_on[asker];
            }
            const u32 found = __ballot_sync(ALL, candidate.is_some);
            if (candidate.is_some) {
                memory.found[held + __popc(found & ((1u << lane) - 1))] = candidate.value;
                atomicAdd(&memory.found_by[asker], 1u);
            }
            held += __popc(found);
            __syncwarp();
            if (held > FOUND - 32 || base + 32 >= total) {
                const u32 mine = memory.found_by[lane], last = inclusive_sum(mine);
                for (u32 i = last - mine; i < last; i++) memory.candidates.insert(memory.found[i], len);
                memory.found_by[lane] = 0;
                held = 0;
                __syncwarp();
            }
        }
    }

    /// A trajectory just outside its volume (rounding at a corner) sees no way out ahead: the nearest portal behind.
    __device__ __noinline__ void search_behind(const Volume& volume, Parabola parabola, SurfaceIndex expected,
                                               Candidates& candidates, u32& len) const {
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
        if (nearest.is_some) candidates.insert(nearest.value, len);
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
