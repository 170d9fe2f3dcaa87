// Row numbers, and which table they belong to. See `index.rs`.
#pragma once
#include "common.cuh"

namespace traccc {

typedef u32 SurfaceIndex;
typedef u32 VolumeIndex;
typedef u32 ModuleIndex;
typedef u32 MeasurementIndex;
typedef u32 SpacepointIndex;

/// Whether this is a row, not `NONE`.
__device__ __forceinline__ bool is_some(u32 index) { return index != NONE; }

}  // namespace traccc
