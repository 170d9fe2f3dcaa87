//! The CSV files of events.

mod cells;
mod lookup;
mod measurements;
pub(crate) mod number;
mod particle_ids;
mod table;
mod truth;
mod write;

pub use cells::{CellsRead, parse_cells, read_cells, read_raw_cells};
pub use measurements::{MeasurementsRead, read_measurements};
pub use table::Table as CsvTable;
pub use traccc_core::event::Duplicates;
pub use truth::read_truth;
pub use write::{write_cells, write_hits, write_measurements, write_particles, write_simhit_map};

pub(crate) use number::trim;
