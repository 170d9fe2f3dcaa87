//! The columns of a CSV file: how many rows, and from where to where the numbers go.

use crate::report::{Align, Table};

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

/// Describes the content of a CSV file with a header.
pub(super) fn report(bytes: &[u8]) -> String {
    // One column of upstream's measurement files is a raw byte.
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let named = |name: &str| Column { name: name.trim().to_owned(), ..Column::default() };
    let mut columns: Vec<Column> =
        lines.next().into_iter().flat_map(|header| header.split(',')).map(named).collect();
    let mut rows = 0;
    for line in lines.filter(|line| !line.is_empty()) {
        rows += 1;
        columns.iter_mut().zip(line.split(',')).for_each(|(column, text)| column.add(text.trim()));
    }
    let right = Align::Right;
    let mut table = Table::new([
        ("column", Align::Left),
        ("numbers", right),
        ("smallest", right),
        ("largest", right),
    ]);
    let shown = |number: Option<Number>| number.map_or_else(|| "-".to_owned(), |n| n.text);
    for column in columns {
        table.row([column.name, column.numbers.to_string(), shown(column.low), shown(column.high)]);
    }
    format!("{rows} rows\n\n{table}")
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(report(file), expected);
    }
}
