use crate::Verdict;
use crate::args::JobArguments;
use crate::events::Events;
use crate::output::{Format, Output, check_folder};
use crate::progress::progress_bar;
use crate::report::{StageMs, Summary, TruthTotals, TruthView};
use crate::terminal;
use crate::workers::Workers;
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;
use traccc::io::CellsRead;
use traccc::{Chain, EventCounts, Keep, ReconstructionChain, Setup, settings};

/// How the summary is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SummaryFormat {
    /// A table
    Text,
    /// One JSON object and nothing else
    Json,
}

/// Arguments of `traccc run`.
#[derive(Args, Debug)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    job: JobArguments,
    /// Folder for tracks and the measurements that they name
    #[arg(long, value_name = "DIR", help_heading = "Results")]
    output: Option<PathBuf>,
    /// Form of the tracks
    #[arg(long, value_enum, default_value_t = Format::Csv, requires = "output", help_heading = "Results")]
    format: Format,
    /// Compare with the generated particles, of which those count that upstream or that users choose
    #[arg(long, value_enum, value_name = "VIEW", num_args = 0..=1, require_equals = true,
          default_missing_value = "upstream", help_heading = "Results")]
    truth: Option<TruthView>,
    /// Form of the summary on standard output
    #[arg(long, value_enum, default_value_t = SummaryFormat::Text, help_heading = "Results")]
    summary: SummaryFormat,
    /// Print all settings of the chain as TOML, and do nothing else
    #[arg(long, help_heading = "Chain")]
    print_config: bool,
}

/// What one event gave.
struct EventResult {
    counts: EventCounts,
    merged_duplicates: usize,
    time: StageMs,
    truth: Option<TruthTotals>,
    tracks: Vec<u8>,
}

/// Reconstructs events from files.
pub(crate) fn run(arguments: &RunArguments) -> Result<Verdict> {
    let job = &arguments.job;
    let config = job.chain.config()?;
    if arguments.print_config {
        std::io::stdout().lock().write_all(settings::to_toml(&config)?.as_bytes())?;
        return Ok(Verdict::Done);
    }
    let events = job.find_events()?;
    arguments.output.as_ref().map_or(Ok(()), |folder| check_folder(folder))?;
    let setup = job.read_setup(&config, &events)?;
    let engine = job.chain.engine(&setup)?;
    let concurrency = |threads| engine.concurrency(threads);
    let mut workers = Workers::new(job.chain.threads, events.len(), concurrency, || {
        job.open_chain(&engine, &config)
    })?;
    let output =
        arguments.output.as_ref().map(|dir| Output::create(dir, arguments.format)).transpose()?;
    let mut tracks = output.as_ref().map(Output::tracks).transpose()?;

    let progress = progress_bar(events.len());
    let mut summary = Summary::new(arguments.truth.is_some(), &config, &setup.warnings);
    let start = Instant::now();
    let one = |chain: &mut Chain, i: usize| {
        reconstruct(&setup, &events, i, chain, output.as_ref(), arguments.truth)
            .with_context(|| format!("event {}", events.number(i)))
    };
    workers.run(events.len(), one, |_, event| {
        summary.add(event.counts, &event.time, event.truth.as_ref());
        summary.merged_duplicates += event.merged_duplicates;
        progress.inc(1);
        tracks.as_mut().map_or(Ok(()), |file| file.append(&event.tracks))
    })?;
    progress.finish_and_clear();
    output.zip(tracks).map_or(Ok(()), |(output, tracks)| output.finish(tracks))?;
    tracing::info!(
        events = events.len(),
        threads = workers.threads(),
        seconds = start.elapsed().as_secs_f64(),
        "done"
    );

    let mut out = terminal::stdout();
    match arguments.summary {
        SummaryFormat::Text => write!(out, "{summary}")?,
        SummaryFormat::Json => writeln!(out, "{}", serde_json::to_string(&summary)?)?,
    }
    Ok(Verdict::Done)
}

fn reconstruct(
    setup: &Setup,
    events: &Events,
    i: usize,
    chain: &mut Chain,
    output: Option<&Output>,
    view: Option<TruthView>,
) -> Result<EventResult> {
    let start = Instant::now();
    let CellsRead { cells, merged_duplicates } = events.read_cells(i, setup)?;
    let read = start.elapsed().as_secs_f64() * 1.0e3;
    let keep = match (view, output) {
        (Some(_), _) => Keep::Everything,
        (None, Some(_)) => Keep::Tracks,
        (None, None) => Keep::Counts,
    };
    let finished = chain.reconstruct_batch(&[cells.view()], keep)?;
    let time = StageMs { read, stages: finished.timings };
    let event = finished.into_single()?;
    let truth = match view {
        Some(view) => {
            let truth = events.read_truth(i, setup)?;
            Some(TruthTotals::of_event(view, &truth, &cells, &event)?)
        }
        None => None,
    };
    let tracks = match output {
        Some(output) => {
            output.write_event(events.number(i), events.sensors(setup), setup, &event)?
        }
        None => Vec::new(),
    };
    Ok(EventResult { counts: event.counts, merged_duplicates, time, truth, tracks })
}
