use crate::error::{Failure, ModelError};
use crate::instance::Instance;
use crate::options::{Batching, ModelOptions};
use crate::setup_cache::{SetupCache, SharedSetup};
use std::sync::Arc;
use traccc::finding::Smoother;
use traccc::io::read_athena_ids;
use traccc::{Backend, ChainConfig, Setup};
use traccc_protocol::{Numbering, SensorTable};

/// The most threads of all instances of a model: more than machines have cores, and few enough to be started.
pub const MAX_THREADS: usize = 1024;

/// Refuses more than [`MAX_THREADS`] threads before any of them is started.
pub(crate) fn check_threads(threads: usize, instances: usize) -> Result<(), ModelError> {
    if threads.saturating_mul(instances.max(1)) > MAX_THREADS {
        return Err(ModelError::TooManyThreads { threads, instances, limit: MAX_THREADS });
    }
    Ok(())
}

/// What all instances of a model share.
#[derive(Debug)]
pub struct Model {
    shared: Arc<SharedSetup>,
    pub(crate) config: ChainConfig,
    pub(crate) batching: Batching,
    threads: Option<usize>,
    numbering: Numbering,
    acts: SensorTable,
    detray: SensorTable,
    athena: Option<SensorTable>,
}

impl Model {
    /// Reads the detector, unless `cache` has it, and checks the settings. Warnings about the setup go to the log.
    ///
    /// # Errors
    /// Files and settings that cannot be used or do not belong together, settings of which no track state results.
    pub fn load(options: &ModelOptions, cache: &SetupCache) -> Result<Self, ModelError> {
        let config = &options.config;
        if config.finding.smoother == Smoother::None && !config.fitting.enabled {
            return Err(ModelError::NoStates);
        }
        let shared = cache.get(&options.files)?;
        let setup = &shared.setup;
        for warning in &setup.warnings {
            tracing::warn!("{warning}");
        }
        for warning in setup.check(config)? {
            tracing::warn!("{warning}");
        }
        let athena = match &options.athena_ids {
            Some(path) => {
                let ids = read_athena_ids(path)
                    .map_err(|source| ModelError::AthenaIds { path: path.clone(), source })?;
                setup.check_athena_ids(&ids, path)?;
                Some(ids.sensors(&setup.detector, &setup.modules))
            }
            None => None,
        };
        let acts = SensorTable::acts(&setup.detector, &setup.modules);
        let detray = SensorTable::detray(&setup.detector, &setup.modules);
        let (config, threads, numbering) = (config.clone(), options.threads, options.numbering);
        let batching = options.batching.resolve();
        Ok(Self { shared, config, batching, threads, numbering, acts, detray, athena })
    }

    /// Starts an instance on an engine, which all instances of one detector share. The threads of an instance on the processor
    /// are those of the model's parameter, else the cores of this process divided by `instances`, the number of instances that
    /// run side by side there; on another engine an instance needs one.
    ///
    /// # Errors
    /// An engine that this build or machine lacks, more than [`MAX_THREADS`] threads, threads that cannot be started.
    pub fn instance(
        self: &Arc<Self>,
        backend: Backend,
        instances: usize,
    ) -> Result<Instance, ModelError> {
        let engine = self.shared.engine(backend)?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = match engine.backend() {
            Backend::Cpu => self.threads.unwrap_or((cores / instances.max(1)).max(1)),
            _ => 1,
        };
        check_threads(threads, instances)?;
        Instance::start(self.clone(), engine, threads)
    }

    /// Detector, segmentation and field.
    pub fn setup(&self) -> &Arc<Setup> {
        &self.shared.setup
    }

    /// The settings of the chain.
    pub fn config(&self) -> &ChainConfig {
        &self.config
    }

    /// The sensors in a numbering; `None` is the model's own.
    pub(crate) fn sensors(&self, numbering: Option<Numbering>) -> Result<&SensorTable, Failure> {
        let numbering = numbering.unwrap_or(self.numbering);
        match numbering {
            Numbering::Acts => Ok(&self.acts),
            Numbering::Detray => Ok(&self.detray),
            Numbering::Athena => self.athena.as_ref().ok_or(Failure::NoNumbering { numbering }),
        }
    }
}
