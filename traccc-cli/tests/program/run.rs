//! `traccc run`, from outside, on simulated events.

use crate::support::{Sample, program, refused, succeed, traccc};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

fn summary(sample: &Sample, more: &[&str]) -> Value {
    let text = sample.run(&[&["--summary", "json"], more].concat());
    assert_eq!(text.matches('\n').count(), 1, "one line: {text}");
    serde_json::from_str(&text).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_json_summary_is_exactly_one_object_with_the_agreed_keys() {
    let sample = Sample::toy(3);
    let summary = summary(&sample, &["--truth"]);
    // Sorted: so is the map that they were read into.
    assert_eq!(keys(&summary), ["counts", "events", "stage_ms", "truth", "warnings"]);
    assert_eq!(summary["events"], 3);
    assert_eq!(
        keys(&summary["counts"]),
        [
            "cells",
            "found_tracks",
            "fitted_tracks",
            "measurements",
            "resolved_tracks",
            "seeds",
            "spacepoints",
        ]
        .iter()
        .copied()
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
    );
    let stages = [
        "ambiguity",
        "clustering",
        "finding",
        "fitting",
        "parameters",
        "read",
        "seeding",
        "spacepoints",
    ];
    assert_eq!(keys(&summary["stage_ms"]), stages);
    assert!(stages.iter().all(|stage| summary["stage_ms"][stage].as_f64().unwrap() > 0.0));
    for stage in ["seeding", "finding", "resolved"] {
        let ratios = [
            "duplicates_per_matched",
            "efficiency",
            "fakes_per_particle",
            "fakes_per_track",
            "matched",
            "particles",
        ];
        assert_eq!(keys(&summary["truth"][stage]), ratios, "{stage}");
    }
}

#[test]
fn simulated_muons_are_found_and_fitted() {
    let sample = Sample::toy(3);
    let summary = summary(&sample, &["--truth=upstream"]);
    let found = &summary["truth"]["resolved"];
    assert!(found["particles"].as_u64().unwrap() >= 50, "{summary}");
    assert!(found["efficiency"].as_f64().unwrap() > 0.97, "{summary}");
    assert!(found["fakes_per_track"].as_f64().unwrap() < 0.03, "{summary}");
    let count = |what: &str| summary["counts"][what].as_u64().unwrap();
    assert!(
        count("cells") > count("measurements") && count("measurements") >= count("spacepoints")
    );
    assert!(count("fitted_tracks") <= count("resolved_tracks"));
    assert!(count("resolved_tracks") <= count("found_tracks"));
}

#[test]
fn the_service_chain_neither_resolves_nor_fits() {
    let sample = Sample::toy(1);
    let text = sample.run(&["--chain", "service"]);
    for stage in ["ambiguity", "fitting"] {
        let line = text.lines().find(|line| line.starts_with(stage)).unwrap();
        assert_eq!(line.matches(" -  ").count(), 2, "{text}");
    }
    let summary = summary(&sample, &["--chain", "service", "--truth"]);
    assert_eq!(summary["counts"]["resolved_tracks"], 0);
    assert_eq!(summary["counts"]["fitted_tracks"], 0);
    assert_eq!(summary["truth"]["resolved"], Value::Null);
    assert!(summary["counts"]["found_tracks"].as_u64().unwrap() > 0);
}

#[test]
fn the_text_summary_names_stages_counts_and_truth() {
    let text = Sample::toy(1).run(&["--truth=users"]);
    for word in [
        "clustering",
        "measurements",
        "space points",
        "fitted tracks",
        "efficiency",
        "resolved",
        "1  event\n",
    ] {
        assert!(text.contains(word), "no {word} in:\n{text}");
    }
}

fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entry = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())
    };
    std::fs::read_dir(directory).unwrap().map(entry).collect()
}

#[test]
fn output_files_are_the_same_bytes_for_any_number_of_threads() {
    let sample = Sample::toy(4);
    for format in ["csv", "jsonl"] {
        let outputs = ["1", "2", "7"].map(|threads| {
            let directory = sample.path(&format!("{format}-{threads}"));
            let output = directory.to_str().unwrap();
            sample.run(&["--threads", threads, "--output", output, "--format", format]);
            files(&directory)
        });
        assert!(outputs[0].len() >= 4 && outputs[0].values().all(|file| !file.is_empty()));
        assert!(outputs[0] == outputs[1] && outputs[0] == outputs[2], "{format}");
    }
}

#[test]
fn events_are_numbered_from_skip_on_and_a_missing_one_is_an_error() {
    let sample = Sample::toy(4);
    let events = |more: &[&str]| summary(&sample, more)["events"].as_u64().unwrap();
    assert_eq!(events(&[]), 4);
    assert_eq!(events(&["--skip", "1"]), 3);
    assert_eq!(events(&["--skip", "1", "--events", "2"]), 2);
    let message = sample.refused(&["--skip", "2", "--events", "5"]);
    assert!(message.contains("event 4"), "{message}");
    let message = sample.refused(&["--events", "99999999999999"]);
    assert!(message.contains("event 4") && message.contains("0 to 3"), "{message}");
    let message = sample.refused(&["--skip", "9"]);
    assert!(message.contains("no event"), "{message}");
}

#[test]
fn an_event_without_cells_has_no_tracks() {
    let sample = Sample::toy(1);
    let cells = sample.path("event000000000-cells.csv");
    let text = std::fs::read_to_string(&cells).unwrap();
    std::fs::write(&cells, text.lines().next().unwrap().to_owned() + "\n").unwrap();
    let summary = summary(&sample, &[]);
    assert_eq!(summary["events"], 1);
    assert!(summary["counts"].as_object().unwrap().values().all(|count| count == 0), "{summary}");
}

#[test]
fn a_channel_that_occurs_twice_is_merged_or_refused() {
    let sample = Sample::toy(1);
    let before = summary(&sample, &["--duplicates", "refuse"])["counts"].clone();
    let cells = sample.path("event000000000-cells.csv");
    let text = std::fs::read_to_string(&cells).unwrap();
    let again = text.lines().nth(1).unwrap();
    std::fs::write(&cells, format!("{text}{again}\n")).unwrap();
    assert_eq!(summary(&sample, &[])["counts"]["cells"], before["cells"]);
    let text = sample.run(&[]);
    assert!(text.contains("\n1 row of cells added to another of the same channel\n"), "{text}");
    let message = sample.refused(&["--duplicates", "refuse"]);
    assert!(message.contains("event000000000-cells.csv") && message.contains("line"), "{message}");
    // The numbering of sensors has nothing to do with it.
    assert!(!message.contains("--geometry-ids"), "{message}");
}

#[test]
fn an_error_in_a_later_event_leaves_no_results_behind() {
    let sample = Sample::toy(3);
    let output = sample.path("out");
    let run = ["--threads", "1", "--output", output.to_str().unwrap()];
    sample.run(&run);
    assert_eq!(files(&output).len(), 4);
    std::fs::write(sample.path("event000000002-cells.csv"), "geometry_id\n1\n").unwrap();
    sample.refused(&run);
    assert_eq!(files(&output).into_keys().collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn results_of_an_earlier_run_are_removed_and_files_of_others_kept() {
    let sample = Sample::toy(2);
    let output = sample.path("out");
    let folder = output.to_str().unwrap();
    sample.run(&["--output", folder]);
    std::fs::write(output.join("notes.txt"), "mine").unwrap();
    sample.run(&["--output", folder, "--format", "jsonl", "--events", "1"]);
    let names: Vec<String> = files(&output).into_keys().collect();
    assert_eq!(names, ["event000000000-measurements.csv", "notes.txt", "tracks.jsonl"]);

    std::fs::remove_file(output.join("tracks.jsonl")).unwrap();
    assert!(sample.refused(&["--output", folder]).contains("measurements and no tracks"));
    std::fs::write(output.join("event000000007-cells.csv.gz"), "").unwrap();
    assert!(sample.refused(&["--output", folder]).contains("holds events"));
    assert_eq!(files(&output).len(), 3);
}

#[test]
fn a_file_that_may_be_cut_in_its_last_number_is_warned_of() {
    let sample = Sample::toy(1);
    let run = |sample: &Sample| {
        let arguments = sample.arguments("run", &[]);
        let outcome = traccc(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(outcome.status, 0, "{}", outcome.err);
        outcome.err
    };
    assert!(!run(&sample).contains("may be cut"));
    let cells = sample.path("event000000000-cells.csv");
    let text = std::fs::read_to_string(&cells).unwrap();
    std::fs::write(&cells, text.trim_end()).unwrap();
    assert!(run(&sample).contains("cells.csv` does not end with a line break"));
}

#[test]
fn bad_input_is_refused_with_what_to_do() {
    let sample = Sample::toy(1);
    let directory = sample.directory();
    let input = ["--input", &directory];
    let run = |more: &[&str]| refused(&[&["run"], &input[..], more].concat());
    assert!(run(&[]).contains("--detector"));
    assert!(run(&["--detector", "/nowhere"]).contains("/nowhere"));
    assert!(refused(&["run", "--detector", &directory]).contains("--input"));
    let message = refused(&["run"]);
    assert!(message.contains("--input") && message.contains("--detector"), "{message}");
    assert!(sample.refused(&["--field", "2"]).contains("constant:BX,BY,BZ"));
    assert!(sample.refused(&["--backend", "cuda:1"]).contains("cuda:1"));
    assert!(sample.refused(&["--threads", "0"]).contains("whole number from 1"));

    let message = sample.refused(&["--output", &format!("{directory}/.")]);
    assert!(message.contains("--output"), "{message}");

    let config = sample.path("wrong.toml");
    let config = config.to_str().unwrap();
    std::fs::write(config, "[finding]\nmin_tp = 1.0\n").unwrap();
    let wrong = ["run", "--print-config", "--config", config];
    assert!(refused(&wrong).contains("line 2"));
    std::fs::write(config, "[finding]\nmin_measurements = 0\n").unwrap();
    assert!(refused(&wrong).contains("`finding.min_measurements` is 0, expected at least 1"));

    let other = sample.path("other.json");
    std::fs::copy(sample.path("toy_detector_digitization.json"), &other).unwrap();
    let message = run(&["--detector", &directory]);
    assert!(message.contains("--digitization") && message.contains("other.json"), "{message}");
    succeed(&[
        "run",
        "--input",
        &directory,
        "--detector",
        &directory,
        "--digitization",
        other.to_str().unwrap(),
    ]);
}

#[test]
fn files_can_be_named_one_by_one() {
    let sample = Sample::toy(1);
    let file = |kind: &str| {
        let path = sample.path(&format!("toy_detector_{kind}.json"));
        path.to_str().unwrap().to_owned()
    };
    let (geometry, grids, material, digitization) = (
        file("geometry"),
        file("surface_grids"),
        file("homogeneous_material"),
        file("digitization"),
    );
    let directory = sample.directory();
    let named = [
        "run",
        "--input",
        &directory,
        "--geometry",
        &geometry,
        "--grids",
        &grids,
        "--digitization",
        &digitization,
    ];
    let counts = |text: &str| serde_json::from_str::<Value>(text).unwrap()["counts"].clone();
    let json = ["--summary", "json"];
    let all = succeed(&[&named[..], &["--material", &material], &json[..]].concat());
    let found =
        succeed(&[&["run", "--input", &directory, "--detector", &directory], &json[..]].concat());
    assert_eq!(counts(&all), counts(&found));
    let message = refused(&[&named[..], &["--material", &grids]].concat());
    assert!(message.contains("homogeneous_material"), "{message}");
}

#[test]
fn default_settings_are_printed_and_read_back() {
    let printed = succeed(&["run", "--print-config"]);
    assert_eq!(
        printed,
        include_str!("full.toml"),
        "update tests/full.toml and the changelog if results change"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.toml");
    std::fs::write(&path, &printed).unwrap();
    let again = ["run", "--print-config", "--chain", "service", "--config", path.to_str().unwrap()];
    assert_eq!(succeed(&again), printed);
    assert_ne!(succeed(&again[..4]), printed);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = program(&["run", "--print-config"]).stdout(writer).status().unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(traccc(&["run", "--no-such-option"]).status, 2);
}

#[test]
fn what_does_not_belong_together_is_told_on_standard_error_and_in_the_summary() {
    let sample = Sample::toy(1);
    let field = ["--field", "constant:0,0,0.5", "--summary", "json"];
    let arguments = sample.arguments("run", &field);
    let outcome = traccc(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(outcome.status, 0, "{}", outcome.err);
    let summary: Value = serde_json::from_str(&outcome.out).unwrap();
    let [warning] = &summary["warnings"].as_array().unwrap()[..] else { panic!("{summary}") };
    let warning = warning.as_str().unwrap();
    let part = "was made in the field constant:0,0,2, but the setup has `constant:0,0,0.5`";
    assert!(warning.contains("simulation.toml") && warning.contains(part), "{warning}");
    assert!(outcome.err.contains("WARN") && outcome.err.contains(warning), "{}", outcome.err);

    let none = sample.refused(&["--field", "constant:0,0,0"]);
    assert!(none.contains("`constant:0,0,0` cannot be used for seeds"), "{none}");
}

#[test]
fn settings_that_were_removed_are_refused_with_file_and_line() {
    let sample = Sample::toy(1);
    let path = sample.path("old.toml");
    std::fs::write(&path, "[seeding]\nmin_pt = 0.5\nbz = 1.99724\n").unwrap();
    let message = refused(&["run", "--print-config", "--config", path.to_str().unwrap()]);
    let part = "line 3: `seeding.bz` is removed: delete this line, because";
    assert!(message.contains("old.toml") && message.contains(part), "{message}");
}
