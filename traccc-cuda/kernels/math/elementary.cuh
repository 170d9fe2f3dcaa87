// Elementary functions in single precision, with the bits of the CPU. See `math/elementary.rs`.
#pragma once
#include "math/math.cuh"

namespace traccc {

namespace elementary {
/// Adding and subtracting it rounds a number below 2^22 to the nearest whole one.
constexpr f32 ROUND = 12582912.0f;
/// What HALF_PI_PARTS can reduce.
constexpr f32 NEAR = 256.0f;
constexpr u32 SIGN = 0x80000000u;
/// sqrt(1 / 2), as bits.
constexpr u32 ROOT_HALF = 0x3f3504f3u;
/// pi / 2 in parts of 16, 16 and 24 bits.
__device__ constexpr f32 HALF_PI_PARTS[3] = {1.5708008f, -4.4543995e-6f, -5.5644316e-11f};
/// The bits of 2 / pi behind 32 zeros.
__device__ constexpr u32 TWO_OVER_PI[8] = {0u,          0xa2f9836eu, 0x4e441529u, 0xfc2757d1u,
                                           0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu};
/// ln 2 in two parts.
__device__ constexpr f32 LN_2_PARTS[2] = {0.6933594f, -2.1219444e-4f};
/// pi / 2 and pi, and what their rounding left off.
__device__ constexpr f32 HALF_PI[2] = {consts::FRAC_PI_2, -4.371139e-8f};
__device__ constexpr f32 PI[2] = {consts::PI, -8.742278e-8f};
}  // namespace elementary

/// Sine and cosine of one angle.
struct SinCos {
    f32 sin, cos;
};

namespace elementary {
struct Reduced {
    f32 rest;
    u32 quarter;
};

/// Payne and Hanek's reduction of a large angle.
__device__ __noinline__ Reduced reduce_far(f32 x) {
    u32 bits = to_bits(x);
    u32 exponent = bits >> 23;
    if (exponent == 255u) return Reduced{nan(), 0u};
    u64 mantissa = (u64)((bits & 0x007fffffu) | 0x00800000u);
    u32 first = exponent - 120u;
    u32 word = first / 32u, shift = first % 32u;
    u64 part[3];
    for (u32 i = 0; i < 3; i++) {
        u64 pair = ((u64)TWO_OVER_PI[word + i] << 32) | (u64)TWO_OVER_PI[word + i + 1];
        part[i] = (pair << shift) >> 32;
    }
    u64 product = ((mantissa * part[0]) << 32) + mantissa * part[1] + ((mantissa * part[2]) >> 32);
    u64 quarter = (product + (1ull << 61)) >> 62;
    // pi / 2 times 2^-64.
    f64 rest = (f64)(i64)(product << 2) * 8.515303950216386e-20;
    return Reduced{(f32)rest, (u32)quarter};
}
}  // namespace elementary

/// Sine and cosine of an angle in rad; NaN for an infinite one.
__device__ __noinline__ SinCos sin_cos(f32 x) {
    using namespace elementary;
    f32 size = abs(x);
    f32 r;
    u32 quarter;
    if (size < NEAR) {
        f32 turned = size * consts::FRAC_2_PI + ROUND;
        f32 k = turned - ROUND;
        r = ((size - k * HALF_PI_PARTS[0]) - k * HALF_PI_PARTS[1]) - k * HALF_PI_PARTS[2];
        quarter = to_bits(turned);
    } else {
        Reduced far = reduce_far(size);
        r = far.rest;
        quarter = far.quarter;
    }
    // On [-pi/4, pi/4].
    f32 z = r * r;
    f32 sine = ((-1.9508778e-4f * z + 8.332114e-3f) * z - 0.16666654f) * z * r + r;
    f32 cosine = ((2.4425719e-5f * z - 1.3887251e-3f) * z + 4.1666646e-2f) * z * z + (1.0f - 0.5f * z);
    if ((quarter & 1u) != 0u) {
        f32 swapped = sine;
        sine = cosine;
        cosine = swapped;
    }
    u32 sine_sign = (to_bits(x) & SIGN) ^ ((quarter & 2u) << 30);
    u32 cosine_sign = ((quarter + 1u) & 2u) << 30;
    return SinCos{from_bits(to_bits(sine) ^ sine_sign), from_bits(to_bits(cosine) ^ cosine_sign)};
}

/// The angle of the point (x, y) from the x axis in [-pi, pi], in rad, with the sign of y.
__device__ __noinline__ f32 atan2(f32 y, f32 x) {
    using namespace elementary;
    f32 width = abs(x), height = abs(y);
    bool steep = height > width;
    f32 low = steep ? width : height, high = steep ? height : width;
    // Neither 0 / 0 nor inf / inf.
    f32 t = low == high ? (high > 0.0f ? 1.0f : 0.0f) : low / high;
    f32 z = t * t;
    f32 p = 2.9207114e-3f * z - 1.6368007e-2f;
    p = p * z + 4.3211997e-2f;
    p = p * z - 7.552226e-2f;
    p = p * z + 0.106660105f;
    p = p * z - 0.14211057f;
    p = p * z + 0.19993773f;
    p = p * z - 0.33333153f;
    f32 angle = p * z * t + t;
    bool backward = is_sign_negative(x);
    angle = steep == backward ? angle : -angle;
    f32 base = steep ? HALF_PI[0] : backward ? elementary::PI[0] : 0.0f;
    f32 rest = steep ? HALF_PI[1] : backward ? elementary::PI[1] : 0.0f;
    return copysign(base + (rest + angle), y);
}

/// The angle in [-pi/2, pi/2] of which `x` is the sine, in rad; NaN beyond [-1, 1].
__device__ inline f32 asin(f32 x) { return atan2(x, sqrt((1.0f - x) * (1.0f + x))); }

/// The natural logarithm; -infinity for both zeros, NaN for negative numbers.
__device__ __noinline__ f32 ln(f32 x) {
    using namespace elementary;
    if (!(x > 0.0f && x < infinity())) return x == 0.0f ? -infinity() : x < 0.0f ? nan() : x;
    // Subnormal numbers are scaled by 2^23.
    bool small = x < F32_MIN_POSITIVE;
    u32 bits = small ? to_bits(x * 8388608.0f) : to_bits(x);
    i32 scaled = small ? 23 : 0;
    // x = 2^k (1 + m) with 1 + m in [sqrt(1/2), sqrt(2)).
    i32 exponent = (i32)(bits - ROOT_HALF) >> 23;
    f32 m = from_bits(bits - ((u32)exponent << 23)) - 1.0f;
    f32 z = m * m;
    f32 p = -7.6344565e-2f * m + 0.12761545f;
    p = p * m - 0.13160184f;
    p = p * m + 0.14201763f;
    p = p * m - 0.16623357f;
    p = p * m + 0.20001227f;
    p = p * m - 0.2500082f;
    p = p * m + 0.3333333f;
    f32 k = (f32)(exponent - scaled);
    return (p * m * z + k * LN_2_PARTS[1] - 0.5f * z + m) + k * LN_2_PARTS[0];
}

}  // namespace traccc
