use crate::Scalar;

/// The probability that chi2 with `ndf` degrees of freedom exceeds `chi2`.
pub fn probability(_chi2: Scalar, _ndf: i32) -> Scalar {
    todo!()
}
