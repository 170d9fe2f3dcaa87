// Lanes of a warp that carry one candidate together.
//
// The candidate's position and direction are known to all of them. They share out what is many times the same: the surfaces that
// are looked at, the columns of the derivatives, the elements of matrices. A result does not depend on their number: each of its
// numbers is one lane's, computed as a thread alone computes it.
#pragma once
#include "common.cuh"

namespace traccc {

/// `LANES` lanes side by side: a power of two, 1 for a thread alone. Other teams of the warp go their own ways.
template <u32 LANES>
struct Team {
    /// This lane's number in the team.
    u32 lane;

    __device__ static __forceinline__ Team here() { return Team{LANES == 1 ? 0 : threadIdx.x % LANES}; }

    /// One lane of the team.
    __device__ __forceinline__ bool leads() const { return lane == 0; }

    __device__ __forceinline__ u32 first_lane() const { return (threadIdx.x & 31) - lane; }
    __device__ __forceinline__ u32 mask() const { return ((LANES == 32 ? 0u : 1u << LANES) - 1u) << first_lane(); }

    /// What lanes of the team wrote before is seen by all of them after.
    __device__ __forceinline__ void sync() const {
        if constexpr (LANES > 1) __syncwarp(mask());
    }

    /// The lanes for which `predicate` holds, as bits from 0 on.
    __device__ __forceinline__ u32 ballot(bool predicate) const {
        if constexpr (LANES == 1) {
            return predicate;
        } else {
            return (__ballot_sync(mask(), predicate) & mask()) >> first_lane();
        }
    }

    __device__ __forceinline__ bool any(bool predicate) const { return ballot(predicate) != 0; }
};

/// The numbers from this lane's on that are its own.
#define FOR_EACH_OF_TEAM(LANES, team, i, count) for (u32 i = (team).lane; i < (count); i += (LANES))

}  // namespace traccc
