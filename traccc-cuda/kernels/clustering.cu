// Kernels of clustering; see `clustering/clustering.cuh`.
#include "clustering/clustering.cuh"

namespace traccc {

/// Brings cells that were packed for the copy into their columns.
KERNEL(cells_unpack, 256, 4) {
    const u32 cells = batch.head->packed ? batch.head->cells : 0;
    FOR_EACH_ROW(cell, cells) {
        const u32 channels = batch.packed_channels[cell];
        batch.channel0[cell] = channels & 0xffff;
        batch.channel1[cell] = channels >> 16;
        batch.module[cell] = batch.packed_module[cell];
    }
}

/// Checks all cells and links those that touch.
KERNEL(cells_link, 256, 4) {
    FOR_EACH_ROW(cell, batch.head->cells) {
        const u32 first = batch.cell_first[event_of(batch.cell_first, batch.head->events, cell)];
        if (!is_sound(tables.modules, batch, first, cell)) atomicMax(&batch.counters->bad_cells, ~cell);
        components(batch).link(first, cell);
    }
}

/// Lists the first cells of the clusters, and links each cell to that of its own.
KERNEL(clusters_list, 256, 4) {
    __shared__ u32 shared[10];
    const u32 cells = sound_cells(batch), events = batch.head->events;
    if (cells == 0 && threadIdx.x == 0) note_firsts(batch.cell_first, events, 0, 0, 0, 0, batch.measurement_first);
    for (u32 tile;;) {
        next_tile(batch.append_clusters, shared, tile);
        const u32 cell = tile * blockDim.x + threadIdx.x;
        if (tile * blockDim.x >= cells) break;
        u32 root = NONE;
        if (cell < cells) {
            root = components(batch).root_of(cell);
            if (root != cell) ((volatile u32*)batch.cell_parent)[cell] = ~root;
        }
        const u32 count = root == cell;
        const bool last = (tile + 1) * blockDim.x >= cells;
        const u32 at = append(batch.append_clusters, tile, last, count, shared, &batch.counters->measurements);
        if (count && at < batch.capacities.measurements) batch.cluster_root[at] = cell;
        note_firsts(batch.cell_first, events, cells, cell, at, count, batch.measurement_first);
    }
}

/// Makes the measurement of each cluster, and notes which ones each surface has.
KERNEL(clusters_measure, 128, 4) {
    const u32 events = batch.head->events;
    const u32 clusters = min(batch.counters->measurements, batch.capacities.measurements);
    FOR_EACH_ROW(cluster, clusters) {
        const u32 root = batch.cluster_root[cluster], module = batch.module[root];
        const u32 event = event_of(batch.cell_first, events, root);
        const u32 first = batch.cell_first[event], end = batch.cell_first[event + 1];
        measure(tables, batch, cluster, root, end);

        Rows& rows = batch.surface_measurements[event * batch.surfaces + tables.modules.surface[module]];
        const u32 before = cluster > 0 ? batch.cluster_root[cluster - 1] : NONE;
        const u32 after = cluster + 1 < clusters ? batch.cluster_root[cluster + 1] : NONE;
        if (before == NONE || before < first || batch.module[before] != module) rows[0] = cluster;
        if (after == NONE || after >= end || batch.module[after] != module) rows[1] = cluster + 1;
    }
}

}  // namespace traccc
