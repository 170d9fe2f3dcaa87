//! The one system of units: mm, GeV, e, T, rad, and time as c·t in mm.
//!
//! Multiply by a constant to bring a value into the system (`5.0 * NANOSECOND`), divide to take it out.

use crate::Scalar;

/// One micrometre, in mm.
pub const MICROMETRE: Scalar = 1.0e-3;
/// One metre, in mm.
pub const METRE: Scalar = 1.0e3;
/// One MeV, in GeV.
pub const MEV: Scalar = 1.0e-3;
/// One eV, in GeV.
pub const EV: Scalar = 1.0e-9;
/// One nanosecond as c·t, in mm.
pub const NANOSECOND: Scalar = 299.792_458_f64 as Scalar;
/// One degree, in rad.
pub const DEGREE: Scalar = 0.017_453_292_519_943_295_f64 as Scalar;
/// Curvature in 1/mm of a unit charge with 1 GeV transverse momentum in a field of 1 T.
///
/// `pT = CURVATURE_PER_TESLA * B * R` with pT in GeV, B in T and R in mm (the speed of light in these units).
pub const CURVATURE_PER_TESLA: Scalar = 0.000_299_792_458_f64 as Scalar;
/// One gram per mole, in GeV per mole (1 g = 5.609589e23 GeV).
pub(crate) const GRAM: f64 = 1.0 / 1.782_662e-24;
/// One g/cm³, in GeV/mm³.
pub const GRAM_PER_CUBIC_CENTIMETRE: f64 = GRAM / 1.0e3;
