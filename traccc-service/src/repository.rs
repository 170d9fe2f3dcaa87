//! Writing a model repository.

use crate::error::ModelError;
use crate::model::{Model, check_threads};
use crate::options::{ModelOptions, ParameterKey};
use crate::setup_cache::SetupCache;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use traccc::{FieldSource, settings};
use traccc_protocol::contract::input;
use traccc_protocol::{Output, TensorSpec};

/// The first line of every configuration that is written here: what has it may be written anew.
const MARK: &str = "# Written by `traccc model-repository`; it may be written anew.";
const CONFIGURATION: &str = "config.pbtxt";
const VERSION: &str = "1";

/// Where the instances of a model compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InstanceKind {
    /// On the processor.
    #[default]
    Cpu,
    /// On each GPU that the server sees.
    Gpu,
}

/// With more threads an instance on the processor is hardly faster: stages have parts that one thread does alone.
const THREADS_OF_AN_INSTANCE: usize = 2;

impl InstanceKind {
    /// A good number of instances on this machine, or on each GPU. On the processor, several with few threads each: one with 16
    /// threads keeps three cores busy.
    pub fn instances(self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        match self {
            Self::Cpu => (cores / THREADS_OF_AN_INSTANCE).max(1),
            Self::Gpu => 1,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "KIND_CPU",
            Self::Gpu => "KIND_GPU",
        }
    }
}

/// A model as it stands in a repository: `config.pbtxt`, and beside it the folder `1` with copies of all files that the
/// model needs. Triton (`--model-repository`) and `traccc serve` read it, wherever the folder is moved to.
#[derive(Clone, Debug, PartialEq)]
pub struct RepositoryModel {
    /// The name that clients ask for: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Detector, settings, numbering and threads.
    pub options: ModelOptions,
    /// Instances, on each GPU for [`InstanceKind::Gpu`].
    pub instances: usize,
    /// Where they compute.
    pub kind: InstanceKind,
    /// Whether cells can be sent in compact form too. Then all inputs are optional, which some clients cannot deal with.
    pub compact_cells: bool,
    /// The outputs that clients can ask for. Who asks for none by name gets all of them.
    pub outputs: Vec<Output>,
}

impl RepositoryModel {
    /// A model called `traccc` with all inputs and all outputs, on the processor, with as many instances as make the most of
    /// this machine.
    pub fn new(options: ModelOptions) -> Self {
        Self {
            name: "traccc".to_owned(),
            options,
            instances: InstanceKind::Cpu.instances(),
            kind: InstanceKind::Cpu,
            compact_cells: true,
            outputs: Output::ALL.into(),
        }
    }

    /// Writes the model into a repository, which is made when it is missing, and gives the model's folder.
    ///
    /// The model is loaded once before its files are copied, so that a repository that exists can be served. A folder of the
    /// model's name that was written here before is replaced when the new one is complete; nothing else in the repository
    /// is touched.
    ///
    /// # Errors
    /// A name or number that no server takes, files that cannot be copied or used, a folder of that name that holds
    /// something else. What was there before is then still there.
    pub fn write(&self, repository: &Path) -> Result<PathBuf, RepositoryError> {
        self.check()?;
        // Before anything is copied, so that errors name the files that the caller knows.
        Model::load(&self.options, &SetupCache::new())?;
        let folder = repository.join(&self.name);
        refuse_foreign(&folder)?;
        let fresh = repository.join(format!(".{}.new", self.name));
        let outcome = self.write_fresh(&fresh).and_then(|()| replace(&folder, &fresh));
        if outcome.is_err() {
            // The first error is the one to tell; this one would only repeat it.
            let _ = std::fs::remove_dir_all(&fresh);
        }
        outcome.map(|()| folder)
    }

    fn check(&self) -> Result<(), RepositoryError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.name.is_empty() || self.name.starts_with('.') || !self.name.chars().all(plain) {
            return Err(RepositoryError::Name { name: self.name.clone() });
        }
        if self.instances == 0 {
            return Err(RepositoryError::NoInstance);
        }
        check_threads(self.options.threads.unwrap_or(1), self.instances)?;
        if self.outputs.is_empty() {
            return Err(ModelError::NoOutput.into());
        }
        Ok(())
    }

    fn write_fresh(&self, folder: &Path) -> Result<(), RepositoryError> {
        let version = folder.join(VERSION);
        if folder.exists() {
            std::fs::remove_dir_all(folder).map_err(unwritable(folder))?;
        }
        std::fs::create_dir_all(&version).map_err(unwritable(&version))?;
        let parameters = self.write_files(&version)?;
        ModelOptions::from_parameters(&parameters, &version)?;
        // Last: a folder without it is no model, whatever interrupts this.
        let path = folder.join(CONFIGURATION);
        std::fs::write(&path, self.configuration(&parameters)).map_err(unwritable(&path))
    }

    /// Copies every file of the model, and gives the parameters that name the copies.
    fn write_files(&self, version: &Path) -> Result<BTreeMap<String, String>, RepositoryError> {
        let ModelOptions { files, config, numbering, athena_ids, threads, batching } =
            &self.options;
        let detector = &files.detector;
        let field_map = match &files.field {
            FieldSource::File(path) => Some(path),
            _ => None,
        };
        let copies = [
            (ParameterKey::Geometry, Some(&detector.geometry)),
            (ParameterKey::SurfaceGrids, detector.surface_grids.as_ref()),
            (ParameterKey::HomogeneousMaterial, detector.homogeneous_material.as_ref()),
            (ParameterKey::MaterialMaps, detector.material_maps.as_ref()),
            (ParameterKey::Digitization, Some(&files.digitization)),
            (ParameterKey::Conditions, files.conditions.as_ref()),
            (ParameterKey::Field, field_map),
            (ParameterKey::AthenaIds, athena_ids.as_ref()),
        ];
        let mut parameters = BTreeMap::new();
        let mut set =
            |key: ParameterKey, value: String| parameters.insert(key.name().to_owned(), value);
        if field_map.is_none() {
            set(ParameterKey::Field, files.field.to_string());
        }
        for (key, source) in copies {
            let Some(source) = source else { continue };
            let name = format!("{}{}", key.name(), suffix(source));
            let target = version.join(&name);
            std::fs::copy(source, &target).map_err(|error| RepositoryError::Copy {
                from: source.clone(),
                to: target,
                source: error,
            })?;
            set(key, name);
        }
        let name = "chain.toml";
        let path = version.join(name);
        let text = settings::to_toml(config)?;
        std::fs::write(&path, text).map_err(unwritable(&path))?;
        set(ParameterKey::Config, name.to_owned());
        set(ParameterKey::GeometryIds, numbering.name().to_owned());
        if let Some(threads) = threads {
            set(ParameterKey::Threads, threads.to_string());
        }
        if let Some(events) = batching.events {
            set(ParameterKey::MaxBatchEvents, events.to_string());
        }
        if let Some(delay) = batching.delay {
            set(ParameterKey::MaxBatchDelay, delay.as_micros().to_string());
        }
        Ok(parameters)
    }

    /// The text of `config.pbtxt`. Nothing in it needs escapes: names and values are ours or were checked.
    fn configuration(&self, parameters: &BTreeMap<String, String>) -> String {
        let mut text =
            format!("{MARK}\nname: \"{}\"\nbackend: \"traccc\"\nmax_batch_size: 0\n", self.name);
        let (inputs, optional): (&[TensorSpec], _) = if self.compact_cells {
            (&input::ALL, " optional: true")
        } else {
            (&[input::CELL_POSITIONS, input::CELL_PROPERTIES], "")
        };
        for spec in inputs {
            text.push_str(&tensor("input", spec, optional));
        }
        for output in &self.outputs {
            text.push_str(&tensor("output", &output.spec(), ""));
        }
        let (instances, kind) = (self.instances, self.kind.name());
        let _ = writeln!(text, "instance_group {{ count: {instances} kind: {kind} }}");
        for (key, value) in parameters {
            let _ = writeln!(
                text,
                "parameters {{ key: \"{key}\" value: {{ string_value: \"{value}\" }} }}"
            );
        }
        text
    }
}

/// A tensor in a configuration.
fn tensor(list: &str, spec: &TensorSpec, more: &str) -> String {
    let (name, data_type, dims) = (spec.name, spec.data_type.name(), spec.dims);
    let meaning = spec.meaning;
    format!(
        "# {meaning}\n{list} {{ name: \"{name}\" data_type: TYPE_{data_type} dims: {dims:?}{more} }}\n"
    )
}

/// The end of a file's name that tells its form: `.json`, `.csv.gz`.
fn suffix(path: &Path) -> String {
    let extension = |path: &Path| {
        path.extension().and_then(|text| text.to_str()).map(|text| format!(".{text}"))
    };
    let last = extension(path).unwrap_or_default();
    if matches!(last.as_str(), ".gz" | ".zst") {
        let inner = path.file_stem().map(Path::new).and_then(extension).unwrap_or_default();
        return inner + &last;
    }
    last
}

/// Refuses a folder that was not written here, or has something in it that was not.
fn refuse_foreign(folder: &Path) -> Result<(), RepositoryError> {
    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unwritable(folder)(error)),
    };
    let configuration = std::fs::read_to_string(folder.join(CONFIGURATION)).unwrap_or_default();
    if !configuration.starts_with(MARK) {
        return Err(RepositoryError::Foreign { path: folder.to_owned() });
    }
    for entry in entries {
        let entry = entry.map_err(unwritable(folder))?;
        if entry.file_name() != CONFIGURATION && entry.file_name() != VERSION {
            return Err(RepositoryError::Foreign { path: entry.path() });
        }
    }
    let version = folder.join(VERSION);
    for entry in version.read_dir().map_err(unwritable(&version))? {
        let entry = entry.map_err(unwritable(&version))?;
        let name = entry.file_name();
        let stem = name.to_str().and_then(|name| name.split('.').next());
        let ours = |stem| stem == "chain" || ParameterKey::ALL.iter().any(|key| key.name() == stem);
        if !stem.is_some_and(ours) {
            return Err(RepositoryError::Foreign { path: entry.path() });
        }
    }
    Ok(())
}

/// Puts `fresh` where `folder` is or was. What was there is removed when the new one is in its place.
fn replace(folder: &Path, fresh: &Path) -> Result<(), RepositoryError> {
    if !folder.exists() {
        return std::fs::rename(fresh, folder).map_err(unwritable(folder));
    }
    let old = fresh.with_extension("old");
    if old.exists() {
        std::fs::remove_dir_all(&old).map_err(unwritable(&old))?;
    }
    std::fs::rename(folder, &old).map_err(unwritable(folder))?;
    if let Err(error) = std::fs::rename(fresh, folder) {
        std::fs::rename(&old, folder).map_err(unwritable(folder))?;
        return Err(unwritable(folder)(error));
    }
    std::fs::remove_dir_all(&old).map_err(unwritable(&old))
}

fn unwritable(path: &Path) -> impl FnOnce(std::io::Error) -> RepositoryError {
    let path = path.to_owned();
    move |source| RepositoryError::Write { path, source }
}

/// Why a model repository cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// A name that servers cannot have in addresses and folders.
    #[error(
        "a model cannot be called `{name}`: use letters, digits, `-`, `_` and `.`, the first not `.`"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// No instance.
    #[error("a model with 0 instances answers nobody: 1 is the least")]
    NoInstance,
    /// Something of another origin in the place of the model.
    #[error(
        "`{path}` was not written by this program: choose another name or folder, or remove it yourself"
    )]
    Foreign {
        /// What is there.
        path: PathBuf,
    },
    /// A file that cannot be copied.
    #[error("`{from}` cannot be copied to `{to}`")]
    Copy {
        /// The file.
        from: PathBuf,
        /// Its copy.
        to: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file or folder that cannot be written.
    #[error("`{path}` cannot be written")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Settings that have no text.
    #[error("the settings cannot be written as TOML")]
    Settings(#[from] toml::ser::Error),
    /// A model that no server could load.
    #[error(transparent)]
    Model(#[from] ModelError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::BatchingOptions;
    use std::time::Duration;
    use traccc::detector::Detector;
    use traccc::io::{self, DetectorFiles, Digitization};
    use traccc::{ChainConfig, SetupFiles};
    use traccc_protocol::Numbering;
    use traccc_sim::detectors::{TelescopeConfig, pixel_modules, telescope};

    /// Options for a telescope whose files are written into a folder.
    fn options(folder: &Path) -> ModelOptions {
        let model = telescope(&TelescopeConfig::default()).unwrap();
        let detector = Detector::compile(&model).unwrap();
        let modules = pixel_modules(&detector, [0.05, 0.05]).unwrap();
        io::write_detector(folder, &model).unwrap();
        let digitization = folder.join("digitization.json.gz");
        let entries = Digitization::from_modules(&detector, &modules).unwrap();
        io::write_digitization(&digitization, &entries).unwrap();
        ModelOptions {
            files: SetupFiles {
                detector: DetectorFiles::find(folder).unwrap(),
                conditions: None,
                digitization,
                field: FieldSource::Constant([0.0, 0.25, 1.5]),
            },
            config: ChainConfig::service(),
            numbering: Numbering::Detray,
            athena_ids: None,
            threads: Some(3),
            batching: BatchingOptions { events: Some(8), delay: Some(Duration::from_micros(250)) },
        }
    }

    /// The parameters in a configuration that was written here.
    fn parameters(folder: &Path) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(folder.join(CONFIGURATION)).unwrap();
        let quoted = |line: &str| {
            let parts: Vec<&str> = line.split('"').collect();
            (parts[1].to_owned(), parts[3].to_owned())
        };
        text.lines().filter(|line| line.starts_with("parameters")).map(quoted).collect()
    }

    #[test]
    fn a_written_model_means_the_same_without_its_sources_and_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let (sources, repository) = (folder.path().join("sources"), folder.path().join("one"));
        std::fs::create_dir(&sources).unwrap();
        let mut model = RepositoryModel::new(options(&sources));
        model.options.config.finding.min_measurements = 5;
        model.write(&repository).unwrap();
        std::fs::remove_dir_all(&sources).unwrap();
        let moved = folder.path().join("two");
        std::fs::rename(&repository, &moved).unwrap();

        let version = moved.join("traccc").join(VERSION);
        let read = ModelOptions::from_parameters(&parameters(&moved.join("traccc")), &version);
        let read = read.unwrap();
        assert_eq!(read.config, model.options.config);
        assert_eq!(read.files.field, model.options.files.field);
        assert_eq!((read.numbering, read.threads), (Numbering::Detray, Some(3)));
        assert_eq!(read.batching, model.options.batching);
        assert_eq!(read.files.digitization, version.join("digitization.json.gz"));
        Model::load(&read, &SetupCache::new()).unwrap();
    }

    #[test]
    fn its_own_model_is_written_anew_and_a_foreign_folder_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut model = RepositoryModel::new(options(folder.path()));
        let repository = folder.path().join("repository");
        let written = model.write(&repository).unwrap();
        model.options.threads = Some(4);
        model.write(&repository).unwrap();
        assert_eq!(parameters(&written)["threads"], "4");

        for foreign in ["2", "1/notes.txt"] {
            let path = written.join(foreign);
            std::fs::write(&path, "").unwrap();
            let error = model.write(&repository).unwrap_err();
            assert!(matches!(&error, RepositoryError::Foreign { path: named } if *named == path));
            assert!(path.exists());
            std::fs::remove_file(path).unwrap();
        }
        std::fs::write(written.join(CONFIGURATION), "name: \"traccc\"").unwrap();
        assert!(matches!(model.write(&repository), Err(RepositoryError::Foreign { .. })));
    }

    #[test]
    fn what_no_server_could_load_leaves_the_model_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut model = RepositoryModel::new(options(folder.path()));
        let repository = folder.path().join("repository");
        let written = model.write(&repository).unwrap();
        model.options.config.finding.smoother = traccc::finding::Smoother::None;
        assert!(matches!(
            model.write(&repository),
            Err(RepositoryError::Model(ModelError::NoStates))
        ));
        Model::load(
            &ModelOptions::from_parameters(&parameters(&written), &written.join(VERSION)).unwrap(),
            &SetupCache::new(),
        )
        .unwrap();
        let names: Vec<_> =
            repository.read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["traccc"], "nothing is left of the attempt");

        for name in ["", "a/b", "..", "two words"] {
            let model = RepositoryModel { name: name.to_owned(), ..model.clone() };
            assert!(matches!(model.write(&repository), Err(RepositoryError::Name { .. })));
        }
    }
}
