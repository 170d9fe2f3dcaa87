// CUDA's language on one thread of the processor, for tests: kernels run block after block, the threads of a block as fibers.
//
// Included before everything else where kernels are compiled as host C++. A thread runs until it has to wait for others (a
// barrier of its block or warp) or ends; the order of threads is the order of their numbers. Warps are strict: whoever calls a
// warp function waits for all lanes of the mask that have not ended, and a lane that waits elsewhere is a deadlock, which
// aborts with a message. Shared memory keeps what the block before left in it, as on a GPU.
#pragma once
#if !defined(__x86_64__)
#error "the fibers are written for x86-64"
#endif
#define TRACCC_HOST 1

#include <sys/mman.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#define __device__
#define __host__
#define __global__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline)) inline
#define __restrict__ __restrict
#define __constant__
#define __shared__ static thread_local
#define __launch_bounds__(...)
#define __align__(n) alignas(n)

struct dim3 {
    unsigned x, y, z;
};

extern "C" void traccc_switch(void** save, void* load);

namespace traccc_host {

enum class Waits { No, Block, Warp, Ended };

struct Fiber {
    void* stack_pointer;
    Waits waits;
    unsigned warp_mask;
};

constexpr size_t STACK = 512 * 1024;

struct Block {
    Fiber* fibers;
    char* stacks;
    unsigned capacity;
    void* scheduler;
    unsigned current;
    void (*body)(void*);
    void* argument;
    unsigned long long exchanged[1024];
    unsigned block_vote;
};

extern thread_local Block block;
extern thread_local dim3 thread_index, block_index, block_size, grid_size;

inline void leave(Waits waits, unsigned mask = 0) {
    Fiber& fiber = block.fibers[block.current];
    fiber.waits = waits;
    fiber.warp_mask = mask;
    traccc_switch(&fiber.stack_pointer, block.scheduler);
}

inline void warp_barrier(unsigned mask) { leave(Waits::Warp, mask); }

template <typename T>
inline unsigned long long to_word(T value) {
    static_assert(sizeof(T) <= 8, "warps exchange up to eight bytes");
    unsigned long long word = 0;
    memcpy(&word, &value, sizeof(T));
    return word;
}

template <typename T>
inline T from_word(unsigned long long word) {
    T value;
    memcpy(&value, &word, sizeof(T));
    return value;
}

/// What lane `source` of this warp has put down; its own value for a lane out of range.
template <typename T>
inline T exchange(unsigned mask, T value, int source) {
    const unsigned first = thread_index.x & ~31u;
    block.exchanged[thread_index.x] = to_word(value);
    warp_barrier(mask);
    const bool inside = source >= 0 && source < 32 && (mask >> source & 1);
    T result = inside ? from_word<T>(block.exchanged[first + source]) : value;
    warp_barrier(mask);
    return result;
}

void run(unsigned grid_x, unsigned grid_y, unsigned threads, void (*body)(void*), void* argument);

}  // namespace traccc_host

#define threadIdx (traccc_host::thread_index)
#define blockIdx (traccc_host::block_index)
#define blockDim (traccc_host::block_size)
#define gridDim (traccc_host::grid_size)
constexpr int warpSize = 32;

inline void __syncthreads() { traccc_host::leave(traccc_host::Waits::Block); }
inline int __syncthreads_count(int predicate) {
    using namespace traccc_host;
    block.exchanged[thread_index.x] = predicate != 0;
    __syncthreads();
    int count = 0;
    for (unsigned i = 0; i < block_size.x; i++)
        if (block.fibers[i].waits != Waits::Ended) count += (int)block.exchanged[i];
    __syncthreads();
    return count;
}
inline int __syncthreads_or(int predicate) { return __syncthreads_count(predicate) != 0; }
inline void __syncwarp(unsigned mask = 0xffffffffu) { traccc_host::warp_barrier(mask); }
inline void __threadfence() {}
inline void __threadfence_block() {}

inline unsigned __ballot_sync(unsigned mask, int predicate) {
    using namespace traccc_host;
    const unsigned first = thread_index.x & ~31u;
    block.exchanged[thread_index.x] = predicate != 0;
    warp_barrier(mask);
    unsigned bits = 0;
    for (unsigned lane = 0; lane < 32 && first + lane < block_size.x; lane++)
        if ((mask >> lane & 1) && block.fibers[first + lane].waits != Waits::Ended)
            bits |= (unsigned)(block.exchanged[first + lane] & 1) << lane;
    warp_barrier(mask);
    return bits;
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, !predicate) == 0; }

template <typename T>
inline T __shfl_sync(unsigned mask, T value, int source, int = 32) {
    return traccc_host::exchange(mask, value, source & 31);
}
template <typename T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned step, int = 32) {
    return traccc_host::exchange(mask, value, (int)(threadIdx.x & 31) - (int)step);
}
template <typename T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned step, int = 32) {
    return traccc_host::exchange(mask, value, (int)(threadIdx.x & 31) + (int)step);
}
template <typename T>
inline T __shfl_xor_sync(unsigned mask, T value, int lanes, int = 32) {
    return traccc_host::exchange(mask, value, (int)(threadIdx.x & 31) ^ lanes);
}
inline unsigned __reduce_add_sync(unsigned mask, unsigned value) {
    for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(mask, value, step);
    return value;
}
inline unsigned __reduce_min_sync(unsigned mask, unsigned value) {
    for (int step = 16; step > 0; step /= 2) {
        unsigned other = __shfl_xor_sync(mask, value, step);
        value = other < value ? other : value;
    }
    return value;
}
inline unsigned __reduce_max_sync(unsigned mask, unsigned value) { return ~__reduce_min_sync(mask, ~value); }

#define TRACCC_ATOMIC(name, result)                                                                                    \
    template <typename T, typename U>                                                                                  \
    inline T name(T* address, U operand) {                                                                             \
        T before = *address, value = (T)operand;                                                                       \
        *address = result;                                                                                             \
        return before;                                                                                                 \
    }
TRACCC_ATOMIC(atomicAdd, before + value)
TRACCC_ATOMIC(atomicSub, before - value)
TRACCC_ATOMIC(atomicMin, value < before ? value : before)
TRACCC_ATOMIC(atomicMax, value > before ? value : before)
TRACCC_ATOMIC(atomicExch, value)
TRACCC_ATOMIC(atomicOr, before | value)
TRACCC_ATOMIC(atomicAnd, before& value)
TRACCC_ATOMIC(atomicXor, before ^ value)
template <typename T, typename U, typename V>
inline T atomicCAS(T* address, U expected, V value) {
    T before = *address;
    if (before == (T)expected) *address = (T)value;
    return before;
}

inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline int __popcll(unsigned long long bits) { return __builtin_popcountll(bits); }
inline int __ffs(int bits) { return __builtin_ffs(bits); }
inline int __clz(int bits) { return bits ? __builtin_clz(bits) : 32; }
inline int __clzll(long long bits) { return bits ? __builtin_clzll(bits) : 64; }
template <typename T>
inline T __ldg(const T* address) {
    return *address;
}

inline unsigned __float_as_uint(float x) { return traccc_host::to_word(x) & 0xffffffffu; }
inline float __uint_as_float(unsigned x) { return traccc_host::from_word<float>(x); }
inline int __float_as_int(float x) { return (int)__float_as_uint(x); }
inline float __int_as_float(int x) { return __uint_as_float((unsigned)x); }
inline long long __double_as_longlong(double x) { return (long long)traccc_host::to_word(x); }
inline double __longlong_as_double(long long x) { return traccc_host::from_word<double>((unsigned long long)x); }
inline float __fsqrt_rn(float x) { return std::sqrt(x); }
inline double __dsqrt_rn(double x) { return std::sqrt(x); }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline double __ddiv_rn(double x, double y) { return x / y; }
