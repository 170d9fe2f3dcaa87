use super::product;
use crate::Scalar;
use bytemuck::{Pod, Zeroable};
use nalgebra::{RealField, SMatrix};
use std::ops::{Add, Index, IndexMut};

/// A symmetric 5 x 5 matrix: the lower triangle row by row, element (i, j) with i >= j at `i (i + 1) / 2 + j`.
///
/// Fifteen numbers instead of twenty-five: covariances are the bulk of what finding reads and writes. Element type
/// `f64` serves the fit, whose wide prior would cancel in single precision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(transparent)]
pub struct Symmetric5<T = Scalar>(pub [T; 15]);

#[inline]
const fn packed(row: usize, column: usize) -> usize {
    if row >= column { row * (row + 1) / 2 + column } else { column * (column + 1) / 2 + row }
}

impl<T: RealField + Copy> Symmetric5<T> {
    /// The zero matrix.
    #[inline]
    pub fn zeros() -> Self {
        Self([T::zero(); 15])
    }

    /// The diagonal matrix of these elements.
    pub fn from_diagonal(diagonal: [T; 5]) -> Self {
        let mut matrix = Self::zeros();
        for (i, value) in diagonal.into_iter().enumerate() {
            matrix[(i, i)] = value;
        }
        matrix
    }

    /// The symmetric part of a full matrix, taken from its lower triangle.
    pub fn from_lower(full: &SMatrix<T, 5, 5>) -> Self {
        let mut matrix = Self::zeros();
        for i in 0..5 {
            for j in 0..=i {
                matrix[(i, j)] = full[(i, j)];
            }
        }
        matrix
    }

    /// All twenty-five elements.
    pub fn to_matrix(&self) -> SMatrix<T, 5, 5> {
        SMatrix::from_fn(|i, j| self[(i, j)])
    }

    /// The diagonal elements.
    #[inline]
    pub fn diagonal(&self) -> [T; 5] {
        [self.0[0], self.0[2], self.0[5], self.0[9], self.0[14]]
    }

    /// `J C Jᵀ`: this covariance carried through a Jacobian.
    #[inline]
    pub fn transported(&self, jacobian: &SMatrix<T, 5, 5>) -> Self {
        let half = product(jacobian, &self.to_matrix());
        let mut result = Self::zeros();
        for i in 0..5 {
            for j in 0..=i {
                let mut sum = T::zero();
                for k in 0..5 {
                    sum += half[(i, k)] * jacobian[(j, k)];
                }
                result.0[packed(i, j)] = sum;
            }
        }
        result
    }
}

impl<T: RealField + Copy> Add for Symmetric5<T> {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }
}

impl<T> Index<(usize, usize)> for Symmetric5<T> {
    type Output = T;

    #[inline]
    fn index(&self, (row, column): (usize, usize)) -> &T {
        &self.0[packed(row, column)]
    }
}

impl<T> IndexMut<(usize, usize)> for Symmetric5<T> {
    #[inline]
    fn index_mut(&mut self, (row, column): (usize, usize)) -> &mut T {
        &mut self.0[packed(row, column)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Matrix5;

    #[test]
    fn transport_equals_the_full_product() {
        let covariance = Symmetric5(std::array::from_fn(|i| 1.0 + (i as Scalar * 0.7).sin()));
        let jacobian = Matrix5::from_fn(|i, j| ((3 * i + j) as Scalar).cos());
        let full = jacobian * covariance.to_matrix() * jacobian.transpose();
        let packed = covariance.transported(&jacobian);
        assert!((full - packed.to_matrix()).amax() < 1e-4);
    }
}
