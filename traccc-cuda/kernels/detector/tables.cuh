// The detector as flat tables. See `detector/tables.rs`.
#pragma once
#include "detector/grid.cuh"
#include "detector/material.cuh"
#include "detector/surface.cuh"

namespace traccc {

/// One volume: which surfaces to search. Ranges are a first row and one past the last.
struct Volume {
    f32 axes[3][3];
    f32 translation[3];
    u32 surfaces[2];
    u32 searched[2];
    u32 grids[2];
};
static_assert(sizeof(Volume) == 72, "as in Rust");

/// Rows of a table.
template <class T>
struct Slice {
    const T* rows;
    u32 count;
};

/// Fields: surfaces, further_masks, volumes, searched, grids, bin_offsets, bin_entries, slabs, maps, map_slabs (all *),
/// surface_count u32, padding u32.
struct Detector {
    const Surface* surfaces;
    const Mask* further_masks;
    const Volume* volumes;
    const SurfaceIndex* searched;
    const Grid* grids;
    const u32* bin_offsets;
    const SurfaceIndex* bin_entries;
    const Slab* slabs;
    const MaterialMap* maps;
    const Slab* map_slabs;
    u32 surface_count;
    u32 padding;

    /// The slab of a surface at local coordinates; null where there is no material.
    __device__ __forceinline__ const Slab* slab_at(const Surface& surface, const Pair& local) const {
        const MaterialRef material = surface.material;
        if (!material.is_some()) return nullptr;
        const Slab* slab =
            material.is_slab() ? &slabs[material.row()] : &map_slabs[maps[material.row()].slab_at(local)];
        return slab->is_some() ? slab : nullptr;
    }

    /// Surfaces in one bin of a grid.
    __device__ __forceinline__ Slice<SurfaceIndex> bin(const Grid& grid, const u32 (&bins)[2]) const {
        const u32 bin = grid.first_bin + bins[0] + grid.axes[0].bins * bins[1];
        const u32 first = bin_offsets[bin];
        return Slice<SurfaceIndex>{bin_entries + first, bin_offsets[bin + 1] - first};
    }
};
static_assert(sizeof(Detector) == 88, "as in src/tables.rs");

}  // namespace traccc
