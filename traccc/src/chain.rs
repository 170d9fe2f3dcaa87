use crate::backend::Backend;
use crate::error::Error;
use traccc_core::event::CellsView;
use traccc_core::{
    ChainConfig, CpuBatch, CpuChain, Finished, Keep, Reconstruction, ReconstructionChain, Stage,
};

/// A chain of any of the engines, as [`Engine::chain`](crate::Engine::chain) starts it. One for each worker.
///
/// For batches, what is read back and cancellation see [`ReconstructionChain`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Chain {
    /// On the processor.
    Cpu(CpuChain),
}

/// Events on their way through a [`Chain`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Batch<'a> {
    /// On the processor.
    Cpu(CpuBatch<'a>),
}

impl Chain {
    /// The engine, never [`Backend::Auto`].
    pub fn backend(&self) -> Backend {
        match self {
            Self::Cpu(_) => Backend::Cpu,
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

    /// The settings.
    pub fn config(&self) -> &ChainConfig {
        match self {
            Self::Cpu(chain) => chain.config(),
        }
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
        }
    }

    fn run(&mut self, stage: Stage, batch: &mut Batch<'_>) -> Result<(), Error> {
        let (Self::Cpu(chain), Batch::Cpu(batch)) = (self, batch);
        Ok(chain.run(stage, batch)?)
    }

    fn cancel(&mut self, batch: &mut Batch<'_>, event: usize) {
        let (Self::Cpu(chain), Batch::Cpu(batch)) = (self, batch);
        chain.cancel(batch, event);
    }

    fn is_done(&mut self, batch: &mut Batch<'_>) -> Result<bool, Error> {
        let (Self::Cpu(chain), Batch::Cpu(batch)) = (self, batch);
        Ok(chain.is_done(batch)?)
    }

    fn finish(&mut self, batch: Batch<'_>) -> Result<Finished<Error>, Error> {
        let (Self::Cpu(chain), Batch::Cpu(batch)) = (self, batch);
        let Finished { events, timings } = chain.finish(batch)?;
        let events = events.into_iter().map(|event| event.map_err(Error::from)).collect();
        Ok(Finished { events, timings })
    }
}
