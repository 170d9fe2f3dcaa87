// Cells to measurements. See `clustering/mod.rs`.
#pragma once
#include "batch.cuh"
#include "clustering/components.cuh"
#include "clustering/moments.cuh"
#include "tables.cuh"

namespace traccc {

/// Number of cells, or none when one of them breaks a rule: then the host looks for it and runs the batch again.
__device__ __forceinline__ u32 sound_cells(const Batch& batch) {
    return batch.counters->bad_cells != 0 ? 0 : batch.head->cells;
}

__device__ __forceinline__ Components components(const Batch& batch) {
    return Components{batch.channel0, batch.channel1, batch.module, batch.cell_parent};
}

/// Whether a cell is as clustering needs it; its event begins at `first`. See `CellsView::validate` in `event/cells.rs`.
__device__ inline bool is_sound(const Modules& modules, const Batch& batch, u32 first, u32 cell) {
    const u32 module = batch.module[cell];
    if (module >= modules.count) return false;
    const Design& design = modules.design_of(module);
    const u32 channel0 = batch.channel0[cell], channel1 = batch.channel1[cell];
    if (channel0 >= design.channels[0] || channel1 >= design.channels[1]) return false;
    const f32 value = batch.activation[cell];
    if (!(is_finite(value) && value >= 0.0f)) return false;
    return cell == first || components(batch).is_before(cell - 1, module, channel1, channel0);
}

/// Makes the measurement of the cluster that begins at cell `root`, and labels its cells; the cells of the event end at `end`.
__device__ inline void measure(const Tables& tables, const Batch& batch, u32 cluster, u32 root, u32 end) {
    const Modules& modules = tables.modules;
    const u32 module = batch.module[root];
    const Segmentation sensor(modules, module);
    const u32 first[2] = {batch.channel0[root], batch.channel1[root]};
    Moments moments = Moments::of_cell(sensor, first, batch.activation[root]);
    batch.cell_measurement[root] = cluster;
    // A cluster has a cell in each of its rows.
    for (u32 cell = root + 1; cell < end && batch.module[cell] == module; cell++) {
        const u32 channel1 = batch.channel1[cell];
        if (channel1 > moments.highest[1] + 1) break;
        if (batch.cell_parent[cell] != ~root) continue;
        const u32 channels[2] = {batch.channel0[cell], channel1};
        moments.add(sensor, channels, batch.activation[cell]);
        batch.cell_measurement[cell] = cluster;
    }

    Pair local, variance, width;
    Rows size;
    for (u32 axis = 0; axis < 2; axis++) {
        const u32 lowest = moments.lowest[axis], highest = moments.highest[axis];
        size[axis] = highest - lowest + 1;
        width[axis] = sensor.edges[axis][highest + 1] - sensor.edges[axis][lowest];
        local[axis] = moments.mean[axis] + moments.origin[axis] + modules.translation[module][axis];
        variance[axis] = cluster_errors::variance(tables.settings.clustering.errors, sensor.errors[axis],
                                                  sensor.error_sizes[axis], size[axis], width[axis], moments.variance[axis]);
    }
    batch.local[cluster] = local;
    batch.variance[cluster] = variance;
    batch.time[cluster] = 0.0f;
    batch.subspace[cluster] = modules.subspace[module].bits;
    batch.surface[cluster] = modules.surface[module];
    batch.cluster_cells[cluster] = moments.cells;
    batch.cluster_size[cluster] = size;
    batch.cluster_width[cluster] = width;
}

}  // namespace traccc
