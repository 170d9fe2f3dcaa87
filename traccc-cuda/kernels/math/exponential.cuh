// The exponential and the complementary error function in double precision. See `math/exponential.rs`.
#pragma once
#include "math/math.cuh"

namespace traccc {

namespace exponential {
/// Adding and subtracting it rounds a number below 2^51 to the nearest whole one.
constexpr f64 ROUND = 6755399441055744.0;
constexpr f64 LOG2_E = 1.44269504088896340735992468100189214;
/// ln 2 in two parts.
__device__ constexpr f64 LN_2_PARTS[2] = {0.6931471806019545, -4.2009150726810846e-11};
/// 1 / n! from the thirteenth down to the second.
__device__ constexpr f64 TAYLOR[12] = {
    1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0, 1.0 / 40320.0,
    1.0 / 5040.0,       1.0 / 720.0,       1.0 / 120.0,      1.0 / 24.0,      1.0 / 6.0,      1.0 / 2.0,
};
__device__ constexpr f64 ERFC[21] = {
    1.2375126308378264,    -0.1402405985855061,    0.003585415485781718,   0.08227673848712364,
    -0.10880393015455231,  0.09230432122630407,    -0.058693398387769276,  0.028362276757789878,
    -0.009746581194305737, 0.0017556295098350434,  0.0002937214295671746,  -0.00029016629854870584,
    5.162601622259853e-5,  2.2410019228612918e-5,  -1.1399726074447365e-5, -1.0083452170479678e-6,
    1.6959958079430478e-6, -2.7749611122883763e-8, -2.143069227582364e-7,  8.526359817483033e-9,
    1.7552176307433927e-8,
};

__device__ __forceinline__ f64 power(i32 k) { return from_bits((u64)(i64)(1023 + k) << 52); }
}  // namespace exponential

/// `e^x`: 0 below the range of double precision, infinite above it, NaN for NaN.
__device__ inline f64 exp(f64 x) {
    using namespace exponential;
    if (x < -746.0) return 0.0;
    if (x > 710.0) return from_bits((u64)0x7ff0000000000000ull);
    f64 turned = x * LOG2_E + exponential::ROUND;
    f64 k = turned - exponential::ROUND;
    f64 r = (x - k * exponential::LN_2_PARTS[0]) - k * exponential::LN_2_PARTS[1];
    f64 sum = 0.0;
    for (u32 i = 0; i < 12; i++) sum = sum * r + TAYLOR[i];
    f64 series = sum * r * r + r + 1.0;
    // 2^k in two factors: it may be no normal number.
    i32 whole = (i32)(u32)to_bits(turned);
    return series * power(whole >> 1) * power(whole - (whole >> 1));
}

/// `e^(x²) erfc(x)` of x >= 0.
__device__ inline f64 scaled_erfc(f64 x) {
    f64 t = (x - 3.75) / (x + 3.75);
    f64 sum = 0.0;
    for (i32 i = 20; i >= 0; i--) sum = sum * t + exponential::ERFC[i];
    return sum / (1.0 + 2.0 * x);
}

}  // namespace traccc
