//! A pair of top quarks, as far as a tracker sees it: isolated leptons, jets of charged particles, and particles that
//! start at the decay points of two b hadrons.

use crate::collisions::Produced;
use crate::random::{Purpose, generator, poisson};
use nalgebra::{Vector3, Vector4};
use rand::Rng;
use rand_distr::{Distribution, Exp1, Open01, StandardNormal};
use std::f64::consts::TAU;
use traccc_core::Hypothesis;

/// Masses in GeV.
const TOP: f64 = 172.5;
const W: f64 = 80.4;
const BOTTOM: f64 = 4.8;
const B_HADRON: f64 = 5.28;
const PION: f64 = 0.139_570_39;
/// Mean of the transverse momentum of a top quark, in GeV, and width of its Gaussian rapidity, as measured at the LHC.
const MEAN_PT: f64 = 120.0;
const RAPIDITY_WIDTH: f64 = 1.0;
/// Part of a jet's energy that charged particles carry.
const CHARGED_SHARE: f64 = 0.62;
/// Width of the momentum across the axis of a jet, along each of two axes, in GeV.
const ACROSS: f64 = 0.35;
/// A b hadron: its part of the energy of the quark, its charged decay products, and c·τ in mm.
const B_SHARE: f64 = 0.7;
const B_PRODUCTS: usize = 5;
const B_LIFETIME: f64 = 0.455;

/// Energy in GeV last.
pub(crate) type FourMomentum = Vector4<f64>;

/// The charged particles of a pair of top quarks at `vertex`.
///
/// The quarks are back to back across the beam, with a gamma law of shape 2 for the momentum there and independent rapidities. Both
/// decay to W and b, evenly in all directions; one of nine W bosons gives an electron, one a muon, the others two
/// quarks. See [`jet`] for what becomes of a quark.
pub(crate) fn ttbar(vertex: [f32; 3], seed: u64, event: u64) -> Vec<Produced> {
    let mut rng = generator(seed, event, Purpose::HardScatter, 0);
    let [a, b]: [f64; 2] = std::array::from_fn(|_| Open01.sample(&mut rng));
    let pt = -0.5 * MEAN_PT * libm::log(a * b);
    let (sin, cos) = libm::sincos(TAU * rng.random::<f64>());
    let mut particles = Vec::new();
    for (sign, positive) in [(1.0, true), (-1.0, false)] {
        let y: f64 = StandardNormal.sample(&mut rng);
        let y = RAPIDITY_WIDTH * y;
        let mt = libm::hypot(pt, TOP);
        let across = [sign * pt * cos, sign * pt * sin];
        let top = Vector4::new(across[0], across[1], mt * libm::sinh(y), mt * libm::cosh(y));
        let [w, bottom] = decay(&top, TOP, [W, BOTTOM], &mut rng);
        particles.extend(jet(&bottom, vertex, true, &mut rng));
        let daughters = decay(&w, W, [0.0, 0.0], &mut rng);
        let lepton = match rng.random_range(0..9) {
            0 => Hypothesis::Electron,
            1 => Hypothesis::Muon,
            _ => {
                particles.extend(daughters.iter().flat_map(|d| jet(d, vertex, false, &mut rng)));
                continue;
            }
        };
        let momentum = daughters[0].xyz();
        particles.push(Produced { species: lepton, positive, vertex, momentum });
    }
    particles
}

/// A decay to two particles of these masses, evenly in all directions in the frame of the parent.
pub(crate) fn decay(
    parent: &FourMomentum,
    mass: f64,
    masses: [f64; 2],
    rng: &mut impl Rng,
) -> [FourMomentum; 2] {
    let squares = masses.map(|m| m * m);
    let energy = 0.5 * (mass * mass + squares[0] - squares[1]) / mass;
    let momentum = (energy * energy - squares[0]).max(0.0).sqrt();
    let cosine = 2.0 * rng.random::<f64>() - 1.0;
    let sine = (1.0 - cosine * cosine).sqrt();
    let (sin, cos) = libm::sincos(TAU * rng.random::<f64>());
    let direction = Vector3::new(sine * cos, sine * sin, cosine) * momentum;
    let (velocity, gamma) = (parent.xyz() / parent.w, parent.w / mass);
    let boosted = |p: Vector3<f64>, energy: f64| {
        let along = velocity.dot(&p);
        let p = p + velocity * (gamma * (gamma / (gamma + 1.0) * along + energy));
        Vector4::new(p.x, p.y, p.z, gamma * (energy + along))
    };
    [boosted(direction, energy), boosted(-direction, mass - energy)]
}

/// The charged particles of a quark, all as pions.
///
/// As many on average as half of an e⁺e⁻ event of twice the energy has: 3.33 - 0.40 ln s + 0.26 ln² s, the usual fit up to LEP
/// energies. Along the axis they are even in rapidity, scaled to carry 62 % of the energy; across, their momentum is
/// Gaussian. The hardest five of a b quark start where its hadron decays.
pub(crate) fn jet(
    quark: &FourMomentum,
    vertex: [f32; 3],
    bottom: bool,
    rng: &mut impl Rng,
) -> Vec<Produced> {
    let energy = quark.w;
    let axis = quark.xyz().normalize();
    let log = 2.0 * libm::log(2.0 * energy);
    let number = poisson(0.5 * (3.33 - 0.40 * log + 0.26 * log * log).max(0.0), rng);
    let reference = if axis.z.abs() < 0.9 { Vector3::z() } else { Vector3::x() };
    let u = reference.cross(&axis).normalize();
    let v = axis.cross(&u);
    let mut pieces: Vec<([f64; 2], f64, bool)> = (0..number)
        .map(|_| {
            let across: [f64; 2] = std::array::from_fn(|_| {
                let normal: f64 = StandardNormal.sample(rng);
                ACROSS * normal
            });
            let mt = libm::hypot(libm::hypot(across[0], across[1]), PION);
            let largest = libm::log((2.0 * energy / mt).max(1.0));
            (across, mt * libm::sinh(largest * rng.random::<f64>()), rng.random::<bool>())
        })
        .collect();
    let sum: f64 = pieces.iter().map(|p| p.1).sum();
    let scale = if sum > 0.0 { CHARGED_SHARE * energy / sum } else { 1.0 };
    // The hardest first.
    pieces.sort_by(|a, b| b.1.total_cmp(&a.1));
    let lifetimes: f64 = Exp1.sample(rng);
    let flight = if bottom { B_LIFETIME * B_SHARE * energy / B_HADRON * lifetimes } else { 0.0 };
    let decay_point = std::array::from_fn(|i| (f64::from(vertex[i]) + flight * axis[i]) as f32);
    let produced = pieces.into_iter().enumerate().map(|(rank, (across, along, positive))| {
        let momentum = axis * (along * scale) + u * across[0] + v * across[1];
        let vertex = if bottom && rank < B_PRODUCTS { decay_point } else { vertex };
        Produced { species: Hypothesis::Pion, positive, vertex, momentum }
    });
    produced.filter(|p| p.momentum.xy().norm() > 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mass(p: &FourMomentum) -> f64 {
        (p.w * p.w - p.xyz().norm_squared()).max(0.0).sqrt()
    }

    #[test]
    fn decays_keep_energy_momentum_and_masses() {
        let mut rng = generator(1, 0, Purpose::HardScatter, 0);
        let momentum = Vector3::<f64>::new(30.0, -200.0, 500.0);
        let energy = (momentum.norm_squared() + TOP * TOP).sqrt();
        let top: FourMomentum = momentum.push(energy);
        for _ in 0..100 {
            let [w, b] = decay(&top, TOP, [W, BOTTOM], &mut rng);
            assert!((w + b - top).norm() < 1e-9 * top.norm());
            assert!((mass(&w) - W).abs() < 1e-6 && (mass(&b) - BOTTOM).abs() < 1e-4);
        }
    }

    #[test]
    fn jets_have_the_particles_and_the_energy_of_the_formulae() {
        let mut rng = generator(2, 0, Purpose::HardScatter, 0);
        let quark = Vector4::new(0.0, 45.6, 0.0, 45.6);
        let n = 2000;
        let (mut number, mut energy) = (0.0, 0.0);
        for _ in 0..n {
            let jet = jet(&quark, [0.0; 3], false, &mut rng);
            number += jet.len() as f64 / f64::from(n);
            energy += jet.iter().map(|p| p.momentum.y).sum::<f64>() / f64::from(n);
        }
        // An event at the Z has 21 charged particles.
        assert!((number - 10.5).abs() < 0.3, "{number}");
        assert!((energy / (CHARGED_SHARE * 45.6) - 1.0).abs() < 0.01, "{energy}");
    }

    #[test]
    fn particles_of_b_hadrons_start_away_from_the_vertex() {
        let (mut displaced, mut flight, mut leptons, mut all) = (0, 0.0, 0, 0);
        for event in 0..400 {
            let particles = ttbar([1.0, 0.0, 0.0], 3, event);
            all += particles.len();
            leptons += particles.iter().filter(|p| p.species != Hypothesis::Pion).count();
            for p in particles.iter().filter(|p| p.vertex[2] != 0.0) {
                displaced += 1;
                let [x, y, z] = p.vertex.map(f64::from);
                flight += ((x - 1.0).powi(2) + y * y + z * z).sqrt();
            }
        }
        let mean = flight / f64::from(displaced);
        // b quarks of about 100 GeV: 0.455 mm * 70 / 5.28.
        assert!((5.0..10.0).contains(&mean), "{mean}");
        assert!((7.0..=10.0).contains(&(f64::from(displaced) / 400.0)), "{displaced}");
        assert!((130..230).contains(&leptons), "{leptons}");
        assert!((40..110).contains(&(all / 400)), "{all}");
    }
}
