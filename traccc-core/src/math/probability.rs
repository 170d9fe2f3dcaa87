use super::exponential::{exp, scaled_erfc};
use crate::Scalar;
use std::f64::consts::FRAC_2_PI;

/// Beyond this the partial sums of [`upper_tail`] are scaled down, far from the end of the range of `f64`.
const LARGE: f64 = 1.0e200;
/// Its natural logarithm.
const LN_LARGE: f64 = 460.517_018_598_809_1;

/// The probability that a chi2 of `ndf` degrees of freedom exceeds `chi2`: the upper regularised incomplete gamma
/// function `Q(ndf / 2, chi2 / 2)`.
///
/// 0 when `ndf` is not positive, or `chi2` is negative, infinite or not a number; 1 when `chi2` is 0. The cost is
/// proportional to `ndf`: for whole numbers of degrees of freedom the function is a finite sum of positive terms,
/// so nothing cancels. In `f64` at least 11 digits are right up to 10,000 degrees of freedom, more for fewer; then the
/// result is rounded to [`Scalar`].
#[inline]
pub fn probability(chi2: Scalar, ndf: i32) -> Scalar {
    if ndf <= 0 || !(chi2 >= 0.0 && chi2.is_finite()) {
        return 0.0;
    }
    if chi2 == 0.0 {
        return 1.0;
    }
    upper_tail(f64::from(chi2), ndf) as Scalar
}

/// With x = chi2, for even n: `Q = exp(-x/2) (1 + x/2 + x²/(2·4) + ...)`; for odd n, with the scaled complementary error
/// function: `Q = exp(-x/2) (exp(x/2) erfc(√(x/2)) + √(2/(πx)) (x + x²/3 + x³/(3·5) + ...))`; the last term in both is
/// the one that divides by n - 2.
///
/// The exponential alone would underflow where the sum would overflow (thousands of degrees of freedom): both are scaled
/// together.
fn upper_tail(chi2: f64, ndf: i32) -> f64 {
    // Only in double precision: a term of the sum would overflow. No `ndf` has a tail there.
    if chi2 > LARGE / f64::from(i32::MAX) {
        return 0.0;
    }
    let mut exponent = -0.5 * chi2;
    let (mut sum, mut term, mut divisor) = if ndf % 2 == 0 {
        (1.0, 1.0, 2)
    } else {
        (scaled_erfc((0.5 * chi2).sqrt()), (FRAC_2_PI / chi2).sqrt(), 1)
    };
    while divisor <= ndf - 2 {
        term *= chi2 / f64::from(divisor);
        sum += term;
        if sum > LARGE {
            term /= LARGE;
            sum /= LARGE;
            exponent += LN_LARGE;
        }
        divisor += 2;
    }
    // In two factors: one exponential would leave the range of `f64` where the product does not.
    let root = exp(0.5 * exponent);
    (sum * root * root).min(1.0)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "limiting values are exact")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn assert_close(chi2: f64, ndf: i32, expected: f64, tolerance: f64) {
        let found = upper_tail(chi2, ndf);
        assert!(
            (found - expected).abs() <= tolerance * expected,
            "Q(chi2 = {chi2}, ndf = {ndf}) is {found:e}, expected {expected:e}"
        );
    }

    /// mpmath's regularised incomplete gamma function at 15 digits.
    const TABLE: [(f64, i32, f64); 25] = [
        (5.0, 3, 0.171_797_144_296_733),
        (0.5, 1, 0.479_500_122_186_953),
        (3.84, 1, 0.050_043_521_248_705_1),
        (25.0, 1, 5.733_031_437_583_88e-7),
        (100.0, 1, 1.523_970_604_832_11e-23),
        (1.0, 2, 0.606_530_659_712_633),
        (0.001, 2, 0.999_500_124_979_169),
        (30.0, 2, 3.059_023_205_018_26e-7),
        (7.5, 3, 0.057_558_451_972_636_4),
        (0.01, 5, 0.999_999_469_972_996),
        (40.25, 7, 1.127_425_809_183_4e-6),
        (12.5, 10, 0.252_985_323_309_298),
        (55.75, 19, 1.783_000_736_914_76e-5),
        (20.5, 20, 0.427_068_337_375_583),
        (3.25, 25, 0.999_999_943_510_944),
        (150.0, 35, 3.464_776_032_288_54e-16),
        (60.0, 95, 0.998_085_767_768_511),
        (180.0, 95, 3.283_682_071_727_12e-7),
        (1700.0, 2000, 0.999_999_702_918_74),
        (1.0e-6, 3, 0.999_999_999_734_039),
        // exp(-chi2 / 2) is no normal number any more.
        (1600.0, 1000, 1.742_039_824_439_16e-30),
        (1800.0, 900, 2.010_440_551_445_47e-62),
        (2600.0, 1600, 7.702_950_248_319_91e-51),
        (2000.0, 300, 1.565_659_386_727_67e-248),
        (10_000.0, 9000, 3.031_801_838_549_10e-13),
    ];

    #[test]
    fn the_tail_equals_the_incomplete_gamma_function_to_eleven_digits() {
        for (chi2, ndf, expected) in TABLE {
            assert_close(chi2, ndf, expected, 2.0e-12);
        }
    }

    #[test]
    fn upstreams_acceptance_numbers_hold() {
        assert_close(3.0, 5, 0.699_985_84, 1.0e-7);
        for ndf in [1, 10] {
            assert_eq!(probability(0.0, ndf), 1.0);
        }
        assert_eq!(probability(-1.0, 12), 0.0);
        assert_eq!(probability(-194.0, 12), 0.0);
        assert_eq!(probability(3.0, -17), 0.0);
        assert_eq!(probability(27.0, 0), 0.0);
    }

    #[test]
    fn what_is_no_chi2_has_probability_zero() {
        assert_eq!(probability(Scalar::NAN, 4), 0.0);
        assert_eq!(probability(Scalar::INFINITY, 4), 0.0);
        assert_eq!(probability(0.0, 0), 0.0);
        assert_eq!(probability(Scalar::MAX, 7), 0.0);
    }

    proptest! {
        /// Q(n + 2) - Q(n) = exp(-x) x^(n/2) / Γ(n/2 + 1) with x = chi2 / 2, and both lie in [0, 1].
        #[test]
        fn two_more_degrees_of_freedom_add_the_term_of_the_recurrence(chi2 in 1.0e-3_f64..400.0, ndf in 1_i32..150) {
            let (shape, x) = (f64::from(ndf) / 2.0, chi2 / 2.0);
            let term = (shape * x.ln() - x - libm::lgamma(shape + 1.0)).exp();
            let (small, large) = (upper_tail(chi2, ndf), upper_tail(chi2, ndf + 2));
            prop_assert!((0.0..=1.0).contains(&small) && (small..=1.0).contains(&large));
            prop_assert!((large - small - term).abs() <= 1.0e-12 * large + 1.0e-10 * term);
        }
    }
}
