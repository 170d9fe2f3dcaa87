// Surfaces. See `detector/surface.rs`; the geometry of the shapes is in `detector/shape/`.
#pragma once
#include "index.cuh"
#include "math/math.cuh"

namespace traccc {

enum class Shape : u8;
struct LocalFrame;

/// What a surface is for.
enum class SurfaceKind : u8 { PORTAL = 0, SENSITIVE = 1, PASSIVE = 2 };

/// Where the material of a surface is: nothing, a row of the slabs, or (upper bit set) a row of the maps.
struct MaterialRef {
    u32 value;

    static constexpr u32 MAP = 1u << 31;

    __device__ __forceinline__ bool is_some() const { return value != NONE; }
    __device__ __forceinline__ bool is_slab() const { return (value & MAP) == 0; }
    /// The row of the slabs or maps.
    __device__ __forceinline__ u32 row() const { return value & ~MAP; }
};

/// One area of a surface and where it leads.
struct Mask {
    f32 bounds[7];
    VolumeIndex link;

    /// Whether a local point lies inside, or outside by at most `tolerance` mm.
    __device__ __forceinline__ bool contains(Shape shape, const Vector3& local, f32 tolerance) const;
};
static_assert(sizeof(Mask) == 32, "as in Rust");

/// One surface.
struct alignas(16) Surface {
    f32 axes[3][3];
    f32 translation[3];
    /// The first (mostly the only) mask.
    Mask mask;
    VolumeIndex volume;
    MaterialRef material;
    u32 first_further_mask;
    u16 further_masks;
    Shape shape;
    SurfaceKind kind;

    /// Local axis 0 (x), 1 (y) or 2 (z) as a global unit vector.
    __device__ __forceinline__ Vector3 axis(u32 axis) const { return vector3(axes[axis]); }
    /// Origin of the local frame in global coordinates, in mm.
    __device__ __forceinline__ Vector3 origin() const { return vector3(translation); }
    /// Coordinates of a global position in the surface's Cartesian frame, in mm.
    __device__ __forceinline__ Vector3 to_cartesian(const Vector3& global) const {
        const Vector3 relative = global - origin();
        return Vector3{dot(axis(0), relative), dot(axis(1), relative), dot(axis(2), relative)};
    }

    // In `detector/shape/shape.cuh`.
    // Calls, not inlined: the code of six shapes at every place would not fit into the instruction cache.
    __device__ __noinline__ Vector3 to_global(Pair local) const;
    __device__ __noinline__ Pair to_local(Vector3 global) const;
    __device__ __noinline__ Vector3 normal(Pair local) const;
    __device__ __noinline__ LocalFrame frame(Pair local) const;
};
static_assert(sizeof(Surface) == 96 && alignof(Surface) == 16, "as in Rust");

}  // namespace traccc

#include "detector/shape/shape.cuh"
