//! `traccc inspect`: what is in a file or folder, whatever its name.

mod columns;
mod detector;

use crate::Verdict;
use crate::events::list_events;
use crate::report::counted;
use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use traccc::io::{self, CsvTable, DetectorFiles};

/// Arguments of `traccc inspect`.
#[derive(Args, Debug)]
pub(crate) struct InspectArguments {
    /// Detector, digitization, field or event file (plain, .gz or .zst), or a folder of such files
    path: PathBuf,
}

/// Tells what a file or folder holds.
pub(crate) fn inspect(arguments: &InspectArguments) -> Result<Verdict> {
    let path = &arguments.path;
    let report = if path.is_dir() { folder(path)? } else { file(path)? };
    crate::terminal::stdout().write_all(report.as_bytes())?;
    Ok(Verdict::Done)
}

fn folder(directory: &Path) -> Result<String> {
    let files = match DetectorFiles::find(directory) {
        Ok(files) => Some(files),
        Err(io::Error::NoGeometry { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let events = list_events(directory)?;
    let mut report = files.as_ref().map(detector::folder).transpose()?.unwrap_or_default();
    if !events.is_empty() {
        report += &format!("{}: {}\n", counted(events.len(), "event"), ranges(&events));
    }
    if report.is_empty() {
        bail!("`{}` holds neither detector files nor events", directory.display());
    }
    Ok(report)
}

fn file(path: &Path) -> Result<String> {
    let is = |wanted: &str| path.extension().is_some_and(|extension| extension == wanted);
    let is_compressed = is("gz") || is("zst");
    if is("cvf") || is_compressed && path.with_extension("").extension() == Some("cvf".as_ref()) {
        return Ok(detector::field(&io::read_field_map(path)?));
    }
    if is("toml") {
        bail!(
            "`{}` is TOML, no file of a detector or of events: `traccc run --print-config --config FILE` checks settings of the chain and prints them",
            path.display()
        );
    }
    let bytes = io::read_file(path)?;
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => json(path, &bytes),
        Some(_) => text(path, &bytes),
        None => Ok("an empty file\n".to_owned()),
    }
}

/// What can be told of a file that is no JSON.
fn text(path: &Path, bytes: &[u8]) -> Result<String> {
    if bytes.contains(&0) {
        return none_of_ours(path, "it is binary, and no covfie field map (.cvf)");
    }
    if let Ok(ids) = io::read_athena_ids(path) {
        return Ok(format!("id map: {} pairs of Athena and detray ids\n", ids.len()));
    }
    let table = CsvTable::new(bytes, path)?;
    if columns::is_table(&table) {
        return columns::report(&table);
    }
    let first = table.names().collect::<Vec<_>>().join(",");
    let shown: String = first.chars().take(60).collect();
    none_of_ours(
        path,
        &format!("its first line `{shown}` is no list of column names separated by commas"),
    )
}

fn none_of_ours(path: &Path, why: &str) -> Result<String> {
    bail!(
        "`{}` is none of the files that traccc reads: {why}. They are detray geometry, grids and material, ACTS digitization \
         (JSON), covfie fields (.cvf), events and tracks (CSV), Athena id maps",
        path.display()
    )
}

fn json(path: &Path, bytes: &[u8]) -> Result<String> {
    let document: Value = match serde_json::from_slice(bytes) {
        Ok(document) => document,
        // One object on each line.
        Err(_) if path.extension().is_some_and(|extension| extension == "jsonl") => {
            let lines = bytes.split(|&b| b == b'\n').filter(|line| !line.trim_ascii().is_empty());
            return Ok(format!("tracks as JSON lines: {}\n", lines.count()));
        }
        Err(error) => {
            return Err(error).with_context(|| format!("`{}` is no sound JSON", path.display()));
        }
    };
    if document.get("acts-geometry-hierarchy-map").is_some() {
        return Ok(detector::digitization(&io::read_digitization(path)?));
    }
    let Some(header) = document.get("header") else {
        let why = "it is JSON with neither detray's `header` nor `acts-geometry-hierarchy-map`";
        return none_of_ours(path, why);
    };
    let mut report = String::new();
    for (key, value) in entries(header) {
        if key == "common" {
            entries(value).for_each(|(key, value)| report += &line(key, value));
        } else {
            report += &line(key, value);
        }
    }
    if header.pointer("/common/tag") == Some(&Value::from("geometry")) {
        report += &format!("\n{}", detector::volumes(&io::read_geometry(path)?)?);
    }
    Ok(report)
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn line(key: &str, value: &Value) -> String {
    value.as_str().map_or_else(|| format!("{key}: {value}\n"), |text| format!("{key}: {text}\n"))
}

/// Ascending numbers in few words: `0-9, 12`.
fn ranges(numbers: &[u64]) -> String {
    let mut parts: Vec<[u64; 2]> = Vec::new();
    for &number in numbers {
        match parts.last_mut() {
            Some([_, last]) if *last + 1 == number => *last = number,
            _ => parts.push([number; 2]),
        }
    }
    let part = |[first, last]: &[u64; 2]| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    parts.iter().map(part).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successive_numbers_are_written_as_ranges() {
        assert_eq!(ranges(&[0, 1, 2, 5, 7, 8]), "0-2, 5, 7-8");
        assert_eq!(ranges(&[]), "");
    }
}
