use super::Matrix5;
use crate::Scalar;
use bytemuck::{Pod, Zeroable};
use std::ops::{Index, IndexMut};

/// A symmetric 5 x 5 matrix: the lower triangle row by row, element (i, j) with i >= j at `i (i + 1) / 2 + j`.
///
/// Fifteen numbers instead of twenty-five: covariances are the bulk of what finding reads and writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(transparent)]
pub struct Symmetric5(pub [Scalar; 15]);

#[inline]
const fn packed(row: usize, column: usize) -> usize {
    if row >= column { row * (row + 1) / 2 + column } else { column * (column + 1) / 2 + row }
}

impl Symmetric5 {
    /// The diagonal matrix of these elements.
    pub fn from_diagonal(diagonal: [Scalar; 5]) -> Self {
        let mut matrix = Self::default();
        for (i, value) in diagonal.into_iter().enumerate() {
            matrix[(i, i)] = value;
        }
        matrix
    }

    /// The symmetric part of a full matrix, taken from its lower triangle.
    pub fn from_lower(full: &Matrix5) -> Self {
        let mut matrix = Self::default();
        for i in 0..5 {
            for j in 0..=i {
                matrix[(i, j)] = full[(i, j)];
            }
        }
        matrix
    }

    /// All twenty-five elements.
    pub fn to_matrix(&self) -> Matrix5 {
        Matrix5::from_fn(|i, j| self[(i, j)])
    }

    /// The diagonal elements.
    #[inline]
    pub fn diagonal(&self) -> [Scalar; 5] {
        [self.0[0], self.0[2], self.0[5], self.0[9], self.0[14]]
    }

    /// `J C Jᵀ`: this covariance carried through a Jacobian.
    #[inline]
    pub fn transported(&self, jacobian: &Matrix5) -> Self {
        let half = jacobian * self.to_matrix();
        let mut result = Self::default();
        for i in 0..5 {
            for j in 0..=i {
                let mut sum = 0.0;
                for k in 0..5 {
                    sum += half[(i, k)] * jacobian[(j, k)];
                }
                result.0[packed(i, j)] = sum;
            }
        }
        result
    }
}

impl Index<(usize, usize)> for Symmetric5 {
    type Output = Scalar;

    #[inline]
    fn index(&self, (row, column): (usize, usize)) -> &Scalar {
        &self.0[packed(row, column)]
    }
}

impl IndexMut<(usize, usize)> for Symmetric5 {
    #[inline]
    fn index_mut(&mut self, (row, column): (usize, usize)) -> &mut Scalar {
        &mut self.0[packed(row, column)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transport_equals_the_full_product() {
        let covariance = Symmetric5(std::array::from_fn(|i| 1.0 + (i as Scalar * 0.7).sin()));
        let jacobian = Matrix5::from_fn(|i, j| ((3 * i + j) as Scalar).cos());
        let full = jacobian * covariance.to_matrix() * jacobian.transpose();
        let packed = covariance.transported(&jacobian);
        assert!((full - packed.to_matrix()).amax() < 1e-4);
    }
}
