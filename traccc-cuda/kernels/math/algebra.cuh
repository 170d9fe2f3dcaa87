// Small vectors and matrices; sums run from the first term to the last. See `math/algebra.rs`.
#pragma once
#include "math/math.cuh"

namespace traccc {

/// Three global or local Cartesian coordinates.
struct Vector3 {
    f32 x, y, z;

    __device__ __forceinline__ f32 operator[](u32 i) const { return i == 0 ? x : i == 1 ? y : z; }
};
static_assert(sizeof(Vector3) == 12, "three coordinates");

__device__ __forceinline__ Vector3 operator+(const Vector3& a, const Vector3& b) {
    return Vector3{a.x + b.x, a.y + b.y, a.z + b.z};
}
__device__ __forceinline__ Vector3 operator-(const Vector3& a, const Vector3& b) {
    return Vector3{a.x - b.x, a.y - b.y, a.z - b.z};
}
__device__ __forceinline__ Vector3 operator*(const Vector3& a, f32 s) { return Vector3{a.x * s, a.y * s, a.z * s}; }
__device__ __forceinline__ Vector3 operator/(const Vector3& a, f32 s) { return Vector3{a.x / s, a.y / s, a.z / s}; }
__device__ __forceinline__ void operator+=(Vector3& a, const Vector3& b) { a = a + b; }
__device__ __forceinline__ void operator*=(Vector3& a, f32 s) { a = a * s; }

/// The vector of three numbers in a row of a table.
__device__ __forceinline__ Vector3 vector3(const f32 (&a)[3]) { return Vector3{a[0], a[1], a[2]}; }

/// A matrix, column by column. A vector is one of one column.
template <class T, u32 R, u32 C>
struct Matrix {
    T m[R * C];

    __device__ __forceinline__ T& operator()(u32 i, u32 j) { return m[j * R + i]; }
    __device__ __forceinline__ const T& operator()(u32 i, u32 j) const { return m[j * R + i]; }
    __device__ __forceinline__ T& operator[](u32 i) { return m[i]; }
    __device__ __forceinline__ const T& operator[](u32 i) const { return m[i]; }

    __device__ static __forceinline__ Matrix zeros() {
        Matrix result;
#pragma unroll
        for (u32 i = 0; i < R * C; i++) result.m[i] = T(0);
        return result;
    }

    __device__ static __forceinline__ Matrix identity() {
        Matrix result = zeros();
#pragma unroll
        for (u32 i = 0; i < R; i++) result(i, i) = T(1);
        return result;
    }

    __device__ __forceinline__ Matrix<T, C, R> transpose() const {
        Matrix<T, C, R> result;
#pragma unroll
        for (u32 j = 0; j < C; j++) {
#pragma unroll
            for (u32 i = 0; i < R; i++) result(j, i) = (*this)(i, j);
        }
        return result;
    }
};

/// A column of numbers.
template <class T, u32 N>
using Vector = Matrix<T, N, 1>;
/// A Jacobian between bound parameters (loc0, loc1, phi, theta, q/p).
typedef Matrix<f32, 5, 5> Matrix5;

template <class T, u32 R, u32 C>
__device__ __forceinline__ Matrix<T, R, C> operator+(const Matrix<T, R, C>& a, const Matrix<T, R, C>& b) {
    Matrix<T, R, C> result;
#pragma unroll
    for (u32 i = 0; i < R * C; i++) result.m[i] = a.m[i] + b.m[i];
    return result;
}

template <class T, u32 R, u32 C>
__device__ __forceinline__ Matrix<T, R, C> operator-(const Matrix<T, R, C>& a, const Matrix<T, R, C>& b) {
    Matrix<T, R, C> result;
#pragma unroll
    for (u32 i = 0; i < R * C; i++) result.m[i] = a.m[i] - b.m[i];
    return result;
}

template <class T, u32 R, u32 C>
__device__ __forceinline__ Matrix<T, R, C> operator*(const Matrix<T, R, C>& a, T s) {
    Matrix<T, R, C> result;
#pragma unroll
    for (u32 i = 0; i < R * C; i++) result.m[i] = a.m[i] * s;
    return result;
}

/// The scalar product.
template <class T, u32 N>
__device__ __forceinline__ T dot(const Vector<T, N>& a, const Vector<T, N>& b) {
    T sum = a[0] * b[0];
#pragma unroll
    for (u32 i = 1; i < N; i++) sum += a[i] * b[i];
    return sum;
}

__device__ __forceinline__ f32 dot(const Vector3& a, const Vector3& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }

/// The vector product.
__device__ __forceinline__ Vector3 cross(const Vector3& a, const Vector3& b) {
    return Vector3{a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

/// The length.
__device__ __forceinline__ f32 norm(const Vector3& a) { return sqrt(dot(a, a)); }

/// The unit vector of the same direction.
__device__ __forceinline__ Vector3 unit(const Vector3& a) { return a / norm(a); }

/// The point at `fraction` of the way from `a` to `b`.
__device__ __forceinline__ Vector3 lerp(const Vector3& a, const Vector3& b, f32 fraction) {
    return b * fraction + a * (1.0f - fraction);
}

/// The matrix product.
template <class T, u32 R, u32 K, u32 C>
__device__ __forceinline__ Matrix<T, R, C> product(const Matrix<T, R, K>& a, const Matrix<T, K, C>& b) {
    Matrix<T, R, C> result;
#pragma unroll
    for (u32 j = 0; j < C; j++) {
#pragma unroll
        for (u32 i = 0; i < R; i++) {
            T sum = a(i, 0) * b(0, j);
#pragma unroll
            for (u32 k = 1; k < K; k++) sum += a(i, k) * b(k, j);
            result(i, j) = sum;
        }
    }
    return result;
}

/// The lower triangular L with `L Lᵀ` = `matrix`; none unless the matrix is positive definite.
template <class T, u32 N>
__device__ __forceinline__ Option<Matrix<T, N, N>> cholesky(const Matrix<T, N, N>& matrix) {
    Option<Matrix<T, N, N>> answer;
    answer.is_some = true;
    Matrix<T, N, N>& root = answer.value;
    root = Matrix<T, N, N>::zeros();
#pragma unroll
    for (u32 i = 0; i < N; i++) {
#pragma unroll
        for (u32 j = 0; j <= i; j++) {
            T rest = matrix(i, j);
#pragma unroll
            for (u32 k = 0; k < j; k++) rest -= root(i, k) * root(j, k);
            if (i > j) {
                root(i, j) = rest / root(j, j);
            } else if (rest > T(0)) {
                root(i, i) = sqrt(rest);
            } else {
                // No early return, so that the loops unroll; the rest is not looked at.
                answer.is_some = false;
                root(i, i) = T(1);
            }
        }
    }
    return answer;
}

/// X with `L X = B` of a lower triangular L without zeros on its diagonal.
template <class T, u32 N, u32 C>
__device__ __forceinline__ Matrix<T, N, C> solve_lower(const Matrix<T, N, N>& lower, const Matrix<T, N, C>& right) {
    Matrix<T, N, C> solution = right;
#pragma unroll
    for (u32 i = 0; i < N; i++) {
#pragma unroll
        for (u32 j = 0; j < C; j++) {
            T rest = solution(i, j);
#pragma unroll
            for (u32 k = 0; k < i; k++) rest -= lower(i, k) * solution(k, j);
            solution(i, j) = rest / lower(i, i);
        }
    }
    return solution;
}

}  // namespace traccc
