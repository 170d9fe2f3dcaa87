//! ACTS digitization and conditions files.

use super::cluster_errors::{self, ErrorTable};
use super::digitization::{
    AxisBinning, Conditions, Digitization, DigitizationEntry, EntrySegmentation, Readout,
};
use super::hierarchy::HierarchyKey;
use super::{content, parse, payload};
use crate::error::{ContentProblem, Error, Result};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use traccc_core::Scalar;

/// Sensors with more channels than this on an axis are refused: a typing error must not fill the memory.
const MAX_CHANNELS: usize = 1 << 20;

/// Keys of a JSON object that no field takes.
type Rest = BTreeMap<String, IgnoredAny>;

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
    #[serde(default)]
    extra: u8,
    value: EntryValue,
    shift: Option<[f64; 2]>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Deserialize)]
struct EntryValue {
    geometric: Option<Geometric>,
    /// Beside `geometric` it is of what channels do not measure (time).
    #[serde(rename = "smearing")]
    _smearing: Option<IgnoredAny>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Deserialize)]
struct Geometric {
    segmentation: Option<BinUtility>,
    indices: Option<Vec<u32>>,
    thickness: Option<f64>,
    threshold: Option<f64>,
    digital: Option<bool>,
    /// How the simulated charge fluctuates.
    #[serde(rename = "charge-smearing")]
    charge_smearing: Option<Value>,
    #[serde(default)]
    variances: Vec<ErrorTable>,
    #[serde(flatten)]
    rest: Rest,
}

impl Geometric {
    /// The width of the Gaussian by which charges are smeared; other distributions are named in `unknown`.
    fn noise(&self, unknown: &mut BTreeSet<String>) -> f64 {
        let Some(smearing) = &self.charge_smearing else { return 0.0 };
        match (smearing["type"].as_str(), smearing["stddev"].as_f64()) {
            (Some("Gauss"), Some(deviation)) => deviation,
            _ => {
                unknown.insert("value.geometric.charge-smearing other than Gauss".into());
                0.0
            }
        }
    }
}

#[derive(Deserialize)]
struct BinUtility {
    /// A list of axes; in conditions files an object with the key `shift`.
    binningdata: Option<Value>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Deserialize)]
struct Binning {
    bins: usize,
    #[serde(rename = "type")]
    kind: String,
    min: Option<f64>,
    max: Option<f64>,
    edges: Option<Vec<f64>>,
    /// ACTS's name for the edges.
    boundaries: Option<Vec<f64>>,
    option: Option<String>,
    value: Option<String>,
    #[serde(flatten)]
    rest: Rest,
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
            extra: self.extra,
        }
    }

    /// The keys that nothing is made of, with their places in the entry.
    fn unknown_keys(&self) -> impl Iterator<Item = String> + '_ {
        let geometric = self.value.geometric.as_ref();
        let segmentation = geometric.and_then(|geometric| geometric.segmentation.as_ref());
        [
            ("", Some(&self.rest)),
            ("value.", Some(&self.value.rest)),
            ("value.geometric.", geometric.map(|part| &part.rest)),
            ("value.geometric.segmentation.", segmentation.map(|part| &part.rest)),
        ]
        .into_iter()
        .flat_map(|(at, rest)| rest.into_iter().flatten().map(move |(key, _)| format!("{at}{key}")))
    }

    fn binning(&self) -> Option<&Value> {
        self.value.geometric.as_ref()?.segmentation.as_ref()?.binningdata.as_ref()
    }
}

pub(super) const BINNING: &str = "value.geometric.segmentation.binningdata";

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
/// `variances`: the errors of clusters by size. Entries
/// without `geometric` segmentation are read as [`EntrySegmentation::Smearing`]. Keys that are not known are logged as a warning.
///
/// # Errors
/// A file that cannot be read, that is not an ACTS hierarchy map, two entries with one key, unknown keys beside `volume` (they
/// would choose sensors), an axis without channels, boundaries that do not ascend, numbers beyond single precision, `indices`
/// that leave a segmented axis out, axes that are closed or of the other coordinate, errors of clusters that are not positive.
pub fn read_digitization(path: impl AsRef<Path>) -> Result<Digitization> {
    let path = path.as_ref();
    let mut entries = Vec::new();
    let mut unknown = BTreeSet::new();
    for (at, entry) in read_entries(path)? {
        if let Some(key) = entry.rest.keys().next() {
            return Err(content(path, at, ContentProblem::UnknownKey { key: key.clone() }));
        }
        unknown.extend(entry.unknown_keys());
        let shift = read_shift(&entry, path, &at)?.unwrap_or_default();
        let default = Readout::default();
        let geometric = entry.value.geometric.as_ref();
        let readout = geometric.map_or(default, |geometric| Readout {
            thickness: geometric.thickness.unwrap_or(default.thickness),
            threshold: geometric.threshold.unwrap_or(default.threshold),
            noise: geometric.noise(&mut unknown),
            digital: geometric.digital.unwrap_or(default.digital),
        });
        let segmentation = match geometric {
            Some(geometric) => read_geometric(geometric, path, &at, &mut unknown)?,
            None => EntrySegmentation::Smearing,
        };
        let tables = geometric.map_or(&[][..], |geometric| &geometric.variances);
        let errors = cluster_errors::by_axis(tables)
            .map_err(|(below, problem)| content(path, format!("{at}.{below}"), problem))?;
        entries.push(DigitizationEntry { key: entry.key(), segmentation, shift, errors, readout });
    }
    warn_of_unknown(path, &unknown);
    Ok(Digitization { entries })
}

fn warn_of_unknown(path: &Path, unknown: &BTreeSet<String>) {
    if !unknown.is_empty() {
        let keys: Vec<&str> = unknown.iter().map(String::as_str).collect();
        tracing::warn!(
            "`{}`: keys that are not known are not looked at: {}",
            path.display(),
            keys.join(", ")
        );
    }
}

fn read_geometric(
    geometric: &Geometric,
    path: &Path,
    at: &str,
    unknown: &mut BTreeSet<String>,
) -> Result<EntrySegmentation> {
    let at_axes = format!("{at}.{BINNING}");
    let list = geometric.segmentation.as_ref().and_then(|part| part.binningdata.as_ref());
    let binning: Vec<Binning> = match list {
        Some(list) => parse_part(list, path, &at_axes)?,
        None => Vec::new(),
    };
    let [first, second] = match <[Binning; 2]>::try_from(binning) {
        Ok(axes) => axes,
        Err(axes) => return Ok(EntrySegmentation::Axes(axes.len())),
    };
    let mut axis = |number: usize, binning: Binning| {
        unknown.extend(binning.rest.keys().map(|key| format!("{BINNING}[].{key}")));
        read_axis(number, binning).map_err(|p| content(path, format!("{at_axes}[{number}]"), p))
    };
    let axes = [axis(0, first)?, axis(1, second)?];
    // The coordinates that are measured. A segmented one that is left out would be measured here all the same.
    if let Some(indices) = &geometric.indices
        && indices[..] != [0, 1]
        && *indices != measured(&axes)
    {
        let found = format!("{indices:?}");
        let problem = ContentProblem::Setting { found, expected: "the segmented axes of [0, 1]" };
        return Err(content(path, format!("{at}.value.geometric.indices"), problem));
    }
    Ok(EntrySegmentation::Channels(axes))
}

/// The axes with more than one channel: what ACTS calls `indices`.
fn measured(axes: &[AxisBinning; 2]) -> Vec<u32> {
    (0..2).filter(|&axis| axes[axis as usize].channels() > 1).collect()
}

/// Names of the coordinates of each axis, without ACTS's prefix `bin` or `Axis`.
const COORDINATES: [&[&str]; 2] = [&["X", "R", "RPhi"], &["Y", "Phi", "Z"]];

fn read_axis(number: usize, binning: Binning) -> Result<AxisBinning, ContentProblem> {
    if let Some(found) = binning.option.filter(|option| option != "open") {
        return Err(ContentProblem::Setting { found, expected: "`option` open" });
    }
    let name = binning
        .value
        .as_deref()
        .map(|name| name.trim_start_matches("bin").trim_start_matches("Axis"));
    if name.is_some_and(|name| COORDINATES[1 - number].contains(&name)) {
        let found = binning.value.unwrap_or_default();
        let expected = ["`value` binX or binR", "`value` binY or binPhi"][number];
        return Err(ContentProblem::Setting { found, expected });
    }
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
    let Some(edges) = binning.edges.or(binning.boundaries) else {
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
    let mut unknown = BTreeSet::new();
    for (at, entry) in read_entries(path)? {
        unknown.extend(entry.unknown_keys());
        shifts.push((entry.key(), read_shift(&entry, path, &at)?.unwrap_or_default()));
    }
    warn_of_unknown(path, &unknown);
    Ok(Conditions { shifts })
}

/// Writes an ACTS digitization file; shifts other than zero are written as `shift` of the entry.
///
/// # Errors
/// A file that cannot be written, [`Error::NotWritable`] for an entry without channels on two axes.
pub fn write_digitization(path: impl AsRef<Path>, digitization: &Digitization) -> Result<()> {
    let mut entries = Vec::with_capacity(digitization.entries.len());
    for entry in &digitization.entries {
        let EntrySegmentation::Channels(axes) = &entry.segmentation else {
            let what = format!("the digitization of {}", entry.key);
            return Err(Error::NotWritable { what, reason: "it has no channels on two axes" });
        };
        let Readout { thickness, threshold, noise, digital } = entry.readout;
        let mut written = json!(entry.key);
        written["value"] = json!({"geometric": {
            "indices": measured(axes),
            "segmentation": {"binningdata": [axis_json(&axes[0], "binX"), axis_json(&axes[1], "binY")]},
            "thickness": thickness, "threshold": threshold, "digital": digital,
        }});
        if noise > 0.0 {
            written["value"]["geometric"]["charge-smearing"] =
                json!({"type": "Gauss", "mean": 0.0, "stddev": noise});
        }
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

/// One axis as ACTS writes it: upstream looks for `edges`, ACTS for `boundaries`.
fn axis_json(axis: &AxisBinning, name: &str) -> Value {
    match axis {
        AxisBinning::Equidistant { bins, min, max } => json!({"bins": bins, "min": min, "max": max,
            "option": "open", "type": "equidistant", "value": name}),
        AxisBinning::Variable { edges } => {
            json!({"bins": edges.len().saturating_sub(1), "min": edges.first(),
            "max": edges.last(), "option": "open", "type": "variable", "value": name, "edges": edges, "boundaries": edges})
        }
    }
}
