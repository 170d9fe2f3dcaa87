//! Triton's model repository: a folder for each model, with `config.pbtxt` and a folder for each version.

use crate::error::ServerError;
use crate::messages;
use std::path::{Path, PathBuf};
use traccc::Backend;
use traccc_protocol::grpc::model_instance_group::Kind;
use traccc_protocol::grpc::model_version_policy::{Latest, PolicyChoice};
use traccc_protocol::grpc::{DataType, ModelConfig, ModelInstanceGroup, ModelTransactionPolicy};
use traccc_service::{ModelDescription, TensorDescription};

/// The name of the backend that this server is.
const BACKEND: &str = "traccc";

/// A model of the repository.
#[derive(Clone, Debug)]
pub(crate) struct ModelFolder {
    /// The configuration, with what it leaves out filled in.
    pub(crate) config: ModelConfig,
    /// The versions that are served, ascending, and their folders.
    pub(crate) versions: Vec<(i64, PathBuf)>,
}

/// All models, ordered by name.
pub(crate) fn read_repository(path: &Path) -> Result<Vec<ModelFolder>, ServerError> {
    let mut folders: Vec<PathBuf> =
        entries(path)?.into_iter().filter(|entry| entry.join("config.pbtxt").is_file()).collect();
    if folders.is_empty() {
        return Err(ServerError::NoModel { path: path.to_owned() });
    }
    folders.sort();
    folders.iter().map(|folder| read_model(folder)).collect()
}

fn entries(path: &Path) -> Result<Vec<PathBuf>, ServerError> {
    let unreadable = |source| ServerError::Read { path: path.to_owned(), source };
    let entries = std::fs::read_dir(path).map_err(unreadable)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(unreadable)).collect()
}

fn read_model(folder: &Path) -> Result<ModelFolder, ServerError> {
    let path = folder.join("config.pbtxt");
    let text = std::fs::read_to_string(&path)
        .map_err(|source| ServerError::Read { path: path.clone(), source })?;
    let mut config = messages::parse_config(&text)
        .map_err(|source| ServerError::Syntax { path: path.clone(), source })?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let wrong = |field, found: &str, expected: &str| {
        let (found, expected) = (found.to_owned(), expected.to_owned());
        Err(ServerError::Field { path: path.clone(), field, found, expected })
    };
    if config.name.is_empty() {
        config.name = name;
    } else if config.name != name {
        return wrong("name", &config.name, &format!("the name of its folder, `{name}`"));
    }
    if config.backend != BACKEND {
        return wrong("backend", &config.backend, &format!("`{BACKEND}`"));
    }
    if config.instance_group.is_empty() {
        config.instance_group.push(ModelInstanceGroup::default());
    }
    for (i, group) in config.instance_group.iter_mut().enumerate() {
        match group.kind() {
            Kind::Auto => group.set_kind(Kind::Cpu),
            Kind::Cpu | Kind::Gpu => {}
            Kind::Model => return wrong("kind", "KIND_MODEL", "KIND_CPU or KIND_GPU"),
        }
        if group.count < 0 {
            return wrong("count", &group.count.to_string(), "a whole number from 1");
        }
        group.count = group.count.max(1);
        if group.name.is_empty() {
            group.name = format!("{}_{i}", config.name);
        }
    }
    if config.model_transaction_policy.is_some_and(|policy| policy.decoupled) {
        return wrong("decoupled", "true", "false: each request has one response");
    }
    config.model_transaction_policy = Some(ModelTransactionPolicy { decoupled: false });
    let latest = PolicyChoice::Latest(Latest { num_versions: 1 });
    let policy = config.version_policy.get_or_insert_default().policy_choice.get_or_insert(latest);
    let versions = versions(folder, policy)?;
    Ok(ModelFolder { config, versions })
}

fn versions(folder: &Path, policy: &PolicyChoice) -> Result<Vec<(i64, PathBuf)>, ServerError> {
    let mut versions: Vec<(i64, PathBuf)> = entries(folder)?
        .into_iter()
        .filter(|entry| entry.is_dir())
        .filter_map(|entry| {
            let version = entry.file_name()?.to_str()?.parse::<i64>().ok()?;
            (version > 0).then_some((version, entry))
        })
        .collect();
    versions.sort();
    match policy {
        PolicyChoice::All(_) => {}
        PolicyChoice::Latest(Latest { num_versions }) => {
            let kept = (*num_versions).max(1) as usize;
            versions.drain(..versions.len().saturating_sub(kept));
        }
        PolicyChoice::Specific(specific) => {
            versions.retain(|(version, _)| specific.versions.contains(version));
        }
    }
    if versions.is_empty() {
        return Err(ServerError::NoVersion { path: folder.to_owned() });
    }
    Ok(versions)
}

/// What the contract must agree with.
pub(crate) fn description(config: &ModelConfig) -> ModelDescription {
    let tensor = |name: &str, data_type: DataType, dims: &[i64]| TensorDescription {
        name: name.to_owned(),
        data_type: data_type.as_str_name().to_owned(),
        dims: dims.to_owned(),
    };
    let parameters = config.parameters.iter();
    ModelDescription {
        inputs: config.input.iter().map(|i| tensor(&i.name, i.data_type(), &i.dims)).collect(),
        outputs: config.output.iter().map(|o| tensor(&o.name, o.data_type(), &o.dims)).collect(),
        max_batch_size: config.max_batch_size.into(),
        parameters: parameters.map(|(k, v)| (k.clone(), v.string_value.clone())).collect(),
    }
}

/// The engine of each instance.
pub(crate) fn instances(config: &ModelConfig) -> Vec<Backend> {
    let mut backends = Vec::new();
    for group in &config.instance_group {
        let devices = match group.kind() {
            Kind::Gpu if group.gpus.is_empty() => vec![Backend::Cuda { device: 0 }],
            Kind::Gpu => group
                .gpus
                .iter()
                .map(|&gpu| Backend::Cuda { device: usize::try_from(gpu).unwrap_or(usize::MAX) })
                .collect(),
            _ => vec![Backend::Cpu],
        };
        for device in devices {
            backends.extend((0..group.count).map(|_| device));
        }
    }
    backends
}

#[cfg(test)]
mod tests {
    use super::*;
    use traccc_protocol::grpc::model_version_policy::{All, Specific};

    const CONFIG: &str = r#"
        backend: "traccc"
        input [ { name: "CELL_POSITIONS" data_type: TYPE_INT64 dims: [ -1, 4 ] } ]
        instance_group [ { count: 2 }, { count: 1 kind: KIND_GPU gpus: [ 0, 3 ] } ]
        parameters { key: "detector" value { string_value: "." } }
    "#;

    fn repository(config: &str, versions: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tracks")).unwrap();
        for version in versions {
            std::fs::create_dir(folder.path().join("tracks").join(version)).unwrap();
        }
        std::fs::write(folder.path().join("tracks/config.pbtxt"), config).unwrap();
        folder
    }

    fn refused(config: &str) -> String {
        let folder = repository(config, &["1"]);
        let error = read_repository(folder.path()).unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string);
        format!("{error}: {}", source.unwrap_or_default())
    }

    #[test]
    fn a_configuration_is_read_and_completed() {
        let folder = repository(CONFIG, &["1", "3", "x", "0"]);
        let [model] = &read_repository(folder.path()).unwrap()[..] else { panic!("one model") };
        assert_eq!(model.config.name, "tracks");
        assert_eq!(model.versions, [(3, folder.path().join("tracks/3"))]);
        let gpu = |device| Backend::Cuda { device };
        assert_eq!(instances(&model.config), [Backend::Cpu, Backend::Cpu, gpu(0), gpu(3)]);
        let description = description(&model.config);
        assert_eq!(description.inputs[0].dims, [-1, 4]);
        assert_eq!(description.inputs[0].data_type, "TYPE_INT64");
        assert_eq!(description.parameters["detector"], ".");
    }

    #[test]
    fn the_policy_chooses_the_versions() {
        let folder = repository(CONFIG, &["1", "2", "10"]);
        let served = |policy| {
            let versions = versions(&folder.path().join("tracks"), &policy).unwrap();
            versions.into_iter().map(|(version, _)| version).collect::<Vec<_>>()
        };
        assert_eq!(served(PolicyChoice::Latest(Latest { num_versions: 2 })), [2, 10]);
        assert_eq!(served(PolicyChoice::All(All {})), [1, 2, 10]);
        assert_eq!(served(PolicyChoice::Specific(Specific { versions: vec![2, 5] })), [2]);
    }

    #[test]
    fn what_cannot_be_served_is_refused() {
        assert!(refused("name: \"other\" backend: \"traccc\"").contains("`tracks`"));
        assert!(refused("backend: \"onnxruntime\"").contains("onnxruntime"));
        assert!(refused("backend: 7").contains("expected"));
        assert!(refused("backend: \"traccc\" dynamic_batching {}").contains("dynamic_batching"));
        let kind = "backend: \"traccc\" instance_group [ { kind: KIND_MODEL } ]";
        assert!(refused(kind).contains("KIND_MODEL"));
        let empty = repository(CONFIG, &[]);
        assert!(matches!(read_repository(empty.path()), Err(ServerError::NoVersion { .. })));
        let nothing = tempfile::tempdir().unwrap();
        assert!(matches!(read_repository(nothing.path()), Err(ServerError::NoModel { .. })));
    }
}
