//! Several scalars in one vector register.

use crate::Scalar;

/// `LANES` scalars that are computed with at once.
#[cfg(not(traccc_f64))]
pub(super) type Lanes = wide::f32x8;
/// `LANES` scalars that are computed with at once.
#[cfg(traccc_f64)]
pub(super) type Lanes = wide::f64x4;

/// How many scalars fill one AVX register.
pub(super) const LANES: usize = 32 / size_of::<Scalar>();

/// The `LANES` values from `start` on.
///
/// # Panics
/// If the column ends before: columns that are read by lanes end with `LANES` values of padding.
#[inline]
pub(super) fn load(column: &[Scalar], start: usize) -> Lanes {
    Lanes::from(*column[start..].first_chunk::<LANES>().expect("columns end with padding"))
}

/// Bit i is set where lane i of a comparison holds.
#[inline]
pub(super) fn bits(comparison: Lanes) -> u32 {
    comparison.move_mask() as u32
}
