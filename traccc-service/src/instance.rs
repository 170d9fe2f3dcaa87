use crate::error::{Failure, ModelError};
use crate::model::Model;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use traccc::event::Cells;
use traccc::{
    Backend, Chain, EventCounts, Keep, Reconstruction, ReconstructionChain, StageTimings,
};
use traccc_protocol::{
    Excluded, Numbering, Output, RequestParameters, Selection, Tensor, decode_cells,
};

/// One chain with threads of its own. Instances of a model run side by side.
#[derive(Debug)]
pub struct Instance {
    model: Arc<Model>,
    backend: Backend,
    /// Nothing while an event is in it: a chain that was left in the middle of one is not used again.
    chain: Option<Chain>,
    pool: ThreadPool,
}

/// The cells of a request, and how its reply is to be.
#[derive(Clone, Debug)]
pub struct Decoded {
    cells: Cells,
    parameters: RequestParameters,
    /// How many cells were added to one before them.
    pub merged_duplicates: usize,
}

impl Instance {
    pub(crate) fn start(
        model: Arc<Model>,
        backend: Backend,
        threads: usize,
    ) -> Result<Self, ModelError> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("traccc-{i}"))
            .build();
        let pool =
            pool.map_err(|error| ModelError::Threads { threads, reason: error.to_string() })?;
        let chain = Some(model.setup.open(backend, &model.config)?);
        Ok(Self { model, backend, chain, pool })
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// The tensors of a request as cells.
    ///
    /// # Errors
    /// What is wrong with the request.
    pub fn decode(
        &self,
        tensors: &[Tensor<'_>],
        parameters: RequestParameters,
    ) -> Result<Decoded, Failure> {
        let sensors = self.model.sensors(parameters.numbering)?;
        let modules = self.model.setup.modules.len();
        let arranged = decode_cells(tensors, sensors, modules, parameters.duplicates)?;
        let (cells, merged_duplicates) = (arranged.cells, arranged.merged_duplicates);
        Ok(Decoded { cells, parameters, merged_duplicates })
    }

    /// Reconstructs an event, unless `cancelled` says between two stages that nobody waits for it.
    ///
    /// # Errors
    /// [`Failure::Cancelled`], and failures of the engine; after a panic the chain is started anew.
    pub fn reconstruct(
        &mut self,
        decoded: &Decoded,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Reply, Failure> {
        let mut chain = match self.chain.take() {
            Some(chain) => chain,
            None => self.model.setup.open(self.backend, &self.model.config)?,
        };
        let pool = &self.pool;
        // A chain that panics is dropped.
        let (chain, outcome) = catch_unwind(AssertUnwindSafe(|| {
            let (cells, cancelled) = ([decoded.cells.view()], &|_| cancelled());
            let outcome =
                pool.install(|| chain.reconstruct_batch_unless(&cells, Keep::Tracks, cancelled));
            (chain, outcome)
        }))
        .map_err(|panic| Failure::Panicked { message: panic_message(panic.as_ref()) })?;
        let fatal = |error: &traccc::Error| error.is_fatal();
        let lost = match &outcome {
            Ok(finished) => {
                finished.events.iter().flat_map(|event| event.as_ref().err()).any(fatal)
            }
            Err(error) => error.is_fatal(),
        };
        self.chain = (!lost).then_some(chain);
        let finished = outcome?;
        let timings = finished.timings;
        let event = finished.into_single()?;
        Ok(Reply {
            selection: Selection::new(&event, &decoded.parameters),
            numbering: decoded.parameters.numbering,
            merged_duplicates: decoded.merged_duplicates,
            timings,
            model: self.model.clone(),
            event,
        })
    }
}

/// What a panic said.
fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned())
}

/// The tracks of a request.
#[derive(Debug)]
pub struct Reply {
    model: Arc<Model>,
    event: Reconstruction,
    selection: Selection,
    numbering: Option<Numbering>,
    timings: StageTimings,
    merged_duplicates: usize,
}

impl Reply {
    /// The shape of an output.
    pub fn shape(&self, output: Output) -> Vec<i64> {
        self.selection.shape(output)
    }

    /// The size of an output in bytes.
    pub fn byte_size(&self, output: Output) -> usize {
        self.selection.byte_size(output)
    }

    /// Writes an output, row after row, little-endian.
    ///
    /// # Errors
    /// None after a request that was decoded: it had the same numbering.
    ///
    /// # Panics
    /// If `out` does not have [`Self::byte_size`] bytes.
    pub fn write(&self, output: Output, out: &mut [u8]) -> Result<(), Failure> {
        let sensors = self.model.sensors(self.numbering)?;
        self.selection.write(output, &self.event, sensors, out);
        Ok(())
    }

    /// Number of tracks that are sent.
    pub fn tracks(&self) -> usize {
        self.selection.tracks()
    }

    /// Tracks that are not sent, and why.
    pub fn excluded(&self) -> Excluded {
        self.selection.excluded
    }

    /// How many of each thing the event has.
    pub fn counts(&self) -> EventCounts {
        self.event.counts
    }

    /// Time spent in each stage, in ms.
    pub fn timings(&self) -> StageTimings {
        self.timings
    }

    /// How many cells were added to one before them.
    pub fn merged_duplicates(&self) -> usize {
        self.merged_duplicates
    }
}
