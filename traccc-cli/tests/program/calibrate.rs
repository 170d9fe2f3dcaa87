//! `traccc calibrate` and `traccc scan`, from outside.

use crate::support::{refused, succeed};
use serde_json::Value;

/// Fifty events of ten muons in a telescope.
fn telescope() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().to_str().unwrap().to_owned();
    let simulate = ["simulate", "telescope", "--output", &directory, "--events", "50"];
    succeed(&[&simulate[..], &["--particles", "10", "--seed", "5"]].concat());
    (folder, directory)
}

fn tables(path: &str) -> Value {
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file["entries"][0]["value"]["geometric"]["variances"].clone()
}

#[test]
fn calibration_measures_what_the_simulation_measured_on_other_events() {
    let (folder, directory) = telescope();
    let simulated = tables(&format!("{directory}/telescope_detector_digitization.json"));
    let output = folder.path().join("measured.json");
    let output = output.to_str().unwrap();
    let text = succeed(&[
        "calibrate",
        "clusters",
        "--detector",
        &directory,
        "--input",
        &directory,
        "--output",
        output,
    ]);
    assert!(text.contains("errors measured") && text.contains("0 axes of sensors empty"), "{text}");
    let measured = tables(output);
    for axis in 0..2 {
        let rms = |tables: &Value, size: usize| tables[axis]["rms"][size].as_f64().unwrap();
        for size in 0..2 {
            let (one, other) = (rms(&measured, size), rms(&simulated, size));
            // A hundred clusters or more: 7 % each.
            assert!((one / other - 1.0).abs() < 0.3, "{axis} {size}: {one} {other}");
        }
        // Pixels of 0.05 mm: the error of one channel is at most 0.05 / sqrt(12).
        assert!((0.001..0.0145).contains(&rms(&measured, 0)), "{measured}");
    }
}

#[test]
fn a_small_sample_and_the_file_itself_are_refused() {
    let (folder, directory) = telescope();
    let output = folder.path().join("measured.json");
    let output = output.to_str().unwrap();
    let common = ["calibrate", "clusters", "--detector", &directory, "--input", &directory];
    let small = refused(
        &[&common[..], &["--events", "1", "--minimum", "500", "--output", output]].concat(),
    );
    assert!(
        small.contains("too small to calibrate") && small.contains("take more events"),
        "{small}"
    );
    assert!(!std::path::Path::new(output).exists());
    let itself = format!("{directory}/telescope_detector_digitization.json");
    assert!(refused(&[&common[..], &["--output", &itself]].concat()).contains("name another file"));
}

#[test]
fn a_scan_tells_each_combination_of_settings() {
    let (_folder, directory) = telescope();
    let arguments = [
        "scan",
        "--detector",
        &directory,
        "--input",
        &directory,
        "--events",
        "10",
        "--truth",
        "upstream",
        "--json",
        "--vary",
        "finding.max_chi2=0.01,50",
        "--vary",
        "fitting.iterations=1,2",
    ];
    let text = succeed(&arguments);
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 4, "{text}");
    assert_eq!(rows[3]["settings"], "finding.max_chi2=50 fitting.iterations=2");
    let matched = |row: &Value| row["truth"]["resolved"]["matched"].as_u64().unwrap();
    assert_eq!(matched(&rows[3]), 100, "{text}");
    assert!(matched(&rows[0]) < 50, "a limit on chi2 that hardly a measurement keeps: {text}");
    assert!(rows[3]["pulls"]["loc0"]["core_width"].as_f64().is_some());
    let wrong = refused(&[
        "scan",
        "--detector",
        &directory,
        "--input",
        &directory,
        "--vary",
        "finding.chi2=3",
    ]);
    assert!(wrong.contains("finding.chi2"), "{wrong}");
}
