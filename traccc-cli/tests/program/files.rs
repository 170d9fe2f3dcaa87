//! Files as other programs write them, and files that are none of ours.

use crate::support::{refused, succeed, traccc};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// An event of three particles in a telescope.
struct Telescope(TempDir);

const CELLS: &str = "event000000000-cells.csv";
const HITS: &str = "event000000000-hits.csv";
const PARTICLES: &str = "event000000000-particles_initial.csv";
const DIGITIZATION: &str = "telescope_detector_digitization.json";

impl Telescope {
    fn new() -> Self {
        let sample = Self(tempfile::tempdir().unwrap());
        let folder = sample.text_path("");
        succeed(&[
            "simulate",
            "telescope",
            "--output",
            &folder,
            "--events",
            "1",
            "--particles",
            "3",
        ]);
        sample
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text_path(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Changes a file.
    fn change(&self, name: &str, change: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        std::fs::write(self.path(name), change(text)).unwrap();
    }

    fn arguments<'a>(folder: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&["run", "--detector", folder, "--input", folder], more].concat()
    }

    /// Matched particles and all of them, and what was said on standard error.
    fn matched(&self) -> ([u64; 2], String) {
        let folder = self.text_path("");
        let outcome = traccc(&Self::arguments(&folder, &["--truth", "--summary", "json"]));
        assert_eq!(outcome.status, 0, "{}", outcome.err);
        let summary: Value = serde_json::from_str(&outcome.out).unwrap();
        let resolved = |key: &str| summary["truth"]["resolved"][key].as_u64().unwrap();
        ([resolved("matched"), resolved("particles")], outcome.err)
    }

    fn refused(&self) -> String {
        refused(&Self::arguments(&self.text_path(""), &["--truth"]))
    }
}

/// The rows of a file with a first column, each made of its old ones; the header too.
fn with_first_column(text: &str, header: &str, of_row: impl Fn(&str) -> String) -> String {
    let mut lines = text.lines();
    let (_, rest) = lines.next().unwrap().split_once(',').unwrap();
    let mut changed = format!("{header},{rest}\n");
    for line in lines {
        let (first, rest) = line.split_once(',').unwrap();
        changed += &format!("{},{rest}\n", of_row(first));
    }
    changed
}

#[test]
fn particle_ids_in_five_columns_match_as_those_in_one() {
    let sample = Telescope::new();
    assert_eq!(sample.matched(), ([3, 3], String::new()));
    let header =
        "particle_id_pv,particle_id_sv,particle_id_part,particle_id_gen,particle_id_subpart";
    for name in [HITS, PARTICLES] {
        // Others than those that are written.
        let without =
            |line: &str| line.rsplitn(6, ',').last().unwrap_or_default().to_owned() + "\n";
        sample.change(name, |text| {
            let text: String = text.lines().map(without).collect();
            with_first_column(&text, header, |id| format!("1,0,{id},0,0"))
        });
    }
    assert_eq!(sample.matched(), ([3, 3], String::new()));
}

#[test]
fn hits_of_particles_that_are_not_listed_are_counted_in_a_warning() {
    let sample = Telescope::new();
    sample.change(PARTICLES, |text| {
        text.lines()
            .filter(|line| !line.starts_with("1,"))
            .map(|line| format!("{line}\n"))
            .collect()
    });
    let (matched, err) = sample.matched();
    assert_eq!(matched, [2, 2]);
    assert!(err.contains("9 of 27 hits are of particles that"), "{err}");
    assert!(err.contains("the first: particle 1") && err.contains("of no particle"), "{err}");
}

#[test]
fn event_numbers_have_any_number_of_digits_and_belong_to_one_file() {
    let sample = Telescope::new();
    for name in ["cells", "hits", "particles_initial", "measurement-simhit-map"] {
        let old = sample.path(&format!("event000000000-{name}.csv"));
        std::fs::rename(old, sample.path(&format!("event0-{name}.csv"))).unwrap();
    }
    assert_eq!(sample.matched().0, [3, 3]);
    let folder = sample.text_path("");
    assert!(succeed(&["inspect", &folder]).contains("1 event: 0"));
    std::fs::copy(sample.path("event0-cells.csv"), sample.path(CELLS)).unwrap();
    let infer = ["infer", "--input", &folder, "--output", &sample.text_path("served")];
    for message in [sample.refused(), refused(&["inspect", &folder]), refused(&infer)] {
        assert!(message.contains("event0-cells.csv") && message.contains(CELLS), "{message}");
    }
}

#[test]
fn a_wrong_separator_is_named() {
    let sample = Telescope::new();
    sample.change(CELLS, |text| text.replace(',', ";"));
    let message = sample.refused();
    assert!(
        message.contains("`geometry_id;measurement_id;") && message.contains("the separator `;`"),
        "{message}"
    );
    let message = refused(&["inspect", &sample.text_path(CELLS)]);
    assert!(message.contains("`geometry_id;measurement_id;"), "{message}");
}

/// One axis of the segmentation of the telescope.
fn set_bins(file: &str, axis: usize, bins: u32) -> String {
    let mut file: Value = serde_json::from_str(file).unwrap();
    let place = format!("/entries/0/value/geometric/segmentation/binningdata/{axis}/bins");
    *file.pointer_mut(&place).unwrap() = json!(bins);
    file.to_string()
}

#[test]
fn a_sensor_of_strips_measures_across_them_whichever_axis_that_is() {
    for (axis, column, key) in [(0, 2, "4"), (1, 3, "2")] {
        let sample = Telescope::new();
        sample.change(DIGITIZATION, |text| set_bins(&text, axis, 1));
        sample.change(CELLS, |text| {
            let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
            let header = lines.next().unwrap().join(",");
            let row = |mut fields: Vec<&str>| {
                fields[column] = "0";
                fields.join(",") + "\n"
            };
            format!("{header}\n{}", lines.map(row).collect::<String>())
        });
        let output = sample.text_path("tracks");
        succeed(&Telescope::arguments(&sample.text_path(""), &["--output", &output]));
        let measurements = sample.path("tracks/event000000000-measurements.csv");
        let text = std::fs::read_to_string(measurements).unwrap();
        let keys: Vec<&str> = text.lines().skip(1).map(|l| l.split(',').nth(2).unwrap()).collect();
        assert!(keys.len() >= 20 && keys.iter().all(|found| *found == key), "{axis}: {keys:?}");
        sample.change(DIGITIZATION, |text| set_bins(&text, 1 - axis, 1));
        assert!(sample.refused().contains("one channel on both axes"), "{}", sample.refused());
    }
}

#[test]
fn smearing_entries_matter_only_to_sensors_that_use_them() {
    let sample = Telescope::new();
    let smearing = |volume: u32| json!({"volume": volume, "value": {"smearing": [{"index": 0, "mean": 0, "stddev": 0.05, "type": "Gauss"}]}});
    let path = sample.text_path(DIGITIZATION);
    let with = |change: &dyn Fn(&mut Vec<Value>)| {
        sample.change(DIGITIZATION, |text| {
            let mut file: Value = serde_json::from_str(&text).unwrap();
            change(file["entries"].as_array_mut().unwrap());
            file.to_string()
        });
    };
    with(&|entries| {
        let value = &entries[0]["value"]["geometric"];
        let written = ["thickness", "threshold", "digital", "indices"].map(|key| &value[key]);
        assert_eq!(written, [&json!(0.15), &json!(0.015), &json!(false), &json!([0, 1])]);
        entries.push(smearing(200));
    });
    assert_eq!(sample.matched().0, [3, 3]);
    assert!(succeed(&["inspect", &path]).contains("smearing"));
    with(&|entries| *entries = vec![smearing(1)]);
    let message = sample.refused();
    assert!(message.contains("the entry of volume 1 has only smearing"), "{message}");
    assert!(message.contains("its 9 sensors"), "{message}");
}

#[test]
fn inspect_says_what_a_file_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let inspect = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        refused(&["inspect", path.to_str().unwrap()])
    };
    for (name, content, why) in [
        ("plot.png", &b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], "it is binary"),
        ("notes.txt", b"Dear all,\nno tracks today.\n", "`Dear all,` is no list of column names"),
        ("list.json", b"{\"a\": 1}", "neither detray's `header`"),
    ] {
        let message = inspect(name, content);
        assert!(message.contains("is none of the files that traccc reads"), "{message}");
        assert!(message.contains(why) && message.contains(name), "{message}");
    }
    assert!(inspect("cut.json", b"{\"a\": ").contains("no sound JSON"));
    let map = testdata_path("athena_ids.txt");
    assert!(succeed(&["inspect", map.to_str().unwrap()]).contains("id map: 2 pairs"));
}

fn testdata_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/files").join(name)
}

#[test]
fn control_characters_of_names_and_files_do_not_reach_the_terminal() {
    let sample = Telescope::new();
    let hostile = "\u{1b}]0;title\u{7}\r\u{9b}2J";
    let harmless = |text: &str| !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t');
    // A file name, in an error and on the command line.
    let missing = refused(&["inspect", &format!("/nowhere/{hostile}")]);
    assert!(harmless(&missing) && missing.contains(r"\u{1b}]0;title\u{7}"), "{missing:?}");
    assert!(harmless(&refused(&["inspect", "a", hostile])));
    // The content of files: a field, a column, the name of a volume, a warning.
    sample.change(CELLS, |text| text.replacen("geometry_id", hostile, 1));
    let column = sample.refused();
    assert!(harmless(&column) && column.contains("columns found are"), "{column:?}");
    sample.change("telescope_detector_geometry.json", |text| {
        let escaped = r"\u001b]0;title\u0007";
        let mut file: Value = serde_json::from_str(&text).unwrap();
        file["data"]["volumes"][0]["name"] =
            serde_json::from_str(&format!("\"{escaped}\"")).unwrap();
        file.to_string()
    });
    let table = succeed(&["inspect", &sample.text_path("telescope_detector_geometry.json")]);
    assert!(harmless(&table) && table.contains(r"\u{1b}]0;title"), "{table:?}");
    let digitization = sample.path(DIGITIZATION);
    let mut file: Value =
        serde_json::from_str(&std::fs::read_to_string(&digitization).unwrap()).unwrap();
    file["entries"][0]["value"]["geometric"][hostile] = json!(1);
    std::fs::write(&digitization, file.to_string()).unwrap();
    let outcome = traccc(&Telescope::arguments(&sample.text_path(""), &[]));
    assert!(outcome.err.contains("keys that are not known"), "{:?}", outcome.err);
    assert!(harmless(&outcome.err), "{:?}", outcome.err);
}
