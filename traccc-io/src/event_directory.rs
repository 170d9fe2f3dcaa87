//! Folders of events: files named `eventNNNNNNNNN-KIND.csv`.

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
    /// Looks which events a folder holds, plain or compressed. Other files are ignored.
    ///
    /// # Errors
    /// A folder that cannot be read.
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

/// Event number and kind of a file name.
fn parse(name: &str) -> Option<(u64, EventFile)> {
    let (number, rest) = name.strip_prefix("event")?.split_once('-')?;
    let plain =
        crate::input::SUFFIXES.iter().find_map(|s| rest.strip_suffix(s)?.strip_suffix(".csv"))?;
    let kind = EventFile::ALL.into_iter().find(|kind| kind.name() == plain)?;
    if number.len() < 9 {
        return None;
    }
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
            "event1-cells.csv",
            "notes.txt",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let events = EventDirectory::open(folder.path()).unwrap();
        assert_eq!(events.events(EventFile::Cells), [3, 12]);
        assert_eq!(events.events(EventFile::Hits), [1]);
        assert!(events.path(3, EventFile::Cells).unwrap().ends_with("event000000003-cells.csv"));
        let message = events.path(7, EventFile::Cells).unwrap_err().to_string();
        assert!(message.contains("event000000007-cells.csv"), "{message}");
        assert!(EventDirectory::open(folder.path().join("none")).is_err());
    }
}
