//! Events as a client of the service reads them: cells without a detector.

use crate::args::positive;
use crate::events::choose_events;
use anyhow::{Result, bail};
use clap::Args;
use std::path::{Path, PathBuf};
use traccc::event::RawCells;
use traccc::io::{self, EventDirectory, EventFile};

/// Which events are sent.
#[derive(Args, Debug)]
#[command(next_help_heading = "Events")]
pub(crate) struct RawEventArguments {
    /// Folder of the events: eventNNNNNNNNN-cells.csv and so on (plain, .gz or .zst), or one such file of any name
    #[arg(long, value_name = "DIR|FILE")]
    input: PathBuf,
    /// Number of the first event of a folder
    #[arg(long, value_name = "K", default_value_t = 0)]
    skip: u64,
    /// How many events of a folder: numbers K to K+N-1, all of which must exist [default: all that exist from K on]
    #[arg(long, value_name = "N", value_parser = positive)]
    events: Option<usize>,
}

impl RawEventArguments {
    /// The folder of the events.
    pub(crate) fn folder(&self) -> &Path {
        let parent = self.input.parent().filter(|_| self.input.is_file());
        parent.unwrap_or(&self.input)
    }

    /// Numbers and files of the events; a file by itself is number 0.
    pub(crate) fn find(&self) -> Result<Vec<(u64, PathBuf)>> {
        if self.input.is_file() {
            if self.skip > 0 || self.events.is_some() {
                bail!("--skip and --events choose from a folder, but --input is a file");
            }
            return Ok(vec![(0, self.input.clone())]);
        }
        let directory = EventDirectory::open(&self.input)?;
        let numbers = choose_events(&directory, &self.input, self.skip, self.events)?;
        let file = |number| Ok((number, directory.path(number, EventFile::Cells)?));
        numbers.into_iter().map(file).collect()
    }

    /// All events in memory.
    pub(crate) fn read(&self) -> Result<Vec<RawCells>> {
        self.find()?.iter().map(|(_, path)| Ok(io::read_raw_cells(path)?)).collect()
    }
}
