//! Which events, reading them, and writing simulated ones.

use crate::args::positive;
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use traccc::Setup;
use traccc::event::{Cells, TruthEvent};
use traccc::io::{self, CellOptions, EventDirectory, EventFile, GeometryIds};
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
        let Some(path) = self.input.clone() else {
            bail!("no events given: name their folder with --input");
        };
        let directory = EventDirectory::open(&path)?;
        let numbers = choose_events(&directory, &path, self.skip, self.events)?;
        let ids = match self.geometry_ids {
            Numbering::Acts => GeometryIds::Acts,
            Numbering::Detray => GeometryIds::Detray,
        };
        let duplicates = match self.duplicates {
            Duplicates::Merge => io::Duplicates::Merge,
            Duplicates::Refuse => io::Duplicates::Refuse,
        };
        Ok(Events { path, directory, options: CellOptions { ids, duplicates }, numbers })
    }
}

/// The numbers of `count` events from `first` on, all of which must exist, or of all that exist from there on.
pub(crate) fn choose_events(
    directory: &EventDirectory,
    path: &Path,
    first: u64,
    count: Option<usize>,
) -> Result<Vec<u64>> {
    let existing = directory.events(EventFile::Cells);
    let numbers: Vec<u64> = match count {
        Some(count) => (first..).take(count).collect(),
        None => existing.iter().copied().filter(|&number| number >= first).collect(),
    };
    if let Some(missing) = numbers.iter().find(|&number| existing.binary_search(number).is_err()) {
        bail!("there is no event {missing} in `{}`: {}", path.display(), describe(&existing));
    }
    if numbers.is_empty() {
        let path = path.display();
        bail!("there is no event from {first} on in `{path}`: {}", describe(&existing));
    }
    Ok(numbers)
}

fn describe(existing: &[u64]) -> String {
    match existing {
        [] => "it holds no file eventNNNNNNNNN-cells.csv".to_owned(),
        [first, .., last] => format!("its {} events are {first} to {last}", existing.len()),
        [only] => format!("its only event is {only}"),
    }
}

/// The chosen events.
#[derive(Debug)]
pub(crate) struct Events {
    path: PathBuf,
    directory: EventDirectory,
    options: CellOptions,
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
        &self.options.ids
    }

    /// Refuses to write results where the events are: their measurements would replace those that truth refers to.
    pub(crate) fn check_output(&self, output: &Path) -> Result<()> {
        // A folder that does not exist yet is another one.
        let input = self.path.canonicalize();
        if output.canonicalize().is_ok_and(|output| input.is_ok_and(|input| input == output)) {
            bail!(
                "--output is the folder of the events: results would replace files there, name another one"
            );
        }
        Ok(())
    }

    /// The cells of the `i`th event.
    pub(crate) fn read_cells(&self, i: usize, setup: &Setup) -> Result<Cells> {
        let path = self.directory.path(self.numbers[i], EventFile::Cells)?;
        let read = io::read_cells(path, &setup.detector, &setup.modules, &self.options)
            .with_context(|| self.advice())?;
        if read.merged_duplicates > 0 {
            tracing::info!(
                event = self.numbers[i],
                duplicates = read.merged_duplicates,
                "cells merged"
            );
        }
        Ok(read.cells)
    }

    /// The truth of the `i`th event.
    pub(crate) fn read_truth(&self, i: usize, setup: &Setup) -> Result<TruthEvent> {
        let (number, ids) = (self.numbers[i], &self.options.ids);
        let read = io::read_truth(&self.path, number, &setup.detector, &setup.modules, ids);
        read.context("--truth needs the files particles_initial, hits and measurement-simhit-map")
    }

    /// What a user can do when cells do not fit the detector.
    fn advice(&self) -> &'static str {
        match self.options.ids {
            GeometryIds::Acts => {
                "cells with ACTS geometry ids (--geometry-ids detray reads the other kind)"
            }
            _ => "cells with detray identifiers (--geometry-ids acts reads the other kind)",
        }
    }
}

/// The numbers of the events in a folder, ascending.
pub(crate) fn list_events(directory: &Path) -> Result<Vec<u64>> {
    Ok(EventDirectory::open(directory)?.events(EventFile::Cells))
}

/// Writes a simulated event: cells and truth, sensors by their ACTS geometry ids.
pub(crate) fn write_event(
    directory: &Path,
    number: u64,
    setup: &Setup,
    event: &SimulatedEvent,
) -> Result<()> {
    let (detector, modules, ids) = (&*setup.detector, &*setup.modules, &GeometryIds::Acts);
    let SimulatedEvent { cells, truth } = event;
    io::write_cells(directory, number, cells, Some(truth), (detector, modules), ids)?;
    io::write_particles(directory, number, truth)?;
    io::write_hits(directory, number, truth, detector, ids)?;
    io::write_simhit_map(directory, number, truth)?;
    Ok(())
}
