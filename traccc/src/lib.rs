//! Charged-particle track reconstruction, from the fired channels of silicon sensors to fitted tracks.
//!
//! ```text
//! cells -> measurements -> space points -> seeds -> parameters -> tracks found -> resolved -> fitted
//! ```
//!
//! Types in the order of use: a [`Setup`] is a detector with its segmentation and field, read from files by
//! [`SetupFiles`], with a [`Warning`] for what does not look as if it belongs together; a [`ChainConfig`] holds the
//! settings (see [`settings`] for TOML); [`Setup::engine`] starts the engine that a [`Backend`] names, and [`Setup::open`] a
//! chain of it; [`Chain::reconstruct`] turns the [`Cells`](event::Cells) of an event into a [`Reconstruction`].
//!
//! From files (the example writes them first; a folder of detray and ACTS files serves as well):
//!
//! ```
//! # use traccc_sim::detectors::{ToyConfig, pixel_modules, toy_detector};
//! # use traccc_sim::{SimulationConfig, simulate_event};
//! use traccc::detector::SensorTable;
//! use traccc::io::{self, Duplicates, EventDirectory, EventFile};
//! use traccc::{Backend, ChainConfig, Setup, SetupFiles};
//!
//! # let temporary = tempfile::tempdir()?;
//! # let folder = temporary.path();
//! # let model = toy_detector(&ToyConfig::full())?;
//! # let detector = traccc::detector::Detector::compile(&model)?;
//! # let modules = pixel_modules(&detector, [0.05, 0.05])?;
//! # let digitization = io::Digitization::from_modules(&detector, &modules)?;
//! # io::write_detector(folder, &model)?;
//! # io::write_digitization(folder.join("digitization.json"), &digitization)?;
//! # let field = traccc::field::MagneticField::along_z(2.0);
//! # let simulated = simulate_event(&detector, &modules, &field, &SimulationConfig::default(), 1, 0)?;
//! # let sensors = SensorTable::acts(&detector, &modules);
//! # io::write_cells(folder, 0, &simulated.cells, None, &sensors)?;
//! let setup = Setup::read(&SetupFiles::in_dir(folder)?)?;
//! let mut chain = setup.open(Backend::Cpu, &ChainConfig::full())?;
//!
//! let sensors = SensorTable::acts(&setup.detector, &setup.modules);
//! let path = EventDirectory::open(folder)?.path(0, EventFile::Cells)?;
//! let read = io::read_cells(path, &sensors, Duplicates::Merge)?;
//! let event = chain.reconstruct(&read.cells)?;
//! for track in &event.tracks().tracks {
//!     println!("pT {} GeV, chi2 {}", track.parameters.transverse_momentum(), track.chi2);
//! }
//! # assert!(!event.tracks().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Units everywhere: mm, c·t in mm for time, GeV, e, T, rad. Everything of `traccc-core` is re-exported here; readers and
//! writers are in [`io`].
#![forbid(unsafe_code)]

mod backend;
mod chain;
mod checks;
mod engine;
mod error;
mod field_source;
pub mod settings;
mod setup;
mod warning;

pub use backend::Backend;
pub use chain::{Batch, Chain};
pub use engine::Engine;
pub use error::Error;
pub use field_source::FieldSource;
pub use settings::{RemovedSetting, SettingsError};
pub use setup::{Setup, SetupFiles};
/// The errors of `traccc-core`; [`Error`] contains them.
pub use traccc_core::Error as CoreError;
pub use traccc_core::{
    Cancelled, ChainConfig, ChecksConfig, CpuBatch, CpuChain, EventCounts, Finished, Hypothesis,
    Keep, MeasurementIndex, ModuleIndex, Reconstruction, ReconstructionChain, Scalar, Settings,
    SettingsWarning, SpacepointIndex, Stage, StageTimings, SurfaceIndex, VolumeIndex, ambiguity,
    clustering, detector, event, field, finding, fitting, math, parameters, propagation, seeding,
    spacepoints, storage, units,
};
/// What there is for GPUs on this machine.
pub mod cuda {
    pub use traccc_cuda::{Cache, Nvrtc, cards, kernel_files};
}
pub use traccc_io as io;
pub use warning::{Misfit, Warning};
