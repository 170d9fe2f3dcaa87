//! What both protocols serve.

use crate::config::{Limits, ServerConfig};
use crate::error::ServerError;
use crate::infer::ServeError;
use crate::repository::read_repository;
use crate::served_model::ServedModel;
use crate::shared_memory::SharedMemory;
use crate::statistics::Refused;
use crate::ticket::Budget;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use traccc_protocol::grpc::model_metadata_response::TensorMetadata;
use traccc_protocol::grpc::repository_index_response::ModelIndex;
use traccc_protocol::grpc::{
    DataType, ModelConfig, ModelMetadataResponse, ModelStatistics, ModelStatisticsResponse,
    RepositoryIndexResponse, ServerMetadataResponse,
};
use traccc_service::SetupCache;

/// All models, and what they share.
#[derive(Debug)]
pub(crate) struct Service {
    models: BTreeMap<String, Versions>,
    pub(crate) shared_memory: SharedMemory,
    pub(crate) limits: Limits,
    pub(crate) budget: Budget,
    pub(crate) refused: Refused,
    permits: Arc<Semaphore>,
    draining: AtomicBool,
}

#[derive(Debug)]
struct Versions {
    config: ModelConfig,
    /// Ascending.
    versions: BTreeMap<i64, Arc<ServedModel>>,
}

impl Service {
    /// Loads all models of the repository.
    pub(crate) fn load(config: &ServerConfig) -> Result<Self, ServerError> {
        let (cache, limits) = (SetupCache::new(), config.limits);
        let mut models = BTreeMap::new();
        for folder in read_repository(&config.repository)? {
            let mut versions = BTreeMap::new();
            for (version, path) in &folder.versions {
                let served = ServedModel::start(&folder, *version, path, limits.queue, &cache)?;
                tracing::info!(model = served.name, version, "loaded");
                versions.insert(*version, Arc::new(served));
            }
            let name = folder.config.name.clone();
            models.insert(name, Versions { config: folder.config, versions });
        }
        Ok(Self {
            models,
            shared_memory: SharedMemory::new(config.shared_memory),
            limits,
            budget: Budget::new(limits.memory.max(limits.request_bytes)),
            refused: Refused::default(),
            permits: Arc::new(Semaphore::new(limits.requests)),
            draining: AtomicBool::new(false),
        })
    }

    /// Whether new requests are welcome.
    pub(crate) fn is_ready(&self) -> bool {
        !self.draining.load(Ordering::Relaxed)
    }

    /// From now on new requests are not welcome, but answered.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Ends all instances.
    pub(crate) fn stop(&self) {
        self.served().for_each(ServedModel::stop);
    }

    /// The right to have one more request answered.
    pub(crate) fn permit(&self) -> Result<OwnedSemaphorePermit, ServeError> {
        let limit = self.limits.requests;
        self.permits.clone().try_acquire_owned().map_err(|_| ServeError::TooManyRequests { limit })
    }

    /// All versions of all models.
    pub(crate) fn served(&self) -> impl Iterator<Item = &ServedModel> {
        self.models.values().flat_map(|model| model.versions.values()).map(AsRef::as_ref)
    }

    fn model(&self, name: &str) -> Result<&Versions, ServeError> {
        self.models.get(name).ok_or_else(|| ServeError::UnknownModel { name: name.to_owned() })
    }

    /// A version of a model; the latest for an empty text.
    pub(crate) fn served_model(
        &self,
        name: &str,
        version: &str,
    ) -> Result<&Arc<ServedModel>, ServeError> {
        let versions = &self.model(name)?.versions;
        let model = match version {
            "" => versions.values().next_back(),
            text => text.parse().ok().and_then(|version| versions.get(&version)),
        };
        model.ok_or_else(|| ServeError::UnknownVersion {
            name: name.to_owned(),
            version: version.to_owned(),
            served: shown(versions.keys()).join(", "),
        })
    }

    /// What this server is and can do.
    pub(crate) fn metadata(&self) -> ServerMetadataResponse {
        let mut extensions =
            vec!["binary_tensor_data", "model_configuration", "parameters", "statistics"];
        if self.shared_memory.enabled() {
            extensions.push("system_shared_memory");
        }
        ServerMetadataResponse {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            extensions: extensions.into_iter().map(str::to_owned).collect(),
        }
    }

    /// The tensors of a model.
    pub(crate) fn model_metadata(
        &self,
        name: &str,
        version: &str,
    ) -> Result<ModelMetadataResponse, ServeError> {
        self.served_model(name, version)?;
        let Versions { config, versions } = self.model(name)?;
        let tensor = |name: &str, data_type: DataType, shape: &[i64]| TensorMetadata {
            name: name.to_owned(),
            datatype: data_type.as_str_name().trim_start_matches("TYPE_").to_owned(),
            shape: shape.to_owned(),
        };
        Ok(ModelMetadataResponse {
            name: name.to_owned(),
            versions: shown(versions.keys()),
            platform: config.backend.clone(),
            inputs: config.input.iter().map(|i| tensor(&i.name, i.data_type(), &i.dims)).collect(),
            outputs: config
                .output
                .iter()
                .map(|o| tensor(&o.name, o.data_type(), &o.dims))
                .collect(),
        })
    }

    /// The configuration of a model.
    pub(crate) fn model_config(
        &self,
        name: &str,
        version: &str,
    ) -> Result<ModelConfig, ServeError> {
        self.served_model(name, version)?;
        Ok(self.model(name)?.config.clone())
    }

    /// What models have done so far: all, all versions of one, or one version.
    pub(crate) fn statistics(
        &self,
        name: &str,
        version: &str,
    ) -> Result<ModelStatisticsResponse, ServeError> {
        let model_stats = match (name, version) {
            ("", _) => self.served().map(statistics).collect(),
            (name, "") => {
                self.model(name)?.versions.values().map(|served| statistics(served)).collect()
            }
            (name, version) => vec![statistics(self.served_model(name, version)?)],
        };
        Ok(ModelStatisticsResponse { model_stats })
    }

    /// All models.
    pub(crate) fn index(&self) -> RepositoryIndexResponse {
        let entry = |model: &ServedModel| ModelIndex {
            name: model.name.clone(),
            version: model.version.to_string(),
            state: "READY".to_owned(),
            reason: String::new(),
        };
        RepositoryIndexResponse { models: self.served().map(entry).collect() }
    }
}

fn shown<'a>(versions: impl Iterator<Item = &'a i64>) -> Vec<String> {
    versions.map(ToString::to_string).collect()
}

fn statistics(model: &ServedModel) -> ModelStatistics {
    let totals = model.statistics.totals();
    ModelStatistics {
        name: model.name.clone(),
        version: model.version.to_string(),
        last_inference: totals.last_inference,
        inference_count: totals.success.count,
        execution_count: totals.executions,
        inference_stats: Some(totals.infer_statistics()),
        batch_stats: totals.batch_statistics(),
    }
}
