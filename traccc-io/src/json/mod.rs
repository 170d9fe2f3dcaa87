//! The JSON files of detray and ACTS.

mod calibrated;
mod cluster_errors;
mod detector_files;
mod digitization;
mod digitization_file;
#[cfg(test)]
mod digitization_tests;
mod geometry;
mod hierarchy;
mod material;
mod material_maps;
mod payload;
mod surface_grids;
mod write;

pub use calibrated::write_cluster_errors;
pub use detector_files::{DetectorFiles, read_detector};
pub use digitization::{
    AxisBinning, Conditions, Digitization, DigitizationEntry, EntrySegmentation, Readout,
};
pub use digitization_file::{read_conditions, read_digitization, write_digitization};
pub use geometry::read_geometry;
pub use hierarchy::HierarchyKey;
pub use material::with_homogeneous_material;
pub use material_maps::with_material_maps;
pub use surface_grids::with_surface_grids;
pub use write::write_detector;

use crate::error::{ContentProblem, Error, Result};
use payload::{Document, Header};
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use std::io::Read;
use std::path::Path;

/// Parses a whole document; an error names the place in it.
fn parse<T: DeserializeOwned>(bytes: &[u8], path: &Path) -> Result<T> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let fail = |at: String, source| Error::Json { path: path.to_owned(), at, source };
    let value = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| fail(error.path().to_string(), error.into_inner()))?;
    json.end().map_err(|source| fail("the end".into(), source))?;
    Ok(value)
}

/// Reads a detray file of the kind `tag`.
fn read_detray<D: DeserializeOwned>(path: &Path, tag: &'static str) -> Result<Document<D>> {
    let bytes = crate::input::read(path)?;
    // A file of another kind lacks the keys expected: its tag says so in fewer words.
    let found = match peek(bytes.as_slice(), path) {
        Ok(Kind::Detray(header)) => header.common.tag,
        Ok(Kind::HierarchyMap) => "acts-geometry-hierarchy-map".into(),
        Ok(Kind::Other) | Err(_) => tag.into(),
    };
    if found != tag {
        let problem = ContentProblem::Tag { found, expected: tag };
        return Err(content(path, "header.common.tag", problem));
    }
    parse(&bytes, path)
}

fn content(path: &Path, at: impl Into<String>, problem: ContentProblem) -> Error {
    Error::Content { path: path.to_owned(), at: at.into(), problem }
}

/// What a JSON file is, as its first keys tell.
enum Kind {
    Detray(Header),
    HierarchyMap,
    Other,
}

/// Reads as much of a document as is needed to know its kind.
fn peek(reader: impl Read, path: &Path) -> Result<Kind> {
    let mut kind = Kind::Other;
    let mut json = serde_json::Deserializer::from_reader(reader);
    let outcome = serde::Deserializer::deserialize_map(&mut json, FirstKeys { kind: &mut kind });
    match (outcome, kind) {
        // Once the kind is known reading stops, and the parser complains about the rest: that is not our question.
        (_, kind @ (Kind::Detray(_) | Kind::HierarchyMap)) => Ok(kind),
        (Ok(()), Kind::Other) => Ok(Kind::Other),
        (Err(error), Kind::Other) if error.is_data() => Ok(Kind::Other),
        (Err(source), Kind::Other) => {
            Err(Error::Json { path: path.to_owned(), at: "header".into(), source })
        }
    }
}

struct FirstKeys<'a> {
    kind: &'a mut Kind,
}

impl<'de> Visitor<'de> for FirstKeys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "header" => {
                    *self.kind = Kind::Detray(map.next_value()?);
                    return Ok(());
                }
                "acts-geometry-hierarchy-map" => {
                    let header: payload::HierarchyHeader = map.next_value()?;
                    if header.value_identifier.is_none_or(|v| v == payload::DIGITIZATION) {
                        *self.kind = Kind::HierarchyMap;
                        return Ok(());
                    }
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// What a JSON file is, as its first keys tell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// A detray file.
    Detray {
        /// The `tag` of its header: `geometry`, `surface_grids`, `homogeneous_material`, `material_maps`.
        tag: String,
    },
    /// An ACTS digitization file.
    Digitization,
    /// Another JSON file.
    Other,
}

/// Tells what a JSON file is (plain, .gz or .zst) from its beginning.
///
/// # Errors
/// A file that cannot be read, or that is not JSON at its beginning.
pub fn file_kind(path: impl AsRef<Path>) -> Result<FileKind> {
    let path = path.as_ref();
    Ok(match peek(crate::input::open(path)?, path)? {
        Kind::Detray(header) => FileKind::Detray { tag: header.common.tag },
        Kind::HierarchyMap => FileKind::Digitization,
        Kind::Other => FileKind::Other,
    })
}
