use crate::Verdict;
use crate::args::{JobArguments, positive};
use crate::progress::progress_bar;
use crate::report::{Align, StageMs, Table, counted};
use crate::terminal;
use crate::workers::Workers;
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use std::io::Write;
use std::time::Instant;
use traccc::event::Cells;
use traccc::{Backend, Chain, Engine, Finished, Keep, ReconstructionChain, StageTimings};

/// Arguments of `traccc throughput`.
#[derive(Args, Debug)]
pub(crate) struct ThroughputArguments {
    #[command(flatten)]
    job: JobArguments,
    /// Events to reconstruct: the loaded ones again and again
    #[arg(long, value_name = "N", value_parser = positive, default_value_t = 100)]
    processed: usize,
    /// Events to reconstruct before the measurement begins
    #[arg(long, value_name = "N", default_value_t = 10)]
    warm_up: usize,
    /// Events that are given to the engine at once
    #[arg(long, value_name = "N", value_parser = positive, default_value_t = 1)]
    batch: usize,
    /// Batches under way at a time, each with a chain and a stream of its own; as the engine advises when not given
    #[arg(long, value_name = "N", value_parser = positive)]
    streams: Option<usize>,
    /// What of each event is read back from the engine
    #[arg(long, value_enum, default_value_t = KeepArgument::Tracks)]
    keep: KeepArgument,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// What is read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KeepArgument {
    /// How many of each thing there are
    Counts,
    /// And the parameters of the tracks
    Parameters,
    /// And their measurements and states, and all measurements
    Tracks,
    /// What each stage made
    Everything,
}

impl From<KeepArgument> for Keep {
    fn from(argument: KeepArgument) -> Self {
        match argument {
            KeepArgument::Counts => Self::Counts,
            KeepArgument::Parameters => Self::Parameters,
            KeepArgument::Tracks => Self::Tracks,
            KeepArgument::Everything => Self::Everything,
        }
    }
}

/// Reconstructs events that are in memory, many times, and tells how fast that goes.
pub(crate) fn throughput(arguments: &ThroughputArguments) -> Result<Verdict> {
    let job = &arguments.job;
    let config = job.chain.config()?;
    let events = job.find_events()?;
    let setup = job.read_setup(&config, &events)?;
    let load = |i| {
        let read = events.read_cells(i, &setup);
        Ok(read.with_context(|| format!("event {}", events.number(i)))?.cells)
    };
    let loaded: Vec<Cells> = (0..events.len()).map(load).collect::<Result<_>>()?;

    let (batch, keep) = (arguments.batch, arguments.keep.into());
    let batches = |events: usize| events.div_ceil(batch);
    let engine = job.chain.engine(&setup)?;
    let concurrency = |threads| arguments.streams.unwrap_or_else(|| engine.concurrency(threads));
    let mut workers =
        Workers::new(job.chain.threads, batches(arguments.processed), concurrency, || {
            job.open_chain(&engine, &config)
        })?;
    // The times of a batch are shared by its events.
    let reconstruct = |chain: &mut Chain, i: usize, all: usize| {
        let events = i * batch..all.min((i + 1) * batch);
        let size = events.len();
        let cells: Vec<_> = events.map(|event| loaded[event % loaded.len()].view()).collect();
        let Finished { events, timings } = chain.reconstruct_batch(&cells, keep)?;
        events.into_iter().try_for_each(|event| event.map(drop))?;
        Ok((size, StageTimings::from_fn(|stage| timings[stage] / size as f64)))
    };
    let warm_up = |chain: &mut Chain, i: usize| reconstruct(chain, i, arguments.warm_up);
    workers.run(batches(arguments.warm_up), warm_up, |_, _| Ok(()))?;

    let progress = progress_bar(arguments.processed);
    let mut times = Vec::with_capacity(arguments.processed);
    let start = Instant::now();
    let measured = |chain: &mut Chain, i: usize| reconstruct(chain, i, arguments.processed);
    workers.run(batches(arguments.processed), measured, |_, (size, stages)| {
        times.extend(std::iter::repeat_n(StageMs { read: 0.0, stages }, size));
        progress.inc(size as u64);
        Ok(())
    })?;
    let seconds = start.elapsed().as_secs_f64();
    progress.finish_and_clear();

    let rate = arguments.processed as f64 / seconds;
    let medians = StageMs::combine(&times, median);
    write_result(
        arguments,
        &engine,
        (loaded.len(), workers.len(), workers.threads()),
        rate,
        &medians,
    )?;
    Ok(Verdict::Done)
}

fn write_result(
    arguments: &ThroughputArguments,
    engine: &Engine,
    (loaded, streams, threads): (usize, usize, usize),
    rate: f64,
    medians: &StageMs,
) -> Result<()> {
    let mut out = terminal::stdout();
    let processed = arguments.processed;
    if arguments.json {
        let result = serde_json::json!({
            "loaded": loaded, "processed": processed, "threads": threads, "batch": arguments.batch,
            "streams": streams, "backend": engine.backend().to_string(), "devices": engine.devices(),
            "events_per_second": rate, "stage_ms": medians.stages,
        });
        writeln!(out, "{result}")?;
        return Ok(());
    }
    let (events, threads) = (counted(processed, "event"), counted(threads, "thread"));
    writeln!(out, "{rate:.2} events/s: {events} ({loaded} loaded), {threads}")?;
    if engine.backend() != Backend::Cpu {
        let (devices, batch) = (engine.devices().join(", "), arguments.batch);
        writeln!(
            out,
            "{}: {devices}; batches of {batch}, {streams} streams, copies included",
            engine.backend()
        )?;
    }
    if !arguments.job.times_stages(engine) {
        return Ok(());
    }
    writeln!(out)?;
    let mut table = Table::new([("stage", Align::Left), ("median ms/event", Align::Right)]);
    // Nothing is read while the clock runs.
    for (stage, ms) in medians.named().skip(1) {
        table.row([stage.to_owned(), format!("{ms:.3}")]);
    }
    write!(out, "{table}")?;
    Ok(())
}

/// The value in the middle, of an even number the mean of the two; not a number when there is none.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => f64::NAN,
        (n, half) if n % 2 == 0 => 0.5 * (values[half - 1] + values[half]),
        (_, half) => values[half],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median(&mut [3.0, 1.0, 2.0]) - 2.0).abs() < 1e-12);
        assert!((median(&mut [4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-12);
        assert!(median(&mut []).is_nan());
    }
}
