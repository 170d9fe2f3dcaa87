//! Small vectors and matrices, angles, elementary functions and probabilities.
//!
//! What an engine mirrors here it mirrors bit by bit. Beside the elementary functions these of Rust's have a meaning
//! that other languages do not share: `max` and `min` return the other number for NaN, `clamp` keeps NaN, `signum` is
//! ±1 for ±0 and NaN for NaN, casts to integers cut off the fraction, end at the limits of the type and make NaN 0,
//! `total_cmp` orders by bits, `max_by` takes the last of equals and `min_by` the first. Square root, `floor`, `trunc`
//! and `round` (halves away from zero) are exact everywhere.

mod algebra;
mod angle;
#[cfg(traccc_f64)]
mod double;
pub mod elementary;
mod exponential;
mod probability;
mod symmetric;

pub use algebra::{cholesky, cross, dot, lerp, norm, product, solve_lower, unit};
pub use angle::{direction, perp, wrap_phi};
#[cfg(traccc_f64)]
pub use double::{asin, atan2, ln, sin_cos};
#[cfg(not(traccc_f64))]
pub use elementary::{asin, atan2, ln, sin_cos};
pub(crate) use exponential::exp;
pub use probability::probability;
pub use symmetric::Symmetric5;

use crate::Scalar;

/// Three global or local Cartesian coordinates.
pub type Vector3 = nalgebra::Vector3<Scalar>;
/// A Jacobian between bound parameters (loc0, loc1, phi, theta, q/p).
pub type Matrix5 = nalgebra::SMatrix<Scalar, 5, 5>;
