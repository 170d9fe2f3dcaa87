// Kernel of the first parameters; see `parameters/parameters.cuh`.
#include "parameters/parameters.cuh"

namespace traccc {


/// Estimates the parameters of all seeds, in their order.
KERNEL(parameters_estimate, 256, 3) {
    __shared__ u32 shared[10];
    const u32 rows = min(batch.counters->seeds, batch.capacities.seeds), events = batch.head->events;
    if (rows == 0 && threadIdx.x == 0) note_firsts(batch.seed_first, events, 0, 0, 0, 0, batch.parameter_first);
    for (u32 tile;;) {
        next_tile(batch.append_parameters, shared, tile);
        const u32 row = tile * blockDim.x + threadIdx.x;
        if (tile * blockDim.x >= rows) break;
        BoundParameters found;
        const u32 count = row < rows && estimate(tables, batch, batch.seeds[row], found);
        const bool last = (tile + 1) * blockDim.x >= rows;
        const u32 at = append(batch.append_parameters, tile, last, count, shared, &batch.counters->parameters);
        if (count) batch.parameters[at] = found;
        note_firsts(batch.seed_first, events, rows, row, at, count, batch.parameter_first);
    }
}

}  // namespace traccc
