//! The measurements file.

use super::lookup::SensorLookup;
use super::table::{Column, Row, Table};
use crate::error::{CsvProblem, Result};
use std::collections::HashMap;
use std::path::Path;
use traccc_core::detector::SensorTable;
use traccc_core::event::{Measurement, Measurements, Subspace};
use traccc_core::{MeasurementIndex, Scalar};

/// Measurements read from a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeasurementsRead {
    /// In ascending surface order; on one surface in the order of the file.
    pub measurements: Measurements,
    /// For each row of the file the row of `measurements`.
    pub row_of: Vec<MeasurementIndex>,
}

/// Reads a measurements file (plain, gzip or zstd; `path` or `path` with .gz or .zst).
///
/// Columns are found by name: `geometry_id`, `local_key`, `local0`, `local1`, `var_local0`, `var_local1` and, if present,
/// `time` (c·t in mm, else 0), `size0`, `size1`, `width0`, `width1` (of the clusters, in channels and mm or rad, else 0).
/// `local_key` says what is measured: bit 1 loc0, bit 2 loc1, others (6: time) are not
/// looked at; it is a number, or a single byte that is no digit (as upstream writes it).
///
/// # Errors
/// A file that cannot be read, and with file and line: fields that are missing or no numbers, unknown geometry ids, keys
/// of neither coordinate, negative variances.
pub fn read_measurements(
    path: impl AsRef<Path>,
    sensors: &SensorTable,
) -> Result<MeasurementsRead> {
    let path = path.as_ref();
    let bytes = crate::input::read(path)?;
    let table = Table::new(&bytes, path)?;
    let (geometry_id, local_key) = (table.column("geometry_id")?, table.column("local_key")?);
    let local = [table.column("local0")?, table.column("local1")?];
    let variance = [table.column("var_local0")?, table.column("var_local1")?];
    let time = table.optional("time")?;
    let size = [table.optional("size0")?, table.optional("size1")?];
    let width = [table.optional("width0")?, table.optional("width1")?];
    let mut rows = Vec::with_capacity(table.about_rows());
    let mut sensors = SensorLookup::new(sensors);
    table.for_each(|row| {
        rows.push(Measurement {
            local: pair(row, local)?,
            variance: variances(row, variance)?,
            time: row.f32(time)? as Scalar,
            subspace: subspace(row, local_key)?,
            surface: sensors.sensor(row.u64(geometry_id)?)?.surface,
            cells: 0,
            size: [row.u32(size[0])?, row.u32(size[1])?],
            width: pair(row, width)?,
        });
        Ok(())
    })?;
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&row| rows[row].surface);
    let mut row_of = vec![MeasurementIndex::NONE; rows.len()];
    for (sorted, &row) in order.iter().enumerate() {
        row_of[row] = MeasurementIndex::from(sorted);
    }
    let measurements = order.into_iter().map(|row| rows[row]).collect();
    Ok(MeasurementsRead { measurements, row_of })
}

fn pair(row: &Row<'_>, columns: [Column; 2]) -> Result<[Scalar; 2], CsvProblem> {
    Ok([row.f32(columns[0])? as Scalar, row.f32(columns[1])? as Scalar])
}

fn variances(row: &Row<'_>, columns: [Column; 2]) -> Result<[Scalar; 2], CsvProblem> {
    let variances = pair(row, columns)?;
    match variances.iter().position(|&v| v < 0.0) {
        None => Ok(variances),
        Some(axis) => Err(CsvProblem::Number {
            column: ["var_local0", "var_local1"][axis],
            found: variances[axis].to_string(),
            expected: "a variance that is not negative",
        }),
    }
}

fn subspace(row: &Row<'_>, column: Column) -> Result<Subspace, CsvProblem> {
    let key = match row.text(column) {
        // Upstream writes the number as a character: 6 as one that no editor shows, 70 (with time) as `F`.
        Some(&[byte]) if !byte.is_ascii_digit() => byte.into(),
        _ => row.u32(column)?,
    };
    match key >> 1 & 0b11 {
        0b01 => Ok(Subspace::LOC0),
        0b10 => Ok(Subspace::LOC1),
        0b11 => Ok(Subspace::BOTH),
        _ => Err(CsvProblem::LocalKey { key }),
    }
}

/// The `local_key` of a subspace.
pub(super) fn local_key(subspace: Subspace) -> u32 {
    subspace.0 << 1
}

/// The row of each measurement id; without ids the rows are the ids.
pub(super) fn read_ids(table: &Table<'_>) -> Result<HashMap<u64, u32>> {
    let id = table.optional("measurement_id")?;
    let mut rows = HashMap::with_capacity(table.about_rows());
    let mut next = 0;
    table.for_each(|row| {
        let id = if row.text(id).is_some() { row.u64(id)? } else { u64::from(next) };
        if rows.insert(id, next).is_some() {
            return Err(CsvProblem::DuplicateId { what: "measurement", id });
        }
        next += 1;
        Ok(())
    })?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sensors;

    fn read(text: &[u8]) -> Result<MeasurementsRead> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.csv");
        std::fs::write(&path, text).unwrap();
        let (detector, modules) = sensors();
        read_measurements(path, &SensorTable::acts(&detector, &modules))
    }

    fn file(lines: &[(usize, &[u8], f32)]) -> Vec<u8> {
        let sources = sensors().0.geometry_ids;
        let mut text = b"geometry_id,local_key,local0,local1,var_local0,var_local1\n".to_vec();
        for (surface, key, local0) in lines {
            text.extend(format!("{},", sources[*surface]).bytes());
            text.extend(*key);
            text.extend(format!(",{local0},2,0.25,0.5\n").bytes());
        }
        text
    }

    #[test]
    fn measurements_are_sorted_by_surface_and_rows_are_mapped() {
        let read =
            read(&file(&[(2, b"6", 0.0), (1, b"6", 1.0), (2, b"6", 2.0), (1, b"6", 3.0)])).unwrap();
        assert_eq!(read.row_of.iter().map(|i| i.0).collect::<Vec<_>>(), [2, 0, 3, 1]);
        assert_eq!(
            read.measurements.local.iter().map(|l| l[0]).collect::<Vec<_>>(),
            [1.0, 3.0, 0.0, 2.0]
        );
        assert_eq!(read.measurements.variance[..1], [[0.25, 0.5]]);
    }

    #[test]
    fn the_key_is_a_number_or_a_byte() {
        let keys: [(&[u8], Subspace); 11] = [
            (b"66", Subspace::LOC0),
            (b"70", Subspace::BOTH),
            (b"B", Subspace::LOC0),
            (b"D", Subspace::LOC1),
            (b"F", Subspace::BOTH),
            (b"2", Subspace::LOC0),
            (b"4", Subspace::LOC1),
            (b"6", Subspace::BOTH),
            (b"\x02", Subspace::LOC0),
            (b"\x04", Subspace::LOC1),
            (b"\x06", Subspace::BOTH),
        ];
        for (key, subspace) in keys {
            assert_eq!(
                read(&file(&[(1, key, 0.0)])).unwrap().measurements.subspace,
                [subspace],
                "{key:?}"
            );
        }
        for key in [&b"1"[..], b"\x01", b"", b"x", b"64", b"@", b"xy"] {
            assert!(read(&file(&[(1, key, 0.0)])).is_err(), "{key:?}");
        }
    }
}
