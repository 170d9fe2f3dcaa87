//! Writes the tracks of a simulated event as JSON lines and as CSV: `04_write_tracks [FOLDER]`, by default a temporary one.
#![expect(clippy::print_stdout, reason = "an example shows something")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use traccc::detector::{Detector, SensorTable};
use traccc::field::MagneticField;
use traccc::io;
use traccc::{Backend, ChainConfig, Setup};
use traccc_sim::detectors::{ToyConfig, pixel_modules, toy_detector};
use traccc_sim::{SimulationConfig, simulate_event};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let detector = Detector::compile(&toy_detector(&ToyConfig::full())?)?;
    let modules = pixel_modules(&detector, [0.05, 0.05])?;
    let setup = Setup::new(detector, modules, MagneticField::along_z(2.0));
    let simulation = SimulationConfig::default();
    let Setup { detector, modules, field, .. } = &setup;
    let cells = simulate_event(detector, modules, field, &simulation, 1, 0)?.cells;

    let event = setup.open(Backend::Cpu, &ChainConfig::full())?.reconstruct(&cells)?;

    let scratch = tempfile::tempdir()?;
    let folder =
        std::env::args_os().nth(1).map_or_else(|| scratch.path().to_owned(), PathBuf::from);
    let tracks = event.tracks();

    // Tracks name measurements by their rows, so these are written too.
    let sensors = SensorTable::acts(detector, modules);
    io::write_measurements(&folder, 0, &event.measurements, &sensors)?;
    let mut file = BufWriter::new(File::create(folder.join("tracks.jsonl"))?);
    io::write_tracks_json_lines(&mut file, 0, tracks, detector)?;
    file.flush()?;

    let mut file = BufWriter::new(File::create(folder.join("tracks.csv"))?);
    writeln!(file, "{}", io::TRACKS_CSV_HEADER)?;
    io::write_tracks_csv(&mut file, 0, tracks, detector)?;
    file.flush()?;

    println!("{} tracks in {}; the first one:", tracks.len(), folder.display());
    println!(
        "{}",
        std::fs::read_to_string(folder.join("tracks.jsonl"))?.lines().next().unwrap_or_default()
    );
    Ok(())
}
