//! Triton's model repository: a folder for each model, with `config.pbtxt` and a folder for each version.

use crate::error::ServerError;
use crate::messages;
use std::path::{Path, PathBuf};
use traccc::Backend;
use traccc_protocol::grpc::model_instance_group::Kind;
use traccc_protocol::grpc::model_version_policy::{Latest, PolicyChoice};
use traccc_protocol::grpc::{DataType, ModelConfig, ModelInstanceGroup, ModelTransactionPolicy};
use traccc_service::{MAX_THREADS, ModelDescription, TensorDescription};

/// The name of the backend that this server is.
const BACKEND: &str = "traccc";

/// A model of the repository.
#[derive(Clone, Debug)]
pub(crate) struct ModelFolder {
    /// The configuration, with what it leaves out filled in.
    pub(crate) config: ModelConfig,
    /// The versions that are served, ascending, and their folders.
    pub(crate) versions: Vec<(i64, PathBuf)>,
    groups: Vec<Group>,
}

/// Instances that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    name: String,
    place: Place,
    /// On each device.
    count: usize,
}

/// Where the instances of a group compute.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// Where this server finds best.
    Auto,
    Cpu,
    /// On each GPU of the machine.
    AllGpus,
    /// On each of these GPUs.
    Gpus(Vec<usize>),
}

/// Fields that would change what a request or a reply is.
const REFUSED: [(&str, &str); 6] = [
    ("ensemble_scheduling", "nothing: this server has no ensembles"),
    ("input.is_shape_tensor", "nothing: the tensors are those of the contract"),
    ("input.reshape", "nothing: the tensors are those of the contract"),
    ("output.is_shape_tensor", "nothing: the tensors are those of the contract"),
    ("output.reshape", "nothing: the tensors are those of the contract"),
    ("sequence_batching", "nothing: each request is an event by itself"),
];

/// All models, ordered by name.
pub(crate) fn read_repository(path: &Path) -> Result<Vec<ModelFolder>, ServerError> {
    // A hidden folder is one that is being written.
    let hidden =
        |entry: &Path| entry.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
    let is_model = |entry: &PathBuf| !hidden(entry) && entry.join("config.pbtxt").is_file();
    let mut folders: Vec<PathBuf> = entries(path)?.into_iter().filter(is_model).collect();
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
    let (mut config, unused) = messages::parse_config(&text)
        .map_err(|source| ServerError::Syntax { path: path.clone(), source })?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let wrong = |field, found: &str, expected: &str| {
        let (found, expected) = (found.to_owned(), expected.to_owned());
        ServerError::Field { path: path.clone(), field, found, expected }
    };
    if config.name.is_empty() {
        config.name = name;
    } else if config.name != name {
        return Err(wrong("name", &config.name, &format!("the name of its folder, `{name}`")));
    }
    if config.backend != BACKEND {
        return Err(wrong("backend", &config.backend, &format!("`{BACKEND}`")));
    }
    if let Some((field, expected)) = REFUSED.into_iter().find(|(name, _)| unused.contains(*name)) {
        return Err(wrong(field, "set", expected));
    }
    if !unused.is_empty() {
        let fields = unused.into_iter().collect::<Vec<_>>().join(", ");
        tracing::warn!("`{}` sets what this server does not use: {fields}", path.display());
    }
    let groups =
        groups(&mut config).map_err(|(field, found, expected)| wrong(field, &found, &expected))?;
    if config.model_transaction_policy.is_some_and(|policy| policy.decoupled) {
        return Err(wrong("decoupled", "true", "false: each request has one response"));
    }
    config.model_transaction_policy = Some(ModelTransactionPolicy { decoupled: false });
    let latest = PolicyChoice::Latest(Latest { num_versions: 1 });
    let policy = config.version_policy.get_or_insert_default().policy_choice.get_or_insert(latest);
    let versions = versions(folder, policy)?;
    Ok(ModelFolder { config, versions, groups })
}

/// Fills in what the configuration leaves out of its instances; gives them, or the field that is wrong, its value and what
/// was expected.
fn groups(config: &mut ModelConfig) -> Result<Vec<Group>, (&'static str, String, String)> {
    if config.instance_group.is_empty() {
        config.instance_group.push(ModelInstanceGroup::default());
    }
    let mut groups = Vec::with_capacity(config.instance_group.len());
    let mut instances = 0;
    for (i, group) in config.instance_group.iter_mut().enumerate() {
        let wrong = |field, found: String, expected: &str| (field, found, expected.to_owned());
        let gpu = |&gpu: &i32| {
            usize::try_from(gpu).map_err(|_| wrong("gpus", gpu.to_string(), "numbers from 0"))
        };
        let gpus = group.gpus.iter().map(gpu).collect::<Result<Vec<_>, _>>()?;
        let place = match group.kind() {
            Kind::Auto => Place::Auto,
            Kind::Cpu if gpus.is_empty() => Place::Cpu,
            Kind::Cpu => return Err(wrong("gpus", format!("{gpus:?}"), "nothing for KIND_CPU")),
            Kind::Gpu if gpus.is_empty() => Place::AllGpus,
            Kind::Gpu => Place::Gpus(gpus),
            Kind::Model => {
                let expected = "KIND_AUTO, KIND_CPU or KIND_GPU";
                return Err(wrong("kind", "KIND_MODEL".to_owned(), expected));
            }
        };
        if place == Place::Auto {
            // What it is: there is no other engine yet.
            group.set_kind(Kind::Cpu);
        }
        if group.count == 0 {
            group.count = 1;
        }
        let count = usize::try_from(group.count).unwrap_or(0);
        instances += count * group.gpus.len().max(1);
        if count == 0 || instances > MAX_THREADS {
            let expected = format!("1 or more, and {MAX_THREADS} instances of all groups at most");
            return Err(("count", group.count.to_string(), expected));
        }
        if group.name.is_empty() {
            group.name = format!("{}_{i}", config.name);
        }
        groups.push(Group { name: group.name.clone(), place, count });
    }
    Ok(groups)
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

impl ModelFolder {
    /// The engine of each instance.
    pub(crate) fn backends(&self) -> Result<Vec<Backend>, ServerError> {
        let mut backends = Vec::new();
        for Group { name, place, count } in &self.groups {
            let devices = match place {
                Place::Auto => vec![Backend::Auto],
                Place::Cpu => vec![Backend::Cpu],
                Place::AllGpus => return Err(ServerError::NoGpu { group: name.clone() }),
                Place::Gpus(gpus) => gpus.iter().map(|&device| Backend::Cuda { device }).collect(),
            };
            backends
                .extend(devices.into_iter().flat_map(|device| std::iter::repeat_n(device, *count)));
        }
        Ok(backends)
    }
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
        let backends = model.backends().unwrap();
        assert_eq!(backends, [Backend::Auto, Backend::Auto, gpu(0), gpu(3)]);
        let description = description(&model.config);
        assert_eq!(description.inputs[0].dims, [-1, 4]);
        assert_eq!(description.inputs[0].data_type, "TYPE_INT64");
        assert_eq!(description.parameters["detector"], ".");
    }

    #[test]
    fn kinds_of_instances_have_their_place() {
        let groups = |text: &str| {
            let folder = repository(&format!("backend: \"traccc\" instance_group {text}"), &["1"]);
            let [model] = &read_repository(folder.path()).unwrap()[..] else { panic!("one model") };
            let places: Vec<_> = model.groups.iter().map(|g| (g.place.clone(), g.count)).collect();
            (places, model.backends())
        };
        let (places, backends) =
            groups("[ { kind: KIND_AUTO count: 2 }, { }, { kind: KIND_CPU } ]");
        assert_eq!(places, [(Place::Auto, 2), (Place::Auto, 1), (Place::Cpu, 1)]);
        let expected = [Backend::Auto, Backend::Auto, Backend::Auto, Backend::Cpu];
        assert_eq!(backends.unwrap(), expected);
        let (places, backends) = groups("[ { name: \"all\" kind: KIND_GPU count: 3 } ]");
        assert_eq!(places, [(Place::AllGpus, 3)]);
        let error = backends.unwrap_err().to_string();
        assert!(error.contains("`all`") && error.contains("GPU"), "{error}");
        let (places, _) = groups("[ { kind: KIND_GPU gpus: [ 2, 0 ] } ]");
        assert_eq!(places, [(Place::Gpus(vec![2, 0]), 1)]);
    }

    #[test]
    fn what_triton_uses_and_this_server_does_not_is_no_error() {
        let config = format!("{CONFIG} dynamic_batching {{ }} model_warmup [ {{ name: \"x\" }} ]");
        let folder = repository(&config, &["1"]);
        assert_eq!(read_repository(folder.path()).unwrap().len(), 1);
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
        for (text, parts) in [
            ("sequence_batching { }", ["sequence_batching", "nothing"]),
            ("input { name: \"x\" reshape { shape: [ 1 ] } }", ["input.reshape", "nothing"]),
            ("instance_group { kind: KIND_MODEL }", ["KIND_MODEL", "KIND_AUTO"]),
            ("instance_group { kind: KIND_CPU gpus: [ 0 ] }", ["gpus", "KIND_CPU"]),
            ("instance_group { kind: KIND_GPU gpus: [ 0, -2 ] }", ["gpus", "-2"]),
            ("instance_group { count: -1 }", ["count", "-1"]),
            ("instance_group { count: 2000000000 }", ["count", "2000000000"]),
            ("instance_group [ { count: 1000 }, { count: 25 } ]", ["count", "1024"]),
            ("instance_group { count: 600 kind: KIND_GPU gpus: [ 0, 1 ] }", ["count", "1024"]),
        ] {
            let error = refused(&format!("backend: \"traccc\" {text}"));
            assert!(parts.iter().all(|part| error.contains(part)), "{text}: {error}");
        }
        let empty = repository(CONFIG, &[]);
        assert!(matches!(read_repository(empty.path()), Err(ServerError::NoVersion { .. })));
        let nothing = tempfile::tempdir().unwrap();
        assert!(matches!(read_repository(nothing.path()), Err(ServerError::NoModel { .. })));
    }
}
