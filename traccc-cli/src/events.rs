//! Which events, reading them, and writing simulated ones.

use crate::args::{numbering, positive};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use traccc::Setup;
use traccc::detector::{Numbering, SensorTable};
use traccc::event::TruthEvent;
use traccc::io::{self, CellsRead, CsvProblem, EventDirectory, EventFile};
use traccc_sim::SimulatedEvent;

/// Which events are read.
#[derive(Args, Debug)]
#[command(next_help_heading = "Events")]
pub(crate) struct EventArguments {
    /// Folder of the events: eventNNNNNNNNN-cells.csv and so on (the first of
    /// plain, .gz and .zst is read)
    #[arg(long, value_name = "DIR")]
    input: Option<PathBuf>,
    /// Number of the first event
    #[arg(long, value_name = "K", default_value_t = 0)]
    skip: u64,
    /// How many events: numbers K to K+N-1, all of which must exist [default: all that exist from K on]
    #[arg(long, value_name = "N", value_parser = positive)]
    events: Option<usize>,
    /// Numbering of the sensors in the event files
    #[arg(long, value_name = "acts|detray", default_value = "acts", value_parser = numbering(&["acts", "detray"]))]
    geometry_ids: Numbering,
    /// What is done with a channel that occurs twice
    #[arg(long, value_enum, default_value_t = Duplicates::Merge)]
    duplicates: Duplicates,
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
    /// Whether a folder is named.
    pub(crate) fn is_given(&self) -> bool {
        self.input.is_some()
    }

    /// Finds the events.
    pub(crate) fn find(&self) -> Result<Events> {
        let Some(path) = self.input.clone() else {
            bail!("no events given: name their folder with --input");
        };
        let directory = EventDirectory::open(&path)?;
        let numbers = choose_events(&directory, &path, self.skip, self.events)?;
        let duplicates = match self.duplicates {
            Duplicates::Merge => io::Duplicates::Merge,
            Duplicates::Refuse => io::Duplicates::Refuse,
        };
        let (numbering, sensors) = (self.geometry_ids, OnceLock::new());
        Ok(Events { path, directory, numbering, duplicates, numbers, sensors })
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
    let numbers = match count {
        Some(count) => successive(&existing, first, count)
            .with_context(|| format!("`{}`: {}", path.display(), describe(&existing)))?,
        None => existing.iter().copied().filter(|&number| number >= first).collect(),
    };
    if numbers.is_empty() {
        let path = path.display();
        bail!("there is no event from {first} on in `{path}`: {}", describe(&existing));
    }
    Ok(numbers)
}

/// The `count` numbers from `first` on, all of which must be in the ascending list `existing`. Ends at the first that is
/// not: `count` can be any number.
fn successive(existing: &[u64], first: u64, count: usize) -> Result<Vec<u64>> {
    let from_first = &existing[existing.partition_point(|&number| number < first)..];
    let mut numbers = Vec::new();
    for i in 0..count {
        let Some(number) = first.checked_add(i as u64) else {
            bail!("--skip {first} --events {count}: event numbers end at {}", u64::MAX);
        };
        if from_first.get(i) != Some(&number) {
            bail!("there is no event {number}");
        }
        numbers.push(number);
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
    numbering: Numbering,
    duplicates: io::Duplicates,
    numbers: Vec<u64>,
    sensors: OnceLock<SensorTable>,
}

impl Events {
    /// Their folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.path
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The number of the `i`th event.
    pub(crate) fn number(&self, i: usize) -> u64 {
        self.numbers[i]
    }

    /// The sensors of the one setup by the numbering of the files.
    pub(crate) fn sensors(&self, setup: &Setup) -> &SensorTable {
        let table = match self.numbering {
            Numbering::Detray => SensorTable::detray,
            _ => SensorTable::acts,
        };
        self.sensors.get_or_init(|| table(&setup.detector, &setup.modules))
    }

    /// The cells of the `i`th event, and how many rows were added to others.
    pub(crate) fn read_cells(&self, i: usize, setup: &Setup) -> Result<CellsRead> {
        let path = self.directory.path(self.numbers[i], EventFile::Cells)?;
        let read = io::read_cells(path, self.sensors(setup), self.duplicates);
        read.map_err(|error| match self.advice(&error) {
            Some(advice) => anyhow::Error::new(error).context(advice),
            None => error.into(),
        })
    }

    /// The truth of the `i`th event.
    pub(crate) fn read_truth(&self, i: usize, setup: &Setup) -> Result<TruthEvent> {
        let read = io::read_truth(&self.path, self.numbers[i], self.sensors(setup));
        read.map_err(|error| match error {
            io::Error::Missing { .. } => anyhow::Error::new(error).context(
                "--truth needs the files particles_initial, hits and measurement-simhit-map",
            ),
            other => other.into(),
        })
    }

    /// What a user can do when the detector does not have the sensors of the cells.
    fn advice(&self, error: &io::Error) -> Option<&'static str> {
        let io::Error::Csv { problem: CsvProblem::Sensor(_), .. } = error else { return None };
        Some(match self.numbering {
            Numbering::Acts => {
                "cells with ACTS geometry ids (--geometry-ids detray reads the other kind)"
            }
            _ => "cells with detray barcodes (--geometry-ids acts reads the other kind)",
        })
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
    let sensors = &SensorTable::acts(&setup.detector, &setup.modules);
    let SimulatedEvent { cells, truth } = event;
    // Cells last: without them there is no event.
    let write = || {
        io::write_particles(directory, number, truth)?;
        io::write_hits(directory, number, truth, sensors)?;
        io::write_simhit_map(directory, number, truth)?;
        io::write_cells(directory, number, cells, Some(truth), sensors)
    };
    write().inspect_err(|_| {
        for kind in [EventFile::Particles, EventFile::Hits, EventFile::SimhitMap, EventFile::Cells]
        {
            // The first error says why there is no event.
            let _ = std::fs::remove_file(directory.join(kind.file_name(number)));
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successive_events_end_at_the_first_that_is_missing_whatever_their_number() {
        let message = |first, count| {
            successive(&[0, 1, 2, 5, u64::MAX], first, count).unwrap_err().to_string()
        };
        assert_eq!(successive(&[0, 1, 2, 5], 1, 2).unwrap(), [1, 2]);
        assert_eq!(message(0, usize::MAX), "there is no event 3");
        assert_eq!(message(4, 1), "there is no event 4");
        assert_eq!(message(6, 1), "there is no event 6");
        assert_eq!(successive(&[u64::MAX], u64::MAX, 1).unwrap(), [u64::MAX]);
        assert!(message(u64::MAX, 2).contains("event numbers end at"));
    }
}
