//! Particles through the detector, in double precision and without the reconstruction's propagator: a mistake in one
//! cannot hide in the other.

mod crossing;
mod interaction;
mod landau;
mod secondaries;
mod target;
mod trajectory;
mod world;

pub(crate) use interaction::Passage;
pub(crate) use secondaries::Secondary;
pub use world::World;

use crate::random::{Purpose, generator};
use nalgebra::Vector3;
use rand::Rng;
use serde::{Deserialize, Serialize};
use traccc_core::detector::Slab;
use traccc_core::event::{Particle, TruthHit};
use traccc_core::field::MagneticField;
use traccc_core::{Error, Hypothesis};
use trajectory::Arc;

/// How particles lose energy in material.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnergyLoss {
    /// Not at all.
    None,
    /// Always the mean loss by ionisation (Bethe).
    Mean,
    /// Losses from Landau's distribution, with the tail cut where the mean is Bethe's.
    #[default]
    Landau,
}

/// The smallest momentum that is followed, in GeV.
const MIN_MOMENTUM: f64 = 1.0e-3;
/// Steps of one particle, at most: whatever the field, a flight ends.
const MAX_STEPS: u32 = 200_000;

/// Settings of the flight of particles through the detector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransportConfig {
    /// Energy loss in material.
    pub energy_loss: EnergyLoss,
    /// Whether material deflects particles.
    pub scattering: bool,
    /// Whether electrons lose energy by bremsstrahlung (Bethe and Heitler); the photons leave.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bremsstrahlung: bool,
    /// Whether pions decay to muons and muons to electrons; the charged particle flies on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub decays: bool,
    /// Whether pions end in inelastic nuclear interactions, whose charged particles fly on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub nuclear_interactions: bool,
    /// Particles end when their momentum falls below this, in GeV; at least 0.001, as slower ones take ever smaller steps.
    pub min_momentum: f64,
    /// Particles end after this path, in mm: otherwise slow ones circle for ever. They also end after 200,000
    /// steps, which is 33 m even for 0.001 GeV in 2 T.
    pub max_path: f64,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            energy_loss: EnergyLoss::Landau,
            scattering: true,
            bremsstrahlung: false,
            decays: false,
            nuclear_interactions: false,
            min_momentum: 0.01,
            max_path: 5000.0,
        }
    }
}

impl TransportConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Config`] when the smallest momentum is below 0.001 GeV or the path is not positive.
    pub fn validate(&self) -> Result<(), Error> {
        let (momentum, path) = (self.min_momentum, self.max_path);
        let limits = [
            ("transport.min_momentum", momentum, momentum >= MIN_MOMENTUM, "at least 0.001 GeV"),
            ("transport.max_path", path, path > 0.0, "a positive length in mm"),
        ];
        for (name, value, sound, expected) in limits {
            if !(value.is_finite() && sound) {
                return Err(Error::Config { name, value: value.to_string(), expected });
            }
        }
        Ok(())
    }
}

/// A particle on its way.
#[derive(Clone, Copy, Debug)]
struct Flight {
    position: Vector3<f64>,
    direction: Vector3<f64>,
    momentum: f64,
    charge: f64,
    mass: f64,
    path: f64,
    /// c·t, in mm.
    time: f64,
    /// In the frame of the particle, as c·t in mm.
    proper_time: f64,
}

impl Flight {
    fn new(particle: &Particle) -> Option<Self> {
        let momentum = Vector3::from(particle.momentum).map(f64::from);
        let magnitude = momentum.norm();
        let sound = magnitude.is_finite() && magnitude > 0.0 && particle.charge != 0.0;
        let mass = f64::from(Hypothesis::from_pdg(particle.pdg)?.mass());
        sound.then(|| Self {
            position: Vector3::from(particle.vertex).map(f64::from),
            direction: momentum / magnitude,
            momentum: magnitude,
            charge: f64::from(particle.charge),
            mass,
            path: 0.0,
            time: f64::from(particle.time),
            proper_time: 0.0,
        })
    }

    fn arc<'a>(&self, field: &'a MagneticField) -> Arc<'a> {
        Arc::new(self.position, self.direction, self.charge / self.momentum, field)
    }

    /// Leaves the particle this energy, in GeV.
    fn keep(&mut self, energy: f64) {
        self.momentum = ((energy - self.mass) * (energy + self.mass)).max(0.0).sqrt();
        if energy <= self.mass {
            self.momentum = 0.0;
        }
    }

    fn advance(&mut self, arc: &Arc<'_>, length: f64) {
        (self.position, self.direction) = arc.at(length);
        self.path += length;
        // One over the velocity is energy over momentum.
        self.time += length * libm::hypot(1.0, self.mass / self.momentum);
        self.proper_time += length * self.mass / self.momentum;
    }
}

/// The hits of one particle of event `event`, in the order of flight.
///
/// The particle flies until it leaves the world or reaches a limit of `config`. A particle that starts outside the box
/// around all surfaces can fly into the world; one that starts inside the box but outside the world, as in a corner
/// beside a cylinder, ends where it meets the border. Particles of a kind that [`Hypothesis`] does not know, without
/// charge or without momentum leave no hit. What it makes on its way is not followed.
pub fn hits_of(
    particle: &Particle,
    world: &World<'_>,
    field: &MagneticField,
    config: &TransportConfig,
    seed: u64,
    event: u64,
) -> Vec<TruthHit> {
    let mut hits = Vec::new();
    fly(particle, world, field, config, [seed, event], &mut hits);
    hits
}

/// As [`hits_of`]; hits are added to `hits`, and what the particle makes on its way is returned.
pub(crate) fn fly(
    particle: &Particle,
    world: &World<'_>,
    field: &MagneticField,
    config: &TransportConfig,
    [seed, event]: [u64; 2],
    hits: &mut Vec<TruthHit>,
) -> Vec<Secondary> {
    let mut rng = generator(seed, event, Purpose::Transport, particle.id);
    let mut fate = generator(seed, event, Purpose::Secondaries, particle.id);
    let Some(species) = Hypothesis::from_pdg(particle.pdg) else { return Vec::new() };
    let Some(mut flight) = Flight::new(particle) else { return Vec::new() };
    let lifetime =
        if config.decays { secondaries::lifetime(species, &mut fate) } else { f64::INFINITY };
    let mut finder = crossing::Finder::new(world);
    let mut inside = world.contains(&flight.position);
    let mut portal_at = f64::NEG_INFINITY;
    for _ in 0..MAX_STEPS {
        if flight.momentum < config.min_momentum || flight.path >= config.max_path {
            break;
        }
        let arc = flight.arc(field);
        let crossing = finder.next(&arc, flight.path);
        let length = crossing.map_or_else(|| arc.suitable_length(), |c| c.length);
        let left = (lifetime - flight.proper_time) * flight.momentum / flight.mass;
        if left < length {
            flight.advance(&arc, left);
            return secondaries::decayed(&flight, species, &mut fate).into_iter().collect();
        }
        let Some(crossing) = crossing else {
            flight.advance(&arc, length);
            continue;
        };
        flight.advance(&arc, crossing.length);
        let target = world.target(crossing.target);
        let before = flight.direction * flight.momentum;
        let twin = target.portal && flight.path - portal_at < TWIN_DISTANCE;
        let slab = world.slab_at(target, &flight.position).filter(|_| !twin);
        let mut ended = false;
        if let Some(slab) = slab {
            let cosine = target.cosine(&flight.position, &flight.direction).max(MIN_COSINE);
            interact(&mut flight, slab, cosine, config, &mut rng);
            ended = meet_nuclei(&mut flight, slab, cosine, species, config, &mut fate);
            if target.portal {
                portal_at = flight.path;
            }
        }
        if target.sensitive {
            let change = flight.direction * flight.momentum - before;
            hits.push(TruthHit {
                particle: particle.id,
                surface: target.surface,
                position: flight.position.map(|v| v as f32).into(),
                time: flight.time as f32,
                momentum: before.map(|v| v as f32).into(),
                momentum_change: change.map(|v| v as f32).into(),
            });
        }
        if ended {
            return secondaries::interacted(&flight, &mut fate);
        }
        if crossing.ends_world {
            if inside {
                break;
            }
            inside = true;
        }
    }
    Vec::new()
}

/// Portals of neighbouring volumes lie on top of each other and describe the same material: it counts once for
/// portals closer than this along the path, in mm.
const TWIN_DISTANCE: f64 = 0.01;

/// The smallest cosine to the normal that counts: a particle along a sensor does not stay inside for ever.
const MIN_COSINE: f64 = 0.01;

/// Lets the electrons of a layer act on a particle.
fn interact(
    flight: &mut Flight,
    slab: &Slab,
    cosine: f64,
    config: &TransportConfig,
    rng: &mut impl Rng,
) {
    let passage = Passage::new(slab, cosine, flight.mass, flight.momentum);
    if config.scattering {
        flight.direction = passage.scatter(&flight.direction, rng);
    }
    let loss = match config.energy_loss {
        EnergyLoss::None => return,
        EnergyLoss::Mean => passage.mean_energy_loss(),
        EnergyLoss::Landau => passage.sample_energy_loss(rng),
    };
    flight.keep(libm::hypot(flight.mass, flight.momentum) - loss);
}

/// Lets the nuclei of a layer act on a particle; true when it ended.
fn meet_nuclei(
    flight: &mut Flight,
    slab: &Slab,
    cosine: f64,
    species: Hypothesis,
    config: &TransportConfig,
    rng: &mut impl Rng,
) -> bool {
    if config.bremsstrahlung && species == Hypothesis::Electron {
        let kept = secondaries::radiated(f64::from(slab.thickness_in_x0) / cosine, rng);
        flight.keep(libm::hypot(flight.mass, flight.momentum) * kept);
    }
    if !(config.nuclear_interactions && species == Hypothesis::Pion) {
        return false;
    }
    let thickness = secondaries::interaction_lengths(slab) / cosine;
    rng.random::<f64>() < -libm::expm1(-thickness)
}
