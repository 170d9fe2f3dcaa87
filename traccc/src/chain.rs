use crate::backend::Backend;
use crate::error::Error;
use std::sync::Arc;
use traccc_core::detector::{Detector, Modules};
use traccc_core::event::Cells;
use traccc_core::field::MagneticField;
use traccc_core::{ChainConfig, CpuChain, Reconstruction, ReconstructionChain, StageTimings};

/// A chain on any of the engines. One for each worker: detector, modules and field are shared between them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Chain {
    /// On the processor.
    Cpu(CpuChain),
}

impl Chain {
    /// Starts an engine for one detector, its segmentation and a field.
    ///
    /// # Errors
    /// [`Error::NoEngine`] when this build lacks the engine, [`Error::Core`] for a setting out of range. There is never
    /// another engine instead of the one asked for.
    pub fn open(
        backend: Backend,
        detector: Arc<Detector>,
        modules: Arc<Modules>,
        field: Arc<MagneticField>,
        config: &ChainConfig,
    ) -> Result<Self, Error> {
        match backend {
            Backend::Cpu => Ok(Self::Cpu(CpuChain::new(detector, modules, field, config)?)),
            Backend::Cuda { .. } => Err(Error::NoEngine { backend }),
        }
    }

    /// Reconstructs one event. The answer is the same for any number of threads.
    ///
    /// # Errors
    /// Cells that are out of order, or of a module or channel that the detector does not have.
    pub fn reconstruct(&mut self, cells: &Cells) -> Result<Reconstruction, Error> {
        self.reconstruct_unless(cells, &|| false)
    }

    /// Reconstructs one event unless `cancelled` says, before one of the stages, that nobody waits for it any more.
    ///
    /// # Errors
    /// As [`Self::reconstruct`], and [`traccc_core::Error::Cancelled`].
    pub fn reconstruct_unless(
        &mut self,
        cells: &Cells,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Reconstruction, Error> {
        match self {
            Self::Cpu(chain) => Ok(chain.reconstruct_unless(cells, cancelled)?),
        }
    }

    /// Time spent in each stage of the last event, in ms.
    pub fn timings(&self) -> StageTimings {
        match self {
            Self::Cpu(chain) => chain.timings(),
        }
    }

    /// The settings.
    pub fn config(&self) -> &ChainConfig {
        match self {
            Self::Cpu(chain) => chain.config(),
        }
    }

    /// The engine, as it was asked for.
    pub fn backend(&self) -> Backend {
        match self {
            Self::Cpu(_) => Backend::Cpu,
        }
    }
}
