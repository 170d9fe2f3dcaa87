// Measurements, column by column. See `event/measurements.rs`.
#pragma once
#include "index.cuh"
#include "math/math.cuh"

namespace traccc {

/// Which local coordinates of its surface a measurement constrains.
struct Subspace {
    u32 bits;

    static constexpr u32 LOC0 = 1;
    static constexpr u32 LOC1 = 2;
    static constexpr u32 BOTH = 3;

    /// Number of coordinates: 1 or 2.
    __device__ __forceinline__ u32 dimensions() const { return count_ones(bits); }
    /// Whether local coordinate `axis` (0 or 1) is measured.
    __device__ __forceinline__ bool measures(u32 axis) const { return (bits >> axis & 1) == 1; }
};
static_assert(sizeof(Subspace) == 4, "as in Rust");

}  // namespace traccc
