//! ACTS digitization and conditions files.

use super::cluster_errors::{self, ErrorTable};
use super::digitization::{AxisBinning, Conditions, Digitization, DigitizationEntry};
use super::hierarchy::HierarchyKey;
use super::{content, parse, payload};
use crate::error::{ContentProblem, Error, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use traccc_core::Scalar;

/// Sensors with more channels than this on an axis are refused: a typing error must not fill the memory.
const MAX_CHANNELS: usize = 1 << 20;

#[derive(Deserialize)]
struct HierarchyFile {
    #[serde(rename = "acts-geometry-hierarchy-map")]
    header: Option<payload::HierarchyHeader>,
    entries: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    volume: u8,
    #[serde(default)]
    boundary: u8,
    #[serde(default)]
    layer: u16,
    #[serde(default)]
    approach: u8,
    #[serde(default)]
    sensitive: u32,
    value: EntryValue,
    shift: Option<[f64; 2]>,
}

#[derive(Deserialize)]
struct EntryValue {
    geometric: Option<Geometric>,
}

#[derive(Deserialize)]
struct Geometric {
    segmentation: Option<Segmentation>,
    #[serde(default)]
    variances: Vec<ErrorTable>,
}

#[derive(Deserialize)]
struct Segmentation {
    /// A list of axes; in conditions files an object with the key `shift`.
    binningdata: Option<Value>,
}

#[derive(Deserialize)]
struct Binning {
    bins: usize,
    #[serde(rename = "type")]
    kind: String,
    min: Option<f64>,
    max: Option<f64>,
    #[serde(alias = "boundaries")]
    edges: Option<Vec<f64>>,
}

#[derive(Deserialize)]
struct ShiftOnly {
    shift: Option<[f64; 2]>,
}

impl Entry {
    fn key(&self) -> HierarchyKey {
        HierarchyKey {
            volume: self.volume,
            boundary: self.boundary,
            layer: self.layer,
            approach: self.approach,
            sensitive: self.sensitive,
        }
    }

    fn binning(&self) -> Option<&Value> {
        self.value.geometric.as_ref()?.segmentation.as_ref()?.binningdata.as_ref()
    }
}

const BINNING: &str = "value.geometric.segmentation.binningdata";

/// The entries of a hierarchy file, checked, sorted, with their places.
fn read_entries(path: &Path) -> Result<Vec<(String, Entry)>> {
    let file: HierarchyFile = parse(&crate::input::read(path)?, path)?;
    if file.header.is_none() {
        return Err(content(path, ".", ContentProblem::NoHierarchyMap));
    }
    let mut entries = Vec::new();
    let mut keys = BTreeSet::new();
    for (i, entry) in file.entries.unwrap_or_default().into_iter().enumerate() {
        let at = format!("entries[{i}]");
        if !entry.key().fits() {
            let found = f64::from(entry.sensitive.max(entry.layer.into()));
            let (what, expected) = ("layer or sensitive", "at most 4095 and 1048575");
            return Err(content(path, at, ContentProblem::Value { what, found, expected }));
        }
        if !keys.insert(entry.key().id()) {
            return Err(content(path, at, ContentProblem::DuplicateEntry));
        }
        entries.push((at, entry));
    }
    entries.sort_by_key(|(_, entry)| entry.key().id());
    Ok(entries)
}

/// Parses a part of a document that was kept aside.
fn parse_part<T: DeserializeOwned>(part: &Value, path: &Path, at: &str) -> Result<T> {
    serde_path_to_error::deserialize(part).map_err(|error| {
        let inner = error.path().to_string();
        let dot = if inner.starts_with('[') { "" } else { "." };
        Error::Json {
            path: path.to_owned(),
            at: format!("{at}{dot}{inner}"),
            source: error.into_inner(),
        }
    })
}

/// The shift of an entry, if it has one: beside its key or in the binning data.
fn read_shift(entry: &Entry, path: &Path, at: &str) -> Result<Option<[f64; 2]>> {
    let (shift, at) = match (entry.shift, entry.binning()) {
        (Some(shift), _) => (Some(shift), at.to_owned()),
        (None, Some(object @ Value::Object(_))) => {
            let at = format!("{at}.{BINNING}");
            let object: ShiftOnly = parse_part(object, path, &at)?;
            (object.shift, at)
        }
        _ => (None, at.to_owned()),
    };
    payload::check_finite("the shift", shift.iter().flatten())
        .map_err(|problem| content(path, format!("{at}.shift"), problem))?;
    Ok(shift)
}

/// Reads an ACTS digitization file. An entry may have a key `shift` (two numbers, in mm or rad) beside `volume`, and
/// `variances`: the errors of clusters by size.
///
/// # Errors
/// A file that cannot be read, that is not an ACTS hierarchy map, two entries with one key, an entry without two axes
/// of at least one channel each, boundaries that do not ascend, numbers beyond single precision, errors of clusters that
/// are not positive.
pub fn read_digitization(path: impl AsRef<Path>) -> Result<Digitization> {
    let path = path.as_ref();
    let mut entries = Vec::new();
    for (place, entry) in read_entries(path)? {
        let shift = read_shift(&entry, path, &place)?.unwrap_or_default();
        let at = format!("{place}.{BINNING}");
        let binning: Vec<Binning> = match entry.binning() {
            Some(list) => parse_part(list, path, &at)?,
            None => Vec::new(),
        };
        let [first, second] = <[Binning; 2]>::try_from(binning).map_err(|axes| {
            let problem = ContentProblem::Count { what: "axes", found: axes.len(), expected: 2 };
            content(path, at.as_str(), problem)
        })?;
        let axis = |number: usize, binning| {
            read_axis(binning).map_err(|p| content(path, format!("{at}[{number}]"), p))
        };
        let axes = [axis(0, first)?, axis(1, second)?];
        let tables = entry.value.geometric.as_ref().map_or(&[][..], |g| &g.variances);
        let errors = cluster_errors::by_axis(tables)
            .map_err(|(below, problem)| content(path, format!("{place}.{below}"), problem))?;
        entries.push(DigitizationEntry { key: entry.key(), axes, shift, errors });
    }
    Ok(Digitization { entries })
}

fn read_axis(binning: Binning) -> Result<AxisBinning, ContentProblem> {
    let value = |what, found, expected| Err(ContentProblem::Value { what, found, expected });
    let bins = binning.bins;
    if bins == 0 || bins > MAX_CHANNELS {
        return value("the number of bins", bins as f64, "1 to 1048576");
    }
    if binning.kind == "equidistant" {
        let (Some(min), Some(max)) = (binning.min, binning.max) else {
            let what = "ends (`min` and `max`)";
            let found = usize::from(binning.min.is_some()) + usize::from(binning.max.is_some());
            return Err(ContentProblem::Count { what, found, expected: 2 });
        };
        payload::check_finite("an end of the axis", [&min, &max])?;
        // The width is computed in the precision of the edges.
        if !(max as Scalar - min as Scalar).is_finite() {
            let (what, found) = ("`max` - `min`", max - min);
            return Err(ContentProblem::NotFinite { what, found });
        }
        // Compared in the precision of the edges.
        if (min as Scalar).partial_cmp(&(max as Scalar)) != Some(std::cmp::Ordering::Less) {
            return value("`max`", max, "more than `min`");
        }
        return Ok(AxisBinning::Equidistant { bins, min, max });
    }
    let Some(edges) = binning.edges else {
        return Err(ContentProblem::AxisType { found: binning.kind });
    };
    if edges.len() != bins + 1 {
        let (found, expected) = (edges.len(), bins + 1);
        return Err(ContentProblem::Count { what: "edges", found, expected });
    }
    payload::check_finite("an edge", &edges)?;
    let ascends = |pair: &[f64]| (pair[0] as Scalar) < (pair[1] as Scalar);
    if let Some(pair) = edges.windows(2).find(|pair| !ascends(pair)) {
        return value("an edge", pair[1], "more than the edge before");
    }
    Ok(AxisBinning::Variable { edges })
}

/// Reads an ACTS conditions file (or a digitization file as one): the shift of an entry is its key `shift`, or the key
/// `shift` of an object in place of the list `binningdata`; without either it is zero.
///
/// # Errors
/// A file that cannot be read, that is not an ACTS hierarchy map, two entries with one key, shifts beyond single precision.
pub fn read_conditions(path: impl AsRef<Path>) -> Result<Conditions> {
    let path = path.as_ref();
    let mut shifts = Vec::new();
    for (at, entry) in read_entries(path)? {
        shifts.push((entry.key(), read_shift(&entry, path, &at)?.unwrap_or_default()));
    }
    Ok(Conditions { shifts })
}

/// Writes an ACTS digitization file; shifts other than zero are written as `shift` of the entry.
///
/// # Errors
/// A file that cannot be written.
pub fn write_digitization(path: impl AsRef<Path>, digitization: &Digitization) -> Result<()> {
    let mut entries = Vec::with_capacity(digitization.entries.len());
    for entry in &digitization.entries {
        let axes = [axis_json(&entry.axes[0], "binX"), axis_json(&entry.axes[1], "binY")];
        let mut written = json!(entry.key);
        written["value"] =
            json!({"geometric": {"indices": [0, 1], "segmentation": {"binningdata": axes}}});
        let tables = cluster_errors::to_tables(&entry.errors);
        if !tables.is_empty() {
            written["value"]["geometric"]["variances"] = json!(tables);
        }
        if entry.shift.iter().any(|&s| s != 0.0) {
            written["shift"] = json!(entry.shift);
        }
        entries.push(written);
    }
    let header = json!({"format-version": 0, "value-identifier": payload::DIGITIZATION});
    let file = json!({"acts-geometry-hierarchy-map": header, "entries": entries});
    crate::output::write_json(path.as_ref(), &file)
}

/// One axis as ACTS writes it.
fn axis_json(axis: &AxisBinning, name: &str) -> Value {
    match axis {
        AxisBinning::Equidistant { bins, min, max } => json!({"bins": bins, "min": min, "max": max,
            "option": "open", "type": "equidistant", "value": name}),
        AxisBinning::Variable { edges } => {
            json!({"bins": edges.len().saturating_sub(1), "min": edges.first(),
            "max": edges.last(), "option": "open", "type": "variable", "value": name, "edges": edges})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file<T>(text: &str, read: impl FnOnce(&Path) -> T) -> T {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.json");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    fn file(entries: &Value) -> String {
        json!({"acts-geometry-hierarchy-map": {"value-identifier": "digitization-configuration"}, "entries": entries})
            .to_string()
    }

    fn axis() -> Value {
        json!({"bins": 3, "min": -0.3, "max": 0.6, "option": "open", "type": "equidistant", "value": "binX"})
    }

    fn entry(volume: u32, axes: &Value) -> Value {
        json!({"volume": volume, "value": {"geometric": {"segmentation": {"binningdata": axes}}}})
    }

    #[test]
    fn equidistant_edges_are_rounded_as_upstream_rounds_them() {
        let edges = AxisBinning::Equidistant { bins: 3, min: -0.3, max: 0.6 }.edges();
        let (min, max) = (-0.3 as Scalar, 0.6 as Scalar);
        let expected = [
            min,
            min + 1.0 * (max - min) / 3.0,
            min + 2.0 * (max - min) / 3.0,
            min + 3.0 * (max - min) / 3.0,
        ];
        assert_eq!(edges, expected);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let text = file(&json!([
            entry(3, &json!([axis(), {"bins": 2, "type": "variable", "edges": [-1.0, 0.1, 5.0]}])),
            {"volume": 3, "layer": 2, "sensitive": 7, "shift": [0.01, -0.02],
             "value": {"geometric": {"segmentation": {"binningdata": [axis(), axis()]}, "variances": [{"index": 1, "rms": [0.1, 0.2]}]}}},
        ]));
        let read = with_file(&text, |p| read_digitization(p)).unwrap();
        assert_eq!(read.entries.len(), 2);
        let second = &read.entries[1];
        assert_eq!((second.shift, &second.errors[1]), ([0.01, -0.02], &vec![0.1, 0.2]));
        assert_eq!(read.find(3 << 56 | 2 << 36 | 7 << 8 | 5), Some(1));
        assert_eq!(read.find(3 << 56 | 2 << 36 | 8 << 8), Some(0));
        assert_eq!(read.find(4 << 56 | 2 << 36 | 8 << 8), None);
        let again = with_file("", |p| {
            write_digitization(p, &read)?;
            read_digitization(p)
        });
        assert_eq!(again.unwrap(), read);
    }

    #[test]
    fn a_shift_is_found_beside_the_key_and_in_the_binning_object() {
        let text = file(&json!([
            entry(1, &json!({"shift": [0.5, 0.25]})),
            entry(2, &json!([axis(), axis()])),
            {"volume": 3, "shift": [1, 2], "value": {}},
        ]));
        let read = with_file(&text, |p| read_conditions(p)).unwrap();
        assert_eq!(
            read.shifts.iter().map(|s| s.1).collect::<Vec<_>>(),
            [[0.5, 0.25], [0.0, 0.0], [1.0, 2.0]]
        );
        let far = file(&json!([entry(1, &json!({"shift": [1e39, 0.25]}))]));
        let far = with_file(&far, |p| read_conditions(p)).unwrap_err().to_string();
        assert!(far.contains(&format!("entries[0].{BINNING}.shift`: the shift is 1e39")), "{far}");
    }

    #[test]
    fn unsound_entries_are_refused_with_their_place() {
        let place = |entries: &Value| match with_file(&file(entries), |p| read_digitization(p)) {
            Err(Error::Content { at, problem, .. }) => format!("{at}: {problem}"),
            Err(Error::Json { at, source, .. }) => format!("{at}: {source}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            place(&json!([entry(1, &json!([axis()]))])),
            "entries[0].value.geometric.segmentation.binningdata: 1 axes found, expected 2"
        );
        let mut bad = axis();
        bad["bins"] = json!("many");
        assert!(place(&json!([entry(1, &json!([axis(), bad]))])).starts_with(
            "entries[0].value.geometric.segmentation.binningdata[1].bins: invalid type"
        ));
        bad["bins"] = json!(u32::MAX);
        assert!(
            place(&json!([entry(1, &json!([axis(), bad]))])).contains("[1]: the number of bins is")
        );
        let twice = json!([entry(1, &json!([axis(), axis()])), entry(1, &json!([axis(), axis()]))]);
        assert!(place(&twice).starts_with("entries[1]: a second entry"));
        assert!(
            place(&json!([entry(300, &json!([axis(), axis()]))]))
                .starts_with("entries[0].volume: ")
        );
        for (key, wrong) in [("min", -1e300), ("max", 1e300), ("min", -3.0e38)] {
            let mut bad = axis();
            bad["max"] = json!(3.0e38);
            bad[key] = json!(wrong);
            let place = place(&json!([entry(1, &json!([axis(), bad]))]));
            assert!(place.starts_with(&format!("entries[0].{BINNING}[1]: ")), "{place}");
        }
        let mut unknown = axis();
        unknown["type"] = json!("equidistent");
        assert_eq!(
            place(&json!([entry(1, &json!([unknown, axis()]))])),
            format!(
                "entries[0].{BINNING}[0]: the axis type is `equidistent`, expected `equidistant`, or another with `edges`"
            )
        );
        let edges = json!({"bins": 1, "type": "variable", "edges": [0.0, 1e39]});
        assert_eq!(
            place(&json!([entry(1, &json!([edges, axis()]))])),
            format!(
                "entries[0].{BINNING}[0]: an edge is 1e39, expected a number that single precision can hold"
            )
        );
        let mut far = entry(1, &json!([axis(), axis()]));
        far["shift"] = json!([0.0, -1e60]);
        assert!(place(&json!([far])).starts_with("entries[0].shift: the shift is -1e60"));
        let no_map = with_file("{\"entries\": []}", |p| read_digitization(p));
        assert!(matches!(
            no_map,
            Err(Error::Content { problem: ContentProblem::NoHierarchyMap, .. })
        ));
    }
}
