//! Plain, gzip and zstd files, told apart by their first bytes.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Suffixes of compressed files, in the order in which they are tried.
pub(crate) const SUFFIXES: [&str; 3] = ["", ".gz", ".zst"];

/// The file `path` itself, or else the one with the suffix .gz or .zst.
pub(crate) fn locate(path: &Path) -> Result<PathBuf> {
    for suffix in SUFFIXES {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let candidate = PathBuf::from(name);
        if candidate.is_file() {
            return Ok(candidate);
        }
    }
    if path.exists() {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is no file");
        return Err(Error::Read { path: path.to_owned(), source });
    }
    Err(Error::Missing { path: path.to_owned() })
}

/// The whole content of `path` (or of its compressed form), decompressed.
///
/// # Errors
/// A file that does not exist, cannot be read, or is damaged or cut short.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let path = locate(path)?;
    let bytes =
        std::fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
    let mut decoded = Vec::new();
    if bytes.starts_with(&GZIP) {
        flate2::bufread::MultiGzDecoder::new(bytes.as_slice())
            .read_to_end(&mut decoded)
            .map_err(|source| Error::Compressed { path, format: "gzip", source })?;
    } else if bytes.starts_with(&ZSTD) {
        zstd::stream::read::Decoder::with_buffer(bytes.as_slice())
            .and_then(|mut decoder| decoder.read_to_end(&mut decoded))
            .map_err(|source| Error::Compressed { path, format: "zstd", source })?;
    } else {
        return Ok(bytes);
    }
    Ok(decoded)
}

/// The content of `path` as a stream, decompressed: for looking at the beginning of a file only.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read>> {
    let path = &locate(path)?;
    let fail = |source| Error::Read { path: path.clone(), source };
    let mut file = BufReader::new(File::open(path).map_err(fail)?);
    let mut magic = Vec::with_capacity(ZSTD.len());
    file.by_ref().take(ZSTD.len() as u64).read_to_end(&mut magic).map_err(fail)?;
    let zstd = magic == ZSTD;
    let gzip = magic.starts_with(&GZIP);
    let whole = BufReader::new(std::io::Cursor::new(magic).chain(file));
    Ok(if gzip {
        Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(whole)))
    } else if zstd {
        Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(whole).map_err(fail)?))
    } else {
        Box::new(whole)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn compression_is_recognised_by_content_and_found_by_suffix() {
        let folder = tempfile::tempdir().unwrap();
        let content = b"a,b\n1,2\n".repeat(5000);
        let forms = [
            ("a.csv", content.clone()),
            ("b.csv.gz", gzip(&content)),
            ("c.csv.zst", zstd::encode_all(&content[..], 1).unwrap()),
        ];
        for (name, bytes) in &forms {
            std::fs::write(folder.path().join(name), bytes).unwrap();
            let plain_name = folder.path().join(&name[..5]);
            assert_eq!(read(&plain_name).unwrap(), content, "{name}");
            let mut streamed = Vec::new();
            open(&folder.path().join(name)).unwrap().read_to_end(&mut streamed).unwrap();
            assert_eq!(streamed, content, "{name}");
        }
        // A compressed file under a plain name.
        std::fs::write(folder.path().join("d.csv"), gzip(&content)).unwrap();
        assert_eq!(read(&folder.path().join("d.csv")).unwrap(), content);
        assert!(matches!(read(&folder.path().join("e.csv")), Err(Error::Missing { .. })));
        assert!(matches!(read(folder.path()), Err(Error::Read { .. })));
    }

    #[test]
    fn a_truncated_or_damaged_compressed_file_is_an_error_wherever_it_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let content: Vec<u8> = (0..3000_u32).flat_map(|i| (i * i).to_le_bytes()).collect();
        for whole in [gzip(&content), zstd::encode_all(&content[..], 1).unwrap()] {
            for cut in (4..whole.len()).step_by(whole.len() / 40) {
                std::fs::write(&path, &whole[..cut]).unwrap();
                assert!(matches!(read(&path), Err(Error::Compressed { .. })), "cut at {cut}");
            }
            let cut = whole.len() - 1;
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(matches!(read(&path), Err(Error::Compressed { .. })));
            let mut followed = whole.clone();
            followed.extend(b"garbage");
            std::fs::write(&path, followed).unwrap();
            assert!(matches!(read(&path), Err(Error::Compressed { .. })));
        }
        // Two members are one file, as gzip itself has it.
        std::fs::write(&path, [gzip(b"ab"), gzip(b"cd")].concat()).unwrap();
        assert_eq!(read(&path).unwrap(), b"abcd");
    }
}
