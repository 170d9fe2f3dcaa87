// Which surfaces lie ahead. See `propagation/navigation.rs`.
#pragma once
#include "detector/detector.cuh"
#include "propagation/intersection.cuh"
#include "propagation/team.cuh"
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

    /// The surface in place `next`: the nearest one that is still ahead.
    __device__ __forceinline__ Option<Candidate> target(u32 next) const {
        if (next >= len) return none<Candidate>();
        return some(candidates[next]);
    }

    /// Inserts in order of path; the farthest is lost when there is no room.
    __device__ __noinline__ void insert(Candidate candidate) {
        u32 slot = len;
#pragma unroll 1
        while (slot > 0 && candidates[slot - 1].path > candidate.path) slot--;
        if (slot == CAPACITY) return;
        // A surface can be in two grids, and expected besides; its paths are then equal.
#pragma unroll 1
        for (u32 equal = slot; equal > 0 && candidates[equal - 1].path >= candidate.path; equal--)
            if (candidates[equal - 1].surface == candidate.surface) return;
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

/// Searches routes through one detector. All lanes of the team call the functions that search.
template <u32 LANES>
struct Navigator {
    Team<LANES> team;
    const Detector* detector;
    const PropagationCuts* cuts;
    /// A sensor known to have been hit, whose border counts as wide as tolerances ever get; or `NONE`.
    SurfaceIndex expected;

    /// All surfaces of a volume ahead of a trajectory that enters it after the path `entry`, except the one it stands on.
    /// A call, not inlined: it is large, and asked for from many places.
    __device__ __noinline__ void search(VolumeIndex volume_index, Parabola parabola, f32 entry,
                                        SurfaceIndex standing_on, Candidates& candidates) const {
        const Volume& volume = detector->volumes[volume_index];
        // Whoever looks at the surfaces of before has done so.
        team.sync();
        if (team.leads()) candidates.len = 0;
        team.sync();
        const f32 ahead = entry + cuts->path_tolerance;
        // One list after another through the same code: those that are always searched, a bin of each grid, the sensor that is
        // expected.
        const u32 grids = volume.grids[1] - volume.grids[0];
#pragma unroll 1
        for (u32 list = 0; list <= grids + 1; list++) {
            Slice<SurfaceIndex> entries{detector->searched + volume.searched[0], volume.searched[1] - volume.searched[0]};
            if (list > grids) {
                const bool here = is_some(expected) && expected != standing_on && volume.surfaces[0] <= expected &&
                                  expected < volume.surfaces[1];
                entries = Slice<SurfaceIndex>{&expected, here ? 1u : 0u};
            } else if (list > 0) {
                const Grid& grid = detector->grids[volume.grids[0] + list - 1];
                const Pair place = lookup(grid, volume, parabola, entry);
                const u32 bins[2] = {grid.axes[0].bin(place[0]), grid.axes[1].bin(place[1])};
                entries = detector->bin(grid, bins);
            }
            bool way_out = false;
#pragma unroll 1
            for (u32 first = 0; first < entries.count; first += LANES) {
                SurfaceIndex index = standing_on;
                Option<Candidate> candidate = none<Candidate>();
                bool portal = false;
                if (first + team.lane < entries.count) {
                    index = entries.rows[first + team.lane];
                    const Surface& surface = detector->surfaces[index];
                    candidate = meet(parabola, index, surface, ahead);
                    portal = candidate.is_some && surface.kind == SurfaceKind::PORTAL;
                }
                way_out = team.any(portal) || way_out;
                insert(candidate.is_some && index != standing_on, candidate.value, candidates);
            }
            if (list == 0 && !way_out && entry <= 0.0f) {
                if (team.leads()) search_behind(volume, parabola, candidates);
                team.sync();
            }
        }
    }

    /// Inserts what the lanes have found, in the order of the lanes.
    __device__ __forceinline__ void insert(bool found, const Candidate& candidate, Candidates& candidates) const {
#pragma unroll 1
        for (u32 lanes = team.ballot(found); lanes != 0; lanes &= lanes - 1) {
            if (team.lane == (u32)__ffs(lanes) - 1) candidates.insert(candidate);
            team.sync();
        }
    }

    /// A trajectory just outside its volume (rounding at a corner) sees no way out ahead: the nearest portal behind.
    __device__ __noinline__ void search_behind(const Volume& volume, Parabola parabola,
                                               Candidates& candidates) const {
        Option<Candidate> nearest = none<Candidate>();
#pragma unroll 1
        for (u32 row = volume.searched[0]; row < volume.searched[1]; row++) {
            const SurfaceIndex index = detector->searched[row];
            const Surface& surface = detector->surfaces[index];
            if (surface.kind != SurfaceKind::PORTAL) continue;
            const Option<Candidate> candidate = meet(parabola, index, surface, LOST_PORTAL);
            if (!candidate.is_some || !(candidate.value.path < -cuts->path_tolerance)) continue;
            // The last of equals.
            if (!nearest.is_some || total_cmp(nearest.value.path, candidate.value.path) <= 0) nearest = candidate;
        }
        if (nearest.is_some) candidates.insert(nearest.value);
    }

    /// Where the trajectory meets a surface inside one of its masks, not before the path `from`.
    __device__ __noinline__ Option<Candidate> meet(Parabola parabola, SurfaceIndex index, const Surface& surface,
                                                   f32 from) const {
        const Option<Crossing> crossing = parabola.surface(surface, from);
        if (!crossing.is_some) return none<Candidate>();
        const f32 path = crossing.value.path;
        const f32 tolerance = mask_tolerance(index, surface, path);
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
    __device__ __forceinline__ f32 mask_tolerance(SurfaceIndex index, const Surface& surface, f32 path) const {
        if (surface.kind == SurfaceKind::PORTAL) return PORTAL_TOLERANCE;
        if (expected == index) return cuts->max_mask_tolerance;
        const f32 tolerance = cuts->mask_tolerance_per_path * abs(path);
        return max(min(tolerance, cuts->max_mask_tolerance), cuts->min_mask_tolerance);
    }
};

}  // namespace propagation
}  // namespace traccc
