// Small vectors and matrices, angles, elementary functions and probabilities. See `math/mod.rs`.
//
// First what Rust defines and C++ does not, or differently, under Rust's names. Never use the functions of CUDA
// instead.
#pragma once
#include "common.cuh"

namespace traccc {

/// A value that may be missing. Names of Rust.
template <class T>
struct Option {
    bool is_some;
    T value;
};

template <class T>
__device__ __forceinline__ Option<T> some(const T& value) {
    return Option<T>{true, value};
}

/// Without a value: what it would be is not even written.
template <class T>
__device__ __forceinline__ Option<T> none() {
    Option<T> nothing;
    nothing.is_some = false;
    return nothing;
}

namespace consts {
constexpr f32 PI = 3.14159265358979323846f;
constexpr f32 FRAC_PI_2 = 1.57079632679489661923f;
constexpr f32 FRAC_2_PI = 0.636619772367581343076f;
constexpr f32 LN_10 = 2.30258509299404568402f;
}  // namespace consts

constexpr f32 F32_MAX = 3.40282347e+38f;
constexpr f32 F32_EPSILON = 1.1920929e-7f;
constexpr f32 F32_MIN_POSITIVE = 1.17549435e-38f;

// Bits.
__device__ __forceinline__ u32 to_bits(f32 x) { return __float_as_uint(x); }
__device__ __forceinline__ u64 to_bits(f64 x) { return (u64)__double_as_longlong(x); }
__device__ __forceinline__ f32 from_bits(u32 bits) { return __uint_as_float(bits); }
__device__ __forceinline__ f64 from_bits(u64 bits) { return __longlong_as_double((long long)bits); }
__device__ __forceinline__ u32 count_ones(u32 x) { return (u32)__popc(x); }

// IEEE's, whatever the options of the compiler.
__device__ __forceinline__ f32 sqrt(f32 x) { return __fsqrt_rn(x); }
__device__ __forceinline__ f64 sqrt(f64 x) { return __dsqrt_rn(x); }
__device__ __forceinline__ f32 floor(f32 x) { return ::floorf(x); }
__device__ __forceinline__ f64 floor(f64 x) { return ::floor(x); }
__device__ __forceinline__ f32 trunc(f32 x) { return ::truncf(x); }

__device__ __forceinline__ f32 infinity() { return from_bits(0x7f800000u); }
/// Not a number.
__device__ __forceinline__ f32 nan() { return from_bits(0x7fc00000u); }

__device__ __forceinline__ f32 abs(f32 x) { return from_bits(to_bits(x) & 0x7fffffffu); }
__device__ __forceinline__ f64 abs(f64 x) { return from_bits(to_bits(x) & 0x7fffffffffffffffull); }
__device__ __forceinline__ bool is_nan(f32 x) { return x != x; }
__device__ __forceinline__ bool is_finite(f32 x) { return abs(x) <= F32_MAX; }
__device__ __forceinline__ bool is_finite(f64 x) { return abs(x) <= 1.7976931348623157e308; }
__device__ __forceinline__ bool is_sign_negative(f32 x) { return to_bits(x) >> 31 != 0; }
__device__ __forceinline__ f32 copysign(f32 x, f32 sign) {
    return from_bits((to_bits(x) & 0x7fffffffu) | (to_bits(sign) & 0x80000000u));
}
/// 1 with the sign of x, of zeros too; NaN for NaN.
__device__ __forceinline__ f32 signum(f32 x) { return is_nan(x) ? x : copysign(1.0f, x); }

/// The larger; the other one for NaN, the first of equals.
__device__ __forceinline__ f32 max(f32 a, f32 b) { return is_nan(a) || b > a ? b : a; }
__device__ __forceinline__ f64 max(f64 a, f64 b) { return a != a || b > a ? b : a; }
/// The smaller; the other one for NaN, the first of equals.
__device__ __forceinline__ f32 min(f32 a, f32 b) { return is_nan(a) || b < a ? b : a; }
__device__ __forceinline__ f64 min(f64 a, f64 b) { return a != a || b < a ? b : a; }
__device__ __forceinline__ u32 max(u32 a, u32 b) { return a > b ? a : b; }
__device__ __forceinline__ u32 min(u32 a, u32 b) { return a < b ? a : b; }
__device__ __forceinline__ i32 max(i32 a, i32 b) { return a > b ? a : b; }
__device__ __forceinline__ i32 min(i32 a, i32 b) { return a < b ? a : b; }
/// NaN stays NaN.
__device__ __forceinline__ f32 clamp(f32 x, f32 low, f32 high) {
    x = x < low ? low : x;
    return x > high ? high : x;
}
__device__ __forceinline__ i32 clamp(i32 x, i32 low, i32 high) { return x < low ? low : x > high ? high : x; }

/// The nearest whole number, halves away from zero.
__device__ __forceinline__ f32 round(f32 x) {
    f32 whole = trunc(x);
    // Exact: from 2^23 on a number is whole.
    return abs(x - whole) >= 0.5f ? whole + copysign(1.0f, x) : copysign(whole, x);
}

/// `x as i32`: without the fraction, at the limits beyond them, 0 for NaN.
__device__ __forceinline__ i32 to_i32(f32 x) {
#ifndef TRACCC_HOST
    return __float2int_rz(x);
#else
    if (is_nan(x)) return 0;
    if (x >= 2147483648.0f) return 0x7fffffff;
    if (x <= -2147483648.0f) return -0x7fffffff - 1;
    return (i32)x;
#endif
}

/// `x as u32`: without the fraction, at the limits beyond them, 0 for NaN.
__device__ __forceinline__ u32 to_u32(f32 x) {
#ifndef TRACCC_HOST
    return __float2uint_rz(x);
#else
    if (!(x > 0.0f)) return 0;
    return x >= 4294967296.0f ? 0xffffffffu : (u32)x;
#endif
}

/// The rest of a division by a positive number, not negative.
__device__ __forceinline__ i32 rem_euclid(i32 x, i32 divisor) {
    i32 rest = x % divisor;
    return rest < 0 ? rest + divisor : rest;
}

/// The number whose order among integers is that of `total_cmp`.
__device__ __forceinline__ i32 total_order(f32 x) {
    i32 bits = (i32)to_bits(x);
    return bits ^ (i32)((u32)(bits >> 31) >> 1);
}
/// Less than 0, 0 or more than 0: the order by bits, in which all numbers differ.
__device__ __forceinline__ i32 total_cmp(f32 a, f32 b) {
    i32 x = total_order(a), y = total_order(b);
    return x < y ? -1 : x > y ? 1 : 0;
}

}  // namespace traccc

#include "math/algebra.cuh"
#include "math/angle.cuh"
#include "math/elementary.cuh"
#include "math/exponential.cuh"
#include "math/probability.cuh"
#include "math/symmetric.cuh"
