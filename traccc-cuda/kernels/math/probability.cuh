// The probability of a larger chi2. See `math/probability.rs`.
#pragma once
#include "math/exponential.cuh"

namespace traccc {

namespace chi2 {
/// Beyond this the partial sums are scaled down.
constexpr f64 LARGE = 1.0e200;
/// Its natural logarithm.
constexpr f64 LN_LARGE = 460.5170185988091;
constexpr f64 FRAC_2_PI = 0.636619772367581343075535053490057448;

__device__ inline f64 upper_tail(f64 chi2, i32 ndf) {
    if (chi2 > LARGE / 2147483647.0) return 0.0;
    f64 exponent = -0.5 * chi2;
    f64 sum, term;
    i32 divisor;
    if (ndf % 2 == 0) {
        sum = 1.0;
        term = 1.0;
        divisor = 2;
    } else {
        sum = scaled_erfc(sqrt(0.5 * chi2));
        term = sqrt(chi2::FRAC_2_PI / chi2);
        divisor = 1;
    }
    while (divisor <= ndf - 2) {
        term *= chi2 / (f64)divisor;
        sum += term;
        if (sum > LARGE) {
            term /= LARGE;
            sum /= LARGE;
            exponent += LN_LARGE;
        }
        divisor += 2;
    }
    // In two factors: one exponential would leave the range.
    f64 root = exp(0.5 * exponent);
    return min(sum * root * root, 1.0);
}
}  // namespace chi2

/// The probability that a chi2 of `ndf` degrees of freedom exceeds `chi2`.
__device__ inline f32 probability(f32 chi2, i32 ndf) {
    if (ndf <= 0 || !(chi2 >= 0.0f && is_finite(chi2))) return 0.0f;
    if (chi2 == 0.0f) return 1.0f;
    return (f32)chi2::upper_tail((f64)chi2, ndf);
}

}  // namespace traccc
