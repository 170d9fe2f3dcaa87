//! The exponential and the complementary error function in double precision, of `+ - * /`, square root and bits alone:
//! for p-values and constants of materials. See [`super::elementary`] for the reasons.

/// Adding and subtracting it rounds a number below 2^51 to the nearest whole one: its last bit counts ones.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// ln 2 in two parts: products of the first with an exponent are exact.
const LN_2_PARTS: [f64; 2] = [0.693_147_180_601_954_5, -4.200_915_072_681_084_6e-11];
/// 1 / n! from the thirteenth down to the second: Taylor's series is right to 1e-17 for |r| <= ln(2) / 2.
const TAYLOR: [f64; 12] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    1.0 / 2.0,
];

/// `e^x`: 0 below the range of double precision, infinite above it, NaN for NaN.
pub(crate) fn exp(x: f64) -> f64 {
    if x < -746.0 {
        return 0.0;
    }
    if x > 710.0 {
        return f64::INFINITY;
    }
    let turned = x * std::f64::consts::LOG2_E + ROUND;
    let k = turned - ROUND;
    let r = (x - k * LN_2_PARTS[0]) - k * LN_2_PARTS[1];
    let series = TAYLOR.iter().fold(0.0, |sum, term| sum * r + term) * r * r + r + 1.0;
    // 2^k in two factors: it may be no normal number.
    let k = turned.to_bits() as i32;
    let power = |k: i32| f64::from_bits(((1023 + k) as u64) << 52);
    series * power(k >> 1) * power(k - (k >> 1))
}

/// The coefficients of `t^0` to `t^20` in (1 + 2x) e^(x²) erfc(x) with t = (x - 3.75) / (x + 3.75), from the expansion
/// in Chebyshev's polynomials (M. M. Shepherd and J. G. Laframboise, Math. Comp. 36 (1981) 249), right to 3e-15.
const ERFC: [f64; 21] = [
    1.237_512_630_837_826_4,
    -0.140_240_598_585_506_1,
    0.003_585_415_485_781_718,
    0.082_276_738_487_123_64,
    -0.108_803_930_154_552_31,
    0.092_304_321_226_304_07,
    -0.058_693_398_387_769_276,
    0.028_362_276_757_789_878,
    -0.009_746_581_194_305_737,
    0.001_755_629_509_835_043_4,
    0.000_293_721_429_567_174_6,
    -0.000_290_166_298_548_705_84,
    5.162_601_622_259_853e-5,
    2.241_001_922_861_291_8e-5,
    -1.139_972_607_444_736_5e-5,
    -1.008_345_217_047_967_8e-6,
    1.695_995_807_943_047_8e-6,
    -2.774_961_112_288_376_3e-8,
    -2.143_069_227_582_364e-7,
    8.526_359_817_483_033e-9,
    1.755_217_630_743_392_7e-8,
];

/// `e^(x²) erfc(x)` of x >= 0: the complementary error function without its small factor.
pub(super) fn scaled_erfc(x: f64) -> f64 {
    let t = (x - 3.75) / (x + 3.75);
    ERFC.iter().rev().fold(0.0, |sum, coefficient| sum * t + coefficient) / (1.0 + 2.0 * x)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "limiting values are exact")]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_right_to_fifteen_digits_over_the_whole_range() {
        for i in -746_000..=709_780 {
            let x = f64::from(i) * 1.0e-3;
            let (found, exact) = (exp(x), libm::exp(x));
            // Subnormal numbers have an absolute error of one unit.
            assert!(
                (found - exact).abs() <= 6.0e-16 * exact + 5.0e-324,
                "{x}: {found:e} {exact:e}"
            );
        }
        assert_eq!(
            [exp(0.0), exp(-0.0), exp(f64::NEG_INFINITY), exp(-1.0e300)],
            [1.0, 1.0, 0.0, 0.0]
        );
        assert_eq!([exp(710.0), exp(f64::INFINITY)], [f64::INFINITY; 2]);
        assert!(exp(f64::NAN).is_nan());
    }

    #[test]
    fn the_complementary_error_function_is_right_to_thirteen_digits() {
        for i in 0..=26_000 {
            let x = f64::from(i) * 1.0e-3;
            let (found, exact) = (scaled_erfc(x) * exp(-x * x), libm::erfc(x));
            // The argument of the exponential is rounded.
            let tolerance = 1.0e-14 + x * x * 2.3e-16;
            assert!((found / exact - 1.0).abs() <= tolerance, "{x}: {found:e} {exact:e}");
        }
        // 1 / (x sqrt(pi)) far out.
        let far = scaled_erfc(1.0e9) * 1.0e9 * std::f64::consts::PI.sqrt();
        assert!((far - 1.0).abs() < 1.0e-14, "{far}");
    }
}
