//! Files written as a whole.

use crate::error::{Error, Result};
use serde::Serialize;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Creates `path` and has `content` write it.
pub(crate) fn write_file(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<()> {
    let write = || {
        let mut file = BufWriter::new(File::create(path)?);
        content(&mut file)?;
        // Dropping the buffer would lose the error of the last write.
        file.flush()
    };
    write().map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// Creates `path` with one JSON document.
pub(crate) fn write_json(path: &Path, document: &impl Serialize) -> Result<()> {
    write_file(path, |file| {
        serde_json::to_writer(&mut *file, document)?;
        file.write_all(b"\n")
    })
}
