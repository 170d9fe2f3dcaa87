// Seeds to first track parameters. See `parameters/mod.rs`.
#pragma once
#include "batch.cuh"
#include "parameters/helix.cuh"
#include "tables.cuh"
#include "units.cuh"

namespace traccc {

/// The sensor of a measurement and the local coordinates of a space point of it.
__device__ inline u32 start(const Batch& batch, u32 measurement, const Detector& detector, const Vector3& point, Pair& local) {
    const u32 surface = batch.surface[measurement];
    local = batch.local[measurement];
    const Subspace subspace{batch.subspace[measurement]};
    if (subspace.dimensions() < 2) {
        const Pair of_point = detector.surfaces[surface].to_local(point);
        for (u32 axis = 0; axis < 2; axis++)
            if (!subspace.measures(axis)) local[axis] = of_point[axis];
    }
    return surface;
}

/// The diagonal covariance and the variance of the time.
__device__ inline Symmetric5<f32> uncertainty(f32 theta, f32 q_over_p, const ParametersCuts& config, f32& time_variance) {
    const auto square = [](f32 v) { return v * v; };
    const f32* inflation = config.inflation;
    const f32 theta_variance = square(config.sigma_theta) * inflation[3];
    const SinCos of_theta = sin_cos(theta);
    // q/p = sin(theta) q/pT: the errors of q/pT, of pT and of theta add up.
    const f32 curvature_variance = square(config.sigma_q_over_p) + square(config.sigma_q_over_pt * of_theta.sin) +
                                   square(config.sigma_pt_relative * q_over_p) +
                                   theta_variance * square(q_over_p * of_theta.cos / of_theta.sin);
    time_variance = square(config.sigma_time) * inflation[5];
    const f32 diagonal[5] = {
        square(config.sigma_loc[0]) * inflation[0],
        square(config.sigma_loc[1]) * inflation[1],
        square(config.sigma_phi) * inflation[2],
        theta_variance,
        curvature_variance * inflation[4],
    };
    return Symmetric5<f32>::from_diagonal(diagonal);
}

/// The parameters of a seed; none where its points determine no helix.
__device__ inline bool estimate(const Tables& tables, const Batch& batch, const Seed& seed, BoundParameters& found) {
    const ParametersCuts& config = tables.settings.parameters;
    const auto position = [&](u32 row) { return Vector3{batch.x[row], batch.y[row], batch.z[row]}; };
    const Vector3 bottom = position(seed.bottom);
    const Vector3 field = config.field_is_constant ? Vector3{0.0f, 0.0f, config.field} : tables.field.at(bottom);
    const f32 strength = norm(field);
    const Helix helix = Helix::through(bottom, position(seed.middle), position(seed.top), field / strength);

    const Vector3 direction = helix.direction;
    const f32 transverse = perp(direction.x, direction.y);
    const f32 phi = wrap_phi(atan2(direction.y, direction.x));
    const f32 theta = atan2(transverse, direction.z);
    const f32 q_over_p = helix.curvature / (strength * units::CURVATURE_PER_TESLA) * helix.sine_to_field;
    const bool usable = is_finite(phi) && is_finite(q_over_p) && q_over_p != 0.0f;
    if (!(usable && theta > 0.0f && theta < consts::PI)) return false;
    const u32 first = batch.spacepoint_measurements[seed.bottom][0];
    Pair local;
    found.surface = start(batch, first, tables.detector, bottom, local);
    found.vector[0] = local[0];
    found.vector[1] = local[1];
    found.vector[2] = phi;
    found.vector[3] = theta;
    found.vector[4] = q_over_p;
    found.time = 0.0f;
    found.covariance = uncertainty(theta, q_over_p, config, found.time_variance);
    return true;
}

}  // namespace traccc
