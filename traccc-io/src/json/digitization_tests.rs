//! Digitization and conditions files, written and read.

use super::digitization::{AxisBinning, Readout};
use super::digitization_file::{BINNING, read_conditions, read_digitization, write_digitization};
use crate::error::{ContentProblem, Error};
use serde_json::{Value, json};
use std::path::Path;
use traccc_core::Scalar;

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
    json!({"bins": 3, "min": -0.3, "max": 0.6, "option": "open", "type": "equidistant"})
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
         "value": {"geometric": {"segmentation": {"binningdata": [axis(), axis()]}}}},
        {"volume": 4, "value": {"geometric": {"segmentation": {"binningdata": [axis(), axis()]},
         "thickness": 0.2, "threshold": 0.01, "digital": true,
         "charge-smearing": {"type": "Gauss", "mean": 0.0, "stddev": 0.005}}}},
    ]));
    let read = with_file(&text, |p| read_digitization(p)).unwrap();
    assert_eq!(read.entries.len(), 3);
    let strips = Readout { thickness: 0.2, threshold: 0.01, noise: 0.005, digital: true };
    assert_eq!(read.entries[2].readout, strips);
    assert_eq!(read.entries[1].shift[..], [0.01, -0.02]);
    assert_eq!(read.entries[1].readout, Readout::default());
    assert_eq!(read.find(3 << 56 | 2 << 36 | 7 << 8 | 5), Some(1));
    assert_eq!(read.find(3 << 56 | 2 << 36 | 8 << 8), Some(0));
    assert_eq!(read.find(5 << 56 | 2 << 36 | 8 << 8), None);
    let again = with_file("", |p| {
        write_digitization(p, &read)?;
        read_digitization(p)
    });
    assert_eq!(again.unwrap(), read);
}

#[test]
fn entries_without_two_axes_are_judged_by_the_sensors_that_use_them() {
    let smearing = |volume: u32| json!({"volume": volume, "value": {"smearing": [{"index": 0, "stddev": 0.05}]}});
    let sensors = crate::testing::sensors().0;
    let modules = |entries: Value| {
        let read = with_file(&file(&entries), |p| read_digitization(p)).unwrap();
        read.modules(&sensors, None).map_err(|error| error.to_string())
    };
    let used = entry(3, &json!([axis(), axis()]));
    let found = modules(json!([smearing(2), entry(1, &json!([axis()])), used])).unwrap();
    assert_eq!((found.len(), found.designs.len()), (3, 1));
    let message = modules(json!([smearing(3)])).unwrap_err();
    assert!(
        message.starts_with(
            "the entry of volume 3 has only smearing, no `geometric` segmentation: its 3 sensors"
        ),
        "{message}"
    );
    let message = modules(json!([entry(3, &json!([axis()]))])).unwrap_err();
    assert!(message.contains("`geometric` has 1 axes, expected 2"), "{message}");
    let message = modules(json!([entry(2, &json!([axis(), axis()]))])).unwrap_err();
    assert!(message.contains("no digitization entry matches"), "{message}");
}

#[test]
fn a_sensor_of_strips_names_the_axis_that_it_measures_or_both() {
    let mut whole = axis();
    whole["bins"] = json!(1);
    for (axes, own) in [(json!([axis(), whole]), json!([0])), (json!([whole, axis()]), json!([1]))]
    {
        for indices in [own.clone(), json!([0, 1])] {
            let mut strips = entry(1, &axes);
            strips["value"]["geometric"]["indices"] = indices;
            let read = with_file(&file(&json!([strips])), |p| read_digitization(p)).unwrap();
            let written = with_file("", |p| {
                write_digitization(p, &read).unwrap();
                serde_json::from_slice::<Value>(&std::fs::read(p).unwrap()).unwrap()
            });
            assert_eq!(written["entries"][0]["value"]["geometric"]["indices"], own);
        }
    }
}

#[test]
fn extra_chooses_among_the_sensors_of_a_volume() {
    let mut ring = entry(3, &json!([axis(), axis()]));
    ring["extra"] = json!(2);
    let text = file(&json!([ring, entry(3, &json!([axis(), axis()]))]));
    let read = with_file(&text, |p| read_digitization(p)).unwrap();
    let row = |extra: u64| read.find(3 << 56 | 2 << 36 | 7 << 8 | extra);
    assert_eq!([row(0), row(1), row(2)], [Some(0), Some(0), Some(1)]);
    assert_eq!(read.entries[1].key.extra, 2);
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
    let mut bad = axis();
    bad["bins"] = json!("many");
    assert!(
        place(&json!([entry(1, &json!([axis(), bad]))])).starts_with(
            "entries[0].value.geometric.segmentation.binningdata[1].bins: invalid type"
        )
    );
    bad["bins"] = json!(u32::MAX);
    assert!(
        place(&json!([entry(1, &json!([axis(), bad]))])).contains("[1]: the number of bins is")
    );
    let twice = json!([entry(1, &json!([axis(), axis()])), entry(1, &json!([axis(), axis()]))]);
    assert!(place(&twice).starts_with("entries[1]: a second entry"));
    assert!(
        place(&json!([entry(300, &json!([axis(), axis()]))])).starts_with("entries[0].volume: ")
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
    for (key, wrong, expected) in [
        ("option", "closed", "`closed` is not supported, expected `option` open"),
        ("value", "binY", "`binY` is not supported, expected `value` binX or binR"),
        ("value", "AxisPhi", "`AxisPhi` is not supported, expected `value` binX or binR"),
    ] {
        let mut other = axis();
        other[key] = json!(wrong);
        let place = place(&json!([entry(1, &json!([other, axis()]))]));
        assert_eq!(place, format!("entries[0].{BINNING}[0]: {expected}"));
    }
    for indices in [json!([1, 0]), json!([0])] {
        let mut other = entry(1, &json!([axis(), axis()]));
        other["value"]["geometric"]["indices"] = indices.clone();
        let place = place(&json!([other]));
        let shown = indices.to_string().replace(',', ", ");
        let start = format!("entries[0].value.geometric.indices: `{shown}` is not supported");
        assert!(place.starts_with(&start), "{place}");
    }
    let mut mistyped = entry(1, &json!([axis(), axis()]));
    mistyped["sensitve"] = json!(4);
    assert!(place(&json!([mistyped])).starts_with("entries[0]: the key `sensitve`"));
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
    assert!(matches!(no_map, Err(Error::Content { problem: ContentProblem::NoHierarchyMap, .. })));
}
