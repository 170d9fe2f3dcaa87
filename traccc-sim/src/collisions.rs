//! Proton collisions at the LHC: many soft ones per event, and a hard one.

use crate::random::{Purpose, generator};
use nalgebra::Vector3;
use rand::Rng;
use rand_distr::{Distribution, Open01, StandardNormal};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;
use traccc_core::event::Particle;
use traccc_core::{Error, Hypothesis, Scalar};

/// What happens in the first collision of an event beside the particles of the gun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HardScatter {
    /// Nothing.
    #[default]
    None,
    /// A pair of top quarks: leptons, jets, and tracks from the decay points of two b hadrons.
    Ttbar,
}

/// Settings of the collisions of an event at 13 to 14 TeV.
///
/// Their vertices are Gaussian about the vertex of the gun with its spread: the beam spot. The particles of the gun and
/// the hard scatter come from the first vertex, the soft collisions are on vertices of their own.
///
/// Soft collisions give charged particles only, all as pions. Their transverse momentum follows the fit of CMS to minimum-bias
/// events (Phys. Rev. Lett. 105 (2010) 022002, 7 TeV): E d³N/dp³ ∝ (1 + (m_T - m)/(nT))⁻ⁿ with T = 0.145 GeV and n = 6.6, down
/// to 0. Their rapidity is Gaussian, 4.5 wide: the density is flat within 10 % up to a pseudorapidity of 3 and falls to
/// half of it at 6, as TOTEM measures (Europhys. Lett. 98 (2012) 31002). Their number fluctuates as a negative binomial
/// of k = 2: UA5's 1/k = 0.058 ln √s - 0.104 (√s in GeV) is 0.45 at 14 TeV.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Collisions {
    /// Soft collisions: exactly so many in every event.
    pub mu: usize,
    /// The hard one.
    pub hard_scatter: HardScatter,
    /// Mean number of charged particles of a soft collision per unit of pseudorapidity, at 0.
    pub density: f64,
    /// Largest absolute pseudorapidity of their particles; at most 8.
    pub max_eta: f64,
}

impl Default for Collisions {
    /// Pile-up of 200. The density is that of all inelastic collisions at 14 TeV: 5.3 at 13 TeV (ALICE, Phys. Lett. B 753
    /// (2016) 319), 2 % more at 14.
    fn default() -> Self {
        Self { mu: 200, hard_scatter: HardScatter::None, density: 5.4, max_eta: 4.0 }
    }
}

/// More would not fit into memory.
const MAX_MU: usize = 1000;
/// Width of the Gaussian of the rapidity.
const RAPIDITY_WIDTH: f64 = 4.5;
/// Particles per unit of pseudorapidity over those per unit of rapidity, at 0: the mean velocity p_T/m_T of the spectrum.
const CENTRAL_VELOCITY: f64 = 0.8697;
/// The spectrum: temperature in GeV, power, mass of all particles in GeV.
const TEMPERATURE: f64 = 0.145;
const POWER: f64 = 6.6;
const PION: f64 = 0.139_570_39;

impl Collisions {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Config`] for more than 1000 collisions, a density that is negative or above 100, a pseudorapidity that is
    /// not between 0 and 8.
    pub fn validate(&self) -> Result<(), Error> {
        let limits = [
            ("collisions.mu", self.mu as f64, MAX_MU as f64, "at most 1000"),
            ("collisions.density", self.density, 100.0, "a number from 0 to 100"),
            ("collisions.max_eta", self.max_eta, 8.0, "a pseudorapidity from 0 to 8"),
        ];
        for (name, value, largest, expected) in limits {
            if !(0.0..=largest).contains(&value) {
                return Err(Error::Config { name, value: value.to_string(), expected });
            }
        }
        Ok(())
    }

    /// Mean number of particles of a soft collision at all rapidities.
    fn mean_number(&self) -> f64 {
        self.density / CENTRAL_VELOCITY * RAPIDITY_WIDTH * TAU.sqrt()
    }
}

/// A Gaussian beam spot: mean and standard deviation along x, y and z, in mm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BeamSpot {
    pub position: [f64; 3],
    pub spread: [f64; 3],
}

impl BeamSpot {
    /// The vertex of collision `number` of an event; 0 is the hard one.
    pub(crate) fn vertex(&self, seed: u64, event: u64, number: u64) -> [f32; 3] {
        let mut rng = generator(seed, event, Purpose::Vertex, number);
        std::array::from_fn(|axis| {
            let deviation: f64 = StandardNormal.sample(&mut rng);
            (self.position[axis] + self.spread[axis] * deviation) as f32
        })
    }
}

/// A charged particle of a collision before it has an identifier.
pub(crate) struct Produced {
    pub species: Hypothesis,
    pub positive: bool,
    pub vertex: [f32; 3],
    /// In GeV.
    pub momentum: Vector3<f64>,
}

impl Produced {
    pub(crate) fn particle(&self, id: u64) -> Particle {
        let charge: Scalar = if self.positive { 1.0 } else { -1.0 };
        Particle {
            id,
            pdg: self.species.pdg(charge),
            process: 0,
            vertex: self.vertex,
            time: 0.0,
            momentum: self.momentum.map(|p| p as f32).into(),
            mass: f64::from(self.species.mass()) as f32,
            charge: f64::from(charge) as f32,
        }
    }
}

/// The particles of soft collision `number` of an event, from 1.
pub(crate) fn soft_collision(
    config: &Collisions,
    vertex: [f32; 3],
    seed: u64,
    event: u64,
    number: u64,
) -> Vec<Produced> {
    let mut rng = generator(seed, event, Purpose::SoftCollision, number);
    let mean = config.mean_number();
    // Two geometric numbers add up to a negative binomial of k = 2.
    let draws = (0..2).map(|_| geometric(0.5 * mean, &mut rng)).sum::<usize>();
    let mut particles = Vec::with_capacity(draws);
    for _ in 0..draws {
        let pt = transverse_momentum(&mut rng);
        let rapidity: f64 = StandardNormal.sample(&mut rng);
        let phi = TAU * rng.random::<f64>();
        let positive = rng.random::<bool>();
        let pz = libm::hypot(pt, PION) * libm::sinh(RAPIDITY_WIDTH * rapidity);
        // As many numbers are drawn whatever is kept: the limit leaves the other particles as they are.
        if pz.abs() <= pt * libm::sinh(config.max_eta) {
            let (sin, cos) = libm::sincos(phi);
            let momentum = Vector3::new(pt * cos, pt * sin, pz);
            particles.push(Produced { species: Hypothesis::Pion, positive, vertex, momentum });
        }
    }
    particles
}

/// A number from 0 with probabilities that fall by a constant factor.
fn geometric(mean: f64, rng: &mut impl Rng) -> usize {
    let uniform: f64 = Open01.sample(rng);
    if mean <= 0.0 { 0 } else { (libm::log(uniform) / -libm::log1p(1.0 / mean)) as usize }
}

/// A transverse momentum of the soft spectrum, in GeV.
///
/// With u = 1 + (m_T - m)/(nT) the density is (nT (u - 1) + m) u⁻ⁿ. The first part is a beta law of 1/u with the
/// parameters n - 2 and 2, the second one with n - 1 and 1; the first is the second times one with n - 2 and 1.
fn transverse_momentum(rng: &mut impl Rng) -> f64 {
    const WIDTH: f64 = POWER * TEMPERATURE;
    let [first, second, choice]: [f64; 3] = std::array::from_fn(|_| Open01.sample(rng));
    let mut inverse = libm::pow(first, 1.0 / (POWER - 1.0));
    if choice * (WIDTH + PION * (POWER - 2.0)) < WIDTH {
        inverse *= libm::pow(second, 1.0 / (POWER - 2.0));
    }
    let kinetic = WIDTH * (1.0 / inverse - 1.0);
    (kinetic * (kinetic + 2.0 * PION)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: BeamSpot = BeamSpot { position: [0.0; 3], spread: [0.0; 3] };

    /// Integrals of the published formula over the transverse momentum: norm, mean at a pseudorapidity of 0, and mean
    /// of p_T/m_T, by which the densities in rapidity and pseudorapidity differ there.
    fn integrals() -> [f64; 3] {
        let mut sums = [0.0; 3];
        for step in 0..400_000 {
            let pt = (f64::from(step) + 0.5) * 1.0e-4;
            let mt = pt.hypot(PION);
            let density = pt * (1.0 + (mt - PION) / (POWER * TEMPERATURE)).powf(-POWER);
            let terms = [1.0, pt * pt / mt, pt / mt];
            sums = std::array::from_fn(|i| sums[i] + density * terms[i]);
        }
        [sums[0], sums[1] / sums[2], sums[2] / sums[0]]
    }

    #[test]
    fn transverse_momenta_follow_the_published_spectrum() {
        let [_, mean, velocity] = integrals();
        // The mean that CMS gives with the fit.
        assert!((mean - 0.545).abs() < 0.02, "{mean}");
        assert!((velocity / CENTRAL_VELOCITY - 1.0).abs() < 1e-3, "{velocity}");
        let mut rng = generator(1, 0, Purpose::SoftCollision, 0);
        let n = 400_000;
        let mut drawn: Vec<f64> = (0..n).map(|_| transverse_momentum(&mut rng)).collect();
        let velocity = |pt: &f64| pt / pt.hypot(PION);
        let average = drawn.iter().map(|pt| pt * velocity(pt)).sum::<f64>()
            / drawn.iter().map(velocity).sum::<f64>();
        assert!((average / mean - 1.0).abs() < 0.005, "{average} {mean}");
        // The distribution function at some points, against the integral of the formula.
        drawn.sort_by(f64::total_cmp);
        let [norm, ..] = integrals();
        let mut below = 0.0;
        for step in 0..100_000_u32 {
            let pt = (f64::from(step) + 0.5) * 1.0e-4;
            let mt = pt.hypot(PION);
            below += pt * (1.0 + (mt - PION) / (POWER * TEMPERATURE)).powf(-POWER);
            if [1000, 3000, 6000, 12_000, 30_000].contains(&step) {
                let found = drawn.partition_point(|&d| d < pt) as f64 / f64::from(n);
                assert!((found - below / norm).abs() < 0.003, "{pt}: {found} {}", below / norm);
            }
        }
    }

    #[test]
    fn the_density_is_as_asked_for_and_its_fluctuations_are_negative_binomial() {
        let config = Collisions { max_eta: 6.0, ..Collisions::default() };
        let n = 4000_u32;
        let (mut central, mut squares, mut outer, mut all) = (0.0, 0.0, 0.0, 0.0);
        for number in 0..n {
            let vertex = ORIGIN.vertex(1, 2, 0);
            let particles = soft_collision(&config, vertex, 1, 2, u64::from(number));
            let within = |low: f64, high: f64| {
                let eta = |p: &&Produced| (p.momentum.z / p.momentum.xy().norm()).asinh().abs();
                particles.iter().filter(|p| (low..high).contains(&eta(p))).count() as f64
            };
            central += within(0.0, 0.5) / f64::from(n);
            outer += within(5.5, 6.0) / f64::from(n);
            all += within(0.0, 7.0) / f64::from(n);
            squares += within(0.0, 7.0).powi(2) / f64::from(n);
        }
        assert!((central / 5.4 - 1.0).abs() < 0.05, "{central}");
        assert!((0.4..0.6).contains(&(outer / central)), "{outer}");
        // Variance of a negative binomial: mean + mean²/k; what is within the limit is a random part of all.
        let expected = all + all * all / 2.0;
        assert!(((squares - all * all) / expected - 1.0).abs() < 0.1, "{squares} {all}");
    }

    #[test]
    fn impossible_settings_are_refused() {
        let wrong = [
            Collisions { mu: 1001, ..Collisions::default() },
            Collisions { density: -1.0, ..Collisions::default() },
            Collisions { density: f64::NAN, ..Collisions::default() },
            Collisions { max_eta: 8.1, ..Collisions::default() },
        ];
        for config in wrong {
            assert!(matches!(config.validate(), Err(Error::Config { .. })), "{config:?}");
        }
    }
}
