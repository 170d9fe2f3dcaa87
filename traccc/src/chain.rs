use crate::backend::Backend;
use crate::error::Error;
use traccc_core::event::CellsView;
use traccc_core::{
    ChainConfig, CpuBatch, CpuChain, Finished, Keep, Reconstruction, ReconstructionChain, Stage,
};
use traccc_cuda::{CudaBatch, CudaChain};

/// A chain of any of the engines, as [`Engine::chain`](crate::Engine::chain) starts it. One for each worker.
///
/// For batches, what is read back and cancellation see [`ReconstructionChain`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Chain {
    /// On the processor.
    Cpu(Box<CpuChain>),
    /// On a GPU.
    Cuda(Box<CudaChain>, Backend),
}

/// Events on their way through a [`Chain`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Batch<'a> {
    /// On the processor.
    Cpu(CpuBatch<'a>),
    /// On a GPU.
    Cuda(CudaBatch<'a>),
}

/// Does the same with the chain of whichever engine; `$batch` is bound to the engine's own batch where one is given.
macro_rules! each {
    ($self:expr, $chain:ident => $do:expr) => {
        match $self {
            Chain::Cpu($chain) => $do,
            Chain::Cuda($chain, _) => $do,
        }
    };
    ($self:expr, $given:expr, ($chain:ident, $batch:ident) => $do:expr) => {
        match ($self, $given) {
            (Chain::Cpu($chain), Batch::Cpu($batch)) => $do,
            (Chain::Cuda($chain, _), Batch::Cuda($batch)) => $do,
            _ => unreachable!("a batch of another engine's chain"),
        }
    };
}

impl Chain {
    /// The engine, never [`Backend::Auto`].
    pub fn backend(&self) -> Backend {
        match self {
            Self::Cpu(_) => Backend::Cpu,
            Self::Cuda(_, backend) => *backend,
        }
    }

    /// Reconstructs one event and keeps everything. The answer is the same for any number of threads.
    ///
    /// # Errors
    /// Cells that are out of order, or of a module or channel that the detector does not have; errors of the engine.
    pub fn reconstruct<'a>(
        &mut self,
        cells: impl Into<CellsView<'a>>,
    ) -> Result<Reconstruction, Error> {
        ReconstructionChain::reconstruct(self, cells)
    }

    /// Whether results tell the time spent in each stage ([`Finished::timings`]). The processor always tells it; a GPU only on
    /// demand, as it costs a note of the time between stages.
    pub fn time_stages(&mut self, timed: bool) {
        if let Self::Cuda(chain, _) = self {
            chain.time_stages(timed);
        }
    }

    /// The settings.
    pub fn config(&self) -> &ChainConfig {
        each!(self, chain => chain.config())
    }
}

impl ReconstructionChain for Chain {
    type Batch<'a> = Batch<'a>;
    type Error = Error;

    fn config(&self) -> &ChainConfig {
        self.config()
    }

    fn begin<'a>(&mut self, events: &[CellsView<'a>], keep: Keep) -> Result<Batch<'a>, Error> {
        match self {
            Self::Cpu(chain) => Ok(Batch::Cpu(chain.begin(events, keep)?)),
            Self::Cuda(chain, backend) => {
                let begun = chain.begin(events, keep);
                Ok(Batch::Cuda(begun.map_err(|error| Error::from(error).of(*backend))?))
            }
        }
    }

    fn resume<'a>(
        &mut self,
        events: &[&'a Reconstruction],
        next: Stage,
        keep: Keep,
    ) -> Result<Batch<'a>, Error> {
        match self {
            Self::Cpu(chain) => Ok(Batch::Cpu(chain.resume(events, next, keep)?)),
            Self::Cuda(chain, _) => Ok(Batch::Cuda(chain.resume(events, next, keep)?)),
        }
    }

    fn run(&mut self, stage: Stage, batch: &mut Batch<'_>) -> Result<(), Error> {
        each!(self, batch, (chain, batch) => Ok(chain.run(stage, batch)?))
    }

    fn cancel(&mut self, batch: &mut Batch<'_>, event: usize) {
        each!(self, batch, (chain, batch) => chain.cancel(batch, event));
    }

    fn is_done(&mut self, batch: &mut Batch<'_>) -> Result<bool, Error> {
        let backend = self.backend();
        let done = each!(self, batch, (chain, batch) => chain.is_done(batch).map_err(Error::from));
        done.map_err(|error| error.of(backend))
    }

    fn finish(&mut self, batch: Batch<'_>) -> Result<Finished<Error>, Error> {
        let backend = self.backend();
        let finished = each!(self, batch, (chain, batch) => {
            chain.finish(batch).map(with_our_errors).map_err(Error::from)
        });
        finished.map_err(|error| error.of(backend))
    }
}

fn with_our_errors<E>(finished: Finished<E>) -> Finished<Error>
where
    Error: From<E>,
{
    let Finished { events, timings } = finished;
    let events = events.into_iter().map(|event| event.map_err(Error::from)).collect();
    Finished { events, timings }
}
