//! The parameters of a model.

use crate::error::ModelError;
use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use traccc::io::DetectorFiles;
use traccc::{ChainConfig, Error, FieldSource, SetupFiles, settings};
use traccc_protocol::Numbering;

/// A parameter of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKey {
    /// Folder of the detector's files; excludes the following four.
    Detector,
    /// Geometry file.
    Geometry,
    /// File of search grids.
    SurfaceGrids,
    /// File of a slab of material for each surface.
    HomogeneousMaterial,
    /// File of material maps.
    MaterialMaps,
    /// ACTS digitization file; may be left out when `detector` has exactly one.
    Digitization,
    /// Conditions file; left out: the digitization file.
    Conditions,
    /// `constant:BX,BY,BZ` in T, or a covfie file; left out: 2 T along z.
    Field,
    /// Named settings of the chain: `service` (left out) or `full`.
    Chain,
    /// TOML file of settings, which win over the named ones.
    Config,
    /// The numbering of sensors: `acts` (left out), `detray` or `athena`.
    GeometryIds,
    /// File of pairs of Athena and detray ids.
    AthenaIds,
    /// Threads of each CPU instance; left out: the cores divided by the number of instances.
    Threads,
    /// The most events that an instance is given at once; left out: 1.
    MaxBatchEvents,
    /// How long a request may wait for others while an engine is busy, in us; left out: 0.
    MaxBatchDelay,
}

impl ParameterKey {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Detector,
        Self::Geometry,
        Self::SurfaceGrids,
        Self::HomogeneousMaterial,
        Self::MaterialMaps,
        Self::Digitization,
        Self::Conditions,
        Self::Field,
        Self::Chain,
        Self::Config,
        Self::GeometryIds,
        Self::AthenaIds,
        Self::Threads,
        Self::MaxBatchEvents,
        Self::MaxBatchDelay,
    ];

    /// The key in a model's configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Detector => "detector",
            Self::Geometry => "geometry",
            Self::SurfaceGrids => "surface_grids",
            Self::HomogeneousMaterial => "homogeneous_material",
            Self::MaterialMaps => "material_maps",
            Self::Digitization => "digitization",
            Self::Conditions => "conditions",
            Self::Field => "field",
            Self::Chain => "chain",
            Self::Config => "config",
            Self::GeometryIds => "geometry_ids",
            Self::AthenaIds => "athena_ids",
            Self::Threads => "threads",
            Self::MaxBatchEvents => "max_batch_events",
            Self::MaxBatchDelay => "max_batch_delay_us",
        }
    }
}

/// What a model is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelOptions {
    /// Detector, digitization and field.
    pub files: SetupFiles,
    /// Settings of the chain.
    pub config: ChainConfig,
    /// The numbering of requests that do not name another one.
    pub numbering: Numbering,
    /// File of pairs of Athena and detray ids.
    pub athena_ids: Option<PathBuf>,
    /// Threads of each CPU instance.
    pub threads: Option<usize>,
    /// How many events are reconstructed together.
    pub batching: BatchingOptions,
}

/// How many events an instance is given at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// The most events.
    pub events: usize,
    /// How long the first may wait for others while the engine is busy anyway.
    pub delay: Duration,
}

/// A [`Batching`] of which parts may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchingOptions {
    /// The most events.
    pub events: Option<usize>,
    /// How long the first may wait for others.
    pub delay: Option<Duration>,
}

impl BatchingOptions {
    /// With what is good for the processor where nothing is said: each event by itself, at once.
    pub fn resolve(self) -> Batching {
        Batching { events: self.events.unwrap_or(1), delay: self.delay.unwrap_or(Duration::ZERO) }
    }
}

impl ModelOptions {
    /// The options that the parameters of a model name. Paths that are not absolute begin at `base`, the folder of the
    /// model's version.
    ///
    /// # Errors
    /// Unknown, missing, contradicting or wrong parameters; a folder that is no detector's; a settings file that is none.
    pub fn from_parameters(
        parameters: &BTreeMap<String, String>,
        base: &Path,
    ) -> Result<Self, ModelError> {
        for key in parameters.keys() {
            if !ParameterKey::ALL.iter().any(|known| known.name() == key) {
                let known = ParameterKey::ALL.map(ParameterKey::name).join(", ");
                return Err(ModelError::UnknownParameter { key: key.clone(), known });
            }
        }
        let values = Values { parameters, base };
        let files = values.files()?;
        let named = values.choice(ParameterKey::Chain, &["service", "full"])?;
        let named = match named {
            Some("full") => ChainConfig::full(),
            _ => ChainConfig::service(),
        };
        let config = match values.path(ParameterKey::Config) {
            Some(path) => settings::read(path, &named)?,
            None => named,
        };
        config.validate().map_err(Error::from)?;
        let numbering = values.choice(ParameterKey::GeometryIds, &["acts", "detray", "athena"])?;
        let numbering = numbering.and_then(Numbering::from_name).unwrap_or(Numbering::Acts);
        let athena_ids = values.path(ParameterKey::AthenaIds);
        if numbering == Numbering::Athena && athena_ids.is_none() {
            let key = ParameterKey::AthenaIds.name();
            let reason = "`geometry_ids` is `athena`";
            return Err(ModelError::MissingParameter { key, reason });
        }
        let threads = values.positive(ParameterKey::Threads)?;
        let delay = values.parse(ParameterKey::MaxBatchDelay, "a whole number from 0")?;
        let batching = BatchingOptions {
            events: values.positive(ParameterKey::MaxBatchEvents)?,
            delay: delay.map(Duration::from_micros),
        };
        Ok(Self { files, config, numbering, athena_ids, threads, batching })
    }
}

/// Parameters by key; one with an empty text counts as left out.
struct Values<'a> {
    parameters: &'a BTreeMap<String, String>,
    base: &'a Path,
}

impl<'a> Values<'a> {
    fn text(&self, key: ParameterKey) -> Option<&'a str> {
        self.parameters.get(key.name()).map(String::as_str).filter(|text| !text.is_empty())
    }

    fn path(&self, key: ParameterKey) -> Option<PathBuf> {
        self.text(key).map(|text| self.base.join(text))
    }

    fn choice(
        &self,
        key: ParameterKey,
        choices: &[&'static str],
    ) -> Result<Option<&'static str>, ModelError> {
        let Some(text) = self.text(key) else {
            return Ok(None);
        };
        match choices.iter().find(|&&choice| choice == text) {
            Some(&choice) => Ok(Some(choice)),
            None => {
                let expected = format!("one of {}", choices.join(", "));
                Err(ModelError::Parameter { key: key.name(), value: text.to_owned(), expected })
            }
        }
    }

    fn parse<T: FromStr>(
        &self,
        key: ParameterKey,
        expected: &str,
    ) -> Result<Option<T>, ModelError> {
        let parse = |text: &str| {
            let wrong = || ModelError::Parameter {
                key: key.name(),
                value: text.to_owned(),
                expected: expected.to_owned(),
            };
            text.parse().map_err(|_| wrong())
        };
        self.text(key).map(parse).transpose()
    }

    fn positive(&self, key: ParameterKey) -> Result<Option<usize>, ModelError> {
        let number = self.parse::<NonZero<usize>>(key, "a whole number from 1")?;
        Ok(number.map(NonZero::get))
    }

    fn files(&self) -> Result<SetupFiles, ModelError> {
        let detector = match (self.path(ParameterKey::Detector), self.path(ParameterKey::Geometry))
        {
            (Some(folder), None) => DetectorFiles::find(folder).map_err(Error::from)?,
            (None, Some(geometry)) => DetectorFiles {
                geometry,
                surface_grids: self.path(ParameterKey::SurfaceGrids),
                homogeneous_material: self.path(ParameterKey::HomogeneousMaterial),
                material_maps: self.path(ParameterKey::MaterialMaps),
                ..DetectorFiles::default()
            },
            (Some(_), Some(_)) => {
                let (first, second) =
                    (ParameterKey::Detector.name(), ParameterKey::Geometry.name());
                return Err(ModelError::Conflict { first, second });
            }
            (None, None) => {
                let reason = "name the folder of the detector's files, or `geometry`";
                return Err(ModelError::MissingParameter {
                    key: ParameterKey::Detector.name(),
                    reason,
                });
            }
        };
        let digitization = match self.path(ParameterKey::Digitization) {
            Some(path) => path,
            None if detector.digitization.is_empty() => {
                let reason = "no ACTS digitization file stands beside the geometry";
                let key = ParameterKey::Digitization.name();
                return Err(ModelError::MissingParameter { key, reason });
            }
            None => detector.digitization().map_err(Error::from)?.to_owned(),
        };
        let expected = "`constant:BX,BY,BZ` with three numbers in T or the path of a covfie file";
        let field = match self.parse(ParameterKey::Field, expected)?.unwrap_or_default() {
            FieldSource::File(path) => FieldSource::File(self.base.join(path)),
            field => field,
        };
        let conditions = self.path(ParameterKey::Conditions);
        Ok(SetupFiles { detector, digitization, conditions, field })
    }
}
