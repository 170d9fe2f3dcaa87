// What every kernel file starts from: types, kernels and how threads share work and append in order.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int i32;
typedef long long i64;
typedef float f32;
typedef double f64;

namespace traccc {

/// No row of a table.
constexpr u32 NONE = 0xffffffffu;

/// A fixed number of values, as Rust's `[T; N]`.
template <typename T, u32 N>
struct Array {
    T values[N];
    __device__ T& operator[](u32 i) { return values[i]; }
    __device__ const T& operator[](u32 i) const { return values[i]; }
};

using Pair = Array<f32, 2>;
using Rows = Array<u32, 2>;

}  // namespace traccc

/// Declares a kernel. All have the same arguments: the tables of a setup, the arrays of a batch and one number.
#if defined(TRACCC_HOST)
#define KERNEL(name, threads, blocks_per_processor)                                              \
    extern "C" void name(const traccc::Tables& tables, const traccc::Batch& batch, u32 argument)
#else
#define KERNEL(name, threads, blocks_per_processor)                                              \
    extern "C" __global__ void __launch_bounds__(threads, blocks_per_processor)                  \
        name(const __grid_constant__ traccc::Tables tables,                                      \
             const __grid_constant__ traccc::Batch batch, u32 argument)
#endif

namespace traccc {

/// The rows of a table of `count` rows that this thread works on: from `first` in steps of `stride`.
///
/// Grids are as large as the machine or the table, whichever is less: a thread may have none, one or many rows.
#define FOR_EACH_ROW(row, count)                                                                 \
    for (u32 row = blockIdx.x * blockDim.x + threadIdx.x, row##_end = (count); row < row##_end;   \
         row += gridDim.x * blockDim.x)

}  // namespace traccc
