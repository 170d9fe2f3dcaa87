// Errors of clusters. See `clustering/config.rs`.
#pragma once
#include "settings.cuh"

namespace traccc {

namespace cluster_errors {
constexpr u32 TABLE = 0;
constexpr u32 PITCH = 1;
constexpr u32 UPSTREAM = 2;

/// The variance along an axis, in mm² (rad²), of a cluster of `size` channels; `table` are `rows` errors of its sensor by size.
__device__ inline f32 variance(u32 errors, const f32* table, u32 rows, u32 size, f32 width, f32 spread) {
    const f32 pitch = width / (f32)size;
    if (errors == UPSTREAM) return spread + pitch * pitch / 12.0f;
    if (errors == TABLE && rows > 0) {
        const f32 error = table[size <= rows ? size - 1 : rows - 1];
        return error * error;
    }
    return size == 1 ? pitch * pitch / 12.0f : pitch * pitch / 48.0f;
}
}  // namespace cluster_errors

}  // namespace traccc
