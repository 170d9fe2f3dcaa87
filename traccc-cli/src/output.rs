//! Results in files: the tracks of all events in one, the measurements that they name in one for each event.

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use traccc::detector::SensorTable;
use traccc::io::{self, EventDirectory, EventFile};
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

/// Refuses a folder that results would damage: one with cells, whose measurements are those that truth refers to, or one
/// with measurements that are no results of this program, since there are no tracks beside them.
pub(crate) fn check_folder(directory: &Path) -> Result<()> {
    if !directory.is_dir() {
        return Ok(());
    }
    let (files, path) = (EventDirectory::open(directory)?, directory.display());
    if !files.events(EventFile::Cells).is_empty() {
        bail!(
            "--output: `{path}` holds events, whose files results would replace: name another folder"
        );
    }
    let has_tracks = track_files(directory).any(|path| path.exists());
    if !has_tracks && !files.events(EventFile::Measurements).is_empty() {
        bail!("--output: `{path}` holds measurements and no tracks: name another folder");
    }
    Ok(())
}

/// Where files of tracks lie, finished and unfinished.
fn track_files(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let path = |format: Format| directory.join(format.file_name());
    Format::ALL.map(path).into_iter().flat_map(|path| [unfinished(&path), path])
}

/// The name of a file before it is complete.
fn unfinished(path: &Path) -> PathBuf {
    path.with_added_extension("part")
}

/// Removes the results in a folder that [`check_folder`] has let pass.
fn remove_results(directory: &Path) -> Result<()> {
    let files = EventDirectory::open(directory)?;
    let measurements = |&event: &u64| files.find(event, EventFile::Measurements);
    let events = files.events(EventFile::Measurements);
    // The tracks last: without them the measurements would be taken for those of others.
    for path in events.iter().filter_map(measurements).chain(track_files(directory)) {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error)
                    .with_context(|| format!("`{}` cannot be removed", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A folder for results. Unless they are finished, they are removed in the end.
#[derive(Debug)]
pub(crate) struct Output {
    directory: PathBuf,
    format: Format,
    finished: bool,
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.finished {
            // There is an error already, and it says more than a second one.
            let _ = remove_results(&self.directory);
        }
    }
}

impl Output {
    /// Makes the folder, if need be, and removes the results of an earlier run from it.
    pub(crate) fn create(directory: &Path, format: Format) -> Result<Self> {
        check_folder(directory)?;
        std::fs::create_dir_all(directory)
            .with_context(|| format!("`{}` cannot be made", directory.display()))?;
        remove_results(directory)?;
        Ok(Self { directory: directory.to_owned(), format, finished: false })
    }

    /// Writes the measurements of an event and returns its tracks as they go into the file of all tracks. Called for
    /// several events at once.
    pub(crate) fn write_event(
        &self,
        number: u64,
        sensors: &SensorTable,
        setup: &Setup,
        event: &Reconstruction,
    ) -> Result<Vec<u8>> {
        let (detector, tracks) = (&setup.detector, event.tracks());
        io::write_measurements(&self.directory, number, &event.measurements, sensors)?;
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
        let part = unfinished(&path);
        let file = File::create(&part).with_context(|| cannot_write(&part))?;
        let mut tracks = TrackFile { path: part, file: BufWriter::new(file) };
        if self.format == Format::Csv {
            tracks.append(format!("{}\n", io::TRACKS_CSV_HEADER).as_bytes())?;
        }
        Ok(tracks)
    }

    /// Completes the file of all tracks and gives it its name.
    pub(crate) fn finish(mut self, tracks: TrackFile) -> Result<()> {
        let part = tracks.complete()?;
        let path = self.directory.join(self.format.file_name());
        std::fs::rename(part, &path).with_context(|| cannot_write(&path))?;
        self.finished = true;
        Ok(())
    }
}

/// The file of all tracks, in the order of events; its name tells that it is not complete.
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

    /// Writes what is still in memory; the path.
    fn complete(mut self) -> Result<PathBuf> {
        self.file.flush().with_context(|| cannot_write(&self.path))?;
        Ok(self.path)
    }
}

fn cannot_write(path: &Path) -> String {
    format!("`{}` cannot be written", path.display())
}
