// Seeds. See `event/seeds.rs`.
#pragma once
#include "index.cuh"

namespace traccc {

/// Three space points that may belong to one particle, from the inside out.
struct Seed {
    SpacepointIndex bottom;
    SpacepointIndex middle;
    SpacepointIndex top;
    f32 weight;
};
static_assert(sizeof(Seed) == 16, "as in Rust");

}  // namespace traccc
