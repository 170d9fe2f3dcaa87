// Mean and variance of the cells of one cluster. See `clustering/moments.rs`.
#pragma once
#include "clustering/config.cuh"
#include "detector/design.cuh"
#include "math/math.cuh"

namespace traccc {

/// The segmentation of one sensor into channels. See `detector/design.rs`.
struct Segmentation {
    const f32* edges[2];
    const f32* errors[2];
    u32 error_sizes[2];

    __device__ inline Segmentation(const Modules& modules, ModuleIndex module) {
        const Design& design = modules.design_of(module);
        for (u32 axis = 0; axis < 2; axis++) {
            edges[axis] = modules.edges + design.first_edge[axis];
            errors[axis] = modules.errors + design.first_error[axis];
            error_sizes[axis] = design.error_sizes[axis];
        }
    }

    /// Centre of a channel, in mm (rad).
    __device__ __forceinline__ f32 centre(u32 axis, u32 channel) const {
        return 0.5f * (edges[axis][channel] + edges[axis][channel + 1]);
    }
};

/// What is gathered cell by cell.
struct Moments {
    f32 origin[2];
    f32 mean[2];
    f32 variance[2];
    f32 weight;
    f32 scale;
    u32 lowest[2];
    u32 highest[2];
    u32 cells;

    static constexpr f32 REDUCED = 1.0f / 4294967296.0f;

    /// A cluster of one cell.
    __device__ static inline Moments of_cell(const Segmentation& sensor, const u32 (&channels)[2], f32 activation) {
        Moments moments;
        for (u32 axis = 0; axis < 2; axis++) {
            moments.origin[axis] = sensor.centre(axis, channels[axis]);
            moments.mean[axis] = 0.0f;
            moments.variance[axis] = 0.0f;
            moments.lowest[axis] = channels[axis];
            moments.highest[axis] = channels[axis];
        }
        moments.weight = activation;
        moments.scale = 1.0f;
        moments.cells = 1;
        return moments;
    }

    /// Adds a cell by Welford's update.
    __device__ inline void add(const Segmentation& sensor, const u32 (&channels)[2], f32 activation) {
        cells += 1;
        activation = activation * scale;
        if (abs(weight + activation) == infinity()) {
            scale = REDUCED;
            weight *= REDUCED;
            activation *= REDUCED;
        }
        weight += activation;
        const f32 fraction = weight > 0.0f ? activation / weight : 1.0f / (f32)cells;
        for (u32 axis = 0; axis < 2; axis++) {
            const u32 channel = channels[axis];
            const f32 position = sensor.centre(axis, channel) - origin[axis];
            const f32 before = position - mean[axis];
            mean[axis] += before * fraction;
            const f32 after = position - mean[axis];
            variance[axis] = (1.0f - fraction) * variance[axis] + fraction * before * after;
            lowest[axis] = min(lowest[axis], channel);
            highest[axis] = max(highest[axis], channel);
        }
    }
};

}  // namespace traccc
