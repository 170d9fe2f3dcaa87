use crate::backend::Backend;
use crate::chain::Chain;
use crate::error::Error;
use crate::setup::Setup;
use traccc_core::{ChainConfig, CpuChain};

/// An engine with a setup: owns what is uploaded or compiled once, however many chains work with it. Clones are the same engine.
#[derive(Clone, Debug)]
pub struct Engine {
    kind: EngineKind,
    reason: Option<&'static str>,
}

#[derive(Clone, Debug)]
enum EngineKind {
    Cpu(Setup),
}

impl Engine {
    pub(crate) fn start(setup: &Setup, backend: Backend) -> Result<Self, Error> {
        let reason = match backend {
            Backend::Cpu => None,
            Backend::Cuda { .. } => return Err(Error::NoEngine { backend }),
            Backend::Auto => Some("this build has no CUDA engine"),
        };
        let engine = Self { kind: EngineKind::Cpu(setup.clone()), reason };
        if let Some(reason) = reason {
            tracing::info!(backend = %engine.backend(), reason, "engine chosen");
        }
        Ok(engine)
    }

    /// The engine, never [`Backend::Auto`].
    pub fn backend(&self) -> Backend {
        match self.kind {
            EngineKind::Cpu(_) => Backend::Cpu,
        }
    }

    /// Why [`Backend::Auto`] chose this engine; nothing for one that was asked for by its name.
    pub fn reason(&self) -> Option<&'static str> {
        self.reason
    }

    /// Starts a chain, which takes one batch at a time.
    ///
    /// # Errors
    /// [`Error::Core`] for a setting out of range, and errors of the engine.
    pub fn chain(&self, config: &ChainConfig) -> Result<Chain, Error> {
        match &self.kind {
            EngineKind::Cpu(Setup { detector, modules, field, .. }) => {
                let (detector, modules, field) = (detector.clone(), modules.clone(), field.clone());
                Ok(Chain::Cpu(CpuChain::new(detector, modules, field, config)?))
            }
        }
    }

    /// How many chains side by side make the most of the engine when the caller has so many threads for all of them. On the
    /// processor one for each thread: stages have parts that one thread does alone.
    pub fn concurrency(&self, threads: usize) -> usize {
        match self.kind {
            EngineKind::Cpu(_) => threads.max(1),
        }
    }
}
