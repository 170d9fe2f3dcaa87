// Symmetric 5 x 5 matrices. See `math/symmetric.rs`.
#pragma once
#include "math/algebra.cuh"

namespace traccc {

/// The lower triangle row by row, element (i, j) with i >= j at `i (i + 1) / 2 + j`.
template <class T>
struct Symmetric5 {
    T m[15];

    __device__ static __forceinline__ u32 packed(u32 row, u32 column) {
        return row >= column ? row * (row + 1) / 2 + column : column * (column + 1) / 2 + row;
    }

    __device__ __forceinline__ T& operator()(u32 row, u32 column) { return m[packed(row, column)]; }
    __device__ __forceinline__ const T& operator()(u32 row, u32 column) const { return m[packed(row, column)]; }

    __device__ static __forceinline__ Symmetric5 zeros() {
        Symmetric5 matrix;
#pragma unroll
        for (u32 i = 0; i < 15; i++) matrix.m[i] = T(0);
        return matrix;
    }

    __device__ static __forceinline__ Symmetric5 from_diagonal(const T (&diagonal)[5]) {
        Symmetric5 matrix = zeros();
#pragma unroll
        for (u32 i = 0; i < 5; i++) matrix(i, i) = diagonal[i];
        return matrix;
    }

    /// The symmetric part of a full matrix, taken from its lower triangle.
    __device__ static __forceinline__ Symmetric5 from_lower(const Matrix<T, 5, 5>& full) {
        Symmetric5 matrix;
#pragma unroll
        for (u32 i = 0; i < 5; i++) {
#pragma unroll
            for (u32 j = 0; j <= i; j++) matrix(i, j) = full(i, j);
        }
        return matrix;
    }

    /// All twenty-five elements.
    __device__ __forceinline__ Matrix<T, 5, 5> to_matrix() const {
        Matrix<T, 5, 5> full;
#pragma unroll
        for (u32 j = 0; j < 5; j++) {
#pragma unroll
            for (u32 i = 0; i < 5; i++) full(i, j) = (*this)(i, j);
        }
        return full;
    }

    /// Diagonal element `i`.
    __device__ __forceinline__ T diagonal(u32 i) const { return m[packed(i, i)]; }

    /// `J C Jᵀ`: this covariance carried through a Jacobian.
    __device__ __forceinline__ Symmetric5 transported(const Matrix<T, 5, 5>& jacobian) const {
        Symmetric5 result;
#pragma unroll
        for (u32 i = 0; i < 5; i++) {
            // Row i of `product(jacobian, to_matrix())`.
            T half[5];
#pragma unroll
            for (u32 j = 0; j < 5; j++) {
                T sum = jacobian(i, 0) * (*this)(0, j);
#pragma unroll
                for (u32 k = 1; k < 5; k++) sum += jacobian(i, k) * (*this)(k, j);
                half[j] = sum;
            }
#pragma unroll
            for (u32 j = 0; j <= i; j++) {
                T sum = T(0);
#pragma unroll
                for (u32 k = 0; k < 5; k++) sum += half[k] * jacobian(j, k);
                result(i, j) = sum;
            }
        }
        return result;
    }
};

template <class T>
__device__ __forceinline__ Symmetric5<T> operator+(const Symmetric5<T>& a, const Symmetric5<T>& b) {
    Symmetric5<T> sum;
#pragma unroll
    for (u32 i = 0; i < 15; i++) sum.m[i] = a.m[i] + b.m[i];
    return sum;
}

}  // namespace traccc
