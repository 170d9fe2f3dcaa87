//! What commands say about many events: sums and means, as text or JSON.

mod summary;
mod table;
mod truth;

pub(crate) use summary::{StageMs, Summary};
pub(crate) use table::{Align, Table};
pub(crate) use truth::{TruthTotals, TruthView};
