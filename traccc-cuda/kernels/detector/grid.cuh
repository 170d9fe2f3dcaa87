// Search grids. See `detector/grid.rs`.
#pragma once
#include "math/math.cuh"

namespace traccc {

/// What the axes of a search grid mean.
enum class GridFrame : u32 { CYLINDER = 0, DISC = 1, PLANE = 2 };

/// A regular axis of a search grid or material map.
struct Axis {
    f32 min;
    f32 bins_per_unit;
    u32 bins;
    u32 circular;

    /// The bin of a value; values outside are wrapped or clamped.
    __device__ __forceinline__ u32 bin(f32 value) const {
        const i32 bin = to_i32(floor((value - min) * bins_per_unit));
        const i32 count = (i32)bins;
        return circular != 0 ? (u32)rem_euclid(bin, count) : (u32)clamp(bin, 0, count - 1);
    }
};
static_assert(sizeof(Axis) == 16, "as in Rust");

/// A search grid over the surfaces of one volume.
struct Grid {
    GridFrame frame;
    /// Radius or local z of the surface on which a track is looked up, in mm.
    f32 reference;
    /// The bin of axis 0 runs fastest.
    Axis axes[2];
    u32 first_bin;
};
static_assert(sizeof(Grid) == 44, "as in Rust");

}  // namespace traccc
