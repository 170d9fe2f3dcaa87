//! Reconstructs events from files: `03_cpu_chain DETECTOR EVENTS [SETTINGS]` takes the folder of a detector, a folder of
//! cells files, and a TOML file such as `configs/generic.toml`. Without arguments files are simulated first.
#![expect(clippy::print_stdout, reason = "an example shows something")]

use std::path::{Path, PathBuf};
use traccc::detector::{Detector, SensorTable};
use traccc::field::MagneticField;
use traccc::io::{self, Duplicates, EventDirectory, EventFile};
use traccc::{Backend, ChainConfig, Keep, ReconstructionChain, Setup, SetupFiles, Stage, settings};
use traccc_sim::detectors::{TelescopeConfig, pixel_modules, telescope};
use traccc_sim::{Gun, Inclination, SimulationConfig, simulate_event};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (detector, events) = match (arguments.next(), arguments.next()) {
        (Some(detector), Some(events)) => (detector, events),
        _ => simulated(scratch.path())?,
    };
    let config = match arguments.next() {
        Some(path) => settings::read(path, &ChainConfig::full())?,
        None => ChainConfig::full(),
    };

    // Everything that stays the same is read once.
    let setup = Setup::read(&SetupFiles::in_dir(detector)?)?;
    let sensors = SensorTable::acts(&setup.detector, &setup.modules);
    let mut chain = setup.open(Backend::Cpu, &config)?;
    let directory = EventDirectory::open(events)?;
    for number in directory.events(EventFile::Cells) {
        let path = directory.path(number, EventFile::Cells)?;
        let read = io::read_cells(path, &sensors, Duplicates::Merge)?;
        // One event a batch, of which only the counts are of interest here.
        let finished = chain.reconstruct_batch(&[read.cells.view()], Keep::Counts)?;
        let ms = finished.timings;
        println!("event {number}: {:?}", finished.into_single()?.counts);
        println!("  {:.2} ms, of which finding {:.2}", ms.total(), ms[Stage::Finding]);
    }
    Ok(())
}

/// Writes a telescope and three events of one muon into `folder`: the folders of detector and events.
fn simulated(folder: &Path) -> Result<(PathBuf, PathBuf)> {
    let along_x = TelescopeConfig {
        origin: [30.0, 0.0, 0.0],
        direction: [1.0, 0.0, 0.0],
        ..TelescopeConfig::default()
    };
    let model = telescope(&TelescopeConfig { envelope: 30.0, ..along_x })?;
    let detector = Detector::compile(&model)?;
    let modules = pixel_modules(&detector, [0.05, 0.05])?;
    io::write_detector(folder, &model)?;
    let digitization = io::Digitization::from_modules(&detector, &modules)?;
    io::write_digitization(folder.join("digitization.json"), &digitization)?;
    let (field, inclination) = (MagneticField::along_z(2.0), Inclination::Eta([-0.02, 0.02]));
    let gun = Gun { particles: 1, inclination, phi: [-0.02, 0.02], ..Gun::default() };
    let config = SimulationConfig { gun, ..SimulationConfig::default() };
    let sensors = SensorTable::acts(&detector, &modules);
    for number in 0..3 {
        let cells = simulate_event(&detector, &modules, &field, &config, 1, number)?.cells;
        io::write_cells(folder, number, &cells, None, &sensors)?;
    }
    Ok((folder.to_owned(), folder.to_owned()))
}
