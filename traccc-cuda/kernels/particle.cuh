// What propagation assumes of particles. See `particle.rs`; masses of hypotheses are in `settings.cuh`.
#pragma once
#include "common.cuh"

namespace traccc {

/// Electron mass, in GeV.
constexpr f32 ELECTRON_MASS = 0.00051099895f;

}  // namespace traccc
