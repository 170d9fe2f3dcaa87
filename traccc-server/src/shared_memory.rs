//! POSIX shared memory of this machine, read and written as the files that it is on Linux.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use traccc_protocol::grpc::system_shared_memory_status_response::RegionStatus;

/// Where Linux keeps the objects.
const FOLDER: &str = "/dev/shm";
/// Regions at once: each holds a file open.
const MAX_REGIONS: usize = 256;

/// Why shared memory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SharedMemoryError {
    #[error("shared memory is switched off: start the server with `--shared-memory`")]
    Off,
    #[error("shared memory region `{name}` exists already: unregister it first")]
    Exists { name: String },
    #[error("{MAX_REGIONS} shared memory regions are registered, the limit")]
    TooMany,
    #[error("shared memory region `{name}` is not registered")]
    Unknown { name: String },
    #[error(
        "shared memory key `{key}` is no name of an object: expected `/` and a name without `/`"
    )]
    Key { key: String },
    #[error("shared memory key `{key}` cannot be opened: {source}")]
    Open { key: String, source: std::io::Error },
    #[error(
        "shared memory key `{key}` has {size} bytes, but {byte_size} from byte {offset} are asked for"
    )]
    Size { key: String, size: u64, offset: u64, byte_size: u64 },
    #[error(
        "{byte_size} bytes from byte {offset} are not within shared memory region `{name}` of {size} bytes"
    )]
    Outside { name: String, size: u64, offset: u64, byte_size: u64 },
    #[error(
        "output `{output}` takes {needed} bytes, but {byte_size} of shared memory region `{name}` are offered"
    )]
    TooSmall { name: String, output: &'static str, needed: usize, byte_size: usize },
    #[error("shared memory region `{name}` cannot be used any more: {source}")]
    Use { name: String, source: std::io::Error },
    #[error(
        "CUDA shared memory is not supported: this server computes on the processor; use system shared memory, or send the tensors"
    )]
    Cuda,
}

/// The regions that clients have registered.
#[derive(Debug)]
pub(crate) struct SharedMemory {
    enabled: bool,
    folder: PathBuf,
    regions: Mutex<BTreeMap<String, Arc<Region>>>,
}

/// A part of a shared memory object.
#[derive(Debug)]
pub(crate) struct Region {
    name: String,
    key: String,
    offset: u64,
    byte_size: u64,
    file: File,
}

/// A part of a region, for one tensor.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    region: Arc<Region>,
    offset: u64,
    byte_size: usize,
}

impl SharedMemory {
    /// No regions yet.
    pub(crate) fn new(enabled: bool) -> Self {
        Self::in_folder(enabled, FOLDER.into())
    }

    fn in_folder(enabled: bool, folder: PathBuf) -> Self {
        Self { enabled, folder, regions: Mutex::default() }
    }

    fn regions(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Region>>> {
        self.regions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses if clients may not use it.
    pub(crate) fn check_enabled(&self) -> Result<(), SharedMemoryError> {
        if self.enabled { Ok(()) } else { Err(SharedMemoryError::Off) }
    }

    /// Whether clients may use it.
    pub(crate) fn enabled(&self) -> bool {
        self.enabled
    }

    /// Names `byte_size` bytes from byte `offset` of the object `key`.
    pub(crate) fn register(
        &self,
        name: &str,
        key: &str,
        offset: u64,
        byte_size: u64,
    ) -> Result<(), SharedMemoryError> {
        self.check_enabled()?;
        let mut regions = self.regions();
        if regions.contains_key(name) {
            return Err(SharedMemoryError::Exists { name: name.to_owned() });
        }
        if regions.len() >= MAX_REGIONS {
            return Err(SharedMemoryError::TooMany);
        }
        let file = open(&self.folder, key)?;
        let unusable = |source| SharedMemoryError::Open { key: key.to_owned(), source };
        let size = file.metadata().map_err(unusable)?.len();
        if offset.checked_add(byte_size).is_none_or(|end| end > size) {
            return Err(SharedMemoryError::Size { key: key.to_owned(), size, offset, byte_size });
        }
        let (name, key) = (name.to_owned(), key.to_owned());
        let region = Region { name: name.clone(), key, offset, byte_size, file };
        regions.insert(name, Arc::new(region));
        Ok(())
    }

    /// Forgets one region, or all for an empty name. It is no error if there is none: many clients begin with this,
    /// whether or not they use shared memory.
    pub(crate) fn unregister(&self, name: &str) {
        let mut regions = self.regions();
        if name.is_empty() {
            regions.clear();
        } else {
            regions.remove(name);
        }
    }

    /// One region, or all for an empty name.
    pub(crate) fn status(&self, name: &str) -> Result<Vec<RegionStatus>, SharedMemoryError> {
        let regions = self.regions();
        if !name.is_empty() && !regions.contains_key(name) {
            return Err(SharedMemoryError::Unknown { name: name.to_owned() });
        }
        let chosen = regions.values().filter(|region| name.is_empty() || region.name == name);
        Ok(chosen.map(|region| region.status()).collect())
    }

    /// A part of a region.
    pub(crate) fn window(
        &self,
        name: &str,
        offset: u64,
        byte_size: u64,
    ) -> Result<Window, SharedMemoryError> {
        self.check_enabled()?;
        let regions = self.regions();
        let Some(region) = regions.get(name) else {
            return Err(SharedMemoryError::Unknown { name: name.to_owned() });
        };
        let size = region.byte_size;
        let inside = offset.checked_add(byte_size).is_some_and(|end| end <= size);
        match usize::try_from(byte_size) {
            Ok(byte_size) if inside => Ok(Window { region: region.clone(), offset, byte_size }),
            _ => Err(SharedMemoryError::Outside { name: name.to_owned(), size, offset, byte_size }),
        }
    }
}

/// Opens an object. Links are not followed: whoever may write to the folder could name any file with one.
fn open(folder: &Path, key: &str) -> Result<File, SharedMemoryError> {
    let name = key.strip_prefix('/').unwrap_or(key);
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(SharedMemoryError::Key { key: key.to_owned() });
    }
    let unusable = |source| SharedMemoryError::Open { key: key.to_owned(), source };
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).custom_flags(flags).open(folder.join(name));
    let file = file.map_err(unusable)?;
    if !file.metadata().map_err(unusable)?.is_file() {
        return Err(unusable(std::io::Error::other("it is no shared memory object")));
    }
    Ok(file)
}

impl Region {
    fn status(&self) -> RegionStatus {
        RegionStatus {
            name: self.name.clone(),
            key: self.key.clone(),
            offset: self.offset,
            byte_size: self.byte_size,
        }
    }
}

impl Window {
    /// Size in bytes.
    pub(crate) fn byte_size(&self) -> usize {
        self.byte_size
    }

    /// The content.
    pub(crate) fn read(&self) -> Result<Vec<u8>, SharedMemoryError> {
        let mut bytes = vec![0; self.byte_size];
        let at = self.region.offset + self.offset;
        self.region.file.read_exact_at(&mut bytes, at).map_err(|source| self.unusable(source))?;
        Ok(bytes)
    }

    /// Writes an output to the beginning.
    pub(crate) fn write(
        &self,
        output: &'static str,
        bytes: &[u8],
    ) -> Result<(), SharedMemoryError> {
        if bytes.len() > self.byte_size {
            let (name, needed) = (self.region.name.clone(), bytes.len());
            let byte_size = self.byte_size;
            return Err(SharedMemoryError::TooSmall { name, output, needed, byte_size });
        }
        let at = self.region.offset + self.offset;
        // The object may have been cut since: a write must not make it grow again.
        let size = self.region.file.metadata().map_err(|source| self.unusable(source))?.len();
        if at + bytes.len() as u64 > size {
            return Err(self.unusable(std::io::ErrorKind::UnexpectedEof.into()));
        }
        self.region.file.write_all_at(bytes, at).map_err(|source| self.unusable(source))
    }

    fn unusable(&self, source: std::io::Error) -> SharedMemoryError {
        SharedMemoryError::Use { name: self.region.name.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> (tempfile::TempDir, SharedMemory) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cells"), [1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
        let memory = SharedMemory::in_folder(true, folder.path().into());
        (folder, memory)
    }

    #[test]
    fn a_window_of_a_region_is_read_and_written() {
        let (folder, memory) = memory();
        memory.register("in", "/cells", 2, 6).unwrap();
        let window = memory.window("in", 1, 3).unwrap();
        assert_eq!(window.read().unwrap(), [4, 5, 6]);
        window.write("TRK_PARAMS", &[9, 9]).unwrap();
        let content = std::fs::read(folder.path().join("cells")).unwrap();
        assert_eq!(content, [1, 2, 3, 9, 9, 6, 7, 8]);
        let message = window.write("TRK_PARAMS", &[0; 4]).unwrap_err().to_string();
        assert!(message.contains("takes 4 bytes, but 3"), "{message}");
    }

    #[test]
    fn keys_name_nothing_outside_the_folder() {
        let (folder, memory) = memory();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::fs::write(folder.path().join("sub/secret"), "x").unwrap();
        std::os::unix::fs::symlink("sub/secret", folder.path().join("link")).unwrap();
        for key in [
            "",
            "/",
            "..",
            "/..",
            "/.",
            "/../cells",
            "//cells",
            "/sub/secret",
            "/sub",
            "/link",
            "a\0b",
        ] {
            let error = memory.register("x", key, 0, 1).unwrap_err();
            let refused =
                matches!(error, SharedMemoryError::Key { .. } | SharedMemoryError::Open { .. });
            assert!(refused, "{key}: {error}");
        }
    }

    #[test]
    fn sizes_are_checked() {
        let (folder, memory) = memory();
        for (offset, byte_size) in [(0, 9), (9, 0), (u64::MAX, 1), (1, u64::MAX)] {
            let refused = memory.register("x", "/cells", offset, byte_size);
            assert!(matches!(refused, Err(SharedMemoryError::Size { .. })), "{offset} {byte_size}");
        }
        memory.register("x", "/cells", 4, 4).unwrap();
        assert!(matches!(
            memory.register("x", "/cells", 0, 1),
            Err(SharedMemoryError::Exists { .. })
        ));
        for (offset, byte_size) in [(0, 5), (5, 0), (u64::MAX, 1), (1, u64::MAX)] {
            let refused = memory.window("x", offset, byte_size);
            assert!(
                matches!(refused, Err(SharedMemoryError::Outside { .. })),
                "{offset} {byte_size}"
            );
        }
        // The owner cuts the object while it is registered.
        let window = memory.window("x", 0, 4).unwrap();
        std::fs::write(folder.path().join("cells"), [1]).unwrap();
        assert!(window.read().is_err());
        assert!(window.write("TRK_PARAMS", &[1]).is_err());
        assert_eq!(std::fs::read(folder.path().join("cells")).unwrap(), [1]);
    }

    #[test]
    fn nothing_is_registered_or_used_while_it_is_off() {
        let memory = SharedMemory::new(false);
        for refused in [
            memory.register("x", "/cells", 0, 1).unwrap_err(),
            memory.window("x", 0, 1).unwrap_err(),
        ] {
            assert!(refused.to_string().contains("--shared-memory"), "{refused}");
        }
        memory.unregister("");
        assert!(memory.status("").unwrap().is_empty());
        assert!(matches!(memory.status("x"), Err(SharedMemoryError::Unknown { .. })));
    }

    #[test]
    fn unregistering_forgets_one_or_all() {
        let (_folder, memory) = memory();
        for name in ["a", "b", "c"] {
            memory.register(name, "/cells", 0, 8).unwrap();
        }
        memory.unregister("b");
        let names = |list: Vec<RegionStatus>| list.into_iter().map(|r| r.name).collect::<Vec<_>>();
        assert_eq!(names(memory.status("").unwrap()), ["a", "c"]);
        assert!(matches!(memory.status("b"), Err(SharedMemoryError::Unknown { .. })));
        memory.unregister("");
        assert!(memory.status("").unwrap().is_empty());
    }
}
