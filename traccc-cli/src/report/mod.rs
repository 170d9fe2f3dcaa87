//! What commands say about many events: sums and means, as text or JSON.

mod summary;
mod table;
mod truth;

pub(crate) use summary::{StageMs, Summary};
pub(crate) use table::{Align, Table};
pub(crate) use truth::{TruthTotals, TruthView};

/// A number of things in words: `1 event`, `2 events`.
pub(crate) fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
