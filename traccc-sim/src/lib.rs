//! Simulated events: detectors built in code, a particle gun, pile-up, flight through field and material, and the response of
//! the sensors.
//!
//! ```
//! use traccc_core::detector::Detector;
//! use traccc_core::field::MagneticField;
//! use traccc_sim::detectors::{ToyConfig, pixel_modules, toy_detector};
//! use traccc_sim::{SimulationConfig, simulate_event};
//!
//! let detector = Detector::compile(&toy_detector(&ToyConfig::full())?)?;
//! let modules = pixel_modules(&detector, [0.05, 0.05])?;
//! let field = MagneticField::along_z(2.0);
//! let event = simulate_event(&detector, &modules, &field, &SimulationConfig::default(), 1, 0)?;
//! assert_eq!(event.truth.particles.len(), 10);
//! event.cells.validate(&modules)?;
//! # Ok::<(), traccc_core::Error>(())
//! ```
//!
//! Everything is computed in double precision and without the reconstruction's propagator, so that a mistake there
//! shows. Random numbers come from ChaCha and elementary functions from `libm`: an event depends on the settings,
//! the seed and its number only, not on the platform, the order of events or the number of threads.
#![forbid(unsafe_code)]

mod collisions;
pub mod detectors;
mod digitization;
mod gun;
mod random;
mod simulate;
mod smearing;
mod transport;
mod ttbar;

pub use collisions::{Collisions, HardScatter};
pub use digitization::{DigitizationConfig, digitize};
pub use gun::{Gun, Inclination, Momentum};
pub use simulate::{SimulatedEvent, SimulationConfig, Simulator, simulate_event};
pub use smearing::{SmearingConfig, smear_measurements};
pub use transport::{EnergyLoss, TransportConfig, World, hits_of};
