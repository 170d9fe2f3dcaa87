//! The numbering of the ATLAS software.

use crate::csv::{number, trim};
use crate::error::{CsvProblem, Error, Result};
use std::path::Path;

/// Pairs of an Athena identifier and the detray identifier of the same surface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AthenaIds {
    by_athena: Vec<(u64, u64)>,
    by_detray: Vec<(u64, u64)>,
}

impl AthenaIds {
    /// The detray identifier of an Athena identifier.
    pub fn detray(&self, athena: u64) -> Option<u64> {
        lookup(&self.by_athena, athena)
    }

    /// The Athena identifier of a detray identifier.
    pub fn athena(&self, detray: u64) -> Option<u64> {
        lookup(&self.by_detray, detray)
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.by_athena.len()
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.by_athena.is_empty()
    }
}

fn lookup(pairs: &[(u64, u64)], id: u64) -> Option<u64> {
    pairs.binary_search_by_key(&id, |pair| pair.0).ok().map(|row| pairs[row].1)
}

/// Reads an Athena id map: lines of `ATHENA,DETRAY`, the first hexadecimal (with or without 0x), the second decimal.
///
/// # Errors
/// A file that cannot be read, lines of another form, identifiers that occur twice.
pub fn read_athena_ids(path: impl AsRef<Path>) -> Result<AthenaIds> {
    let path = path.as_ref();
    let bytes = crate::input::read(path)?;
    let content = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let mut pairs = Vec::new();
    for (i, line) in content.split(|&b| b == b'\n').enumerate().filter(|_| !content.is_empty()) {
        let (athena, detray) = parse_line(line).map_err(|problem| Error::Csv {
            path: path.to_owned(),
            line: i + 1,
            problem,
        })?;
        pairs.push((athena, detray, i + 1));
    }
    let unique = |what, key: fn(&(u64, u64, usize)) -> u64, pairs: &mut Vec<(u64, u64, usize)>| {
        pairs.sort_by_key(key);
        match pairs.windows(2).find(|two| key(&two[0]) == key(&two[1])) {
            Some(two) => Err(Error::Csv {
                path: path.to_owned(),
                line: two[1].2,
                problem: CsvProblem::DuplicateId { what, id: key(&two[1]) },
            }),
            None => Ok(()),
        }
    };
    unique("detray id", |p| p.1, &mut pairs)?;
    let by_detray = pairs.iter().map(|p| (p.1, p.0)).collect();
    unique("Athena id", |p| p.0, &mut pairs)?;
    let by_athena = pairs.iter().map(|p| (p.0, p.1)).collect();
    Ok(AthenaIds { by_athena, by_detray })
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
    fn both_directions_are_looked_up() {
        let ids = read("0x2f000000000000,12\r\nA,281474976710783").unwrap();
        assert_eq!((ids.len(), ids.detray(10)), (2, Some(281_474_976_710_783)));
        assert_eq!(ids.athena(12), Some(0x2f_0000_0000_0000));
        assert_eq!((ids.detray(12), ids.athena(10)), (None, None));
        assert!(read("").unwrap().is_empty());
        assert!(!read_athena_ids(testdata::path("athena_ids.txt")).unwrap().is_empty());
    }

    #[test]
    fn bad_lines_and_repeated_ids_are_refused() {
        let message = |text| read(text).unwrap_err().to_string();
        assert!(message("a,1\n\nb,2").ends_with("line 2: 1 fields found, expected 2"));
        assert!(message("a,1\n+b,2").contains("line 2: `athena id` is `+b`"));
        assert!(message("a,1\nb,-2").contains("line 2: `detray id` is `-2`"));
        assert!(message("a,1\nb,2\nA,3").ends_with("line 3: a second Athena id 10"));
        assert!(message("a,1\nb,1").ends_with("line 2: a second detray id 1"));
    }
}
