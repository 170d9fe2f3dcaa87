use crate::collisions::{BeamSpot, Collisions, HardScatter, soft_collision};
use crate::digitization::{DigitizationConfig, digitize, respond};
use crate::gun::{Gun, Momentum};
use crate::smearing::{SmearingConfig, smear_measurements};
use crate::transport::{Secondary, TransportConfig, World, fly};
use crate::ttbar::ttbar;
use serde::{Deserialize, Serialize};
use traccc_core::detector::{Detector, Modules};
use traccc_core::event::{Cells, Measurements, Particle, TruthEvent};
use traccc_core::field::MagneticField;
use traccc_core::{Error, ModuleIndex};

/// Settings of a simulation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimulationConfig {
    /// The particles.
    pub gun: Gun,
    /// Collisions whose particles come after those of the gun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collisions: Option<Collisions>,
    /// Their flight through the detector.
    pub transport: TransportConfig,
    /// The response of the sensors.
    pub digitization: DigitizationConfig,
}

/// An event as the detector sees it, and how it came about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SimulatedEvent {
    /// Fired channels, in the order that reconstruction asks for.
    pub cells: Cells,
    /// Particles, hits, and what the cells come from.
    pub truth: TruthEvent,
}

/// Makes events. Kept between events: the surfaces sorted by place.
#[derive(Debug)]
pub struct Simulator<'a> {
    detector: &'a Detector,
    world: World<'a>,
    field: &'a MagneticField,
    gun: Gun,
    collisions: Option<Collisions>,
    transport: TransportConfig,
}

impl<'a> Simulator<'a> {
    /// Prepares a detector in a magnetic field.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting out of range.
    pub fn new(
        detector: &'a Detector,
        field: &'a MagneticField,
        gun: &Gun,
        transport: &TransportConfig,
    ) -> Result<Self, Error> {
        gun.validate()?;
        transport.validate()?;
        let (gun, transport) = (gun.clone(), transport.clone());
        let (world, collisions) = (World::new(detector), None);
        Ok(Self { detector, world, field, gun, collisions, transport })
    }

    /// Prepares a detector with all that `config` says of the particles and their flight.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting out of range, a mean vertex outside the world, momenta that are not followed.
    pub fn of(
        detector: &'a Detector,
        field: &'a MagneticField,
        config: &SimulationConfig,
    ) -> Result<Self, Error> {
        let mut simulator = Self::new(detector, field, &config.gun, &config.transport)?;
        let (Momentum::Total([_, highest]) | Momentum::Transverse([_, highest])) =
            config.gun.momentum;
        // Across z it is no bound: forward particles have more along it.
        let bounded = matches!(config.gun.momentum, Momentum::Total(_));
        if bounded && highest < config.transport.min_momentum && config.gun.particles > 0 {
            let (name, value) = ("gun.momentum", highest.to_string());
            let expected = "at least `transport.min_momentum`: slower particles are not followed";
            return Err(Error::Config { name, value, expected });
        }
        if !simulator.world.contains(&config.gun.vertex.into()) {
            let (name, value) = ("gun.vertex", format!("{:?}", config.gun.vertex));
            let expected = "a position inside the world of the detector, in mm";
            return Err(Error::Config { name, value, expected });
        }
        config.collisions.as_ref().map_or(Ok(()), Collisions::validate)?;
        simulator.collisions.clone_from(&config.collisions);
        Ok(simulator)
    }

    /// The particles of an event: those of the gun, of the hard collision, of the soft ones.
    fn particles(&self, seed: u64, event: u64) -> Vec<Particle> {
        let mut particles = self.gun.shoot_all(seed, event);
        let Some(collisions) = &self.collisions else { return particles };
        let spot = BeamSpot { position: self.gun.vertex, spread: self.gun.vertex_spread };
        let primary = spot.vertex(seed, event, 0);
        for particle in &mut particles {
            particle.vertex = primary;
        }
        let mut produced = match collisions.hard_scatter {
            HardScatter::None => Vec::new(),
            HardScatter::Ttbar => ttbar(primary, seed, event),
        };
        for number in 1..=collisions.mu as u64 {
            let vertex = spot.vertex(seed, event, number);
            produced.extend(soft_collision(collisions, vertex, seed, event, number));
        }
        let first = particles.len() as u64 + 1;
        particles.extend(produced.iter().zip(first..).map(|(p, id)| p.particle(id)));
        particles
    }

    /// Particles and hits of an event; hits are ordered by particle, then along the flight. Particles made on the way come
    /// after those of the collisions, in the order of their parents, with ACTS's process codes (1 decay, 4 nuclear interaction).
    ///
    /// Depends on `seed` and `event` only: events can be made in any order and on any thread.
    pub fn truth(&self, seed: u64, event: u64) -> TruthEvent {
        let mut particles = self.particles(seed, event);
        let mut hits = Vec::new();
        let mut next = 0;
        while let Some(particle) = particles.get(next) {
            let (world, transport) = (&self.world, &self.transport);
            let made = fly(particle, world, self.field, transport, [seed, event], &mut hits);
            for secondary in made {
                let id = particles.len() as u64 + 1;
                let Secondary { produced, time, process } = secondary;
                if produced.momentum.norm() >= transport.min_momentum {
                    let time = time as f32;
                    particles.push(Particle { time, process, ..produced.particle(id) });
                }
            }
            next += 1;
        }
        TruthEvent { particles, hits, ..TruthEvent::default() }
    }

    /// An event with cells.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting of the digitization out of range.
    pub fn event(
        &self,
        modules: &Modules,
        config: &DigitizationConfig,
        seed: u64,
        event: u64,
    ) -> Result<SimulatedEvent, Error> {
        config.validate()?;
        let mut truth = self.truth(seed, event);
        let cells = digitize(self.detector, modules, config, &mut truth, seed, event);
        Ok(SimulatedEvent { cells, truth })
    }

    /// An event with cells, where each sensor has settings of its own: `configs` has a row for each module.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting out of range, or when there are not as many rows as modules.
    pub fn event_with(
        &self,
        modules: &Modules,
        configs: &[DigitizationConfig],
        seed: u64,
        event: u64,
    ) -> Result<SimulatedEvent, Error> {
        if configs.len() != modules.len() {
            let (name, value) = ("digitization", configs.len().to_string());
            return Err(Error::Config { name, value, expected: "settings for each module" });
        }
        configs.iter().try_for_each(DigitizationConfig::validate)?;
        let mut truth = self.truth(seed, event);
        let config_of = |module: ModuleIndex| &configs[module.get()];
        let cells = respond(self.detector, modules, config_of, &mut truth, seed, event);
        Ok(SimulatedEvent { cells, truth })
    }

    /// An event with smeared measurements instead of cells; see [`smear_measurements`].
    ///
    /// # Errors
    /// [`Error::Config`] for a setting of the smearing out of range.
    pub fn smeared_event(
        &self,
        config: &SmearingConfig,
        seed: u64,
        event: u64,
    ) -> Result<(Measurements, TruthEvent), Error> {
        config.validate()?;
        let mut truth = self.truth(seed, event);
        let measurements = smear_measurements(self.detector, config, &mut truth, seed, event);
        Ok((measurements, truth))
    }
}

/// Makes one event. For many events of one detector keep a [`Simulator`].
///
/// The same arguments give the same event, bit for bit, with the same build on any thread. Another platform draws the
/// same random numbers, but its powers, exponentials and logarithms can differ in the last digit, and so can events.
///
/// # Errors
/// [`Error::Config`] for a setting out of range.
pub fn simulate_event(
    detector: &Detector,
    modules: &Modules,
    field: &MagneticField,
    config: &SimulationConfig,
    seed: u64,
    event: u64,
) -> Result<SimulatedEvent, Error> {
    Simulator::of(detector, field, config)?.event(modules, &config.digitization, seed, event)
}
