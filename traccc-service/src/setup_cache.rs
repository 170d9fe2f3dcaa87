use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;
use traccc::{Backend, Engine, Error, FieldSource, Setup, SetupFiles};

/// Detectors and fields that are in use, and the engines on them, so that models and instances of one process share them.
#[derive(Debug, Default)]
pub struct SetupCache {
    entries: Mutex<Vec<(Key, Weak<SharedSetup>)>>,
}

/// A setup, and the engines that were started on it.
#[derive(Debug)]
pub(crate) struct SharedSetup {
    pub(crate) setup: Arc<Setup>,
    engines: Mutex<Vec<Engine>>,
}

impl SharedSetup {
    /// The engine that `backend` means: the one in use, else started now.
    pub(crate) fn engine(&self, backend: Backend) -> Result<Engine, Error> {
        // Held while starting: what an engine owns is uploaded once.
        let mut engines = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = engines.iter().find(|engine| engine.backend() == backend) {
            return Ok(engine.clone());
        }
        let engine = self.setup.engine(backend)?;
        if let Some(known) = engines.iter().find(|known| known.backend() == engine.backend()) {
            return Ok(known.clone());
        }
        engines.push(engine.clone());
        Ok(engine)
    }
}

/// The files, and how each was when it was read: a model that is written anew has new files under the old names.
#[derive(Debug, PartialEq)]
struct Key {
    files: SetupFiles,
    states: Vec<Option<(u64, SystemTime)>>,
}

impl Key {
    fn new(files: &SetupFiles) -> Self {
        let detector = &files.detector;
        let field = match &files.field {
            FieldSource::File(path) => Some(path),
            _ => None,
        };
        let optional = [
            &detector.surface_grids,
            &detector.homogeneous_material,
            &detector.material_maps,
            &files.conditions,
        ];
        let paths = [&detector.geometry, &files.digitization];
        let paths = paths.into_iter().chain(optional.into_iter().flatten()).chain(field);
        Self { files: files.clone(), states: paths.map(|path| state(path)).collect() }
    }
}

/// Size and time of the last change; `None` for a file that cannot be looked at.
fn state(path: &Path) -> Option<(u64, SystemTime)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

impl SetupCache {
    /// An empty one.
    pub const fn new() -> Self {
        Self { entries: Mutex::new(Vec::new()) }
    }

    /// The setup of `files`: the one in use, else read now.
    ///
    /// A setup that no model uses any more is dropped, and read again when it is next asked for.
    ///
    /// # Errors
    /// As [`Setup::read`].
    pub(crate) fn get(&self, files: &SetupFiles) -> Result<Arc<SharedSetup>, Error> {
        // Held while reading: two models of one detector that are loaded at once read it once.
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|(_, setup)| setup.strong_count() > 0);
        let key = Key::new(files);
        let found = entries.iter().find(|(known, _)| *known == key);
        if let Some(setup) = found.and_then(|(_, setup)| setup.upgrade()) {
            return Ok(setup);
        }
        let (setup, engines) = (Arc::new(Setup::read(files)?), Mutex::default());
        let setup = Arc::new(SharedSetup { setup, engines });
        entries.push((key, Arc::downgrade(&setup)));
        Ok(setup)
    }
}
