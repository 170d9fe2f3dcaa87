// Rows of the seeding in the arena.
#pragma once
#include "common.cuh"

namespace traccc {

/// A space point of the search grid.
struct __align__(16) SearchPoint {
    f32 x, y, z;
    /// Distance from the z axis, in mm.
    f32 r;
};
static_assert(sizeof(SearchPoint) == 16, "as in layout.rs");

/// A bottom and a top of the middle that is worked on. See `seeding/triplets.rs`.
struct __align__(16) Triplet {
    /// Slot of the bottom in the search grid.
    u32 bottom;
    /// Slot of the top in the search grid.
    u32 top;
    /// Quality, larger is better.
    f32 weight;
    /// Squared distances of bottom and top from the x axis, summed.
    f32 spread;
};
static_assert(sizeof(Triplet) == 16, "as in layout.rs");

/// A middle that has seeds.
struct FoundMiddle {
    /// Its row in the space points.
    u32 row;
    /// Its first seed in `Batch::found_seeds`.
    u32 first;
    /// Number of its seeds.
    u32 count;
};
static_assert(sizeof(FoundMiddle) == 12, "as in layout.rs");

}  // namespace traccc
