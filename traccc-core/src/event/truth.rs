use crate::index::{ModuleIndex, SurfaceIndex};
use crate::storage::Ragged;

/// A generated particle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Particle {
    /// Identifier, unique in the event.
    pub id: u64,
    /// PDG number.
    pub pdg: i32,
    /// Generation process code; 0 when unknown.
    pub process: i32,
    /// Production vertex in global coordinates, in mm.
    pub vertex: [f32; 3],
    /// Production time as c·t, in mm.
    pub time: f32,
    /// Momentum at the vertex, in GeV.
    pub momentum: [f32; 3],
    /// Mass, in GeV; 0 when unknown.
    pub mass: f32,
    /// Charge, in e.
    pub charge: f32,
}

/// A particle crossing a sensor.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TruthHit {
    /// Identifier of the particle; [`Self::NO_PARTICLE`] where none is listed.
    pub particle: u64,
    /// The sensor.
    pub surface: SurfaceIndex,
    /// Global position, in mm.
    pub position: [f32; 3],
    /// Time as c·t, in mm.
    pub time: f32,
    /// Momentum before the sensor's material, in GeV.
    pub momentum: [f32; 3],
    /// Change of the momentum in the sensor's material, in GeV: momentum after is `momentum + momentum_change`.
    pub momentum_change: [f32; 3],
}

impl TruthHit {
    /// The identifier that no particle has.
    pub const NO_PARTICLE: u64 = u64::MAX;
}

/// Which truth measurement a fired channel contributes to. A channel can have several rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TruthCell {
    /// The sensor.
    pub module: ModuleIndex,
    /// Channel number along local y.
    pub channel1: u32,
    /// Channel number along local x.
    pub channel0: u32,
    /// Row of [`TruthEvent::measurement_hits`].
    pub measurement: u32,
}

/// What was generated, and how the cells of the event follow from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TruthEvent {
    /// Particles in ascending order of `id`.
    pub particles: Vec<Particle>,
    /// Hits in the order of the file.
    pub hits: Vec<TruthHit>,
    /// For each truth measurement the rows of `hits` that it merges, in the order of the file.
    pub measurement_hits: Ragged<u32>,
    /// Contributions of channels, in ascending order.
    pub cells: Vec<TruthCell>,
}
