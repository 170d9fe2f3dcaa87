// Material. See `detector/material.rs`.
#pragma once
#include "detector/grid.cuh"

namespace traccc {

/// A layer of material with what energy loss and scattering need.
struct Slab {
    f32 thickness;
    f32 thickness_in_x0;
    f32 radiation_length;
    f32 loss_scale;
    f32 excitation_energy;
    f32 plasma_energy;

    /// Whether a track notices it.
    __device__ __forceinline__ bool is_some() const { return thickness > F32_EPSILON; }
};
static_assert(sizeof(Slab) == 24, "as in Rust");

/// Slabs on a regular grid of (loc0, loc1) of one surface.
struct MaterialMap {
    /// The bin of axis 0 runs fastest.
    Axis axes[2];
    u32 first_slab;

    /// The row of `Detector::map_slabs` at local coordinates.
    __device__ __forceinline__ u32 slab_at(const Pair& local) const {
        return first_slab + (axes[0].bin(local[0]) + axes[0].bins * axes[1].bin(local[1]));
    }
};
static_assert(sizeof(MaterialMap) == 36, "as in Rust");

}  // namespace traccc
