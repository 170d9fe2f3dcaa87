// Tracks and their states. See `event/tracks.rs`.
#pragma once
#include "event/parameters.cuh"

namespace traccc {

/// How a fit ended.
struct FitOutcome {
    u32 value;

    static constexpr u32 NOT_FITTED = 0;
    static constexpr u32 SUCCESS = 1;
    static constexpr u32 NO_DEGREES_OF_FREEDOM = 2;
    static constexpr u32 NOT_ALL_FITTED = 3;
    static constexpr u32 FILTER_FAILED = 4;
    static constexpr u32 SMOOTHER_FAILED = 5;
    static constexpr u32 PROPAGATION_FAILED = 6;
};

/// One track: what holds for it as a whole.
struct Track {
    BoundParameters parameters;
    f32 chi2;
    i32 ndf;
    f32 p_value;
    u32 holes;
    FitOutcome outcome;
};
static_assert(sizeof(Track) == 112, "as in Rust");

/// The track at one measurement.
struct TrackState {
    BoundParameters smoothed;
    f32 filtered_chi2;
    f32 smoothed_chi2;
};
static_assert(sizeof(TrackState) == 100, "as in Rust");

}  // namespace traccc
