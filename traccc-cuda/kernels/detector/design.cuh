// How sensors are divided into channels. See `detector/design.rs`.
#pragma once
#include "event/measurements.cuh"
#include "index.cuh"

namespace traccc {

/// Where a segmentation lies in the tables of `Modules`. Pairs are for local x and y.
struct Design {
    u32 first_edge[2];
    u32 channels[2];
    u32 first_error[2];
    u32 error_sizes[2];
};
static_assert(sizeof(Design) == 32, "as in Rust");

/// Fields: surface, design, translation, subspace, designs, edges, errors (all *), count u32, padding u32.
struct Modules {
    const SurfaceIndex* surface;
    const u32* design;
    const Pair* translation;
    const Subspace* subspace;
    const Design* designs;
    const f32* edges;
    const f32* errors;
    u32 count;
    u32 padding;

    /// The design of a module.
    __device__ __forceinline__ const Design& design_of(ModuleIndex module) const { return designs[design[module]]; }

    /// `Segmentation::centre`: that of a channel, in mm (rad).
    __device__ __forceinline__ f32 centre(const Design& design, u32 axis, u32 channel) const {
        const f32* edge = edges + design.first_edge[axis] + channel;
        return 0.5f * (edge[0] + edge[1]);
    }
};
static_assert(sizeof(Modules) == 64, "as in src/tables.rs");

}  // namespace traccc
