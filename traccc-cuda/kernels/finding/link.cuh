// Records of the search. See `finding/mod.rs`.
#pragma once
#include "math/math.cuh"

namespace traccc {

/// One candidate at one sensor: a measurement or a hole.
struct __align__(16) Link {
    /// The link of the step before; `NONE` in the first step.
    u32 previous;
    /// A row of the batch; `NONE` for a hole.
    u32 measurement;
    /// A row of the parameters.
    u32 seed;
    u32 holes;
    u32 consecutive_holes;
    f32 chi2;
    f32 chi2_sum;
    u32 coordinates;
};
static_assert(sizeof(Link) == 32, "its place in the arena");

/// A candidate that has arrived at a sensor; its Jacobian is in an array of its own, which only smoothing needs.
struct __align__(16) Arrival {
    f32 vector[5];
    Symmetric5<f32> covariance;
    u32 surface;
    u32 event;
    u32 padding[2];
};
static_assert(sizeof(Arrival) == 96, "its place in the arena");

/// What becomes of a link.
enum LinkStatus : u32 {
    /// It ends without a track.
    DROPPED,
    /// It is the end of what may become a track.
    ENDED,
    /// Its candidate is at the next sensor.
    ARRIVED,
    /// A better one has all its measurements.
    DOMINATED,
};

}  // namespace traccc
