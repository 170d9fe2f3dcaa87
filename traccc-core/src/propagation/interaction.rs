//! Energy loss and multiple scattering in a thin layer.
//!
//! Formulae of the Particle Data Group, Review of Particle Physics 2022, sections 34.2 (Bethe, equation 34.5; Landau,
//! 34.12; without shell and density corrections other than the asymptotic density effect) and 34.3 (Highland, 34.16).

use crate::detector::Slab;
use crate::math::ln;
use crate::particle::{ELECTRON_MASS, Particle};
use crate::{Scalar, consts};

/// What a layer does to a particle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Interaction {
    /// Mean energy loss, in GeV.
    pub(super) mean_loss: Scalar,
    /// Standard deviation of q/p from the width of the energy loss, in e/GeV.
    pub(super) sigma_q_over_p: Scalar,
    /// Standard deviation of the scattering angle projected on a plane, in rad.
    pub(super) scattering_angle: Scalar,
}

/// Quantities of a particle of unit charge that the formulae share.
struct Kinematics {
    momentum: Scalar,
    energy: Scalar,
    /// 1 / beta²
    inverse_beta2: Scalar,
    beta_gamma: Scalar,
    gamma: Scalar,
}

impl Kinematics {
    #[inline]
    fn new(q_over_p: Scalar, mass: Scalar) -> Self {
        let mass_over_p = mass * q_over_p.abs();
        let inverse_beta2 = 1.0 + mass_over_p * mass_over_p;
        let beta_gamma = 1.0 / mass_over_p;
        let momentum = 1.0 / q_over_p.abs();
        Self {
            momentum,
            energy: momentum * inverse_beta2.sqrt(),
            inverse_beta2,
            beta_gamma,
            gamma: beta_gamma * inverse_beta2.sqrt(),
        }
    }
}

/// Mean energy loss per length by the Bethe formula, in GeV/mm.
#[inline]
fn bethe(slab: &Slab, k: &Kinematics, mass: Scalar) -> Scalar {
    let scale = slab.loss_scale * k.inverse_beta2;
    if scale <= 0.0 {
        return 0.0;
    }
    let mass_ratio = ELECTRON_MASS / mass;
    let beta_gamma2 = k.beta_gamma * k.beta_gamma;
    let max_transfer = 2.0 * ELECTRON_MASS * beta_gamma2
        / (1.0 + 2.0 * k.gamma * mass_ratio + mass_ratio * mass_ratio);
    // The two factors apart: the square of the excitation energy in GeV is below the smallest normal f32.
    let i = slab.excitation_energy;
    let log = 0.5 * ln((2.0 * ELECTRON_MASS * beta_gamma2 / i) * (max_transfer / i));
    2.0 * scale * (log - 1.0 / k.inverse_beta2 - half_density_effect(slab, k.beta_gamma))
}

/// Half of the density correction: asymptotic form above beta gamma = 10, nothing below (equation 34.6).
#[inline]
fn half_density_effect(slab: &Slab, beta_gamma: Scalar) -> Scalar {
    if beta_gamma < 10.0 {
        0.0
    } else {
        ln(beta_gamma * slab.plasma_energy / slab.excitation_energy) - 0.5
    }
}

/// Standard deviation of a Gaussian with the full width at half maximum of the Landau distribution over `path` mm,
/// in GeV.
#[inline]
fn landau_sigma(slab: &Slab, path: Scalar, k: &Kinematics) -> Scalar {
    // The full width is four times the scale; that of a Gaussian is 2 sqrt(2 ln 2) sigma.
    4.0 * slab.loss_scale * k.inverse_beta2 * path / 2.354_82
}

/// Standard deviation of the projected scattering angle after a path in radiation lengths, in rad.
#[inline]
fn highland(path_in_x0: Scalar, k: &Kinematics, particle: Particle) -> Scalar {
    if path_in_x0 <= 0.0 {
        return 0.0;
    }
    let t2 = path_in_x0 * k.inverse_beta2;
    if particle.electron != 0 {
        // Rossi and Greisen, Rev. Mod. Phys. 13 (1941) 240.
        return 0.0175 / k.momentum
            * t2.sqrt()
            * (1.0 + 0.125 / consts::LN_10 * ln(10.0 * path_in_x0));
    }
    0.0136 / k.momentum * t2.sqrt() * (1.0 + 0.038 * ln(t2))
}

/// The effect of crossing a layer under an angle of cosine `cos_incidence` to its normal.
#[inline]
pub(super) fn interact(
    slab: &Slab,
    cos_incidence: Scalar,
    q_over_p: Scalar,
    particle: Particle,
) -> Interaction {
    let path = slab.thickness / cos_incidence.abs();
    let k = Kinematics::new(q_over_p, particle.mass);
    Interaction {
        mean_loss: path * bethe(slab, &k, particle.mass),
        // d(q/p) = (q/p)² / beta dE
        sigma_q_over_p: k.inverse_beta2.sqrt() * q_over_p * q_over_p * landau_sigma(slab, path, &k),
        scattering_angle: highland(slab.thickness_in_x0 / cos_incidence.abs(), &k, particle),
    }
}

/// q/p after losing `loss` GeV (gaining, if negative), in e/GeV; `None` when the particle stops.
#[inline]
pub(super) fn after_loss(q_over_p: Scalar, loss: Scalar, particle: Particle) -> Option<Scalar> {
    let mass = particle.mass;
    let energy = Kinematics::new(q_over_p, mass).energy - loss;
    let p2 = (energy - mass) * (energy + mass);
    (energy > mass && p2 > 0.0).then(|| q_over_p.signum() / p2.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Hypothesis;
    use crate::detector::{Material, SlabModel};
    use crate::units::GRAM_PER_CUBIC_CENTIMETRE;

    fn silicon(thickness: f64, radiation_length: f64, mass: f64, density: f64) -> Slab {
        let material = Material {
            radiation_length,
            interaction_length: 465.2,
            relative_atomic_mass: mass,
            nuclear_charge: 14.0,
            mass_density: density * GRAM_PER_CUBIC_CENTIMETRE,
        };
        Slab::new(&SlabModel { thickness, material })
    }

    /// Muons in silicon: Groom, Mokhov, Striganov, Atomic Data and Nuclear Data Tables 78 (2001) 183; momentum in
    /// GeV, stopping power in MeV cm²/g.
    #[test]
    fn stopping_power_is_within_five_percent_of_the_published_tables() {
        let slab = silicon(1.0, 93.7, 28.0855, 2.329);
        for (p, published) in [(0.1003, 2.608), (1.101, 1.803), (10.11, 2.177), (100.1, 2.451)] {
            let mass = Hypothesis::Muon.mass();
            let found = bethe(&slab, &Kinematics::new(-1.0 / p, mass), mass) / 2.329 * 1.0e4;
            assert!(
                (found / published - 1.0).abs() < 0.05,
                "{found} at {p} GeV, expected {published}"
            );
        }
    }

    /// The worked example of `detray.md` 6.5: a 1 GeV pion through 0.5 mm of silicon.
    #[test]
    fn a_pion_through_half_a_millimetre_of_silicon() {
        let slab = silicon(0.5, 95.7, 28.03, 2.32);
        let pion = Hypothesis::Pion.into();
        let effect = interact(&slab, 1.0, 1.0, pion);
        let near = |found: Scalar, expected: Scalar| (found / expected - 1.0).abs() < 2e-4;
        assert!(near(effect.mean_loss, 2.107_836e-4), "{effect:?}");
        assert!(near(effect.sigma_q_over_p, 1.555_42e-5), "{effect:?}");
        assert!(near(effect.scattering_angle, 7.951_082e-4), "{effect:?}");
        let after = after_loss(1.0, effect.mean_loss, pion).unwrap();
        assert!((after - 1.000_213).abs() < 1e-6, "{after}");
    }

    #[test]
    fn a_particle_that_loses_more_than_its_kinetic_energy_stops() {
        assert_eq!(after_loss(-10.0, 1.0, Hypothesis::Muon.into()), None);
    }
}
