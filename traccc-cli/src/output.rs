//! Results in files: the tracks of all events in one, the measurements that they name in one for each event.

use anyhow::{Context, Result};
use clap::ValueEnum;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use traccc::io::{self, GeometryIds};
use traccc::{Reconstruction, Setup};

/// The form of a file of tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table: tracks.csv
    Csv,
    /// One JSON object for each track: tracks.jsonl
    Jsonl,
}

impl Format {
    pub(crate) const ALL: [Self; 2] = [Self::Csv, Self::Jsonl];

    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Self::Csv => "tracks.csv",
            Self::Jsonl => "tracks.jsonl",
        }
    }
}

/// A folder for results.
#[derive(Debug)]
pub(crate) struct Output {
    directory: PathBuf,
    format: Format,
}

impl Output {
    /// Makes the folder, if need be.
    pub(crate) fn create(directory: &Path, format: Format) -> Result<Self> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("`{}` cannot be made", directory.display()))?;
        Ok(Self { directory: directory.to_owned(), format })
    }

    /// Writes the measurements of an event and returns its tracks as they go into the file of all tracks. Called for
    /// several events at once.
    pub(crate) fn write_event(
        &self,
        number: u64,
        ids: &GeometryIds,
        setup: &Setup,
        event: &Reconstruction,
    ) -> Result<Vec<u8>> {
        let (detector, tracks) = (&setup.detector, event.tracks());
        io::write_measurements(&self.directory, number, &event.measurements, detector, ids)?;
        let mut text = Vec::new();
        match self.format {
            Format::Csv => io::write_tracks_csv(&mut text, number, tracks, detector)?,
            Format::Jsonl => io::write_tracks_json_lines(&mut text, number, tracks, detector)?,
        }
        Ok(text)
    }

    /// Begins the file of all tracks.
    pub(crate) fn tracks(&self) -> Result<TrackFile> {
        let path = self.directory.join(self.format.file_name());
        let file = File::create(&path).with_context(|| cannot_write(&path))?;
        let mut tracks = TrackFile { path, file: BufWriter::new(file) };
        if self.format == Format::Csv {
            tracks.append(format!("{}\n", io::TRACKS_CSV_HEADER).as_bytes())?;
        }
        Ok(tracks)
    }
}

/// The file of all tracks, in the order of events.
#[derive(Debug)]
pub(crate) struct TrackFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl TrackFile {
    /// Appends the tracks of the next event.
    pub(crate) fn append(&mut self, text: &[u8]) -> Result<()> {
        self.file.write_all(text).with_context(|| cannot_write(&self.path))
    }

    /// Writes what is still in memory.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.file.flush().with_context(|| cannot_write(&self.path))
    }
}

fn cannot_write(path: &Path) -> String {
    format!("`{}` cannot be written", path.display())
}
