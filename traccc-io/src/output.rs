//! Files written as a whole: under another name, and renamed when they are complete.

use crate::error::{Error, Result};
use serde::Serialize;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Creates `path`, which `content` writes. A file that is not complete is removed and leaves what was there before.
pub(crate) fn write_file(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<()> {
    let part = path.with_added_extension("part");
    let write = || {
        let mut file = BufWriter::new(File::create(&part)?);
        content(&mut file)?;
        // Dropping the buffer would lose the error of the last write.
        file.flush()?;
        std::fs::rename(&part, path)
    };
    write().map_err(|source| {
        // If this fails too, the first error still says why.
        let _ = std::fs::remove_file(&part);
        Error::Write { path: path.to_owned(), source }
    })
}

/// Creates a text file. It is written under another name and renamed when it is complete.
///
/// # Errors
/// [`Error::Write`] if it cannot be written; what was there before is then left.
pub fn write_text(path: impl AsRef<Path>, text: &str) -> Result<()> {
    write_file(path.as_ref(), |file| file.write_all(text.as_bytes()))
}

/// Creates `path` with one JSON document.
pub(crate) fn write_json(path: &Path, document: &impl Serialize) -> Result<()> {
    write_file(path, |file| {
        serde_json::to_writer(&mut *file, document)?;
        file.write_all(b"\n")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_complete_does_not_replace_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        write_file(&path, |file| file.write_all(b"whole")).unwrap();
        let outcome = write_file(&path, |file| {
            file.write_all(b"half")?;
            Err(std::io::ErrorKind::StorageFull.into())
        });
        assert!(matches!(outcome, Err(Error::Write { path: p, .. }) if p == path));
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
