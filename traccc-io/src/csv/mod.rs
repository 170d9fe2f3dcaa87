//! The CSV files of events.

mod cells;
mod lookup;
mod measurements;
pub(crate) mod number;
mod table;
mod truth;
mod write;

pub use cells::{CellOptions, CellsRead, Duplicates, parse_cells, read_cells};
pub use measurements::{MeasurementsRead, read_measurements};
pub use truth::read_truth;
pub use write::{write_cells, write_hits, write_measurements, write_particles, write_simhit_map};

pub(crate) use number::trim;
