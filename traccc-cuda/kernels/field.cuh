// The magnetic field: constant, or interpolated from a map. See `field.rs`.
#pragma once
#include "math/math.cuh"

namespace traccc {

/// The grid of a field map.
struct FieldGrid {
    /// Rows of the affine map from a position in mm to node numbers.
    f32 to_node[3][4];
    /// Nodes along x, y and z.
    u32 nodes[3];
};
static_assert(sizeof(FieldGrid) == 60, "as in Rust");

/// The field at a node, in T; `w` is not used.
struct alignas(16) FieldNode {
    f32 x, y, z, w;
};

/// A magnetic field, in T, as a function of the global position, in mm.
///
/// Fields: is_map u32, constant f32[3], grid 60 B, padding u32, values *.
struct MagneticField {
    u32 is_map;
    Vector3 constant;
    FieldGrid grid;
    u32 padding;
    /// Field at each node; z runs fastest, x slowest.
    const FieldNode* values;

    /// The field at a global position.
    __device__ __forceinline__ Vector3 at(const Vector3& position) const {
        if (is_map == 0) return constant;
        return map_at(position);
    }

    __device__ __forceinline__ Vector3 node(u32 i, u32 j, u32 k) const {
        const FieldNode value = values[(i * grid.nodes[1] + j) * grid.nodes[2] + k];
        return Vector3{value.x, value.y, value.z};
    }

    /// `FieldMap::at`.
    __device__ __noinline__ Vector3 map_at(Vector3 position) const {
        u32 lower[3], upper[3];
        f32 fraction[3];
#pragma unroll
        for (u32 axis = 0; axis < 3; axis++) {
            const f32(&row)[4] = grid.to_node[axis];
            const f32 last = (f32)(grid.nodes[axis] - 1);
            const f32 node =
                clamp(row[0] * position.x + row[1] * position.y + row[2] * position.z + row[3], 0.0f, last);
            // NaN becomes node 0: the position is invalid anyway and its owner finds out.
            lower[axis] = to_u32(node);
            upper[axis] = min(lower[axis] + 1, grid.nodes[axis] - 1);
            fraction[axis] = node - (f32)lower[axis];
        }
        Vector3 along_y[2];
#pragma unroll
        for (u32 i = 0; i < 2; i++) {
            const u32 x = i == 0 ? lower[0] : upper[0];
            Vector3 along_z[2];
#pragma unroll
            for (u32 j = 0; j < 2; j++) {
                const u32 y = j == 0 ? lower[1] : upper[1];
                along_z[j] = lerp(node(x, y, lower[2]), node(x, y, upper[2]), fraction[2]);
            }
            along_y[i] = lerp(along_z[0], along_z[1], fraction[1]);
        }
        return lerp(along_y[0], along_y[1], fraction[0]);
    }
};

}  // namespace traccc
