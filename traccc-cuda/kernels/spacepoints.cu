// Kernel of the space points; see `spacepoints/spacepoints.cuh`.
#include "spacepoints/spacepoints.cuh"

namespace traccc {


/// Puts all measurements of two coordinates into space, in their order.
KERNEL(spacepoints_form, 256, 3) {
    __shared__ u32 shared[10];
    const u32 rows = min(batch.counters->measurements, batch.capacities.measurements), events = batch.head->events;
    if (rows == 0 && threadIdx.x == 0) note_firsts(batch.measurement_first, events, 0, 0, 0, 0, batch.spacepoint_first);
    for (u32 tile;;) {
        next_tile(batch.append_spacepoints, shared, tile);
        const u32 row = tile * blockDim.x + threadIdx.x;
        if (tile * blockDim.x >= rows) break;
        const u32 count = row < rows && batch.subspace[row] == Subspace::BOTH;
        const bool last = (tile + 1) * blockDim.x >= rows;
        const u32 at = append(batch.append_spacepoints, tile, last, count, shared, &batch.counters->spacepoints);
        if (count && at < batch.capacities.spacepoints) form_spacepoint(tables.detector, batch, row, at);
        note_firsts(batch.measurement_first, events, rows, row, at, count, batch.spacepoint_first);
    }
}

}  // namespace traccc
