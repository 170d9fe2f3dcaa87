//! A chain that is replaced when it is lost.

use crate::error::Failure;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use traccc::event::CellsView;
use traccc::{Error, Finished, Keep, ReconstructionChain, StageTimings};

/// Where the chain of an instance is, except while events are in it: a chain that was left in the middle of a batch by a panic,
/// or gave a fatal error, is not used again.
#[derive(Debug)]
pub(crate) struct ChainSlot<C>(Option<C>);

/// Why a whole batch has no results.
enum Lost {
    Error(Arc<Error>),
    Panic(String),
}

impl Lost {
    fn failure(&self) -> Failure {
        match self {
            Self::Error(error) => error.clone().into(),
            Self::Panic(message) => Failure::Panicked { message: message.clone() },
        }
    }
}

impl<C: ReconstructionChain<Error = Error>> ChainSlot<C> {
    pub(crate) fn new(chain: C) -> Self {
        Self(Some(chain))
    }

    /// Reconstructs a batch, with a chain that is opened anew where there is none. An event whose reconstruction panics fails
    /// alone: after a panic the events of the batch are tried one by one.
    pub(crate) fn reconstruct(
        &mut self,
        open: &dyn Fn() -> Result<C, Error>,
        events: &[CellsView<'_>],
        cancelled: &dyn Fn(usize) -> bool,
    ) -> Finished<Failure> {
        let lost = match self.attempt(open, events, cancelled) {
            Ok(Finished { events, timings }) => {
                let failure = |error| Failure::from(Arc::new(error));
                let events = events.into_iter().map(|event| event.map_err(failure)).collect();
                return Finished { events, timings };
            }
            Err(lost) => lost,
        };
        if let (Lost::Panic(_), 2..) = (&lost, events.len()) {
            let mut all = Finished { events: Vec::new(), timings: StageTimings::default() };
            for (i, event) in events.iter().enumerate() {
                let one = self.reconstruct(open, &[*event], &|_| cancelled(i));
                all.events.extend(one.events);
                all.timings = StageTimings::from_fn(|s| all.timings[s] + one.timings[s]);
            }
            return all;
        }
        let events = events.iter().map(|_| Err(lost.failure())).collect();
        Finished { events, timings: StageTimings::default() }
    }

    fn attempt(
        &mut self,
        open: &dyn Fn() -> Result<C, Error>,
        events: &[CellsView<'_>],
        cancelled: &dyn Fn(usize) -> bool,
    ) -> Result<Finished<Error>, Lost> {
        let error = |error| Lost::Error(Arc::new(error));
        let mut chain = match self.0.take() {
            Some(chain) => chain,
            None => open().map_err(error)?,
        };
        // A chain that panics is dropped.
        let (chain, outcome) = catch_unwind(AssertUnwindSafe(|| {
            let outcome = chain.reconstruct_batch_unless(events, Keep::Tracks, cancelled);
            (chain, outcome)
        }))
        .map_err(|panic| Lost::Panic(panic_message(panic.as_ref())))?;
        let fatal = match &outcome {
            Ok(finished) => {
                finished.events.iter().filter_map(|event| event.as_ref().err()).any(Error::is_fatal)
            }
            Err(error) => error.is_fatal(),
        };
        if fatal {
            tracing::error!("the chain is lost: the next request starts another one");
        } else {
            self.0 = Some(chain);
        }
        outcome.map_err(error)
    }
}

/// What a panic said.
fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FailureKind;
    use std::cell::Cell;
    use traccc::{Backend, ChainConfig, Reconstruction, Stage};

    /// What happens to an event with so many cells.
    const PANICS: usize = 3;
    const BREAKS_THE_ENGINE: usize = 4;
    const IS_TOO_LARGE: usize = 5;
    /// What happens to the whole batch with such an event.
    const FAILS_THE_BATCH: usize = 6;

    struct Mock(ChainConfig);

    fn open(opened: &Cell<usize>) -> Result<Mock, Error> {
        opened.set(opened.get() + 1);
        Ok(Mock(ChainConfig::full()))
    }

    fn broken() -> Error {
        let source = "an illegal address".into();
        Error::EngineFailed { backend: Backend::Cuda { device: 0 }, source }
    }

    impl ReconstructionChain for Mock {
        type Batch<'a> = Vec<usize>;
        type Error = Error;

        fn config(&self) -> &ChainConfig {
            &self.0
        }
        fn begin<'a>(&mut self, events: &[CellsView<'a>], keep: Keep) -> Result<Vec<usize>, Error> {
            assert_eq!(keep, Keep::Tracks);
            Ok(events.iter().map(CellsView::len).collect())
        }
        fn resume(
            &mut self,
            _: &[&Reconstruction],
            _: Stage,
            _: Keep,
        ) -> Result<Vec<usize>, Error> {
            Ok(Vec::new())
        }
        fn run(&mut self, stage: Stage, batch: &mut Vec<usize>) -> Result<(), Error> {
            assert!(stage != Stage::Seeding || !batch.contains(&PANICS), "a defect");
            if batch.contains(&FAILS_THE_BATCH) { Err(broken()) } else { Ok(()) }
        }
        fn is_done(&mut self, _: &mut Vec<usize>) -> Result<bool, Error> {
            Ok(true)
        }
        fn finish(&mut self, batch: Vec<usize>) -> Result<Finished<Error>, Error> {
            let backend = Backend::Cuda { device: 0 };
            let event = |cells| match cells {
                BREAKS_THE_ENGINE => Err(broken()),
                IS_TOO_LARGE => Err(Error::EngineFull { backend, needed: 9, free: 7 }),
                _ => Ok(Reconstruction::default()),
            };
            let timings = StageTimings::from_fn(|_| 1.0);
            Ok(Finished { events: batch.into_iter().map(event).collect(), timings })
        }
    }

    /// The outcomes of a batch, and how many chains were opened for it and for one sound event after it.
    fn outcomes(sizes: &[usize]) -> (Vec<Option<FailureKind>>, usize) {
        let opened = Cell::new(0);
        let mut slot = ChainSlot::new(open(&Cell::new(0)).unwrap());
        let modules = [traccc::ModuleIndex(0); 9];
        let view = |&size: &usize| CellsView { module: &modules[..size], ..CellsView::default() };
        let cells: Vec<_> = sizes.iter().map(view).collect();
        let finished = slot.reconstruct(&|| open(&opened), &cells, &|_| false);
        let kinds = finished.events.iter().map(|e| e.as_ref().err().map(Failure::kind)).collect();
        let next = slot.reconstruct(&|| open(&opened), &[view(&1)], &|_| false);
        assert!(next.events[0].is_ok(), "the next event works");
        (kinds, opened.get())
    }

    #[test]
    fn an_event_that_panics_fails_alone_and_costs_the_chain() {
        let internal = Some(FailureKind::Internal);
        assert_eq!(outcomes(&[1, 2]), (vec![None, None], 0));
        assert_eq!(outcomes(&[PANICS]), (vec![internal], 1));
        // One chain is lost with the batch, one with the event alone.
        assert_eq!(outcomes(&[1, PANICS, 2]), (vec![None, internal, None], 2));
    }

    #[test]
    fn a_fatal_error_costs_the_chain_and_the_next_one_is_opened_afresh() {
        let internal = Some(FailureKind::Internal);
        assert_eq!(outcomes(&[1, BREAKS_THE_ENGINE]), (vec![None, internal], 1));
        assert_eq!(outcomes(&[1, FAILS_THE_BATCH]), (vec![internal, internal], 1));
    }

    #[test]
    fn an_event_without_room_may_come_again_and_costs_nothing() {
        let unavailable = Some(FailureKind::Unavailable);
        assert_eq!(outcomes(&[IS_TOO_LARGE, 1]), (vec![unavailable, None], 0));
    }
}
