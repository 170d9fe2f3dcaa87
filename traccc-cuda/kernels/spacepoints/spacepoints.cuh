// Measurements to space points. See `spacepoints/mod.rs`.
#pragma once
#include "batch.cuh"
#include "tables.cuh"

namespace traccc {

/// The variances of r and z at a point of a surface, in mm².
__device__ inline Pair variances(const Surface& surface, const Pair& local, const Vector3& position, const Pair& variance) {
    const f32 r = perp(position.x, position.y);
    // On the axis every direction is radial.
    const f32 cos = r > 0.0f ? position.x / r : 1.0f, sin = r > 0.0f ? position.y / r : 0.0f;
    const LocalFrame frame = surface.frame(local);
    const auto sum = [&](f32 along_first, f32 along_second) {
        return variance[0] * (along_first * along_first) + variance[1] * (along_second * along_second);
    };
    const auto radial = [&](const Vector3& tangent) { return tangent.x * cos + tangent.y * sin; };
    return Pair{{sum(radial(frame.tangents[0]), radial(frame.tangents[1])), sum(frame.tangents[0].z, frame.tangents[1].z)}};
}

/// Puts a two-dimensional measurement into space.
__device__ inline void form_spacepoint(const Detector& detector, const Batch& batch, u32 measurement, u32 at) {
    const Surface& surface = detector.surfaces[batch.surface[measurement]];
    const Pair local = batch.local[measurement];
    const Vector3 position = surface.to_global(local);
    const Pair variance = variances(surface, local, position, batch.variance[measurement]);
    batch.x[at] = position.x;
    batch.y[at] = position.y;
    batch.z[at] = position.z;
    batch.r_variance[at] = variance[0];
    batch.z_variance[at] = variance[1];
    batch.spacepoint_measurements[at] = Rows{{measurement, NONE}};
}

}  // namespace traccc
