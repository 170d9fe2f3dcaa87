//! Files in and out: detectors, field maps and events of detray, ACTS and covfie, and tracks.
//!
//! ```no_run
//! use traccc_core::detector::{Detector, SensorTable};
//! use traccc_io::{DetectorFiles, Duplicates, EventDirectory, EventFile};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let files = DetectorFiles::find("geometries/odd")?;
//! let detector = Detector::compile(&traccc_io::read_detector(&files)?)?;
//! let digitization = traccc_io::read_digitization(files.digitization()?)?;
//! let modules = digitization.modules(&detector, None)?;
//! let sensors = SensorTable::acts(&detector, &modules);
//!
//! let events = EventDirectory::open("events")?;
//! for event in events.events(EventFile::Cells) {
//!     let path = events.path(event, EventFile::Cells)?;
//!     let read = traccc_io::read_cells(path, &sensors, Duplicates::Merge)?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Every reader takes plain, gzip and zstd files, told apart by their content, under the given name or with the suffix
//! `.gz` or `.zst`. Files that are damaged or cut short are errors, never partial results; errors name the file and the
//! line, or the place in a JSON document. Lengths in files are in mm, times c·t in mm, momenta in GeV; fields are
//! converted from covfie's native unit to T.
#![forbid(unsafe_code)]

mod athena_ids;
mod csv;
mod error;
mod event_directory;
mod field;
mod input;
mod json;
mod output;
mod problem;
#[cfg(test)]
mod testing;
mod tracks;

pub use athena_ids::{AthenaIds, read_athena_ids};
pub use csv::{
    CellsRead, CsvTable, Duplicates, MeasurementsRead, parse_cells, read_cells, read_measurements,
    read_raw_cells, read_truth, write_cells, write_hits, write_measurements, write_particles,
    write_simhit_map,
};
pub use error::{Columns, ContentProblem, CsvProblem, Error, FieldProblem, Result};
pub use event_directory::{EventDirectory, EventFile};
pub use field::{read_field_map, write_field_map};
pub use input::read as read_file;
pub use json::{
    AxisBinning, Conditions, DetectorFiles, Digitization, DigitizationEntry, EntrySegmentation,
    FileKind, HierarchyKey, Readout, file_kind, read_conditions, read_detector, read_digitization,
    read_geometry, with_homogeneous_material, with_material_maps, with_surface_grids,
    write_cluster_errors, write_detector, write_digitization,
};
pub use output::write_text;
pub use tracks::{TRACKS_CSV_HEADER, write_tracks_csv, write_tracks_json_lines};
