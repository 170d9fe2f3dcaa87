//! The event data: plain columns and rows, in the order in which the chain makes them.

mod cells;
mod measurements;
mod parameters;
mod raw;
mod seeds;
mod spacepoints;
mod tracks;
mod truth;

pub use cells::{Cell, Cells, CellsView};
pub use measurements::{Measurement, Measurements, Subspace};
pub use parameters::BoundParameters;
pub use raw::{ArrangeError, Arranged, Duplicates, RawCell, RawCells};
pub use seeds::Seed;
pub use spacepoints::{Spacepoint, Spacepoints};
pub use tracks::{FitOutcome, Track, TrackState, Tracks};
pub use truth::{Particle, TruthCell, TruthEvent, TruthHit};
