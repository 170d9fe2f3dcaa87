//! The rules for batches: what is given to a chain, how, and what it gives back.

use super::{Violation, bytes, repeats, require};
use std::fmt::Display;
use std::time::{Duration, Instant};
use traccc_core::event::{Cells, CellsView, Tracks};
use traccc_core::{Finished, Keep, Reconstruction, ReconstructionChain, Stage, StageTimings};

/// How long a batch of the suite may take until it is done.
const PATIENCE: Duration = Duration::from_secs(600);
/// Clocks of engine and host may differ by this part, and by a tenth of a millisecond.
const CLOCKS: f64 = 0.01;

fn engine<T>(outcome: Result<T, impl Display>) -> Result<T, Violation> {
    outcome.map_err(|error| Violation {
        rule: "sound batches are reconstructed",
        found: error.to_string(),
    })
}

fn views(events: &[Cells]) -> Vec<CellsView<'_>> {
    events.iter().map(Cells::view).collect()
}

/// Results are those of the events alone.
fn same<E: Display>(
    rule: &'static str,
    results: Vec<Result<Reconstruction, E>>,
    expected: &[&Reconstruction],
) -> Result<(), Violation> {
    let count = results.len();
    require(count == expected.len(), "each event of a batch has a result", || {
        format!("{count} results for {} events", expected.len())
    })?;
    for (event, (result, expected)) in results.into_iter().zip(expected).enumerate() {
        let broken = |found| Violation { rule, found }.of(event);
        let result = result.map_err(|error| broken(error.to_string()))?;
        repeats(expected, &result).map_err(|violation| broken(violation.found))?;
    }
    Ok(())
}

/// One event, whose times hold together.
pub(super) fn timed<C: ReconstructionChain>(
    chain: &mut C,
    cells: &Cells,
) -> Result<Reconstruction, Violation> {
    let start = Instant::now();
    let finished = engine(chain.reconstruct_batch(&[cells.view()], Keep::Everything))?;
    let ms = start.elapsed().as_secs_f64() * 1.0e3;
    let (runs, timings) = (|stage| chain.config().runs(stage), &finished.timings);
    times(timings, runs, ms)?;
    engine(finished.into_single())
}

/// Times are those of the stages that ran, all of them or (where the engine does not measure) none, within the time of the whole.
pub(super) fn times(
    timings: &StageTimings,
    runs: impl Fn(Stage) -> bool,
    ms: f64,
) -> Result<(), Violation> {
    let rule = "each stage tells the time it took, or none does";
    let measured = timings.total() != 0.0;
    for stage in Stage::ALL {
        let (time, name) = (timings[stage], stage.name());
        let sound = if measured && runs(stage) { time > 0.0 } else { time == 0.0 };
        require(sound && time.is_finite(), rule, || format!("{name} took {time} ms"))?;
    }
    let total = timings.total();
    require(total <= ms * (1.0 + CLOCKS) + 0.1, "stages take no longer than their batch", || {
        format!("stages took {total} ms of {ms} ms")
    })
}

/// Any batch gives the same results: none at all, all at once, backwards with events without cells between them.
pub(super) fn batches<C: ReconstructionChain>(
    chain: &mut C,
    events: &[Cells],
    alone: &[Reconstruction],
) -> Result<(), Violation> {
    let rule = "any batch gives the same results";
    same(rule, engine(chain.reconstruct_batch(&[], Keep::Everything))?.events, &[])?;
    let finished = engine(chain.reconstruct_batch(&views(events), Keep::Everything))?;
    same(rule, finished.events, &alone.iter().collect::<Vec<_>>())?;

    let nothing = engine(chain.reconstruct(CellsView::default()))?;
    let (mut mixed, mut expected) = (Vec::new(), Vec::new());
    for (cells, alone) in events.iter().zip(alone).rev() {
        mixed.extend([cells.view(), CellsView::default()]);
        expected.extend([alone, &nothing]);
    }
    same(rule, engine(chain.reconstruct_batch(&mixed, Keep::Everything))?.events, &expected)
}

/// What is kept has the counts and tracks of everything.
pub(super) fn keep<C: ReconstructionChain>(
    chain: &mut C,
    events: &[Cells],
    alone: &[Reconstruction],
) -> Result<(), Violation> {
    let rule = "what is kept does not change the answer";
    for keep in [Keep::Counts, Keep::Parameters, Keep::Tracks] {
        let results = engine(chain.reconstruct_batch(&views(events), keep))?.events;
        for (event, (result, alone)) in results.into_iter().zip(alone).enumerate() {
            let result = engine(result)?;
            let other = if result.counts == alone.counts {
                kept_tracks(keep, result.tracks(), alone.tracks())
            } else {
                Some("counts")
            };
            require(other.is_none(), rule, || {
                format!("event {event}, {keep:?}: {} differ", other.unwrap_or_default())
            })?;
            let measurements =
                keep < Keep::Tracks || result.measurements.bytes() == alone.measurements.bytes();
            require(measurements, rule, || format!("event {event}: measurements differ"))?;
        }
    }
    Ok(())
}

fn kept_tracks(keep: Keep, kept: &Tracks, all: &Tracks) -> Option<&'static str> {
    match keep {
        Keep::Counts => None,
        Keep::Parameters => {
            let rows = [kept, all].map(|tracks| bytemuck::cast_slice::<_, u8>(&tracks.tracks));
            (rows[0] != rows[1]).then_some("parameters")
        }
        _ => bytes::different_tracks(kept, all),
    }
}

/// A batch that is asked whether it is done will be, and one that is dropped on its way leaves no trace.
pub(super) fn steps<C: ReconstructionChain>(
    chain: &mut C,
    events: &[Cells],
    alone: &[Reconstruction],
) -> Result<(), Violation> {
    let cells = views(events);
    let mut dropped = engine(chain.begin(&cells, Keep::Everything))?;
    engine(chain.run(Stage::Clustering, &mut dropped))?;
    drop(dropped);

    let mut batch = engine(chain.begin(&cells, Keep::Everything))?;
    engine(chain.run_from(Stage::Clustering, &mut batch, cells.len(), &|_| false))?;
    let start = Instant::now();
    while !engine(chain.is_done(&mut batch))? {
        require(start.elapsed() < PATIENCE, "a batch is done at some time", || {
            format!("not after {} s", PATIENCE.as_secs())
        })?;
        std::thread::yield_now();
    }
    let Finished { events, .. } = engine(chain.finish(batch))?;
    same("a batch that is dropped leaves no trace", events, &alone.iter().collect::<Vec<_>>())
}

/// From any stage on, the chain's own products of the stages before give the same results.
pub(super) fn resume<C: ReconstructionChain>(
    chain: &mut C,
    alone: &[Reconstruction],
) -> Result<(), Violation> {
    let events: Vec<&Reconstruction> = alone.iter().collect();
    for next in Stage::ALL.into_iter().skip(1) {
        let finished = engine(chain.reconstruct_from(&events, next, Keep::Everything))?;
        same("a chain resumes from its own products", finished.events, &events)
            .map_err(|v| Violation { found: format!("at {}: {}", next.name(), v.found), ..v })?;
    }
    Ok(())
}

/// A wrong or a cancelled event touches no other one of its batch.
pub(super) fn failures<C: ReconstructionChain>(
    chain: &mut C,
    events: &[Cells],
    alone: &[Reconstruction],
    bad: &[(&'static str, Cells)],
) -> Result<(), Violation> {
    let Some((cells, alone)) = events.iter().zip(alone).find(|(cells, _)| !cells.is_empty()) else {
        return Ok(());
    };
    let rule = "a wrong event fails alone";
    for (which, wrong) in bad {
        let batch = [cells.view(), wrong.view(), cells.view()];
        let mut results = engine(chain.reconstruct_batch(&batch, Keep::Everything))?.events;
        require(results.len() == 3 && results.remove(1).is_err(), rule, || {
            format!("a cell {which} was accepted")
        })?;
        same(rule, results, &[alone, alone])?;
    }
    let batch = [cells.view(), cells.view()];
    let cancelled = chain.reconstruct_batch_unless(&batch, Keep::Everything, &|event| event == 0);
    let mut results = engine(cancelled)?.events;
    let rule = "a cancelled event is left out";
    require(results.len() == 2 && results.remove(0).is_err(), rule, || "it has a result")?;
    same(rule, results, &[alone])
}
