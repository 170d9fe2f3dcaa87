//! Lines and fields of a CSV file: a header, comma-separated fields, no quotes; empty lines are passed over.

use super::number;
use crate::error::{CsvProblem, Error, Result};
use csv::{ByteRecord, ReaderBuilder};
use std::path::Path;

/// A CSV file in memory.
pub(super) struct Table<'a> {
    file: &'a Path,
    header: ByteRecord,
    bytes: &'a [u8],
}

/// Where a column is in each line.
#[derive(Clone, Copy)]
pub(super) struct Column {
    position: Option<usize>,
    name: &'static str,
}

/// The fields of one line.
pub(super) struct Row<'r> {
    record: &'r ByteRecord,
}

impl<'a> Table<'a> {
    pub(super) fn new(bytes: &'a [u8], file: &'a Path) -> Result<Self> {
        let mut table = Self { file, header: ByteRecord::new(), bytes };
        let mut header = ByteRecord::new();
        if !table
            .reader()
            .read_byte_record(&mut header)
            .map_err(|error| table.unreadable(1, &error))?
        {
            return Err(table.error(1, CsvProblem::NoHeader));
        }
        if bytes.last() != Some(&b'\n') {
            let file = file.display();
            tracing::warn!("`{file}` does not end with a line break: its last number may be cut");
        }
        header.trim();
        table.header = header;
        Ok(table)
    }

    /// Reads all lines, the header first; their lengths are compared in [`Self::for_each`], which names the line.
    fn reader(&self) -> csv::Reader<&'a [u8]> {
        ReaderBuilder::new()
            .has_headers(false)
            .quoting(false)
            .flexible(true)
            .from_reader(self.bytes)
    }

    /// The column `name`, which must exist.
    pub(super) fn column(&self, name: &'static str) -> Result<Column> {
        let column = self.optional(name)?;
        if column.position.is_none() {
            return Err(self.error(1, CsvProblem::NoColumn { column: name }));
        }
        Ok(column)
    }

    /// The column `name`; where there is none its values are 0.
    pub(super) fn optional(&self, name: &'static str) -> Result<Column> {
        let mut positions = (0..self.header.len()).filter(|&i| &self.header[i] == name.as_bytes());
        let position = positions.next();
        if positions.next().is_some() {
            return Err(self.error(1, CsvProblem::TwoColumns { column: name }));
        }
        Ok(Column { position, name })
    }

    /// An error in `line`; the header is line 1.
    pub(super) fn error(&self, line: usize, problem: CsvProblem) -> Error {
        Error::Csv { path: self.file.to_owned(), line, problem }
    }

    fn unreadable(&self, line: usize, error: &csv::Error) -> Error {
        self.error(line, CsvProblem::Unreadable { reason: error.to_string() })
    }

    /// About how many rows there are, for the allocation.
    pub(super) fn about_rows(&self) -> usize {
        // The second line is as long as most others, give or take; a few rows in excess cost nothing.
        let second = self.bytes.split(|&byte| byte == b'\n').nth(1).map_or(0, <[u8]>::len);
        self.bytes.len() / (second + 1) * 9 / 8 + 16
    }

    /// Calls `each` for every line after the header.
    #[inline]
    pub(super) fn for_each(
        &self,
        mut each: impl FnMut(&Row<'_>) -> Result<(), CsvProblem>,
    ) -> Result<()> {
        let mut reader = self.reader();
        let mut record = ByteRecord::new();
        let mut line = 1;
        let expected = self.header.len();
        let mut is_header = true;
        while reader.read_byte_record(&mut record).map_err(|error| self.unreadable(line, &error))? {
            if std::mem::take(&mut is_header) {
                continue;
            }
            let found = record.len();
            let outcome = if found == expected {
                each(&Row { record: &record })
            } else {
                Err(CsvProblem::Fields { found, expected })
            };
            line = record.position().map_or(line + 1, |position| position.line() as usize);
            outcome.map_err(|problem| self.error(line, problem))?;
        }
        Ok(())
    }
}

impl Row<'_> {
    /// The text of a field.
    #[inline]
    pub(super) fn text(&self, column: Column) -> Option<&[u8]> {
        self.record.get(column.position?)
    }

    #[inline]
    fn parse<T: Default>(
        &self,
        column: Column,
        expected: &'static str,
        parse: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<T, CsvProblem> {
        let Some(text) = self.text(column) else { return Ok(T::default()) };
        parse(text).or_else(|| parse(number::trim(text))).ok_or_else(|| CsvProblem::Number {
            column: column.name,
            found: String::from_utf8_lossy(&text[..text.len().min(40)]).into_owned(),
            expected,
        })
    }

    #[inline]
    pub(super) fn u64(&self, column: Column) -> Result<u64, CsvProblem> {
        self.parse(column, "a number from 0 to 18446744073709551615", number::unsigned)
    }

    #[inline]
    pub(super) fn u32(&self, column: Column) -> Result<u32, CsvProblem> {
        let parse = |text: &[u8]| u32::try_from(number::unsigned(text)?).ok();
        self.parse(column, "a number from 0 to 4294967295", parse)
    }

    pub(super) fn i32(&self, column: Column) -> Result<i32, CsvProblem> {
        let parse = |text: &[u8]| std::str::from_utf8(text).ok()?.parse().ok();
        self.parse(column, "a number from -2147483648 to 2147483647", parse)
    }

    #[inline]
    pub(super) fn f32(&self, column: Column) -> Result<f32, CsvProblem> {
        self.parse(column, "a finite number", number::float)
    }

    /// Three numbers of three columns.
    pub(super) fn vector(&self, columns: [Column; 3]) -> Result<[f32; 3], CsvProblem> {
        let [x, y, z] = columns.map(|column| self.f32(column));
        Ok([x?, y?, z?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(u64, f32)>> {
        let table = Table::new(text.as_bytes(), Path::new("t.csv"))?;
        let (a, b) = (table.column("a")?, table.optional("b")?);
        let mut rows = Vec::new();
        table.for_each(|row| {
            rows.push((row.u64(a)?, row.f32(b)?));
            Ok(())
        })?;
        Ok(rows)
    }

    #[test]
    fn columns_are_found_by_name_in_any_order() {
        assert_eq!(read("x,b,a\n,1.5,2\nq q,-3,4\n").unwrap(), [(2, 1.5), (4, -3.0)]);
        assert_eq!(read("a\n7").unwrap(), [(7, 0.0)]);
    }

    #[test]
    fn line_ends_of_any_kind_are_accepted() {
        for text in
            ["a,b\n1,2\n3,4\n", "a,b\n1,2\n3,4", "a,b\r\n1,2\r\n3,4\r\n", "\u{feff}a,b\n1, 2\n3 ,4"]
        {
            assert_eq!(read(text).unwrap(), [(1, 2.0), (3, 4.0)], "{text:?}");
        }
        assert_eq!(read("a,b\n").unwrap(), []);
        assert_eq!(read("a,b").unwrap(), []);
    }

    #[test]
    fn errors_name_file_line_and_column() {
        let message = |text| read(text).unwrap_err().to_string();
        assert_eq!(message(""), "`t.csv`, line 1: there is no header");
        assert_eq!(message("b\n1"), "`t.csv`, line 1: there is no column `a`");
        assert_eq!(message("a,a\n1,2"), "`t.csv`, line 1: there are two columns `a`");
        assert_eq!(message("a,b\n1,2\n3"), "`t.csv`, line 3: 1 fields found, expected 2");
        assert_eq!(message("a,b\n1,2,\n"), "`t.csv`, line 2: 3 fields found, expected 2");
        assert_eq!(message("a,b\n\n1,2\n3"), "`t.csv`, line 4: 1 fields found, expected 2");
        assert_eq!(
            message("a,b\n-1,2"),
            "`t.csv`, line 2: `a` is `-1`, expected a number from 0 to 18446744073709551615"
        );
        assert_eq!(
            message("a,b\n1,nan"),
            "`t.csv`, line 2: `b` is `nan`, expected a finite number"
        );
    }
}
