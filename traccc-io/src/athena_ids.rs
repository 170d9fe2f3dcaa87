//! The numbering of the ATLAS software.

use crate::csv::{number, trim};
use crate::error::{CsvProblem, Error, Result};
use std::path::Path;
use traccc_core::SurfaceIndex;
use traccc_core::detector::{Detector, Modules, Numbering, SensorTable};

/// The Athena identifier of each surface that a map names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AthenaIds {
    /// (detray barcode, Athena identifier), ascending, each barcode once.
    by_detray: Vec<(u64, u64)>,
}

impl AthenaIds {
    /// The Athena identifier of a detray barcode. Sensors can share it (the sides of a strip module).
    pub fn athena(&self, detray: u64) -> Option<u64> {
        let row = self.by_detray.binary_search_by_key(&detray, |pair| pair.0).ok()?;
        Some(self.by_detray[row].1)
    }

    /// The sensors of a detector by their Athena identifiers.
    pub fn sensors(&self, detector: &Detector, modules: &Modules) -> SensorTable {
        let id_of = |surface: SurfaceIndex| self.athena(*detector.barcodes.get(surface.get())?);
        SensorTable::new(Numbering::Athena, detector, modules, id_of)
    }

    /// Number of pairs, at least 1 in a map that was read.
    pub fn len(&self) -> usize {
        self.by_detray.len()
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.by_detray.is_empty()
    }

    /// How many Athena identifiers have several detray barcodes.
    fn shared(&self) -> usize {
        let mut ids: Vec<u64> = self.by_detray.iter().map(|pair| pair.1).collect();
        ids.sort_unstable();
        ids.chunk_by(|a, b| a == b).filter(|run| run.len() > 1).count()
    }
}

/// Reads an Athena id map: lines of `ATHENA,DETRAY`, the first hexadecimal (with or without 0x), the second decimal. Lines of
/// blanks, lines that begin with `#` and repeated pairs are passed over. Athena identifiers of several sensors are logged as a
/// warning; cells cannot use them.
///
/// # Errors
/// A file that cannot be read or holds no pair, lines of another form, detray barcodes that occur twice.
pub fn read_athena_ids(path: impl AsRef<Path>) -> Result<AthenaIds> {
    let path = path.as_ref();
    let bytes = crate::input::read(path)?;
    let error = |line, problem| Error::Csv { path: path.to_owned(), line, problem };
    // (detray, Athena, line): of repeated ones the later is named.
    let mut pairs = Vec::new();
    for (line, text) in (1..).zip(bytes.split(|&b| b == b'\n')) {
        if !trim(text).is_empty() && !text.starts_with(b"#") {
            let (athena, detray) = parse_line(text).map_err(|problem| error(line, problem))?;
            pairs.push((detray, athena, line));
        }
    }
    if pairs.is_empty() {
        return Err(error(1, CsvProblem::NoPairs));
    }
    pairs.sort_unstable();
    pairs.dedup_by_key(|pair| (pair.0, pair.1));
    if let Some(two) = pairs.windows(2).find(|two| two[0].0 == two[1].0) {
        let (what, id) = ("detray id", two[1].0);
        return Err(error(two[0].2.max(two[1].2), CsvProblem::DuplicateId { what, id }));
    }
    let ids = AthenaIds { by_detray: pairs.iter().map(|pair| (pair.0, pair.1)).collect() };
    let shared = ids.shared();
    if shared > 0 {
        let path = path.display();
        tracing::warn!(
            "`{path}`: {shared} Athena ids belong to several sensors: cells cannot use them"
        );
    }
    Ok(ids)
}

fn parse_line(line: &[u8]) -> Result<(u64, u64), CsvProblem> {
    let fields: Vec<&[u8]> = trim(line).split(|&b| b == b',').collect();
    let [athena, detray] = fields[..] else {
        return Err(CsvProblem::Fields { found: fields.len(), expected: 2 });
    };
    let wrong = |column, text: &[u8], expected| CsvProblem::Number {
        column,
        found: String::from_utf8_lossy(text).into_owned(),
        expected,
    };
    let digits = trim(athena);
    let digits = digits.strip_prefix(b"0x").or(digits.strip_prefix(b"0X")).unwrap_or(digits);
    // `from_str_radix` would accept a sign.
    let hexadecimal = std::str::from_utf8(digits)
        .ok()
        .filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))
        .and_then(|text| u64::from_str_radix(text, 16).ok());
    let athena =
        hexadecimal.ok_or_else(|| wrong("athena id", athena, "a hexadecimal number of 64 bits"))?;
    let detray = number::unsigned(trim(detray))
        .ok_or_else(|| wrong("detray id", detray, "a number from 0 to 18446744073709551615"))?;
    Ok((athena, detray))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<AthenaIds> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ids.txt");
        std::fs::write(&path, text).unwrap();
        read_athena_ids(path)
    }

    #[test]
    fn pairs_are_looked_up() {
        let ids = read("0x2f000000000000,12\r\nA,281474976710783").unwrap();
        assert_eq!((ids.len(), ids.athena(281_474_976_710_783)), (2, Some(10)));
        assert_eq!(ids.athena(12), Some(0x2f_0000_0000_0000));
        assert_eq!(ids.athena(10), None);
        assert!(!read_athena_ids(testdata::path("athena_ids.txt")).unwrap().is_empty());
    }

    #[test]
    fn blank_lines_comments_and_repeated_pairs_are_harmless() {
        let ids = read("# Athena, detray\n\na,1\n  \n0xA,1\r\n\r\nb,2\n\n").unwrap();
        assert_eq!(ids, read("a,1\nb,2").unwrap());
    }

    #[test]
    fn sensors_may_share_an_id() {
        let ids = read("a,7\nb,2\na,1\n").unwrap();
        assert_eq!((ids.athena(1), ids.athena(7), ids.shared()), (Some(10), Some(10), 1));
    }

    #[test]
    fn bad_lines_and_empty_maps_are_refused() {
        let message = |text| read(text).unwrap_err().to_string();
        assert!(message("a,1\n\nb").ends_with("line 3: 1 fields found, expected 2"));
        assert!(message("a,1\n+b,2").contains("line 2: `athena id` is `+b`"));
        assert!(message("a,1\nb,-2").contains("line 2: `detray id` is `-2`"));
        assert!(message("b,1\nc,3\na,1").ends_with("line 3: a second detray id 1"));
        for text in ["", "\n", "# nothing\n"] {
            assert!(message(text).contains("there is no pair"), "{text:?}");
        }
    }
}
