use crate::Verdict;
use crate::args::{ChainArguments, SetupArguments};
use crate::events::{EventArguments, Events};
use crate::output::{Format, Output, TrackFile};
use crate::progress::progress_bar;
use crate::report::{StageMs, Summary, TruthTotals, TruthView};
use crate::workers::Workers;
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;
use traccc::{Chain, EventCounts, Setup, settings};

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
    setup: SetupArguments,
    #[command(flatten)]
    events: EventArguments,
    #[command(flatten)]
    chain: ChainArguments,
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
    time: StageMs,
    truth: Option<TruthTotals>,
    tracks: Vec<u8>,
}

/// Reconstructs events from files.
pub(crate) fn run(arguments: &RunArguments) -> Result<Verdict> {
    let config = arguments.chain.config()?;
    if arguments.print_config {
        std::io::stdout().lock().write_all(settings::to_toml(&config)?.as_bytes())?;
        return Ok(Verdict::Done);
    }
    let events = arguments.events.find()?;
    if let Some(output) = &arguments.output {
        events.check_output(output)?;
    }
    let setup = arguments.setup.read()?;
    let output =
        arguments.output.as_ref().map(|dir| Output::create(dir, arguments.format)).transpose()?;
    let mut tracks = output.as_ref().map(Output::tracks).transpose()?;
    let mut workers = Workers::new(arguments.chain.threads, events.len(), || {
        Ok(setup.open(arguments.chain.backend, &config)?)
    })?;

    let progress = progress_bar(events.len());
    let mut summary = Summary::new(arguments.truth.is_some());
    let start = Instant::now();
    let one = |chain: &mut Chain, i: usize| {
        reconstruct(&setup, &events, i, chain, output.as_ref(), arguments.truth)
            .with_context(|| format!("event {}", events.number(i)))
    };
    workers.run(events.len(), one, |_, event| {
        summary.add(event.counts, &event.time, event.truth.as_ref());
        progress.inc(1);
        tracks.as_mut().map_or(Ok(()), |file| file.append(&event.tracks))
    })?;
    progress.finish_and_clear();
    tracks.map_or(Ok(()), TrackFile::finish)?;
    tracing::info!(
        events = events.len(),
        threads = workers.threads(),
        seconds = start.elapsed().as_secs_f64(),
        "done"
    );

    let mut out = std::io::stdout().lock();
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
    let cells = events.read_cells(i, setup)?;
    let read = start.elapsed().as_secs_f64() * 1.0e3;
    let event = chain.reconstruct(&cells)?;
    let time = StageMs { read, stages: chain.timings() };
    let truth = match view {
        Some(view) => {
            let truth = events.read_truth(i, setup)?;
            Some(TruthTotals::of_event(view, &truth, &cells, &event)?)
        }
        None => None,
    };
    let tracks = match output {
        Some(output) => output.write_event(events.number(i), events.ids(), setup, &event)?,
        None => Vec::new(),
    };
    Ok(EventResult { counts: event.counts(), time, truth, tracks })
}
