//! The precision of everything.

/// The floating-point type of all event data and arithmetic.
#[cfg(not(traccc_f64))]
pub type Scalar = f32;
/// The floating-point type of all event data and arithmetic.
#[cfg(traccc_f64)]
pub type Scalar = f64;

/// Constants of [`Scalar`].
#[cfg(not(traccc_f64))]
pub(crate) use std::f32::consts;
#[cfg(traccc_f64)]
pub(crate) use std::f64::consts;
