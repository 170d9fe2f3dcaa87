use crate::error::ClientError;
use bytes::Bytes;
use rand::Rng;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where this system keeps POSIX shared memory: what `shm_open` finds as `/NAME` is a file there.
const DIRECTORY: &str = "/dev/shm";

/// Shared memory of this process; it is removed at the end.
#[derive(Debug)]
pub(crate) struct Region {
    pub(crate) name: String,
    pub(crate) size: usize,
    path: PathBuf,
    file: File,
}

impl Region {
    /// A new one, which only this user can open.
    pub(crate) fn create(purpose: &str, size: usize) -> Result<Self, ClientError> {
        static COUNTER: AtomicUsize = AtomicUsize::new(0);
        let (process, count) = (std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        // Containers that share the directory may have equal process ids.
        let unique: u32 = rand::rng().random();
        let name = format!("traccc-client-{process}-{count}-{unique:08x}-{purpose}");
        let path = PathBuf::from(DIRECTORY).join(&name);
        let created =
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = created.map_err(|source| failed(&path, "made", source))?;
        let region = Self { name, size, path, file };
        let sized = region.file.set_len(size as u64);
        sized.map_err(|source| failed(&region.path, "resized", source))?;
        Ok(region)
    }

    /// The key that `shm_open` takes.
    pub(crate) fn key(&self) -> String {
        format!("/{}", self.name)
    }

    pub(crate) fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), ClientError> {
        let written = self.file.write_all_at(bytes, offset as u64);
        written.map_err(|source| failed(&self.path, "written", source))
    }

    pub(crate) fn read(&self, offset: usize, size: usize) -> Result<Bytes, ClientError> {
        let mut bytes = vec![0; size];
        let read = self.file.read_exact_at(&mut bytes, offset as u64);
        read.map_err(|source| failed(&self.path, "read", source))?;
        Ok(bytes.into())
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "shared memory is left behind");
        }
    }
}

fn failed(path: &std::path::Path, action: &'static str, source: std::io::Error) -> ClientError {
    ClientError::SharedMemory { path: path.to_owned(), action, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_a_file_of_its_own_until_the_end() {
        let first = Region::create("test", 64).unwrap();
        let second = Region::create("test", 64).unwrap();
        assert_ne!(first.path, second.path);
        first.write(8, b"tracks").unwrap();
        assert_eq!(first.read(8, 6).unwrap(), &b"tracks"[..]);
        assert!(matches!(first.read(56, 9), Err(ClientError::SharedMemory { action: "read", .. })));
        let path = first.path.clone();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 64);
        drop(first);
        assert!(!path.exists() && second.path.exists());
    }
}
