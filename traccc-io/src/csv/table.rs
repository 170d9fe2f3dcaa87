//! Lines and fields of a CSV file: a header, comma-separated fields, no quotes.
//!
//! An own parser because cells come by the hundred thousand per event: it splits and converts in one pass over the
//! whole file, without a copy of any field.

use super::number;
use crate::error::{CsvProblem, Error, Result};
use std::path::Path;

/// A CSV file in memory.
pub(super) struct Table<'a> {
    file: &'a Path,
    header: Vec<&'a [u8]>,
    body: &'a [u8],
}

/// Where a column is in each line.
#[derive(Clone, Copy)]
pub(super) struct Column {
    position: Option<usize>,
    name: &'static str,
}

/// The fields of one line.
pub(super) struct Row<'r, 'a> {
    fields: &'r [&'a [u8]],
}

impl<'a> Table<'a> {
    pub(super) fn new(bytes: &'a [u8], file: &'a Path) -> Result<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut header = Vec::new();
        let body = split_line(bytes, &mut header);
        for name in &mut header {
            *name = number::trim(name);
        }
        let table = Self { file, header, body };
        if bytes.is_empty() { Err(table.error(1, CsvProblem::NoHeader)) } else { Ok(table) }
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
        let mut positions = (0..self.header.len()).filter(|&i| self.header[i] == name.as_bytes());
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

    /// About how many rows there are, for the allocation.
    pub(super) fn about_rows(&self) -> usize {
        // The first line is as long as most others, give or take; a few columns in excess cost nothing.
        let first = self.body.iter().position(|&b| b == b'\n').unwrap_or(self.body.len());
        self.body.len() / (first + 1) * 9 / 8 + 16
    }

    /// Calls `each` for every line after the header.
    #[inline]
    pub(super) fn for_each(
        &self,
        mut each: impl FnMut(&Row<'_, '_>) -> Result<(), CsvProblem>,
    ) -> Result<()> {
        let mut fields = Vec::with_capacity(self.header.len());
        let mut rest = self.body;
        let mut line = 1;
        while !rest.is_empty() {
            line += 1;
            rest = split_line(rest, &mut fields);
            let (found, expected) = (fields.len(), self.header.len());
            let outcome = if found == expected {
                each(&Row { fields: &fields })
            } else {
                Err(CsvProblem::Fields { found, expected })
            };
            outcome.map_err(|problem| self.error(line, problem))?;
        }
        Ok(())
    }
}

/// Takes the first line apart into `fields` and returns what follows it. An empty line has no fields.
#[inline]
fn split_line<'a>(bytes: &'a [u8], fields: &mut Vec<&'a [u8]>) -> &'a [u8] {
    fields.clear();
    let mut start = 0;
    for (i, &byte) in bytes.iter().enumerate() {
        if byte == b',' {
            fields.push(&bytes[start..i]);
            start = i + 1;
        } else if byte == b'\n' {
            finish(&bytes[start..i], fields);
            return &bytes[i + 1..];
        }
    }
    finish(&bytes[start..], fields);
    &[]
}

#[inline]
fn finish<'a>(last: &'a [u8], fields: &mut Vec<&'a [u8]>) {
    let last = last.strip_suffix(b"\r").unwrap_or(last);
    if !(last.is_empty() && fields.is_empty()) {
        fields.push(last);
    }
}

impl Row<'_, '_> {
    /// The text of a field.
    #[inline]
    pub(super) fn text(&self, column: Column) -> Option<&[u8]> {
        self.fields.get(column.position?).copied()
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
        assert_eq!(message("a,b\n\n1,2"), "`t.csv`, line 2: 0 fields found, expected 2");
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
