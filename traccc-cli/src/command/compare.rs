//! `traccc compare`: whether two runs gave the same tracks.

mod read;

use crate::Verdict;
use crate::report::counted;
use crate::terminal;
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use read::read_tracks;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use traccc::event::Tracks;
use traccc::io::{EventDirectory, EventFile};
use traccc_performance::{Tolerances, compare_tracks};

/// How far numbers may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Tolerance {
    /// Not at all: what threads and repetitions must give
    Exact,
    /// As far as engines may that compute the same in single precision
    Engines,
}

/// Arguments of `traccc compare`.
#[derive(Args, Debug)]
pub(crate) struct CompareArguments {
    /// Folder of the first run: what `traccc run --output` wrote
    left: PathBuf,
    /// Folder of the second run
    right: PathBuf,
    /// How far numbers may differ
    #[arg(long, value_enum, default_value_t = Tolerance::Exact)]
    tolerance: Tolerance,
    /// Part of the tracks, and of the values of each column, that must agree; for 1 in the same order
    #[arg(long, value_name = "PART", default_value_t = 1.0)]
    fraction: f64,
}

/// Compares the tracks of two runs event by event; reports the events that differ.
pub(crate) fn compare(arguments: &CompareArguments) -> Result<Verdict> {
    let (left, right) = (&arguments.left, &arguments.right);
    if !(0.0..=1.0).contains(&arguments.fraction) {
        bail!("--fraction is {}, expected a number from 0 to 1", arguments.fraction);
    }
    let events = same_events(left, right)?;
    let tolerances = match arguments.tolerance {
        Tolerance::Exact => Tolerances::exact(),
        Tolerance::Engines => Tolerances::engines(),
    };
    let tracks = [read_tracks(left)?, read_tracks(right)?];
    let none = Tracks::new();
    let of_event =
        |side: &BTreeMap<u64, Tracks>, event: u64| side.get(&event).unwrap_or(&none).clone();

    let mut out = terminal::stdout();
    let (mut different, mut compared) = (0, 0);
    for &event in &events {
        let (left, right) = (of_event(&tracks[0], event), of_event(&tracks[1], event));
        let report = compare_tracks(&left, &right, &tolerances);
        compared += report.left;
        if !report.agrees(arguments.fraction) {
            different += 1;
            write!(out, "event {event}, {report}")?;
        }
    }
    let count = events.len();
    if different > 0 {
        writeln!(out, "{different} of {count} events differ")?;
        return Ok(Verdict::CheckFailed);
    }
    writeln!(out, "{} with {} agree", counted(count, "event"), counted(compared, "track"))?;
    Ok(Verdict::Done)
}

/// The events of two runs; both have the same. An event without tracks still has a file of measurements.
fn same_events(left: &Path, right: &Path) -> Result<Vec<u64>> {
    let events = |path| -> Result<Vec<u64>> {
        Ok(EventDirectory::open(path)?.events(EventFile::Measurements))
    };
    let (of_left, of_right) = (events(left)?, events(right)?);
    for (lacking, one, other) in [(right, &of_left, &of_right), (left, &of_right, &of_left)] {
        if let Some(event) = one.iter().find(|&event| other.binary_search(event).is_err()) {
            bail!(
                "`{}` has no event {event}, the other folder has: compare runs of the same events",
                lacking.display()
            );
        }
    }
    if of_left.is_empty() {
        bail!("`{}` holds no results of `traccc run --output`", left.display());
    }
    Ok(of_left)
}
