//! What commands say about many events: sums and means, as text or JSON.

mod summary;
mod table;
mod truth;

pub(crate) use summary::{StageMs, Summary};
pub(crate) use table::{Align, Table};
pub(crate) use truth::{TruthTotals, TruthView};

/// A ratio with so many digits, or a dash where its denominator is 0.
pub(crate) fn ratio(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// A number of things in words: `1 event`, `2 events`.
pub(crate) fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
