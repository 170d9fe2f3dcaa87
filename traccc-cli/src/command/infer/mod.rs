mod local;
mod summary;
mod write;

use crate::Verdict;
use crate::args::SetupArguments;
use crate::command::service::{ServiceArguments, runtime, until_interrupted};
use crate::output::Format;
use crate::progress::progress_bar;
use crate::raw_events::RawEventArguments;
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use local::{Local, LocalArguments};
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;
use summary::Summary;
use traccc::io;
use traccc_client::{Client, Request, Route, plot_tracks};
use write::TrackWriter;

/// How the summary is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SummaryFormat {
    /// A table
    Text,
    /// One JSON object and nothing else
    Json,
}

/// Arguments of `traccc infer`.
///
/// The files of --output: tracks.csv has a line for each track (parameters at its first measurement), states.csv one for
/// each measurement of each track (smoothed direction and covariance, measured position); tracks.jsonl has one object for
/// each track with its states in it. Fields that were not asked for are empty or null: see --outputs.
#[derive(Args, Debug)]
#[command(mut_group("SetupArguments", |group| group.requires("compare_local")))]
#[command(mut_group("LocalArguments", |group| group.requires("compare_local")))]
pub(crate) struct InferArguments {
    #[command(flatten)]
    service: ServiceArguments,
    #[command(flatten)]
    events: RawEventArguments,
    /// Folder for the tracks
    #[arg(long, value_name = "DIR", help_heading = "Results")]
    output: Option<PathBuf>,
    /// Form of the tracks: CSV in tracks.csv and states.csv, or JSON lines in tracks.jsonl
    #[arg(long, value_enum, default_value_t = Format::Csv, requires = "output", help_heading = "Results")]
    format: Format,
    /// Folder for histograms of the tracks' parameters, as SVG files
    #[arg(long, value_name = "DIR", help_heading = "Results")]
    plots: Option<PathBuf>,
    /// Form of the summary on standard output
    #[arg(long, value_enum, default_value_t = SummaryFormat::Text, help_heading = "Results")]
    summary: SummaryFormat,
    /// Reconstruct the events here too, and fail if a single bit differs; needs the detector and settings of the model
    #[arg(long, help_heading = "Comparison")]
    compare_local: bool,
    #[command(flatten)]
    setup: SetupArguments,
    #[command(flatten)]
    local: LocalArguments,
}

/// Sends events to a server and writes their tracks.
pub(crate) fn infer(arguments: &InferArguments) -> Result<Verdict> {
    let mut local = match arguments.compare_local {
        true => {
            let options = arguments.service.infer_options();
            let folder = arguments.events.folder();
            Some(arguments.local.start(&arguments.setup, &options, folder)?)
        }
        false => None,
    };
    let summary = runtime()?.block_on(infer_all(arguments, local.as_mut()))?;

    let mut out = crate::terminal::stdout();
    match arguments.summary {
        SummaryFormat::Text => write!(out, "{summary}")?,
        SummaryFormat::Json => writeln!(out, "{}", summary.json())?,
    }
    Ok(if summary.different_events() > 0 { Verdict::CheckFailed } else { Verdict::Done })
}

async fn infer_all(arguments: &InferArguments, local: Option<&mut Local>) -> Result<Summary> {
    let client = Client::lazy(&arguments.service.connect_options()?)?;
    let route = arguments.service.route(client);
    until_interrupted(&route, infer_each(arguments, &route, local)).await
}

async fn infer_each(
    arguments: &InferArguments,
    route: &Route,
    mut local: Option<&mut Local>,
) -> Result<Summary> {
    let events = arguments.events.find()?;
    // A server that refuses shared memory is told of before anything is written.
    route.reserve(1).await?;
    let mut options = arguments.service.infer_options();
    let mut writer = match &arguments.output {
        Some(directory) => Some(TrackWriter::create(directory, arguments.format)?),
        None => None,
    };
    let mut summary = Summary::new(arguments.compare_local);
    let mut plotted = Vec::new();
    let progress = progress_bar(events.len());
    for (number, path) in &events {
        let event = || format!("event {number}");
        let cells = io::read_raw_cells(path)?;
        options.request_id = number.to_string();
        let begin = Instant::now();
        let request = Request::new(&cells, &options).with_context(event)?;
        let response = route.send(&request).await.with_context(event)?;
        let latency = begin.elapsed();
        let tracks = response.tracks().with_context(event)?.tracks;
        summary.add(cells.len(), &response, &tracks, latency);
        if let Some(local) = local.as_deref_mut() {
            summary.compared(*number, local.differences(&cells, &response).with_context(event)?);
        }
        if let Some(writer) = &mut writer {
            writer.append(*number, &tracks)?;
        }
        if arguments.plots.is_some() {
            // The parameters are all that is drawn.
            plotted.extend(tracks.into_iter().map(|mut track| {
                track.states = Vec::new();
                track
            }));
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    writer.map_or(Ok(()), TrackWriter::finish)?;
    if let Some(directory) = &arguments.plots {
        plot_tracks(directory, &plotted)?;
    }
    Ok(summary)
}
