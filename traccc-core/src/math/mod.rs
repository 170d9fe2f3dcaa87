//! Small vectors, symmetric matrices, angles and probabilities.

mod angle;
mod probability;
mod symmetric;

pub use angle::{direction, perp, wrap_phi};
pub use probability::probability;
pub use symmetric::Symmetric5;

use crate::Scalar;

/// Three global or local Cartesian coordinates.
pub type Vector3 = nalgebra::Vector3<Scalar>;
/// A Jacobian between bound parameters (loc0, loc1, phi, theta, q/p).
pub type Matrix5 = nalgebra::SMatrix<Scalar, 5, 5>;
