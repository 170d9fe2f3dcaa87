//! Folders of events: files named `eventNNNNNNNNN-KIND.csv`, with any number of digits.

use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The kinds of file of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventFile {
    /// Fired channels.
    Cells,
    /// True crossings of sensors.
    Hits,
    /// Measurements.
    Measurements,
    /// Which hits make which measurement.
    SimhitMap,
    /// Generated particles.
    Particles,
}

impl EventFile {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::Cells, Self::Hits, Self::Measurements, Self::SimhitMap, Self::Particles];

    /// The kind as it stands in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cells => "cells",
            Self::Hits => "hits",
            Self::Measurements => "measurements",
            Self::SimhitMap => "measurement-simhit-map",
            Self::Particles => "particles_initial",
        }
    }

    /// The name of the file of an event, `eventNNNNNNNNN-KIND.csv` with at least nine digits.
    pub fn file_name(self, event: u64) -> String {
        format!("event{event:09}-{}.csv", self.name())
    }
}

/// The events of a folder.
#[derive(Clone, Debug)]
pub struct EventDirectory {
    directory: PathBuf,
    events: BTreeMap<u64, BTreeMap<EventFile, PathBuf>>,
}

impl EventDirectory {
    /// Looks which events a folder holds, plain or compressed, their numbers with or without leading zeros. Other files are
    /// ignored.
    ///
    /// # Errors
    /// A folder that cannot be read, [`Error::TwoFiles`] when two names have one number (`event1-cells.csv` and
    /// `event000000001-cells.csv`).
    pub fn open(directory: impl AsRef<Path>) -> Result<Self> {
        let directory = directory.as_ref().to_owned();
        let fail = |source| Error::Read { path: directory.clone(), source };
        let mut events: BTreeMap<u64, BTreeMap<EventFile, PathBuf>> = BTreeMap::new();
        for entry in std::fs::read_dir(&directory).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            let Some((event, kind)) = path.file_name().and_then(|n| n.to_str()).and_then(parse)
            else {
                continue;
            };
            let file = events.entry(event).or_default().entry(kind).or_insert_with(|| path.clone());
            if stem(&path) != stem(file) {
                let mut files = [file.clone(), path];
                files.sort();
                return Err(Error::TwoFiles { kind: kind.name(), event, files });
            }
            // Of several forms the plain one comes first, then .gz, then .zst: so do their names.
            if path < *file {
                *file = path;
            }
        }
        Ok(Self { directory, events })
    }

    /// The numbers of the events that have a file of `kind`, ascending.
    pub fn events(&self, kind: EventFile) -> Vec<u64> {
        self.events.iter().filter(|(_, files)| files.contains_key(&kind)).map(|(&n, _)| n).collect()
    }

    /// The file of an event, if it is there.
    pub fn find(&self, event: u64, kind: EventFile) -> Option<PathBuf> {
        self.events.get(&event)?.get(&kind).cloned()
    }

    /// The file of an event.
    ///
    /// # Errors
    /// [`Error::Missing`] with the path at which it was expected.
    pub fn path(&self, event: u64, kind: EventFile) -> Result<PathBuf> {
        let expected = || self.directory.join(kind.file_name(event));
        self.find(event, kind).ok_or_else(|| Error::Missing { path: expected() })
    }
}

/// The name up to the number's end: files that differ behind it are forms of one.
fn stem(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()?.split('-').next()
}

/// Event number and kind of a file name.
fn parse(name: &str) -> Option<(u64, EventFile)> {
    let (number, rest) = name.strip_prefix("event")?.split_once('-')?;
    let plain =
        crate::input::SUFFIXES.iter().find_map(|s| rest.strip_suffix(s)?.strip_suffix(".csv"))?;
    let kind = EventFile::ALL.into_iter().find(|kind| kind.name() == plain)?;
    Some((crate::csv::number::unsigned(number.as_bytes())?, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_plain_and_compressed() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "event000000003-cells.csv.gz",
            "event000000003-cells.csv",
            "event000000012-cells.csv.zst",
            "event000000001-hits.csv",
            "event000000001-tracks_acts.csv.gz",
            "event5-cells.csv",
            "event0123456789012-cells.csv",
            "event-cells.csv",
            "event+7-cells.csv",
            "notes.txt",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let events = EventDirectory::open(folder.path()).unwrap();
        assert_eq!(events.events(EventFile::Cells), [3, 5, 12, 123_456_789_012]);
        assert!(events.path(5, EventFile::Cells).unwrap().ends_with("event5-cells.csv"));
        assert_eq!(events.events(EventFile::Hits), [1]);
        assert!(events.path(3, EventFile::Cells).unwrap().ends_with("event000000003-cells.csv"));
        let message = events.path(7, EventFile::Cells).unwrap_err().to_string();
        assert!(message.contains("event000000007-cells.csv"), "{message}");
        assert!(EventDirectory::open(folder.path().join("none")).is_err());
    }

    #[test]
    fn two_files_of_one_number_are_an_error_that_names_both() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["event1-cells.csv", "event1-cells.csv.gz", "event01-hits.csv"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        EventDirectory::open(folder.path()).unwrap();
        std::fs::write(folder.path().join("event000000001-cells.csv.zst"), "").unwrap();
        let message = EventDirectory::open(folder.path()).unwrap_err().to_string();
        let names = ["event1-cells.csv", "event000000001-cells.csv.zst", "event 1"];
        assert!(names.iter().all(|name| message.contains(name)), "{message}");
    }
}
