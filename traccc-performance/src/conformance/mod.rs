//! What every chain must fulfil, whatever engine it runs on.
//!
//! [`check`] runs a chain over events and holds the answers against the contract of `traccc-core`: the documented
//! orders, valid references, counts that fit together, numbers that are finite, the settings respected. It knows
//! nothing of truth and nothing of another chain; see [`compare`](crate::compare()) for that.

mod bytes;
mod contract;
mod rows;
mod tracks;

use std::fmt::Display;
use thiserror::Error;
use traccc_core::detector::{Detector, Modules};
use traccc_core::event::{Cell, Cells};
use traccc_core::{ChainConfig, ModuleIndex, Reconstruction, ReconstructionChain};

/// A rule of the contract that a chain breaks.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{rule}: {found}")]
pub struct Violation {
    /// The rule.
    pub rule: &'static str,
    /// What was found instead, and where.
    pub found: String,
}

impl Violation {
    /// Says which event it was.
    fn of(self, event: usize) -> Self {
        Self { rule: self.rule, found: format!("event {event}: {}", self.found) }
    }
}

/// `Ok` when `sound`, else the violation of the rule.
pub(crate) fn require<T: Display>(
    sound: bool,
    rule: &'static str,
    found: impl FnOnce() -> T,
) -> Result<(), Violation> {
    if sound { Ok(()) } else { Err(Violation { rule, found: found().to_string() }) }
}

/// Runs the whole suite: an event without cells, each of `events` twice with others in between, in batches, as far as each choice
/// of [`Keep`](traccc_core::Keep) asks and resumed from each stage; cells that are none, batches that are dropped, and events that are cancelled.
///
/// # Errors
/// The first rule that is broken.
pub fn check<C: ReconstructionChain>(
    chain: &mut C,
    events: &[Cells],
    detector: &Detector,
    modules: &Modules,
) -> Result<(), Violation> {
    empty_event(chain)?;
    let mut first = Vec::new();
    for (event, cells) in events.iter().enumerate() {
        let result = contract::timed(chain, cells)?;
        sound(&result, cells, detector, modules, chain.config())
            .map_err(|violation| violation.of(event))?;
        first.push(result);
    }
    empty_event(chain)?;
    for (event, (cells, first)) in events.iter().zip(&first).enumerate().rev() {
        let again = reconstruct(chain, cells)?;
        repeats(first, &again).map_err(|violation| violation.of(event))?;
    }
    contract::batches(chain, events, &first)?;
    contract::keep(chain, events, &first)?;
    contract::steps(chain, events, &first)?;
    contract::resume(chain, &first)?;
    let bad = bad_cells(events, modules);
    for (which, cells) in &bad {
        require(chain.reconstruct(cells).is_err(), "cells that are none are errors", || {
            format!("a cell {which} was accepted")
        })?;
    }
    contract::failures(chain, events, &first, &bad)?;
    empty_event(chain)
}

/// The same event gives the same result, to the bit.
///
/// # Errors
/// The first collection that differs.
pub fn repeats(first: &Reconstruction, again: &Reconstruction) -> Result<(), Violation> {
    let rule = "the same event gives the same result";
    let Some(column) = bytes::different(first, again) else { return Ok(()) };
    // By value this tells more; bits of zeros and of what is not a number it does not see.
    let comparison = crate::compare(first, again, &crate::Tolerances::exact());
    let other = comparison.stages.iter().find(|stage| !stage.agrees(1.0));
    let found = other.map_or_else(|| format!("the bits of {column} differ"), ToString::to_string);
    Err(Violation { rule, found })
}

/// One result holds together, and keeps to the settings it was made with.
///
/// # Errors
/// The first rule that is broken.
pub fn sound(
    result: &Reconstruction,
    cells: &Cells,
    detector: &Detector,
    modules: &Modules,
    config: &ChainConfig,
) -> Result<(), Violation> {
    rows::labels(result, cells, modules)?;
    rows::measurements(&result.measurements, detector)?;
    rows::spacepoints(result, detector)?;
    rows::seeds(result)?;
    rows::parameters(result, detector)?;
    tracks::found(result, detector, config)?;
    tracks::resolved(result, config)?;
    tracks::fitted(result, detector, config)?;
    rows::counts(result, cells)
}

fn reconstruct<C: ReconstructionChain>(
    chain: &mut C,
    cells: &Cells,
) -> Result<Reconstruction, Violation> {
    chain.reconstruct(cells).map_err(|error| Violation {
        rule: "sound cells are reconstructed",
        found: error.to_string(),
    })
}

fn empty_event<C: ReconstructionChain>(chain: &mut C) -> Result<(), Violation> {
    let result = reconstruct(chain, &Cells::new())?;
    let config = chain.config();
    let (resolve, fit) = (config.ambiguity.enabled, config.fitting.enabled);
    let empty = |tracks: &Option<_>, on: bool| {
        tracks.as_ref().is_some_and(traccc_core::event::Tracks::is_empty) == on
    };
    let nothing = result.measurements.is_empty()
        && result.cell_measurements.is_empty()
        && result.spacepoints.is_empty()
        && result.seeds.is_empty()
        && result.parameters.is_empty()
        && result.found.is_empty()
        && empty(&result.resolved, resolve)
        && empty(&result.fitted, fit);
    require(nothing, "an event without cells gives nothing", || format!("{:?}", result.counts))
}

/// An event with cells of unknown modules, in wrong order, repeated, or with signals that are none.
fn bad_cells(events: &[Cells], modules: &Modules) -> Vec<(&'static str, Cells)> {
    let Some(cells) = events.iter().find(|cells| cells.len() > 1) else { return Vec::new() };
    let last = cells.len() - 1;
    let with = |row: usize, change: fn(&mut Cell)| -> Cells {
        let mut rows: Vec<Cell> = cells.iter().collect();
        change(&mut rows[row]);
        rows.into_iter().collect()
    };
    let mut unknown: Cells = cells.clone();
    unknown.module[last] = ModuleIndex(modules.len() as u32);
    let mut repeated: Vec<Cell> = cells.iter().collect();
    repeated.push(repeated[last]);
    vec![
        ("of an unknown module", unknown),
        ("of a channel outside its module", with(last, |cell| cell.channel0 = u32::MAX)),
        ("with a signal that is not a number", with(0, |cell| cell.activation = f32::NAN)),
        ("with a negative signal", with(0, |cell| cell.activation = -1.0)),
        ("given twice", repeated.into_iter().collect()),
        ("in falling order", cells.iter().collect::<Vec<_>>().into_iter().rev().collect()),
    ]
}

#[cfg(test)]
mod tests;
