use crate::chain_slot::ChainSlot;
use crate::error::{Failure, ModelError};
use crate::model::Model;
use crate::options::Batching;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::borrow::Borrow;
use std::sync::Arc;
use traccc::event::Cells;
use traccc::{Backend, Chain, Engine, EventCounts, Reconstruction, StageTimings};
use traccc_protocol::{
    Excluded, Numbering, Output, RequestParameters, Selection, Tensor, decode_cells,
};

/// One chain with threads of its own. Instances of a model run side by side.
#[derive(Debug)]
pub struct Instance {
    model: Arc<Model>,
    engine: Engine,
    chain: ChainSlot<Chain>,
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
        engine: Engine,
        threads: usize,
    ) -> Result<Self, ModelError> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("traccc-{i}"))
            .build();
        let pool =
            pool.map_err(|error| ModelError::Threads { threads, reason: error.to_string() })?;
        let chain = ChainSlot::new(engine.chain(&model.config)?);
        Ok(Self { model, engine, chain, pool })
    }

    /// The engine, never [`Backend::Auto`].
    pub fn backend(&self) -> Backend {
        self.engine.backend()
    }

    /// How many events it should be given at once.
    pub fn batching(&self) -> Batching {
        self.model.batching
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
        let modules = self.model.setup().modules.len();
        let arranged = decode_cells(tensors, sensors, modules, parameters.duplicates)?;
        let (cells, merged_duplicates) = (arranged.cells, arranged.merged_duplicates);
        Ok(Decoded { cells, parameters, merged_duplicates })
    }

    /// Reconstructs one event.
    ///
    /// # Errors
    /// Failures of the engine, and panics. The chain is then started anew where need be.
    pub fn reconstruct(&mut self, event: &Decoded) -> Result<Reply, Failure> {
        let results = self.reconstruct_batch(std::slice::from_ref(event), &|_| false);
        // There is one for each event.
        results.into_iter().next().unwrap_or(Err(Failure::Cancelled))
    }

    /// Reconstructs events together, but for those of which `cancelled` says, before the first or a later stage, that nobody
    /// waits for them. Each has a result, and fails alone, with [`Failure::Cancelled`] or a failure of the engine.
    pub fn reconstruct_batch<D: Borrow<Decoded>>(
        &mut self,
        events: &[D],
        cancelled: &(dyn Fn(usize) -> bool + Sync),
    ) -> Vec<Result<Reply, Failure>> {
        let Self { model, engine, chain, pool } = self;
        let open = || engine.chain(&model.config);
        let cells: Vec<_> = events.iter().map(|event| event.borrow().cells.view()).collect();
        let finished = pool.install(|| chain.reconstruct(&open, &cells, cancelled));
        // The time of a batch is shared by its events.
        let share = 1.0 / events.len() as f64;
        let timings = StageTimings::from_fn(|stage| finished.timings[stage] * share);
        let reply = |(event, decoded): (Result<Reconstruction, Failure>, &D)| {
            let (event, decoded) = (event?, decoded.borrow());
            Ok(Reply {
                selection: Selection::new(&event, &decoded.parameters),
                numbering: decoded.parameters.numbering,
                merged_duplicates: decoded.merged_duplicates,
                timings,
                model: model.clone(),
                event,
            })
        };
        finished.events.into_iter().zip(events).map(reply).collect()
    }
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

    /// Time spent in each stage, in ms; of events that were reconstructed together each has the same part.
    pub fn timings(&self) -> StageTimings {
        self.timings
    }

    /// How many cells were added to one before them.
    pub fn merged_duplicates(&self) -> usize {
        self.merged_duplicates
    }
}
