use crate::backend::Backend;
use crate::chain::Chain;
use crate::error::Error;
use crate::setup::Setup;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use traccc_core::{ChainConfig, CpuChain};
use traccc_cuda::{Cache, CudaEngine};

/// An engine with a setup: owns what is uploaded or compiled once, however many chains work with it. Clones are the same engine.
#[derive(Clone, Debug)]
pub struct Engine {
    kind: EngineKind,
    reason: Option<String>,
}

#[derive(Clone, Debug)]
enum EngineKind {
    Cpu(Setup),
    /// On one card or several, with the number of chains so far: each goes to the next card.
    Cuda {
        backend: Backend,
        cards: Arc<[CudaEngine]>,
        chains: Arc<AtomicUsize>,
    },
}

/// Chains for each card that keep it busy: one copies while another computes.
const CHAINS_PER_CARD: usize = 3;

impl Engine {
    pub(crate) fn start(setup: &Setup, backend: Backend) -> Result<Self, Error> {
        let cpu = EngineKind::Cpu(setup.clone());
        let (kind, reason) = match backend {
            Backend::Cpu => (cpu, None),
            Backend::Cuda { .. } | Backend::CudaAll => {
                let failed = |source| Error::NoEngine { backend, source: Box::new(source) };
                (EngineKind::cuda(setup, backend).map_err(failed)?, None)
            }
            Backend::Auto => match EngineKind::cuda(setup, Backend::Cuda { device: 0 }) {
                Ok(cuda) => (cuda, Some("there is a GPU that can be used".to_owned())),
                Err(error) => (cpu, Some(error.to_string())),
            },
        };
        let engine = Self { kind, reason };
        if let Some(reason) = &engine.reason {
            tracing::info!(backend = %engine.backend(), reason, "engine chosen");
        }
        Ok(engine)
    }

    /// The engine, never [`Backend::Auto`].
    pub fn backend(&self) -> Backend {
        match &self.kind {
            EngineKind::Cpu(_) => Backend::Cpu,
            EngineKind::Cuda { backend, .. } => *backend,
        }
    }

    /// What the engine runs on, in words: the names of the cards; nothing for the processor.
    pub fn devices(&self) -> Vec<String> {
        match &self.kind {
            EngineKind::Cpu(_) => Vec::new(),
            EngineKind::Cuda { cards, .. } => cards.iter().map(CudaEngine::name).collect(),
        }
    }

    /// Why [`Backend::Auto`] chose this engine; nothing for one that was asked for by its name.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Starts a chain, which takes one batch at a time.
    ///
    /// # Errors
    /// [`Error::Core`] for a setting out of range, and errors of the engine.
    pub fn chain(&self, config: &ChainConfig) -> Result<Chain, Error> {
        match &self.kind {
            EngineKind::Cpu(Setup { detector, modules, field, .. }) => {
                let (detector, modules, field) = (detector.clone(), modules.clone(), field.clone());
                Ok(Chain::Cpu(Box::new(CpuChain::new(detector, modules, field, config)?)))
            }
            EngineKind::Cuda { backend, cards, chains } => {
                // Cards that are lost are left out as long as there is another.
                let turn = || &cards[chains.fetch_add(1, Ordering::Relaxed) % cards.len()];
                let first = turn();
                let card = (1..cards.len())
                    .fold(first, |card, _| if card.is_lost() { turn() } else { card });
                let chain = card.chain(config).map_err(|error| Error::from(error).of(*backend))?;
                Ok(Chain::Cuda(Box::new(chain), *backend))
            }
        }
    }

    /// How many chains side by side make the most of the engine when the caller has so many threads for all of them. On the
    /// processor one for each thread: stages have parts that one thread does alone. On a GPU as many as keep it busy.
    pub fn concurrency(&self, threads: usize) -> usize {
        match &self.kind {
            EngineKind::Cpu(_) => threads.max(1),
            EngineKind::Cuda { cards, .. } => cards.len() * CHAINS_PER_CARD,
        }
    }
}

impl EngineKind {
    fn cuda(setup: &Setup, backend: Backend) -> Result<Self, traccc_cuda::Error> {
        let Setup { detector, modules, field, .. } = setup;
        let cache = Cache::of_user();
        let open =
            |card| CudaEngine::open(card, &cache, detector.clone(), modules.clone(), field.clone());
        let cards = match backend {
            Backend::Cuda { device } => vec![open(device)?],
            // The first one tells what is missing where there is none.
            _ => (0..CudaEngine::cards().max(1)).map(open).collect::<Result<_, _>>()?,
        };
        Ok(Self::Cuda { backend, cards: cards.into(), chains: Arc::default() })
    }
}
