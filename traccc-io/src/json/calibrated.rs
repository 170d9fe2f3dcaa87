//! The errors of clusters written into an ACTS digitization file.

use super::cluster_errors::{self, VARIANCES};
use super::hierarchy::{self, HierarchyKey};
use super::{content, parse};
use crate::error::{ContentProblem, Result};
use serde_json::{Value, json};
use std::path::Path;

/// Copies the digitization file `source` to `target` with other errors of clusters: for each key its tables along local x and y
/// (r and phi of polar frames) by size in channels, the last for all larger ones, in mm (rad). Everything else of the file stays,
/// also what we do not read.
///
/// A key that the file has gets these tables in place of those it had; for another a copy of the entry that holds for it is
/// added. An axis without numbers has no table.
///
/// # Errors
/// A file that cannot be read or written, that is not an ACTS hierarchy map, errors that are not positive, a key that no entry
/// with channels holds for.
pub fn write_cluster_errors(
    source: impl AsRef<Path>,
    target: impl AsRef<Path>,
    tables: &[(HierarchyKey, [Vec<f64>; 2])],
) -> Result<()> {
    let source = source.as_ref();
    let mut file: Value = parse(&crate::input::read(source)?, source)?;
    if file.get("acts-geometry-hierarchy-map").is_none() {
        return Err(content(source, ".", ContentProblem::NoHierarchyMap));
    }
    let none = &mut Vec::new();
    let entries = file.get_mut("entries").and_then(Value::as_array_mut).unwrap_or(none);
    let mut rows: Vec<(u64, usize)> = Vec::with_capacity(entries.len());
    for (row, entry) in entries.iter().enumerate() {
        rows.push((key_of(entry, row, source)?.id(), row));
    }
    rows.sort_unstable();
    let ids: Vec<u64> = rows.iter().map(|row| row.0).collect();
    let mut added = Vec::new();
    for (key, errors) in tables {
        let found = hierarchy::find(&ids, key.id()).or_else(|| ids.binary_search(&key.id()).ok());
        let row = found.map(|place| rows[place]);
        let Some((id, row)) = row.filter(|&(_, row)| geometric(&entries[row]).is_some()) else {
            let found = format!("no channels for {key}");
            let expected = "an entry with `geometric` segmentation";
            return Err(content(source, "entries", ContentProblem::Setting { found, expected }));
        };
        let written = json!(cluster_errors::to_tables(errors));
        check(&written, source, row)?;
        let entry = if id == key.id() {
            &mut entries[row]
        } else {
            let mut copy = entries[row].clone();
            if let (Some(copy), Value::Object(levels)) = (copy.as_object_mut(), json!(key)) {
                copy.extend(levels);
            }
            added.push(copy);
            let last = added.len() - 1;
            &mut added[last]
        };
        let Some(geometric) = entry["value"]["geometric"].as_object_mut() else { continue };
        if written.as_array().is_some_and(Vec::is_empty) {
            geometric.remove("variances");
        } else {
            geometric.insert("variances".into(), written);
        }
    }
    entries.append(&mut added);
    crate::output::write_json(target.as_ref(), &file)
}

fn geometric(entry: &Value) -> Option<&Value> {
    entry.get("value")?.get("geometric").filter(|geometric| geometric.is_object())
}

fn key_of(entry: &Value, row: usize, path: &Path) -> Result<HierarchyKey> {
    serde_json::from_value(entry.clone()).map_err(|source| crate::Error::Json {
        path: path.to_owned(),
        at: format!("entries[{row}]"),
        source,
    })
}

/// What the reader would refuse is not written.
fn check(tables: &Value, path: &Path, row: usize) -> Result<()> {
    let read = serde_json::from_value::<Vec<cluster_errors::ErrorTable>>(tables.clone());
    match read.map(|tables| cluster_errors::by_axis(&tables)) {
        Ok(Ok(_)) => Ok(()),
        Ok(Err((at, problem))) => Err(content(path, format!("entries[{row}].{at}"), problem)),
        Err(source) => {
            let at = format!("entries[{row}].{VARIANCES}");
            Err(crate::Error::Json { path: path.to_owned(), at, source })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read_digitization;

    const FILE: &str = r#"{"acts-geometry-hierarchy-map": {"format-version": 0,
        "value-identifier": "digitization-configuration"}, "entries": [
        {"volume": 7, "value": {"geometric": {"indices": [0, 1], "charge-smearing": {"type": "Gauss", "stddev": 0.01},
        "segmentation": {"binningdata": [
        {"bins": 2, "min": -1, "max": 1, "option": "open", "type": "equidistant", "value": "binX"},
        {"bins": 2, "min": -1, "max": 1, "option": "open", "type": "equidistant", "value": "binY"}]}}}},
        {"volume": 9, "value": {"smearing": []}}]}"#;

    fn write(tables: &[(HierarchyKey, [Vec<f64>; 2])]) -> Result<(String, crate::Digitization)> {
        let folder = tempfile::tempdir().unwrap();
        let (source, target) = (folder.path().join("a.json"), folder.path().join("b.json"));
        std::fs::write(&source, FILE).unwrap();
        write_cluster_errors(&source, &target, tables)?;
        let text = std::fs::read_to_string(&target).unwrap();
        Ok((text, read_digitization(&target).unwrap()))
    }

    #[test]
    fn tables_are_added_and_everything_else_stays() {
        let volume = HierarchyKey { volume: 7, ..HierarchyKey::default() };
        let sensor = HierarchyKey { sensitive: 3, ..volume };
        let tables = [(volume, [vec![0.02, 0.01], vec![]]), (sensor, [vec![0.5], vec![0.25]])];
        let (text, digitization) = write(&tables).unwrap();
        assert!(text.contains("charge-smearing") && text.contains("smearing"));
        let id = |sensitive: u64| 7 << 56 | sensitive << 8;
        let errors = |sensitive| {
            let row = digitization.find(id(sensitive)).unwrap();
            digitization.entries[row].errors.clone()
        };
        assert_eq!(errors(2), [vec![0.02, 0.01], vec![]]);
        assert_eq!(errors(3), [vec![0.5], vec![0.25]]);
        assert_eq!(digitization.entries.len(), 3);
    }

    #[test]
    fn keys_without_channels_and_errors_that_are_none_are_refused() {
        let key = |volume| HierarchyKey { volume, ..HierarchyKey::default() };
        for (volume, rms, part) in [
            (9, 0.1, "no channels for volume 9"),
            (8, 0.1, "no channels for volume 8"),
            (7, 0.0, "expected a positive number"),
        ] {
            let error = write(&[(key(volume), [vec![rms], vec![]])]).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
