//! The contract between whoever has events and an engine that reconstructs them, and the CPU engine.

mod cpu;
mod reconstruction;
mod stage;
#[cfg(test)]
mod tests;

pub use cpu::{CpuBatch, CpuChain};
pub use reconstruction::{EventCounts, Keep, Reconstruction};
pub use stage::{Stage, StageTimings};

use crate::config::ChainConfig;
use crate::error::Cancelled;
use crate::event::CellsView;

/// What became of a batch.
#[derive(Debug)]
pub struct Finished<E> {
    /// One result for each event, in the order in which they were given.
    pub events: Vec<Result<Reconstruction, E>>,
    /// Time that the whole batch spent in each stage, in ms.
    pub timings: StageTimings,
}

/// A chain of one engine: takes batches of events, runs the stages on them and gives back what they made.
///
/// Whoever wants results calls [`reconstruct`](Self::reconstruct) or [`reconstruct_batch`](Self::reconstruct_batch). The steps
/// under them are for engines, which implement them, and for whoever has several batches on the way: `begin`, `run` for each
/// stage, `finish`. A batch that is dropped before is given up. A chain has one batch at a time; the next is begun when that one
/// is finished or dropped. Several chains of an engine work side by side.
///
/// # Errors
/// A wrong event fails alone, in its place among the results; so does what is impossible for one event only. An error of a step
/// is one of the engine, and concerns the whole batch.
pub trait ReconstructionChain {
    /// Events on their way.
    type Batch<'a>;
    /// What can go wrong.
    type Error: std::error::Error + From<Cancelled> + Send + Sync + 'static;

    /// The settings.
    fn config(&self) -> &ChainConfig;

    /// Takes a batch of events, of which `keep` says what will be read back. Does not wait.
    ///
    /// Cells that break the rules of [`CellsView::validate`] become the error of their event, here or in a later step.
    ///
    /// # Errors
    /// Of the engine.
    fn begin<'a>(
        &mut self,
        events: &[CellsView<'a>],
        keep: Keep,
    ) -> Result<Self::Batch<'a>, Self::Error>;

    /// Takes events that another engine has reconstructed as far as before `next`; what that engine made later is ignored. There
    /// are no cells in them, so that clustering finds none.
    ///
    /// This is for comparing engines stage by stage. Products that do not hold together become the error of their event.
    ///
    /// # Errors
    /// Of the engine.
    fn resume<'a>(
        &mut self,
        events: &[&'a Reconstruction],
        next: Stage,
        keep: Keep,
    ) -> Result<Self::Batch<'a>, Self::Error>;

    /// Runs a stage on all events of a batch, or notes or enqueues that it is to be run. Stages are run in their order; those that
    /// are not run make nothing.
    ///
    /// # Errors
    /// Of the engine.
    fn run(&mut self, stage: Stage, batch: &mut Self::Batch<'_>) -> Result<(), Self::Error>;

    /// Nobody waits for an event of the batch any more. An engine may leave out what is left of it, and give [`Cancelled`] as its
    /// result, or go on.
    fn cancel(&mut self, _batch: &mut Self::Batch<'_>, _event: usize) {}

    /// Whether [`finish`](Self::finish) will not wait. Launches what `run` has only noted, and does not wait either.
    ///
    /// # Errors
    /// Of the engine.
    fn is_done(&mut self, batch: &mut Self::Batch<'_>) -> Result<bool, Self::Error>;

    /// Launches what `run` has only noted, waits (at most twice: for sizes, then for rows) and reads back what is to be kept.
    ///
    /// # Errors
    /// Of the engine.
    fn finish(&mut self, batch: Self::Batch<'_>) -> Result<Finished<Self::Error>, Self::Error>;

    /// Runs all stages from `next` on that the settings ask for. `cancelled` says, before each of them, for which events nobody
    /// waits any more; the batch has `events` of them. This is the only place that knows the order.
    ///
    /// # Errors
    /// Of the engine.
    fn run_from(
        &mut self,
        next: Stage,
        batch: &mut Self::Batch<'_>,
        events: usize,
        cancelled: &dyn Fn(usize) -> bool,
    ) -> Result<(), Self::Error> {
        for stage in Stage::ALL.into_iter().filter(|&stage| stage >= next) {
            for event in (0..events).filter(|&event| cancelled(event)) {
                self.cancel(batch, event);
            }
            if self.config().runs(stage) {
                let _span = stage.span().entered();
                self.run(stage, batch)?;
            }
        }
        Ok(())
    }

    /// Reconstructs events, each of which has a result of its own.
    ///
    /// # Errors
    /// Of the engine.
    fn reconstruct_batch(
        &mut self,
        events: &[CellsView<'_>],
        keep: Keep,
    ) -> Result<Finished<Self::Error>, Self::Error> {
        self.reconstruct_batch_unless(events, keep, &|_| false)
    }

    /// Reconstructs those events of which `cancelled` does not say, before the first or a later stage, that nobody waits for
    /// them; the others have [`Cancelled`] as their result, or what became of them nevertheless.
    ///
    /// # Errors
    /// Of the engine.
    fn reconstruct_batch_unless(
        &mut self,
        events: &[CellsView<'_>],
        keep: Keep,
        cancelled: &dyn Fn(usize) -> bool,
    ) -> Result<Finished<Self::Error>, Self::Error> {
        let wanted: Vec<usize> = (0..events.len()).filter(|&event| !cancelled(event)).collect();
        let cells: Vec<CellsView<'_>> = wanted.iter().map(|&event| events[event]).collect();
        let mut batch = self.begin(&cells, keep)?;
        let gone = |event: usize| cancelled(wanted[event]);
        self.run_from(Stage::Clustering, &mut batch, wanted.len(), &gone)?;
        let finished = self.finish(batch)?;
        let mut results: Vec<Result<Reconstruction, Self::Error>> =
            events.iter().map(|_| Err(Cancelled.into())).collect();
        for (event, result) in wanted.into_iter().zip(finished.events) {
            results[event] = result;
        }
        Ok(Finished { events: results, timings: finished.timings })
    }

    /// Reconstructs from `next` on the events that another engine has reconstructed as far as that.
    ///
    /// # Errors
    /// Of the engine.
    fn reconstruct_from(
        &mut self,
        events: &[&Reconstruction],
        next: Stage,
        keep: Keep,
    ) -> Result<Finished<Self::Error>, Self::Error> {
        let mut batch = self.resume(events, next, keep)?;
        self.run_from(next, &mut batch, events.len(), &|_| false)?;
        self.finish(batch)
    }

    /// Reconstructs one event, a batch of its own, and keeps everything.
    ///
    /// # Errors
    /// Cells that break the rules of [`CellsView::validate`], and errors of the engine.
    fn reconstruct<'a>(
        &mut self,
        cells: impl Into<CellsView<'a>>,
    ) -> Result<Reconstruction, Self::Error> {
        let finished = self.reconstruct_batch(&[cells.into()], Keep::Everything)?;
        finished.into_single()
    }
}

impl<E: From<Cancelled>> Finished<E> {
    /// The result of a batch of one event; the first of several.
    ///
    /// # Errors
    /// That of the event.
    pub fn into_single(self) -> Result<Reconstruction, E> {
        // An engine that has lost the event has not reconstructed it.
        self.events.into_iter().next().unwrap_or_else(|| Err(Cancelled.into()))
    }
}
