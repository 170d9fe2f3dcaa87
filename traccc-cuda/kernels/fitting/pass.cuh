// Record of the fit. See `fitting/mod.rs`.
#pragma once
#include "common.cuh"

namespace traccc {

/// What one pass over a track gives.
struct FitPass {
    f64 chi2;
    /// `FITS`, or why not.
    u32 outcome;
    /// Holes before and after the first measurement.
    u32 leading;
    u32 inner;
    /// Those before it in the first pass.
    u32 first_leading;
};
static_assert(sizeof(FitPass) == 24, "its place in the arena");

}  // namespace traccc
