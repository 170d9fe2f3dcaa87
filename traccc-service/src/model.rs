use crate::error::{Failure, ModelError};
use crate::instance::Instance;
use crate::options::ModelOptions;
use crate::setup_cache::SetupCache;
use std::sync::Arc;
use traccc::finding::Smoother;
use traccc::io::read_athena_ids;
use traccc::{Backend, ChainConfig, Setup};
use traccc_protocol::{Numbering, SensorTable};

/// What all instances of a model share.
#[derive(Debug)]
pub struct Model {
    pub(crate) setup: Arc<Setup>,
    pub(crate) config: ChainConfig,
    threads: Option<usize>,
    numbering: Numbering,
    acts: SensorTable,
    detray: SensorTable,
    athena: Option<SensorTable>,
}

impl Model {
    /// Reads the detector, unless `cache` has it, and checks the settings.
    ///
    /// # Errors
    /// Files and settings that cannot be used, settings of which no track state results.
    pub fn load(options: &ModelOptions, cache: &SetupCache) -> Result<Self, ModelError> {
        let config = &options.config;
        if config.finding.smoother == Smoother::None && !config.fitting.enabled {
            return Err(ModelError::NoStates);
        }
        let setup = cache.get(&options.files)?;
        let athena = match &options.athena_ids {
            Some(path) => {
                let ids = read_athena_ids(path)
                    .map_err(|source| ModelError::AthenaIds { path: path.clone(), source })?;
                Some(ids.sensors(&setup.detector, &setup.modules))
            }
            None => None,
        };
        let acts = SensorTable::acts(&setup.detector, &setup.modules);
        let detray = SensorTable::detray(&setup.detector, &setup.modules);
        let (config, threads, numbering) = (config.clone(), options.threads, options.numbering);
        Ok(Self { setup, config, threads, numbering, acts, detray, athena })
    }

    /// Starts an instance on an engine. The processor's threads are those of the model's parameter, else the cores of this
    /// process divided by `instances`, the number of instances that run side by side.
    ///
    /// # Errors
    /// An engine that this build or machine lacks, threads that cannot be started.
    pub fn instance(
        self: &Arc<Self>,
        backend: Backend,
        instances: usize,
    ) -> Result<Instance, ModelError> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = self.threads.unwrap_or((cores / instances.max(1)).max(1));
        Instance::start(self.clone(), backend, threads)
    }

    /// Detector, segmentation and field.
    pub fn setup(&self) -> &Arc<Setup> {
        &self.setup
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
