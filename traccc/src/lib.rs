//! Charged-particle track reconstruction, from the fired channels of silicon sensors to fitted tracks.
//!
//! ```text
//! cells -> measurements -> space points -> seeds -> parameters -> tracks found -> resolved -> fitted
//! ```
//!
//! Types in the order of use: a [`Setup`] is a detector with its segmentation and field, read from files by
//! [`SetupFiles`]; a [`ChainConfig`] holds the settings (see [`settings`] for TOML); [`Chain::open`] starts the engine
//! that a [`Backend`] names; [`Chain::reconstruct`] turns the [`Cells`](event::Cells) of an event into a
//! [`Reconstruction`].
//!
//! ```no_run
//! use traccc::{Backend, ChainConfig, Setup, SetupFiles, io};
//!
//! let files = SetupFiles::in_dir("detectors/generic")?;
//! let setup = Setup::read(&files)?;
//! let mut chain = setup.open(Backend::Cpu, &ChainConfig::full())?;
//! let events = io::EventDir::new("events/mu20");
//! let cells = events.read_cells(0, &setup.detector, &setup.modules, &io::CellOptions::default())?;
//! let event = chain.reconstruct(&cells.cells)?;
//! for track in &event.tracks().tracks {
//!     println!("pT {} GeV, chi2 {}", track.parameters.transverse_momentum(), track.chi2);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Units everywhere: mm, c·t in mm for time, GeV, e, T, rad. Everything of `traccc-core` is re-exported here; readers and
//! writers are in [`io`].
#![forbid(unsafe_code)]

mod backend;
mod chain;
mod error;
mod field_source;
pub mod settings;
mod setup;

pub use backend::Backend;
pub use chain::Chain;
pub use error::Error;
pub use field_source::FieldSource;
pub use setup::{Setup, SetupFiles};
pub use traccc_core::*;
pub use traccc_io as io;
