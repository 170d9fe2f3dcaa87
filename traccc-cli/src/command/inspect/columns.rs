//! The columns of a CSV file: how many rows, and from where to where the numbers go.

use crate::report::{Align, Table};
use anyhow::Result;
use traccc::io::CsvTable;

/// What one column holds.
#[derive(Default)]
struct Column {
    name: String,
    numbers: usize,
    low: Option<Number>,
    high: Option<Number>,
}

/// A number with its text: identifiers of 64 bits do not survive a floating-point number.
#[derive(Clone)]
struct Number {
    integer: Option<i128>,
    value: f64,
    text: String,
}

impl Number {
    fn parse(text: &str) -> Option<Self> {
        let value = text.parse().ok()?;
        Some(Self { integer: text.parse().ok(), value, text: text.to_owned() })
    }

    fn is_below(&self, other: &Self) -> bool {
        match (self.integer, other.integer) {
            (Some(a), Some(b)) => a < b,
            _ => self.value < other.value,
        }
    }
}

impl Column {
    fn add(&mut self, text: &str) {
        let Some(number) = Number::parse(text) else { return };
        self.numbers += 1;
        if self.low.as_ref().is_none_or(|low| number.is_below(low)) {
            self.low = Some(number.clone());
        }
        if self.high.as_ref().is_none_or(|high| high.is_below(&number)) {
            self.high = Some(number);
        }
    }
}

/// Whether the header names columns, as that of a table does.
pub(super) fn is_table(table: &CsvTable<'_>) -> bool {
    let is_name = |name: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || "_.-/ []()".contains(c);
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(known)
    };
    table.names().count() > 1 && table.names().all(|name| is_name(&name))
}

/// Describes the content of a CSV file.
pub(super) fn report(table: &CsvTable<'_>) -> Result<String> {
    let named = |name: String| Column { name, ..Column::default() };
    let mut columns: Vec<Column> = table.names().map(named).collect();
    // One column of upstream's measurement files is a raw byte.
    let rows = table.for_each_field(|column, text| {
        columns[column].add(String::from_utf8_lossy(text).trim());
    })?;
    let right = Align::Right;
    let mut shown_columns = Table::new([
        ("column", Align::Left),
        ("numbers", right),
        ("smallest", right),
        ("largest", right),
    ]);
    let shown = |number: Option<Number>| number.map_or_else(|| "-".to_owned(), |n| n.text);
    for column in columns {
        shown_columns.row([
            column.name,
            column.numbers.to_string(),
            shown(column.low),
            shown(column.high),
        ]);
    }
    Ok(format!("{rows} rows\n\n{shown_columns}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn rows_and_extremes_are_exact() {
        let file = b"geometry_id,value,key\n18446744073709551615,-0.5,\x06\n18446744073709551614,1e-3,\x06\n";
        let expected = "\
2 rows

column       numbers              smallest               largest
geometry_id        2  18446744073709551614  18446744073709551615
value              2                  -0.5                  1e-3
key                0                     -                     -
";
        let table = CsvTable::new(file, Path::new("m.csv")).unwrap();
        assert!(is_table(&table));
        assert_eq!(report(&table).unwrap(), expected);
    }
}
