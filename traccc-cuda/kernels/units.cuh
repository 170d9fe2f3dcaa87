// The one system of units. See `units.rs`.
#pragma once
#include "common.cuh"

namespace traccc {

namespace units {
/// Curvature in 1/mm of a unit charge with 1 GeV transverse momentum in a field of 1 T: rounded twice, as in Rust.
constexpr f32 CURVATURE_PER_TESLA = (f32)0.000299792458;
}  // namespace units

}  // namespace traccc
