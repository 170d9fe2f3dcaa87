use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;
use traccc::{Error, FieldSource, Setup, SetupFiles};

/// Detectors and fields that are in use, so that models and instances of one process share them.
#[derive(Debug, Default)]
pub struct SetupCache {
    entries: Mutex<Vec<(Key, Weak<Setup>)>>,
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
    pub fn get(&self, files: &SetupFiles) -> Result<Arc<Setup>, Error> {
        // Held while reading: two models of one detector that are loaded at once read it once.
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|(_, setup)| setup.strong_count() > 0);
        let key = Key::new(files);
        let found = entries.iter().find(|(known, _)| *known == key);
        if let Some(setup) = found.and_then(|(_, setup)| setup.upgrade()) {
            return Ok(setup);
        }
        let setup = Arc::new(Setup::read(files)?);
        entries.push((key, Arc::downgrade(&setup)));
        Ok(setup)
    }
}
