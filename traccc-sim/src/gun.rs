//! Particles at their vertices.

use crate::random::{Purpose, generator};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;
use traccc_core::event::Particle;
use traccc_core::{Error, Hypothesis, Scalar};

/// The magnitude of the momentum, drawn uniformly from a range (lowest, highest) in GeV.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Momentum {
    /// Range of the momentum, in GeV.
    Total([f64; 2]),
    /// Range of the momentum across the z axis, in GeV.
    Transverse([f64; 2]),
}

/// The angle to the z axis, drawn uniformly from a range (lowest, highest).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inclination {
    /// Range of the polar angle, in rad, from 0 to pi.
    Theta([f64; 2]),
    /// Range of the pseudorapidity, within ±14: there theta is 1.7e-6 rad.
    Eta([f64; 2]),
}

/// Largest absolute pseudorapidity: beyond, the direction is one along z in single precision.
const MAX_ETA: f64 = 14.0;
/// Largest momentum in GeV, length in mm and angle in rad: what follows from them stays finite in single precision.
const LARGEST: f64 = 1.0e9;

/// Settings of the particle gun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gun {
    /// Particles per event.
    pub particles: usize,
    /// PDG number of the particles: ±11, ±13 or ±211. Its sign gives the charge.
    pub pdg: i32,
    /// Draw the sign of the charge for each particle instead.
    pub random_charge: bool,
    /// Momentum.
    pub momentum: Momentum,
    /// Angle to the z axis.
    pub inclination: Inclination,
    /// Range (lowest, highest) of the azimuth, in rad, uniform.
    pub phi: [f64; 2],
    /// Mean production vertex in global coordinates, in mm.
    pub vertex: [f64; 3],
    /// Standard deviation of the production vertex along x, y and z, in mm; Gaussian.
    pub vertex_spread: [f64; 3],
}

impl Default for Gun {
    /// Ten muons of 1 to 100 GeV in all directions, from the origin.
    fn default() -> Self {
        Self {
            particles: 10,
            pdg: 13,
            random_charge: false,
            momentum: Momentum::Total([1.0, 100.0]),
            inclination: Inclination::Theta([0.0, PI]),
            phi: [-PI, PI],
            vertex: [0.0; 3],
            vertex_spread: [0.0; 3],
        }
    }
}

impl Gun {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Config`] for a PDG number that is not known, or ranges that are empty or out of bounds.
    pub fn validate(&self) -> Result<(), Error> {
        let fail = |name, value: String, expected| Err(Error::Config { name, value, expected });
        let bounded = |value: f64| value.abs() <= LARGEST;
        let ordered = |[low, high]: [f64; 2]| bounded(low) && bounded(high) && low <= high;
        if Hypothesis::from_pdg(self.pdg).is_none() {
            return fail("gun.pdg", self.pdg.to_string(), "±11, ±13 or ±211");
        }
        let (Momentum::Total(momentum) | Momentum::Transverse(momentum)) = self.momentum;
        if !(ordered(momentum) && momentum[0] > 0.0) {
            let expected = "an ascending range of positive momenta in GeV, at most 1e9";
            return fail("gun.momentum", format!("{momentum:?}"), expected);
        }
        match self.inclination {
            Inclination::Theta(range) if !(ordered(range) && range[0] >= 0.0 && range[1] <= PI) => {
                let expected = "an ascending range of angles between 0 and pi";
                return fail("gun.inclination.theta", format!("{range:?}"), expected);
            }
            Inclination::Eta(range)
                if !(ordered(range) && range[0] >= -MAX_ETA && range[1] <= MAX_ETA) =>
            {
                let expected = "an ascending range of pseudorapidities between -14 and 14";
                return fail("gun.inclination.eta", format!("{range:?}"), expected);
            }
            _ => {}
        }
        if !ordered(self.phi) {
            return fail("gun.phi", format!("{:?}", self.phi), "an ascending range of angles");
        }
        if !self.vertex.iter().all(|v| bounded(*v)) {
            let expected = "lengths in mm within ±1e9";
            return fail("gun.vertex", format!("{:?}", self.vertex), expected);
        }
        if !self.vertex_spread.iter().all(|s| bounded(*s) && *s >= 0.0) {
            let expected = "lengths in mm between 0 and 1e9";
            return fail("gun.vertex_spread", format!("{:?}", self.vertex_spread), expected);
        }
        Ok(())
    }

    /// The particles of event number `event`, with identifiers from 1 (0 means no particle in ACTS's files).
    ///
    /// The answer depends on the arguments only: any event can be made alone.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn particles(&self, seed: u64, event: u64) -> Result<Vec<Particle>, Error> {
        self.validate()?;
        Ok(self.shoot_all(seed, event))
    }

    /// The particles of an event, with settings that are known to be sound.
    pub(crate) fn shoot_all(&self, seed: u64, event: u64) -> Vec<Particle> {
        let Some(species) = Hypothesis::from_pdg(self.pdg) else { return Vec::new() };
        let shoot = |number| self.shoot(species, number, seed, event);
        (1..=self.particles as u64).map(shoot).collect()
    }

    fn shoot(&self, species: Hypothesis, number: u64, seed: u64, event: u64) -> Particle {
        let mut rng = generator(seed, event, Purpose::Gun, number);
        let vertex = std::array::from_fn(|axis| {
            let deviation: f64 = StandardNormal.sample(&mut rng);
            (self.vertex[axis] + self.vertex_spread[axis] * deviation) as f32
        });
        let mut uniform = |[low, high]: [f64; 2]| low + (high - low) * rng.random::<f64>();
        let (sin_theta, cos_theta) = match self.inclination {
            Inclination::Theta(range) => {
                // Theta of 0 would make the transverse momentum 0 and the angles of the track undefined.
                libm::sincos(uniform(range).clamp(1.0e-6, PI - 1.0e-6))
            }
            Inclination::Eta(range) => {
                let eta = uniform(range);
                (1.0 / libm::cosh(eta), libm::tanh(eta))
            }
        };
        let momentum = match self.momentum {
            Momentum::Total(range) => uniform(range),
            Momentum::Transverse(range) => uniform(range) / sin_theta,
        };
        let (sin_phi, cos_phi) = libm::sincos(uniform(self.phi));
        let positive = if self.random_charge {
            rng.random::<bool>()
        } else {
            // The PDG gives positive numbers to negative leptons and to positive mesons.
            species.pdg(1.0) == self.pdg
        };
        let charge: f64 = if positive { 1.0 } else { -1.0 };
        let direction = [sin_theta * cos_phi, sin_theta * sin_phi, cos_theta];
        Particle {
            id: number,
            pdg: species.pdg(charge as Scalar),
            process: 0,
            vertex,
            time: 0.0,
            momentum: direction.map(|d| (momentum * d) as f32),
            mass: f64::from(species.mass()) as f32,
            charge: charge as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn norm(v: [f32; 3]) -> f64 {
        v.iter().map(|&c| f64::from(c).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn events_are_repeatable_and_differ() {
        let gun = Gun { vertex_spread: [0.1, 0.1, 30.0], random_charge: true, ..Gun::default() };
        assert_eq!(gun.particles(7, 3).unwrap(), gun.particles(7, 3).unwrap());
        assert_ne!(gun.particles(7, 3).unwrap(), gun.particles(7, 4).unwrap());
        assert_ne!(gun.particles(7, 3).unwrap(), gun.particles(8, 3).unwrap());
        // A longer event begins with the shorter one.
        let shorter = gun.particles(7, 3).unwrap();
        let longer = Gun { particles: 20, ..gun };
        assert_eq!(longer.particles(7, 3).unwrap()[..10], shorter[..]);
    }

    #[test]
    fn ranges_are_kept_and_filled() {
        let gun = Gun {
            particles: 4000,
            momentum: Momentum::Transverse([1.0, 3.0]),
            inclination: Inclination::Eta([-2.0, 1.0]),
            phi: [-1.0, 2.0],
            vertex: [1.0, 2.0, 3.0],
            vertex_spread: [0.0, 0.0, 10.0],
            ..Gun::default()
        };
        let particles = gun.particles(1, 0).unwrap();
        let mut means = [0.0; 4];
        for p in &particles {
            let [px, py, pz] = p.momentum.map(f64::from);
            let pt = px.hypot(py);
            let (phi, eta) = (py.atan2(px), (pz / pt).asinh());
            assert!((1.0 - 1e-5..3.0 + 1e-5).contains(&pt));
            assert!(
                (-1.0 - 1e-5..2.0 + 1e-5).contains(&phi)
                    && (-2.0 - 1e-5..1.0 + 1e-5).contains(&eta)
            );
            assert_eq!((p.vertex[0], p.vertex[1]), (1.0, 2.0));
            let values = [pt, phi, eta, (f64::from(p.vertex[2]) - 3.0).powi(2)];
            means = std::array::from_fn(|i| means[i] + values[i] / 4000.0);
        }
        assert!((means[0] - 2.0).abs() < 0.04 && (means[1] - 0.5).abs() < 0.06, "{means:?}");
        assert!((means[2] + 0.5).abs() < 0.06 && (means[3] / 100.0 - 1.0).abs() < 0.1, "{means:?}");
    }

    #[test]
    fn charge_follows_the_number_of_the_species() {
        for (pdg, charge) in [(11, -1.0), (-13, 1.0), (211, 1.0), (-211, -1.0)] {
            let gun = Gun { pdg, particles: 1, ..Gun::default() };
            let particle = gun.particles(0, 0).unwrap()[0];
            assert_eq!((particle.pdg, particle.charge), (pdg, charge));
        }
        let gun = Gun { particles: 1000, random_charge: true, ..Gun::default() };
        let positive =
            gun.particles(0, 0).unwrap().iter().filter(|p| p.charge > 0.0 && p.pdg == -13).count();
        assert!((420..580).contains(&positive), "{positive}");
    }

    #[test]
    fn fixed_momentum_is_exact() {
        let gun = Gun { momentum: Momentum::Total([10.0, 10.0]), ..Gun::default() };
        assert!(
            gun.particles(5, 5).unwrap().iter().all(|p| (norm(p.momentum) - 10.0).abs() < 1e-5)
        );
    }

    #[test]
    fn the_extremes_that_are_allowed_give_finite_particles() {
        for eta in [-MAX_ETA, MAX_ETA] {
            let gun = Gun {
                momentum: Momentum::Transverse([1.0, LARGEST]),
                inclination: Inclination::Eta([eta, eta]),
                vertex_spread: [LARGEST; 3],
                ..Gun::default()
            };
            for p in gun.particles(0, 0).unwrap() {
                let finite = p.momentum.iter().chain(&p.vertex).all(|v| v.is_finite());
                assert!(finite && p.momentum[0].hypot(p.momentum[1]) > 0.0, "{p:?}");
                let found = (norm([p.momentum[0], p.momentum[1], 0.0]), f64::from(p.momentum[2]));
                assert!(((found.1 / found.0).asinh() - eta).abs() < 1e-3, "{p:?}");
            }
        }
    }

    #[test]
    fn impossible_settings_are_refused() {
        let wrong = [
            Gun { pdg: 22, ..Gun::default() },
            Gun { momentum: Momentum::Total([0.0, 1.0]), ..Gun::default() },
            Gun { momentum: Momentum::Transverse([2.0, 1.0]), ..Gun::default() },
            Gun { inclination: Inclination::Theta([-0.1, 1.0]), ..Gun::default() },
            Gun { inclination: Inclination::Eta([0.0, f64::NAN]), ..Gun::default() },
            Gun { inclination: Inclination::Eta([0.0, 14.1]), ..Gun::default() },
            Gun { inclination: Inclination::Eta([-800.0, 0.0]), ..Gun::default() },
            Gun { momentum: Momentum::Total([1.0, 1.0e39]), ..Gun::default() },
            // Across z it is a number of single precision, along z not.
            Gun { momentum: Momentum::Transverse([1.0, 1.0e34]), ..Gun::default() },
            Gun { phi: [-1.7e308, 1.7e308], ..Gun::default() },
            Gun { vertex_spread: [0.0, -1.0, 0.0], ..Gun::default() },
            Gun { vertex_spread: [0.0, 1.0e39, 0.0], ..Gun::default() },
            Gun { vertex: [0.0, 0.0, -1.0e39], ..Gun::default() },
        ];
        for gun in wrong {
            assert!(matches!(gun.particles(0, 0), Err(Error::Config { .. })), "{gun:?}");
        }
    }
}
