//! What ends a particle on its way or takes much of its energy: decays, nuclear interactions, bremsstrahlung.

use super::Flight;
use crate::collisions::Produced;
use crate::ttbar::{decay, jet};
use nalgebra::Vector4;
use rand::Rng;
use rand_distr::{Distribution, Exp1, Open01, StandardNormal};
use std::f64::consts::LN_2;
use traccc_core::Hypothesis;
use traccc_core::detector::Slab;

/// A particle made on the way, with the time as c·t in mm.
pub(crate) struct Secondary {
    pub produced: Produced,
    pub time: f64,
    /// Process code as in ACTS's Fatras.
    pub process: i32,
}

/// Process codes of ACTS's Fatras.
const DECAY: i32 = 1;
const NUCLEAR: i32 = 4;

/// c·τ in mm and mass in GeV.
const PION_LIFETIME: f64 = 7804.5;
const MUON_LIFETIME: f64 = 658_638.0;
const MUON: f64 = 0.105_658_375_5;
const ELECTRON: f64 = 0.000_510_998_950_69;

/// The proper time of a particle at which it decays, as c·τ in mm; infinite for electrons.
pub(super) fn lifetime(species: Hypothesis, rng: &mut impl Rng) -> f64 {
    let lifetimes: f64 = Exp1.sample(rng);
    lifetimes
        * match species {
            Hypothesis::Pion => PION_LIFETIME,
            Hypothesis::Muon => MUON_LIFETIME,
            Hypothesis::Electron => f64::INFINITY,
        }
}

/// The charged particle of a decay: π → μν evenly in all directions, μ → eνν with the electron's spectrum x²(3 - 2x) for an unpolarised
/// muon, where x is its energy over half of the muon's mass.
pub(super) fn decayed(
    flight: &Flight,
    species: Hypothesis,
    rng: &mut impl Rng,
) -> Option<Secondary> {
    let parent = four_momentum(flight);
    let (daughter, momentum) = match species {
        Hypothesis::Pion => (Hypothesis::Muon, decay(&parent, flight.mass, [MUON, 0.0], rng)[0]),
        Hypothesis::Muon => {
            let x = loop {
                let (x, y) = (rng.random::<f64>(), rng.random::<f64>());
                if y < x * x * (3.0 - 2.0 * x) {
                    break x;
                }
            };
            // As a decay to an electron of this energy and a neutrino pair of the mass that is left.
            let pair = (flight.mass * flight.mass * (1.0 - x)).max(0.0).sqrt();
            let pair = pair.min(flight.mass - ELECTRON);
            (Hypothesis::Electron, decay(&parent, flight.mass, [ELECTRON, pair], rng)[0])
        }
        Hypothesis::Electron => return None,
    };
    let produced = Produced {
        species: daughter,
        positive: flight.charge > 0.0,
        vertex: flight.position.map(|v| v as f32).into(),
        momentum: momentum.xyz(),
    };
    Some(Secondary { produced, time: flight.time, process: DECAY })
}

fn four_momentum(flight: &Flight) -> Vector4<f64> {
    let p = flight.direction * flight.momentum;
    Vector4::new(p.x, p.y, p.z, libm::hypot(flight.momentum, flight.mass))
}

/// Thickness of a slab along its normal in nuclear interaction lengths.
///
/// Compiled slabs have lost theirs: density and charge number follow from energy loss and excitation energy, the atomic
/// mass is twice the charge number, and the interaction length is 35 A^(1/3) g/cm² (within 7 % of tables for carbon and silicon).
pub(super) fn interaction_lengths(slab: &Slab) -> f64 {
    let excitation = f64::from(slab.excitation_energy);
    if excitation <= 0.0 {
        return 0.0;
    }
    let charge = libm::pow(excitation / 16.0e-9, 1.0 / 0.9);
    // The scale of the energy loss is half of 0.307075 MeV cm²/mol times the electrons; in GeV mm²/mol.
    let electrons = 2.0 * f64::from(slab.loss_scale) / 0.030_707_5;
    // g/mm² in g/cm².
    let areal = 2.0 * electrons * f64::from(slab.thickness) * 100.0;
    areal / (35.0 * libm::cbrt(2.0 * charge))
}

/// The charged particles of an inelastic interaction: those of a jet of the energy of the particle that ended, the
/// hardest first, as long as there is energy for them.
pub(super) fn interacted(flight: &Flight, rng: &mut impl Rng) -> Vec<Secondary> {
    let vertex = flight.position.map(|v| v as f32).into();
    let mut left = libm::hypot(flight.momentum, flight.mass);
    let mut products = jet(&four_momentum(flight), vertex, false, rng);
    products.retain(|product| {
        let energy = libm::hypot(product.momentum.norm(), flight.mass);
        let enough = energy <= left;
        left -= if enough { energy } else { 0.0 };
        enough
    });
    let secondary = |produced| Secondary { produced, time: flight.time, process: NUCLEAR };
    products.into_iter().map(secondary).collect()
}

/// The part of its energy that an electron keeps in a layer of `thickness` radiation lengths: Bethe and Heitler's law,
/// in which minus the logarithm of that part has a gamma distribution of shape thickness/ln 2. Its mean is
/// exp(-thickness).
pub(super) fn radiated(thickness: f64, rng: &mut impl Rng) -> f64 {
    if thickness <= 0.0 {
        return 1.0;
    }
    libm::exp(-gamma(thickness / LN_2, rng))
}

/// A gamma distribution of any positive shape and scale 1 (Marsaglia and Tsang 2000; the shape is raised by 1).
fn gamma(shape: f64, rng: &mut impl Rng) -> f64 {
    let uniform: f64 = Open01.sample(rng);
    let d = shape + 1.0 - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    let raised = loop {
        let x: f64 = StandardNormal.sample(rng);
        let v = (1.0 + c * x).powi(3);
        let u: f64 = Open01.sample(rng);
        if v > 0.0 && libm::log(u) < 0.5 * x * x + d * (1.0 - v + libm::log(v)) {
            break d * v;
        }
    };
    raised * libm::pow(uniform, 1.0 / shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::SILICON;
    use crate::random::{Purpose, generator};
    use traccc_core::detector::SlabModel;

    #[test]
    fn radiation_has_the_mean_and_the_width_of_bethe_and_heitler() {
        let mut rng = generator(1, 0, Purpose::Secondaries, 0);
        for t in [0.01, 0.1, 1.0] {
            let n = 400_000;
            let (mut mean, mut square) = (0.0, 0.0);
            for _ in 0..n {
                let z = radiated(t, &mut rng);
                mean += z / f64::from(n);
                square += z * z / f64::from(n);
            }
            let variance = (-t * 3.0_f64.ln() / LN_2).exp() - (-2.0 * t).exp();
            assert!((mean - (-t).exp()).abs() < 0.003, "{t}: {mean}");
            assert!(((square - mean * mean) / variance - 1.0).abs() < 0.03, "{t}");
        }
    }

    #[test]
    fn the_interaction_length_of_silicon_is_that_of_tables() {
        let slab = Slab::new(&SlabModel { thickness: 465.2, material: SILICON });
        assert!((interaction_lengths(&slab) - 1.0).abs() < 0.08, "{}", interaction_lengths(&slab));
    }

    #[test]
    fn interactions_do_not_make_energy() {
        let mut rng = generator(3, 0, Purpose::Secondaries, 0);
        let mut numbers = [0, 0];
        for (momentum, number) in [0.2, 5.0].into_iter().zip(&mut numbers) {
            for _ in 0..500 {
                let products = interacted(&flight(0.139_570_39, momentum), &mut rng);
                let energy = |s: &Secondary| s.produced.momentum.norm();
                assert!(products.iter().map(energy).sum::<f64>() < momentum.hypot(0.139_570_39));
                *number += products.len();
            }
        }
        // Few particles of 0.2 GeV leave anything, those of 5 GeV three or four on average.
        assert!(numbers[0] < 500 && (1000..2200).contains(&numbers[1]), "{numbers:?}");
    }

    fn flight(mass: f64, momentum: f64) -> Flight {
        Flight {
            position: nalgebra::Vector3::new(1.0, 2.0, 3.0),
            direction: nalgebra::Vector3::z(),
            momentum,
            charge: 1.0,
            mass,
            path: 0.0,
            time: 5.0,
            proper_time: 0.0,
        }
    }

    /// Means over all directions in the parent's frame: the daughter's share of the energy.
    #[test]
    fn decays_give_the_mean_energies_of_kinematics() {
        let mut rng = generator(2, 0, Purpose::Secondaries, 0);
        let pion = 0.139_570_39;
        for (species, mass, share) in [
            (Hypothesis::Pion, pion, 0.5 * (1.0 + (MUON / pion).powi(2))),
            // The mean of x is 0.7, of two halves.
            (Hypothesis::Muon, MUON, 0.35),
        ] {
            let (n, parent) = (40_000, flight(mass, 10.0));
            let mean: f64 = (0..n)
                .map(|_| decayed(&parent, species, &mut rng).unwrap().produced.momentum.norm())
                .sum::<f64>()
                / f64::from(n);
            assert!((mean / (10.0 * share) - 1.0).abs() < 0.02, "{species:?} {mean}");
        }
        let lives: f64 = (0..40_000).map(|_| lifetime(Hypothesis::Pion, &mut rng)).sum();
        assert!((lives / 40_000.0 / 7804.5 - 1.0).abs() < 0.02);
    }
}
