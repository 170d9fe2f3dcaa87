// Energy loss and multiple scattering in a thin layer. See `propagation/interaction.rs`.
#pragma once
#include "detector/material.cuh"
#include "math/math.cuh"
#include "particle.cuh"
#include "settings.cuh"

namespace traccc {
namespace propagation {

/// What a layer does to a particle.
struct Interaction {
    /// In GeV.
    f32 mean_loss;
    /// In e/GeV.
    f32 sigma_q_over_p;
    /// In rad.
    f32 scattering_angle;
};

/// Quantities of a particle of unit charge that the formulae share.
struct Kinematics {
    f32 momentum;
    f32 energy;
    /// 1 / beta²
    f32 inverse_beta2;
    f32 beta_gamma;
    f32 gamma;

    __device__ static __forceinline__ Kinematics of(f32 q_over_p, f32 mass) {
        const f32 mass_over_p = mass * abs(q_over_p);
        const f32 inverse_beta2 = 1.0f + mass_over_p * mass_over_p;
        const f32 beta_gamma = 1.0f / mass_over_p;
        const f32 momentum = 1.0f / abs(q_over_p);
        return Kinematics{momentum, momentum * sqrt(inverse_beta2), inverse_beta2, beta_gamma,
                          beta_gamma * sqrt(inverse_beta2)};
    }
};

/// Half of the density correction.
__device__ __forceinline__ f32 half_density_effect(const Slab& slab, f32 beta_gamma) {
    if (beta_gamma < 10.0f) return 0.0f;
    return ln(beta_gamma * slab.plasma_energy / slab.excitation_energy) - 0.5f;
}

/// Mean energy loss per length by the Bethe formula, in GeV/mm.
__device__ __forceinline__ f32 bethe(const Slab& slab, const Kinematics& k, f32 mass) {
    const f32 scale = slab.loss_scale * k.inverse_beta2;
    if (scale <= 0.0f) return 0.0f;
    const f32 mass_ratio = ELECTRON_MASS / mass;
    const f32 beta_gamma2 = k.beta_gamma * k.beta_gamma;
    const f32 max_transfer =
        2.0f * ELECTRON_MASS * beta_gamma2 / (1.0f + 2.0f * k.gamma * mass_ratio + mass_ratio * mass_ratio);
    const f32 i = slab.excitation_energy;
    const f32 log = 0.5f * ln((2.0f * ELECTRON_MASS * beta_gamma2 / i) * (max_transfer / i));
    return 2.0f * scale * (log - 1.0f / k.inverse_beta2 - half_density_effect(slab, k.beta_gamma));
}

/// Standard deviation of a Gaussian as wide as the Landau distribution over `path` mm, in GeV.
__device__ __forceinline__ f32 landau_sigma(const Slab& slab, f32 path, const Kinematics& k) {
    return 4.0f * slab.loss_scale * k.inverse_beta2 * path / 2.35482f;
}

/// Standard deviation of the projected scattering angle after a path in radiation lengths, in rad.
__device__ __forceinline__ f32 highland(f32 path_in_x0, const Kinematics& k, const Particle& particle) {
    if (path_in_x0 <= 0.0f) return 0.0f;
    const f32 t2 = path_in_x0 * k.inverse_beta2;
    if (particle.electron != 0) {
        return 0.0175f / k.momentum * sqrt(t2) * (1.0f + 0.125f / consts::LN_10 * ln(10.0f * path_in_x0));
    }
    return 0.0136f / k.momentum * sqrt(t2) * (1.0f + 0.038f * ln(t2));
}

/// The effect of crossing a layer under an angle of cosine `cos_incidence` to its normal.
__device__ __noinline__ Interaction interact(const Slab& slab, f32 cos_incidence, f32 q_over_p,
                                                Particle particle) {
    const f32 path = slab.thickness / abs(cos_incidence);
    const Kinematics k = Kinematics::of(q_over_p, particle.mass);
    return Interaction{
        path * bethe(slab, k, particle.mass),
        // d(q/p) = (q/p)² / beta dE
        sqrt(k.inverse_beta2) * q_over_p * q_over_p * landau_sigma(slab, path, k),
        highland(slab.thickness_in_x0 / abs(cos_incidence), k, particle),
    };
}

/// q/p after losing `loss` GeV (gaining, if negative), in e/GeV; none when the particle stops.
__device__ __noinline__ Option<f32> after_loss(f32 q_over_p, f32 loss, Particle particle) {
    const f32 mass = particle.mass;
    const f32 energy = Kinematics::of(q_over_p, mass).energy - loss;
    const f32 p2 = (energy - mass) * (energy + mass);
    return Option<f32>{energy > mass && p2 > 0.0f, signum(q_over_p) / sqrt(p2)};
}

}  // namespace propagation
}  // namespace traccc
