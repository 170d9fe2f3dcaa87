//! Every reader fed with random bytes and with good files that were changed: an error or a sound answer, never a panic.
#![expect(
    clippy::unwrap_used,
    reason = "a test may panic, and reads exactly the numbers that are in the file"
)]

use proptest::prelude::*;
use std::path::{Path, PathBuf};
use traccc_core::detector::{Detector, DetectorModel, Modules, SensorTable};
use traccc_io::{
    DetectorFiles, Duplicates, EventFile, parse_cells, read_athena_ids, read_conditions,
    read_detector, read_digitization, read_field_map, read_geometry, read_measurements, read_truth,
    with_homogeneous_material, with_material_maps, with_surface_grids,
};

struct Fixture {
    model: DetectorModel,
    detector: Detector,
    modules: Modules,
    sensors: SensorTable,
}

fn mock() -> Fixture {
    let files = DetectorFiles::find(testdata::path("mock")).unwrap();
    let model = read_detector(&files).unwrap();
    let detector = Detector::compile(&model).unwrap();
    let modules =
        read_digitization(files.digitization().unwrap()).unwrap().modules(&detector, None).unwrap();
    let sensors = SensorTable::acts(&detector, &modules);
    Fixture { model, detector, modules, sensors }
}

/// The files that are changed, with the reader of each: every answer is used as a user would.
fn read(name: &str, path: &Path, fixture: &Fixture) {
    let compile = |model: traccc_io::Result<DetectorModel>| {
        if let Ok(model) = model {
            let _ = Detector::compile(&model);
        }
    };
    match name {
        "telescope/telescope_detector_geometry.json" | "annulus/annulus_geometry.json" => {
            compile(read_geometry(path));
        }
        "telescope/telescope_detector_homogeneous_material.json" => {
            compile(with_homogeneous_material(fixture.model.clone(), path));
            let telescope =
                read_geometry(testdata::path("telescope/telescope_detector_geometry.json"));
            compile(with_homogeneous_material(telescope.unwrap(), path));
        }
        "annulus/annulus_material_maps.json" => {
            let annulus = read_geometry(testdata::path("annulus/annulus_geometry.json"));
            compile(with_material_maps(annulus.unwrap(), path));
            compile(with_surface_grids(fixture.model.clone(), path));
        }
        "annulus/annulus_digitization.json" => {
            if let Ok(digitization) = read_digitization(path) {
                let _ = digitization.modules(&fixture.detector, None);
            }
            let _ = read_conditions(path);
        }
        "field.cvf" => {
            if let Ok(map) = read_field_map(path) {
                let position = traccc_core::math::Vector3::new(1.0, -2.0, 3.0);
                assert!(map.at(&position).iter().all(|v| !v.is_nan()));
            }
        }
        "athena_ids.txt" => {
            let _ = read_athena_ids(path);
        }
        _ => panic!("no reader for {name}"),
    }
}

const FILES: [&str; 7] = [
    "telescope/telescope_detector_geometry.json",
    "telescope/telescope_detector_homogeneous_material.json",
    "annulus/annulus_geometry.json",
    "annulus/annulus_material_maps.json",
    "annulus/annulus_digitization.json",
    "field.cvf",
    "athena_ids.txt",
];

/// Changes of a file: bytes replaced, a piece cut out, the end cut off.
#[derive(Clone, Debug)]
struct Damage {
    replaced: Vec<(prop::sample::Index, u8)>,
    cut: Option<(prop::sample::Index, usize)>,
    end: Option<prop::sample::Index>,
}

fn damage() -> impl Strategy<Value = Damage> {
    // Bytes that keep a text file readable make deeper damage than others.
    let byte = prop_oneof![prop::sample::select(&b"0123456789-.,e\n[]{}\"\x06"[..]), any::<u8>()];
    let index = any::<prop::sample::Index>;
    (
        prop::collection::vec((index(), byte), 0..6),
        prop::option::of((index(), 0..40_usize)),
        prop::option::weighted(0.2, index()),
    )
        .prop_map(|(replaced, cut, end)| Damage { replaced, cut, end })
}

impl Damage {
    fn apply(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        for (index, byte) in &self.replaced {
            let place = index.index(bytes.len());
            bytes[place] = *byte;
        }
        if let Some((index, length)) = self.cut {
            let start = index.index(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes.drain(start..end);
        }
        if let Some(end) = self.end.filter(|_| !bytes.is_empty()) {
            bytes.truncate(end.index(bytes.len()));
        }
        bytes
    }
}

fn event_file(kind: EventFile) -> PathBuf {
    testdata::path("mock").join(kind.file_name(0))
}

/// Reads an event in which the file of `kind` has the content `bytes`.
fn read_event(kind: EventFile, bytes: &[u8], fixture: &Fixture) {
    let folder = tempfile::tempdir().unwrap();
    for other in EventFile::ALL {
        let content = std::fs::read(event_file(other)).unwrap();
        let content = if other == kind { bytes } else { &content };
        std::fs::write(folder.path().join(other.file_name(0)), content).unwrap();
    }
    let sensors = &fixture.sensors;
    if let Ok(truth) = read_truth(folder.path(), 0, sensors) {
        assert!(truth.particles.is_sorted_by(|a, b| a.id < b.id) && truth.cells.is_sorted());
        let (rows, hits) = (truth.measurement_hits.len(), truth.hits.len());
        assert!(truth.cells.iter().all(|c| (c.measurement as usize) < rows));
        assert!(truth.measurement_hits.values.iter().all(|&h| (h as usize) < hits));
    }
    let path = folder.path().join(EventFile::Measurements.file_name(0));
    if let Ok(read) = read_measurements(path, sensors) {
        assert!(read.measurements.surface.is_sorted());
        assert!(read.measurements.local.iter().flatten().all(|v| v.is_finite()));
    }
}

fn check_cells(bytes: &[u8], fixture: &Fixture) {
    let Fixture { modules, sensors, .. } = fixture;
    if let Ok(read) = parse_cells(bytes, "cells.csv", sensors, Duplicates::Merge) {
        read.cells.validate(modules).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn changed_files_do_not_panic(damage in damage()) {
        let fixture = mock();
        let folder = tempfile::tempdir().unwrap();
        for name in FILES {
            let path = folder.path().join("file");
            std::fs::write(&path, damage.apply(std::fs::read(testdata::path(name)).unwrap())).unwrap();
            read(name, &path, &fixture);
            std::fs::rename(&path, folder.path().join("file.json")).unwrap();
            let _ = DetectorFiles::find(folder.path());
            std::fs::remove_file(folder.path().join("file.json")).unwrap();
        }
    }

    #[test]
    fn random_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), magic in 0..4_usize) {
        let fixture = mock();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let magics: [&[u8]; 4] = [b"", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"geometry_id,channel0,channel1,value\n"];
        let bytes = [magics[magic], &bytes].concat();
        std::fs::write(&path, &bytes).unwrap();
        for name in FILES {
            read(name, &path, &fixture);
        }
        check_cells(&bytes, &fixture);
        for kind in EventFile::ALL {
            read_event(kind, &bytes, &fixture);
        }
    }

    #[test]
    fn changed_events_do_not_panic(damage in damage()) {
        let fixture = mock();
        for kind in EventFile::ALL {
            let bytes = damage.apply(std::fs::read(event_file(kind)).unwrap());
            read_event(kind, &bytes, &fixture);
            if kind == EventFile::Cells {
                check_cells(&bytes, &fixture);
            }
        }
    }
}

#[test]
fn every_truncation_of_a_json_file_is_an_error() {
    let good = std::fs::read(testdata::path("telescope/telescope_detector_geometry.json")).unwrap();
    let good = good.trim_ascii_end();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("g.json");
    for cut in (0..good.len()).step_by(7) {
        std::fs::write(&path, &good[..cut]).unwrap();
        assert!(read_geometry(&path).is_err(), "cut at {cut}");
    }
}
