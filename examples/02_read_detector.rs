//! Reads a detector from the files of a folder and tells what is in it.
//!
//! `cargo run --package traccc-examples --example 02_read_detector -- DIR`; without DIR a telescope is written first.
#![expect(clippy::print_stdout, reason = "an example shows something")]

use std::path::PathBuf;
use traccc::detector::{Detector, SurfaceKind};
use traccc::io::{self, DetectorFiles};
use traccc_sim::detectors::{TelescopeConfig, telescope};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let written = tempfile::tempdir()?;
    let directory = match std::env::args_os().nth(1) {
        Some(directory) => PathBuf::from(directory),
        None => {
            io::write_detector(written.path(), &telescope(&TelescopeConfig::default())?)?;
            written.path().to_owned()
        }
    };

    // Files are recognised by their headers, whatever their names, plain or compressed.
    let files = DetectorFiles::find(directory)?;
    let model = io::read_detector(&files)?;
    println!("detector {}, from {}", model.name, files.geometry.display());
    for volume in &model.volumes {
        let sensors = volume.surfaces.iter().filter(|s| s.kind == SurfaceKind::SENSITIVE);
        println!("  volume {}: {} sensors", volume.name, sensors.count());
    }

    // The nested description becomes flat tables, in which surfaces are looked up by number or identifier.
    let detector = Detector::compile(&model)?;
    if let Some(first) = detector.sensitive_surfaces().next() {
        let id = detector.geometry_ids[first.get()];
        println!("the first sensor is surface {}, ACTS geometry id {id}", first.0);
        assert_eq!(detector.surface_by_geometry_id(id), Some(first));
    }
    Ok(())
}
