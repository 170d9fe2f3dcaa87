//! Charged-particle track reconstruction on the CPU: from fired channels to fitted tracks.
//!
//! ```text
//! cells -> measurements -> space points -> seeds -> parameters -> tracks found -> resolved -> fitted
//! ```
//!
//! Types in the order of use: [`detector::Detector`] and [`detector::Modules`] describe the apparatus,
//! [`field::MagneticField`] bends the tracks, [`ChainConfig`] holds the settings, [`CpuChain`] turns
//! [`event::Cells`] into a [`Reconstruction`]. Each stage is also a free function of its module.
//!
//! Units everywhere: mm, c·t in mm, GeV, e, T, rad (see [`units`]). The scalar is `f32`; `RUSTFLAGS="--cfg traccc_f64"`
//! switches [`Scalar`] for numerical studies of this crate alone. It is no feature: features add up over all who depend
//! on a crate, and the tables of double precision are not those that engines upload.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    expect(
        clippy::disallowed_methods,
        reason = "tests compare with the standard library's functions"
    )
)]

pub mod ambiguity;
mod chain;
pub mod clustering;
mod config;
pub mod detector;
mod error;
pub mod event;
pub mod field;
pub mod finding;
pub mod fitting;
mod index;
pub(crate) mod kalman;
pub mod math;
pub mod parameters;
mod particle;
pub mod propagation;
mod scalar;
pub mod seeding;
pub mod spacepoints;
pub mod storage;
pub mod units;

pub use chain::{
    CpuBatch, CpuChain, EventCounts, Finished, Keep, Reconstruction, ReconstructionChain, Stage,
    StageTimings,
};
pub use config::{ChainConfig, ChecksConfig, Settings, SettingsWarning};
pub use error::{Cancelled, Error};
pub use index::{MeasurementIndex, ModuleIndex, SpacepointIndex, SurfaceIndex, VolumeIndex};
pub use particle::Hypothesis;
pub use scalar::Scalar;
pub(crate) use scalar::consts;
