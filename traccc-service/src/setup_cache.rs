use std::sync::{Arc, Mutex, PoisonError, Weak};
use traccc::{Error, Setup, SetupFiles};

/// Detectors and fields that are in use, so that models and instances of one process share them.
#[derive(Debug, Default)]
pub struct SetupCache {
    entries: Mutex<Vec<(SetupFiles, Weak<Setup>)>>,
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
        let found = entries.iter().find(|(known, _)| known == files);
        if let Some(setup) = found.and_then(|(_, setup)| setup.upgrade()) {
            return Ok(setup);
        }
        let setup = Arc::new(Setup::read(files)?);
        entries.push((files.clone(), Arc::downgrade(&setup)));
        Ok(setup)
    }
}
