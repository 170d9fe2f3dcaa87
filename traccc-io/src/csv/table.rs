//! Lines and fields of a CSV file: a header and rows of comma-separated fields, which can be quoted (RFC 4180). Empty lines,
//! lines of blanks and lines that begin with `#` are passed over, wherever they are.

use super::number;
use crate::error::{Columns, CsvProblem, Error, Result};
use csv::{ByteRecord, ReaderBuilder};
use std::path::Path;

/// A CSV file in memory, whatever its columns.
#[derive(Debug)]
pub struct Table<'a> {
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
    /// Reads the header; `file` is the name in errors.
    ///
    /// # Errors
    /// A file without a header.
    pub fn new(bytes: &'a [u8], file: &'a Path) -> Result<Self> {
        // Offsets count from here: without the mark that some editors put first.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut table = Self { file, header: ByteRecord::new(), bytes };
        let mut header = ByteRecord::new();
        if !table.next(&mut table.reader(), &mut header)? {
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
            .comment(Some(b'#'))
            .flexible(true)
            .from_reader(self.bytes)
    }

    /// Reads the next line that is not of blanks; `false` at the end.
    #[inline]
    fn next(&self, reader: &mut csv::Reader<&[u8]>, record: &mut ByteRecord) -> Result<bool> {
        loop {
            let read = reader.read_byte_record(record);
            match read {
                Ok(true) if record.len() == 1 && record[0].trim_ascii().is_empty() => {}
                Ok(more) => return Ok(more),
                Err(error) => {
                    let line = self.line_at(reader.position().byte() as usize);
                    let reason = error.to_string();
                    return Err(self.error(line, CsvProblem::Unreadable { reason }));
                }
            }
        }
    }

    /// The names of the columns, in their order.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.header.iter().map(|name| String::from_utf8_lossy(name).into_owned())
    }

    /// The column `name`, which must exist.
    pub(super) fn column(&self, name: &'static str) -> Result<Column> {
        self.either(name, name)
    }

    /// The column `name`, or where there is none `other`, of which one must exist.
    pub(super) fn either(&self, name: &'static str, other: &'static str) -> Result<Column> {
        for name in [name, other] {
            if self.has(name) {
                return self.optional(name);
            }
        }
        let found = Columns::new(name, self.names().collect());
        Err(self.row_error(0, CsvProblem::NoColumn(found)))
    }

    /// Whether there is a column `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.header.iter().any(|found| found == name.as_bytes())
    }

    /// The column `name`; where there is none its values are 0.
    pub(super) fn optional(&self, name: &'static str) -> Result<Column> {
        let mut positions = (0..self.header.len()).filter(|&i| &self.header[i] == name.as_bytes());
        let position = positions.next();
        if positions.next().is_some() {
            return Err(self.row_error(0, CsvProblem::TwoColumns { column: name }));
        }
        Ok(Column { position, name })
    }

    fn error(&self, line: usize, problem: CsvProblem) -> Error {
        Error::Csv { path: self.file.to_owned(), line, problem }
    }

    /// An error in a row; row 0 is the header, row 1 the first after it. Finds the line of the file by reading it again.
    pub(super) fn row_error(&self, row: usize, problem: CsvProblem) -> Error {
        let (mut reader, mut record) = (self.reader(), ByteRecord::new());
        for _ in 0..row {
            if let Err(error) = self.next(&mut reader, &mut record) {
                return error;
            }
        }
        self.error(self.line_at(reader.position().byte() as usize), problem)
    }

    /// The number of the first line from `offset` on that holds something.
    fn line_at(&self, offset: usize) -> usize {
        let (before, rest) = self.bytes.split_at(offset.min(self.bytes.len()));
        let breaks = before.iter().filter(|&&byte| byte == b'\n').count();
        let is_passed_over = |line: &&[u8]| line.trim_ascii().is_empty() || line[0] == b'#';
        1 + breaks + rest.split(|&byte| byte == b'\n').take_while(is_passed_over).count()
    }

    /// About how many rows there are, for the allocation.
    pub(super) fn about_rows(&self) -> usize {
        // The first lines are as long as most others, give or take; a few rows in excess cost nothing.
        let (mut reader, mut record) = (self.reader(), ByteRecord::new());
        let is_row = |more: Result<bool>| more.unwrap_or(false);
        if !is_row(self.next(&mut reader, &mut record)) {
            return 0;
        }
        let first = reader.position().byte();
        let rows = (0..16).take_while(|_| is_row(self.next(&mut reader, &mut record))).count();
        let length = ((reader.position().byte() - first) as usize / rows.max(1)).max(2);
        self.bytes.len() / length * 9 / 8 + 16
    }

    /// Calls `each` with the column and the text of every field, row by row, and gives the number of rows.
    ///
    /// # Errors
    /// With file and line: a row with more or fewer fields than the header.
    pub fn for_each_field(&self, mut each: impl FnMut(usize, &[u8])) -> Result<usize> {
        let mut rows = 0;
        self.for_each(|row| {
            row.record.iter().enumerate().for_each(|(column, text)| each(column, text));
            rows += 1;
            Ok(())
        })?;
        Ok(rows)
    }

    /// Calls `each` for every row after the header.
    #[inline]
    pub(super) fn for_each(
        &self,
        mut each: impl FnMut(&Row<'_>) -> Result<(), CsvProblem>,
    ) -> Result<()> {
        let mut reader = self.reader();
        let mut record = ByteRecord::new();
        let expected = self.header.len();
        self.next(&mut reader, &mut record)?;
        let mut row = 0;
        while self.next(&mut reader, &mut record)? {
            row += 1;
            let found = record.len();
            let outcome = if found == expected {
                each(&Row { record: &record })
            } else {
                Err(CsvProblem::Fields { found, expected })
            };
            outcome.map_err(|problem| self.row_error(row, problem))?;
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
        assert_eq!(
            message("b,c\n1,2"),
            "`t.csv`, line 1: there is no column `a`; the columns found are `b`, `c`"
        );
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

    #[test]
    fn quotes_comments_and_blank_lines_are_passed_over() {
        for text in [
            "\"a\",\"b\"\n\"1\",\"2\"\n3,\"4\"\n",
            "# ACTS export\na,b\n1,2\n# more\n3,4\n",
            "\u{feff}# ACTS, export\r\na,b\r\n1,2\r\n  \t\r\n3,4\r\n",
            "\n  \na,b\n\n1,2\n \n3,4\n   ",
        ] {
            assert_eq!(read(text).unwrap(), [(1, 2.0), (3, 4.0)], "{text:?}");
        }
        assert_eq!(
            read("x,a\n\"with \"\"quotes\"\", commas\nand lines\",7\n").unwrap(),
            [(7, 0.0)]
        );
        assert_eq!(read("a\n1\n \n2").unwrap(), [(1, 0.0), (2, 0.0)]);
    }

    #[test]
    fn lines_are_counted_as_editors_do() {
        let line = |text: &str| match read(text) {
            Err(Error::Csv { line, .. }) => line,
            other => panic!("{text:?}: {other:?}"),
        };
        assert_eq!(line("a,b\n1,2\n\n\n3"), 5);
        assert_eq!(line("a,b\r\n1,2\r\n\r\nx,2\r\n"), 4);
        assert_eq!(line("# one\n\na,b\n# two\n1,2\n  \n# three\nx,2\n5,6"), 8);
        assert_eq!(line("\n\nb\n1"), 3);
        assert_eq!(line("a,c\n1,\"two\nlines\"\n\nx,1\n"), 5);
    }

    #[test]
    fn a_missing_column_names_what_is_there_and_why() {
        let message = |text| read(text).unwrap_err().to_string();
        for (text, expected) in [
            ("b;a\n1;2", "the columns found are `b;a`; is the separator `;` instead of a comma?"),
            ("b\ta\n1\t2", "is the separator a tabulator instead of a comma?"),
            ("B,A\n1,2", "the columns found are `B`, `A`; names are in lower case, `A` is not `a`"),
            ("b a\n1 2", "is the separator a blank instead of a comma?"),
        ] {
            assert!(message(text).ends_with(expected), "{}", message(text));
        }
        let many = format!("b{}\n", ",column".repeat(500));
        assert!(message(&many).len() < 600, "{}", message(&many));
        assert!(message(&many).ends_with("and 471 more"), "{}", message(&many));
    }
}
