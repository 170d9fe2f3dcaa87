//! The cells file.

use super::lookup::SensorLookup;
use super::table::{Column, Row, Table};
use crate::error::{CsvProblem, Result};
use std::path::Path;
use traccc_core::ModuleIndex;
use traccc_core::detector::SensorTable;
use traccc_core::event::{
    ArrangeError, Arranged, Cell, Cells, Duplicates, RawCell, RawCells, TruthCell,
};

/// Cells read from a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CellsRead {
    /// In ascending order of module, channel1, channel0, each channel once.
    pub cells: Cells,
    /// How many rows were added to a row before them.
    pub merged_duplicates: usize,
}

/// Reads a cells file (plain, gzip or zstd; `path` or `path` with .gz or .zst).
///
/// Columns are found by name: `geometry_id`, `channel0`, `channel1`, `value` (the activation) and, if present,
/// `timestamp` (c·t in mm, else 0); others are ignored. Lines can be in any order.
///
/// # Errors
/// A file that cannot be read, and with file and line: fields that are missing or no numbers, unknown sensors, channels
/// outside the sensor's segmentation, activations that are negative or not finite, refused duplicates.
pub fn read_cells(
    path: impl AsRef<Path>,
    sensors: &SensorTable,
    duplicates: Duplicates,
) -> Result<CellsRead> {
    let path = path.as_ref();
    parse_cells(&crate::input::read(path)?, path, sensors, duplicates)
}

/// Reads cells from the uncompressed content of a file; `name` is the file in errors.
///
/// # Errors
/// As [`read_cells`].
pub fn parse_cells(
    bytes: &[u8],
    name: impl AsRef<Path>,
    sensors: &SensorTable,
    duplicates: Duplicates,
) -> Result<CellsRead> {
    let table = Table::new(bytes, name.as_ref())?;
    let columns = CellColumns::find(&table)?;
    let timestamp = table.optional("timestamp")?;
    let value = table.column("value")?;
    let mut lookup = SensorLookup::new(sensors);
    let mut cells = Cells::with_capacity(table.about_rows());
    table.for_each(|row| {
        let channel = columns.channel(row, &mut lookup)?;
        let (time, activation) = (row.f32(timestamp)?, row.f32(value)?);
        if activation < 0.0 {
            return Err(CsvProblem::Activation { value: activation });
        }
        let (module, channel1, channel0) = channel;
        cells.push(Cell { channel0, channel1, activation, time, module });
        Ok(())
    })?;
    let arranged = cells.arrange(sensors.modules(), duplicates);
    let Arranged { cells, merged_duplicates } = arranged.map_err(|error| match error {
        ArrangeError::Twice { row, cell } => {
            let problem = CsvProblem::DuplicateCell {
                channel0: cell.channel0,
                channel1: cell.channel1,
                id: sensors.id(sensors.surface(cell.module)),
            };
            table.row_error(row + 1, problem)
        }
        ArrangeError::Overflow { row, sum } => {
            table.row_error(row + 1, CsvProblem::Activation { value: sum })
        }
    })?;
    Ok(CellsRead { cells, merged_duplicates })
}

/// Reads a cells file as it is: sensors by their identifier, rows in the order of the file, without a detector. The columns
/// are those of [`read_cells`].
///
/// # Errors
/// A file that cannot be read; with file and line fields that are missing or no numbers.
pub fn read_raw_cells(path: impl AsRef<Path>) -> Result<RawCells> {
    let path = path.as_ref();
    let bytes = crate::input::read(path)?;
    let table = Table::new(&bytes, path)?;
    let columns = CellColumns::find(&table)?;
    let timestamp = table.optional("timestamp")?;
    let value = table.column("value")?;
    let mut cells = RawCells::with_capacity(table.about_rows());
    table.for_each(|row| {
        cells.push(RawCell {
            geometry_id: row.u64(columns.geometry_id)?,
            channel0: row.u32(columns.channel0)?,
            channel1: row.u32(columns.channel1)?,
            activation: row.f32(value)?,
            time: row.f32(timestamp)?,
        });
        Ok(())
    })?;
    Ok(cells)
}

/// Module, channel1, channel0: what cells are sorted by.
type Channel = (ModuleIndex, u32, u32);

/// The columns that say which channel a cell is.
struct CellColumns {
    geometry_id: Column,
    channel0: Column,
    channel1: Column,
}

impl CellColumns {
    fn find(table: &Table<'_>) -> Result<Self> {
        Ok(Self {
            geometry_id: table.column("geometry_id")?,
            channel0: table.column("channel0")?,
            channel1: table.column("channel1")?,
        })
    }

    #[inline]
    fn channel(
        &self,
        row: &Row<'_>,
        sensors: &mut SensorLookup<'_>,
    ) -> Result<Channel, CsvProblem> {
        let sensor = sensors.sensor(row.u64(self.geometry_id)?)?;
        let channels = [row.u32(self.channel0)?, row.u32(self.channel1)?];
        for (axis, channel) in channels.into_iter().enumerate() {
            let existing = sensor.channels[axis];
            if channel >= existing {
                let id = sensor.id;
                return Err(CsvProblem::ChannelOutside { axis, channel, channels: existing, id });
            }
        }
        Ok((sensor.module, channels[1], channels[0]))
    }
}

/// The measurement id of a cell that belongs to no measurement. The column is `measurement_id`, or `hit_id` in files of older
/// versions of ACTS.
pub(super) const NO_MEASUREMENT: u64 = u64::MAX;

/// Reads to which measurement each cell contributes, before merging, in the order of the file. The answer has measurement
/// ids in place of rows: `measurement_row` translates one, with an error for an unknown one.
pub(super) fn parse_contributions(
    bytes: &[u8],
    file: &Path,
    sensors: &mut SensorLookup<'_>,
    mut measurement_row: impl FnMut(u64) -> Result<u32, CsvProblem>,
) -> Result<Vec<TruthCell>> {
    let table = Table::new(bytes, file)?;
    let columns = CellColumns::find(&table)?;
    let measurement_id = table.either("measurement_id", "hit_id")?;
    let mut contributions = Vec::with_capacity(table.about_rows());
    table.for_each(|row| {
        let (module, channel1, channel0) = columns.channel(row, sensors)?;
        let id = row.u64(measurement_id)?;
        if id != NO_MEASUREMENT {
            let measurement = measurement_row(id)?;
            contributions.push(TruthCell { module, channel1, channel0, measurement });
        }
        Ok(())
    })?;
    Ok(contributions)
}

/// The measurement ids that occur in a cells file.
pub(super) fn parse_measurement_ids(bytes: &[u8], file: &Path) -> Result<Vec<u64>> {
    let table = Table::new(bytes, file)?;
    let measurement_id = table.either("measurement_id", "hit_id")?;
    let mut ids = Vec::with_capacity(table.about_rows());
    table.for_each(|row| {
        let id = row.u64(measurement_id)?;
        if id != NO_MEASUREMENT {
            ids.push(id);
        }
        Ok(())
    })?;
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sensors;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn parse(text: &str, duplicates: Duplicates) -> Result<CellsRead> {
        let (detector, modules) = sensors();
        let sensors = SensorTable::acts(&detector, &modules);
        parse_cells(text.as_bytes(), "c.csv", &sensors, duplicates)
    }

    const HEADER: &str = "geometry_id,measurement_id,channel0,channel1,timestamp,value\n";

    proptest! {
        #[test]
        fn cells_are_sorted_and_merged_as_a_map_would(rows in prop::collection::vec((0..3_usize, 0..5_u32, 0..4_u32, 0..64_u32), 0..80)) {
            let (detector, modules) = sensors();
            let mut text = HEADER.to_owned();
            let mut expected: BTreeMap<(u32, u32, u32), (f32, f32)> = BTreeMap::new();
            for (line, &(module, channel0, channel1, value)) in rows.iter().enumerate() {
                let id = detector.geometry_ids[modules.surface[module].get()];
                text += &format!("{id},0,{channel0},{channel1},{line},{}\n", f64::from(value) / 8.0);
                let cell = expected.entry((module as u32, channel1, channel0)).or_insert((0.0, line as f32));
                cell.0 += value as f32 / 8.0;
            }
            let read = parse(&text, Duplicates::Merge).unwrap();
            let found: Vec<_> = read.cells.iter()
                .map(|c| ((c.module.0, c.channel1, c.channel0), (c.activation, c.time))).collect();
            let merged = rows.len() - expected.len();
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(read.merged_duplicates, merged);
            prop_assert!(read.cells.validate(&modules).is_ok());
            prop_assert_eq!(parse(&text, Duplicates::Refuse).is_err(), merged > 0);
        }
    }

    #[test]
    fn errors_name_the_line() {
        let (detector, modules) = sensors();
        let id = detector.geometry_ids[modules.surface[0].get()];
        let portal = detector.geometry_ids[0];
        let message = |rows: String, duplicates| {
            parse(&format!("{HEADER}{rows}"), duplicates).unwrap_err().to_string()
        };
        let merge = Duplicates::Merge;
        assert_eq!(
            message(format!("{id},0,0,0,0,1\n5,0,0,0,0,1\n"), merge),
            "`c.csv`, line 3: 5 is no ACTS geometry id of the detector; files of other programs may use another numbering"
        );
        assert_eq!(
            message(format!("{portal},0,0,0,0,1\n"), merge),
            format!(
                "`c.csv`, line 2: ACTS geometry id {portal} belongs to surface 0, which is not a sensor"
            )
        );
        assert!(message(format!("{id},0,5,0,0,1\n"), merge).starts_with(&format!(
            "`c.csv`, line 2: `channel0` is 5, but the sensor of geometry id {id} has 5 channels"
        )));
        assert!(
            message(format!("{id},0,0,0,0,-0.5\n"), merge)
                .starts_with("`c.csv`, line 2: `value` is -0.5")
        );
        assert!(
            message(format!("{id},0,0,0,0,inf\n"), merge)
                .starts_with("`c.csv`, line 2: `value` is `inf`")
        );
        assert_eq!(
            message(
                format!("{id},0,1,2,0,1\n{id},0,0,0,0,1\n{id},0,1,2,0,1\n"),
                Duplicates::Refuse
            ),
            format!("`c.csv`, line 4: a second cell of channel 1, 2 of geometry id {id}")
        );
        assert!(
            message(format!("{id},0,1,2,0,3e38\n{id},0,1,2,0,3e38\n"), merge)
                .starts_with("`c.csv`, line 3: `value` is inf")
        );
    }

    #[test]
    fn detray_barcodes_are_read_when_asked_for() {
        let (detector, modules) = sensors();
        let id = detector.barcodes[modules.surface[2].get()];
        let text = format!("channel1,channel0,value,geometry_id\n3,4,1,{id}");
        let parse = |sensors| parse_cells(text.as_bytes(), "c", &sensors, Duplicates::Merge);
        assert!(parse(SensorTable::acts(&detector, &modules)).is_err());
        let read = parse(SensorTable::detray(&detector, &modules)).unwrap();
        let cell =
            Cell { channel0: 4, channel1: 3, activation: 1.0, time: 0.0, module: ModuleIndex(2) };
        assert_eq!(read.cells.iter().collect::<Vec<_>>(), [cell]);
    }

    #[test]
    fn raw_cells_are_the_rows_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.csv");
        std::fs::write(&path, "value,geometry_id,channel1,channel0\n0.5,9,2,1\n1.5,7,0,4\n")
            .unwrap();
        let cell = |geometry_id, channel0, channel1, activation| RawCell {
            geometry_id,
            channel0,
            channel1,
            activation,
            time: 0.0,
        };
        let expected: RawCells = [cell(9, 1, 2, 0.5), cell(7, 4, 0, 1.5)].into_iter().collect();
        assert_eq!(read_raw_cells(&path).unwrap(), expected);
        std::fs::write(&path, "value,geometry_id,channel1,channel0\n0.5,9,2,x\n").unwrap();
        assert!(read_raw_cells(&path).unwrap_err().to_string().contains("line 2"));
    }
}
