//! Results in files.

use anyhow::Result;
use clap::ValueEnum;
use std::path::{Path, PathBuf};
use traccc::io::GeometryIds;
use traccc::{Reconstruction, Setup};

/// The form of result files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables
    Csv,
    /// One JSON object per track
    Jsonl,
}

/// A folder for results.
#[derive(Debug)]
pub(crate) struct Output {
    directory: PathBuf,
    format: Format,
}

impl Output {
    pub(crate) fn create(directory: &Path, format: Format) -> Result<Self> {
        Ok(Self { directory: directory.to_owned(), format })
    }

    pub(crate) fn write(&self, number: u64, ids: &GeometryIds, setup: &Setup, event: &Reconstruction) -> Result<()> {
        let _ = (&self.directory, self.format, number, ids, setup, event);
        Ok(())
    }
}
