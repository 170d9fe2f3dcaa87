use crate::backend::Backend;
use crate::chain::Chain;
use crate::checks;
use crate::engine::Engine;
use crate::error::Error;
use crate::field_source::FieldSource;
use crate::warning::Warning;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use traccc_core::ChainConfig;
use traccc_core::detector::{Detector, Modules};
use traccc_core::field::MagneticField;
use traccc_io::DetectorFiles;

/// A detector with its segmentation and field: all that a chain needs besides settings.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Surfaces, volumes, material and search grids.
    pub detector: Arc<Detector>,
    /// The sensors and their channels.
    pub modules: Arc<Modules>,
    /// The magnetic field.
    pub field: Arc<MagneticField>,
    /// Where these do not look as if they belong together. See [`Self::check`] for settings, and [`Self::check_events`].
    pub warnings: Vec<Warning>,
    /// The files that all this was read from; `None` for what was built in code.
    pub files: Option<SetupFiles>,
}

impl Setup {
    /// Puts together what was built in code.
    pub fn new(detector: Detector, modules: Modules, field: MagneticField) -> Self {
        Self::assemble(detector, modules, field, None)
    }

    fn assemble(
        detector: Detector,
        modules: Modules,
        field: MagneticField,
        files: Option<SetupFiles>,
    ) -> Self {
        let warnings = checks::pieces(&detector, &modules, &field, files.as_ref());
        let (detector, modules, field) = (Arc::new(detector), Arc::new(modules), Arc::new(field));
        Self { detector, modules, field, warnings, files }
    }

    /// Reads all files of a setup.
    ///
    /// # Errors
    /// [`Error::Io`] for files that cannot be read or are of different detectors, [`Error::Detector`] for a detector that
    /// cannot be compiled, [`Error::Digitization`] for a sensor without segmentation.
    pub fn read(files: &SetupFiles) -> Result<Self, Error> {
        let model = traccc_io::read_detector(&files.detector)?;
        let geometry = &files.detector.geometry;
        let detector = Detector::compile(&model)
            .map_err(|source| Error::Detector { geometry: geometry.clone(), source })?;
        let digitization = traccc_io::read_digitization(&files.digitization)?;
        let conditions = files.conditions.as_ref().map(traccc_io::read_conditions).transpose()?;
        let modules = digitization.modules(&detector, conditions.as_ref()).map_err(|source| {
            let (digitization, geometry) = (files.digitization.clone(), geometry.clone());
            Error::Digitization { digitization, geometry, source: Box::new(source) }
        })?;
        Ok(Self::assemble(detector, modules, files.field.read()?, Some(files.clone())))
    }

    /// Starts an engine on this setup. [`Backend::Auto`] says in the log what it chose, and [`Engine::reason`] why.
    ///
    /// # Errors
    /// [`Error::NoEngine`] when this build lacks the engine. There is never another engine instead of one asked for by its name.
    pub fn engine(&self, backend: Backend) -> Result<Engine, Error> {
        Engine::start(self, backend)
    }

    /// Starts a chain on an engine of its own.
    ///
    /// # Errors
    /// As [`Self::engine`] and [`Engine::chain`].
    pub fn open(&self, backend: Backend, config: &ChainConfig) -> Result<Chain, Error> {
        self.engine(backend)?.chain(config)
    }
}

/// The files of a [`Setup`].
#[derive(Clone, Debug, PartialEq)]
pub struct SetupFiles {
    /// Geometry, search grids and material.
    pub detector: DetectorFiles,
    /// The ACTS digitization file.
    pub digitization: PathBuf,
    /// The conditions file; `None`: the digitization file serves as one.
    pub conditions: Option<PathBuf>,
    /// The magnetic field.
    pub field: FieldSource,
}

impl SetupFiles {
    /// The files in a folder, recognised by what is in them, with the default field of 2 T along z.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder has no geometry file, no digitization file, or several of a kind: then fill in this
    /// structure yourself.
    pub fn in_dir(directory: impl AsRef<Path>) -> Result<Self, Error> {
        let detector = DetectorFiles::find(directory)?;
        let digitization = detector.digitization()?.to_owned();
        Ok(Self { detector, digitization, conditions: None, field: FieldSource::default() })
    }
}
