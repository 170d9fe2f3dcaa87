//! Products and solutions of small vectors and matrices in an order that engines mirror: sums run from the first term to
//! the last, from left to right. The types are nalgebra's; its own order is its private choice.

use crate::Scalar;
use crate::math::Vector3;
use nalgebra::{RealField, SMatrix, SVector};

/// The scalar product: the sum of the products in the order of the elements.
#[inline]
pub fn dot<T: RealField + Copy, const N: usize>(a: &SVector<T, N>, b: &SVector<T, N>) -> T {
    let mut sum = a[0] * b[0];
    for i in 1..N {
        sum += a[i] * b[i];
    }
    sum
}

/// The vector product.
#[inline]
pub fn cross(a: &Vector3, b: &Vector3) -> Vector3 {
    Vector3::new(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)
}

/// The length.
#[inline]
pub fn norm(a: &Vector3) -> Scalar {
    dot(a, a).sqrt()
}

/// The unit vector of the same direction: each element divided by the length.
#[inline]
pub fn unit(a: &Vector3) -> Vector3 {
    *a / norm(a)
}

/// The point at `fraction` of the way from `a` to `b`.
#[inline]
pub fn lerp(a: &Vector3, b: &Vector3, fraction: Scalar) -> Vector3 {
    b * fraction + a * (1.0 - fraction)
}

/// The matrix product; element (i, j) is the sum of `a(i, k) b(k, j)` in the order of k.
#[inline]
pub fn product<T: RealField + Copy, const R: usize, const K: usize, const C: usize>(
    a: &SMatrix<T, R, K>,
    b: &SMatrix<T, K, C>,
) -> SMatrix<T, R, C> {
    let mut result = SMatrix::<T, R, C>::zeros();
    // Columns of the result as sums of columns of `a`, which processors do several rows at a time.
    for j in 0..C {
        for i in 0..R {
            result[(i, j)] = a[(i, 0)] * b[(0, j)];
        }
        for k in 1..K {
            for i in 0..R {
                result[(i, j)] += a[(i, k)] * b[(k, j)];
            }
        }
    }
    result
}

/// The lower triangular L with `L Lᵀ` = `matrix`, of which the lower triangle is read: row by row, each element less the
/// products in the order of their columns. `None` unless the matrix is positive definite.
#[inline]
pub fn cholesky<T: RealField + Copy, const N: usize>(
    matrix: &SMatrix<T, N, N>,
) -> Option<SMatrix<T, N, N>> {
    let mut root = SMatrix::<T, N, N>::zeros();
    for i in 0..N {
        for j in 0..=i {
            let mut rest = matrix[(i, j)];
            for k in 0..j {
                rest -= root[(i, k)] * root[(j, k)];
            }
            if i > j {
                root[(i, j)] = rest / root[(j, j)];
            } else if rest > T::zero() {
                root[(i, i)] = rest.sqrt();
            } else {
                return None;
            }
        }
    }
    Some(root)
}

/// X with `L X = B` of a lower triangular L without zeros on its diagonal: row by row, each element less the products in
/// the order of the rows above, then divided.
#[inline]
pub fn solve_lower<T: RealField + Copy, const N: usize, const C: usize>(
    lower: &SMatrix<T, N, N>,
    right: &SMatrix<T, N, C>,
) -> SMatrix<T, N, C> {
    let mut solution = *right;
    for i in 0..N {
        for j in 0..C {
            let mut rest = solution[(i, j)];
            for k in 0..i {
                rest -= lower[(i, k)] * solution[(k, j)];
            }
            solution[(i, j)] = rest / lower[(i, i)];
        }
    }
    solution
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Cholesky, SMatrix};
    use proptest::prelude::*;

    type Matrix = SMatrix<f64, 5, 5>;

    fn matrix() -> impl Strategy<Value = Matrix> {
        prop::array::uniform25(-1.0_f64..1.0).prop_map(|values| Matrix::from_column_slice(&values))
    }

    proptest! {
        #[test]
        fn products_and_solutions_are_nalgebras(a in matrix(), b in matrix(), x in prop::array::uniform3(-9.0_f32..9.0)) {
            prop_assert!((product(&a, &b) - a * b).amax() < 1e-14);
            let positive = a * a.transpose() + Matrix::identity();
            let root = cholesky(&positive).unwrap();
            prop_assert!((root - Cholesky::new(positive).unwrap().l()).amax() < 1e-14);
            prop_assert!((product(&root, &solve_lower(&root, &b)) - b).amax() < 1e-13);
            let (x, y) = (Vector3::from(x.map(Scalar::from)), Vector3::new(1.0, -2.0, 0.5));
            prop_assert!((dot(&x, &y) - x.dot(&y)).abs() < 1e-4);
            prop_assert!((cross(&x, &y) - x.cross(&y)).amax() < 1e-4);
            prop_assume!(norm(&x) > 1e-3);
            prop_assert!((unit(&x) - x.normalize()).amax() < 1e-6);
        }
    }

    /// Sums from left to right: 1e20 takes the one before it along, and loses the one behind it.
    #[test]
    fn sums_run_from_left_to_right() {
        let ones = SVector::<f64, 4>::from_element(1.0);
        let terms = SVector::<f64, 4>::new(1.0, 1.0e20, -1.0e20, 3.0);
        assert!(dot(&terms, &ones).to_bits() == 3.0_f64.to_bits());
        assert!(product(&terms.transpose(), &ones)[0].to_bits() == 3.0_f64.to_bits());
    }

    #[test]
    fn what_is_not_positive_definite_has_no_root() {
        for bad in [0.0, -1.0, f64::NAN] {
            let mut matrix = Matrix::identity();
            matrix[(3, 3)] = bad;
            assert!(cholesky(&matrix).is_none());
        }
    }
}
