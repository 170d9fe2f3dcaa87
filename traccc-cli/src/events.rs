//! Which events, and reading them.

use crate::args::positive;
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use traccc::detector::{Detector, Modules};
use traccc::event::{Cells, TruthEvent};
use traccc::Setup;
use traccc::io::GeometryIds;
use traccc_sim::SimulatedEvent;

/// Which events are read.
#[derive(Args, Debug)]
#[command(next_help_heading = "Events")]
pub(crate) struct EventArguments {
    /// Folder of the events: eventNNNNNNNNN-cells.csv and so on (plain, .gz or .zst)
    #[arg(long, value_name = "DIR")]
    input: Option<PathBuf>,
    /// Number of the first event
    #[arg(long, value_name = "K", default_value_t = 0)]
    skip: u64,
    /// How many events: numbers K to K+N-1, all of which must exist [default: all that exist from K on]
    #[arg(long, value_name = "N", value_parser = positive)]
    events: Option<usize>,
    /// Numbering of the sensors in the event files
    #[arg(long, value_enum, default_value_t = Numbering::Acts)]
    geometry_ids: Numbering,
    /// What is done with a channel that occurs twice
    #[arg(long, value_enum, default_value_t = Duplicates::Merge)]
    duplicates: Duplicates,
}

/// A numbering of sensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Numbering {
    /// ACTS geometry ids: the `source` in the geometry file
    Acts,
    /// detray identifiers
    Detray,
}

/// What is done with a channel that occurs twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Duplicates {
    /// Activations are added
    Merge,
    /// The event is refused
    Refuse,
}

impl EventArguments {
    /// Finds the events.
    pub(crate) fn find(&self) -> Result<Events> {
        let Some(directory) = self.input.clone() else {
            bail!("no events given: name their folder with --input");
        };
        let ids = match self.geometry_ids { Numbering::Acts => GeometryIds::Acts, Numbering::Detray => GeometryIds::Detray };
        Ok(Events { directory, ids, duplicates: self.duplicates, numbers: vec![] })
    }
}

/// The chosen events.
#[derive(Debug)]
pub(crate) struct Events {
    directory: PathBuf,
    ids: GeometryIds,
    duplicates: Duplicates,
    numbers: Vec<u64>,
}

impl Events {
    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The number of the `i`th event.
    pub(crate) fn number(&self, i: usize) -> u64 {
        self.numbers[i]
    }

    /// The numbering of sensors in the files.
    pub(crate) fn ids(&self) -> &GeometryIds {
        &self.ids
    }

    pub(crate) fn read_cells(&self, i: usize, setup: &Setup) -> Result<Cells> {
        bail!("tmp {i} {setup:?} {:?} {:?}", self.directory, self.duplicates)
    }

    pub(crate) fn read_truth(&self, i: usize, setup: &Setup) -> Result<TruthEvent> {
        bail!("tmp {i} {setup:?}")
    }
}

pub(crate) fn list_events(_directory: &Path) -> Result<Vec<u64>> {
    Ok(vec![])
}

pub(crate) fn write_event(_directory: &Path, _number: u64, _detector: &Detector, _modules: &Modules, _event: &SimulatedEvent) -> Result<()> {
    Ok(())
}
