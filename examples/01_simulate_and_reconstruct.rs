//! Simulates an event in the toy detector and reconstructs it, all in memory.
#![expect(clippy::print_stdout, reason = "an example shows something")]

use traccc::detector::Detector;
use traccc::field::MagneticField;
use traccc::{Backend, ChainConfig, Setup};
use traccc_performance::{MatchCriteria, Matching, MeasurementTruth, TruthSelection};
use traccc_sim::detectors::{ToyConfig, pixel_modules, toy_detector};
use traccc_sim::{SimulationConfig, simulate_event};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The apparatus: sensors with pixels of 50 by 50 um in 2 T along z.
    let detector = Detector::compile(&toy_detector(&ToyConfig::full())?)?;
    let modules = pixel_modules(&detector, [0.05, 0.05])?;
    let setup = Setup::new(detector, modules, MagneticField::along_z(2.0));

    let mut chain = setup.open(Backend::Cpu, &ChainConfig::full())?;

    for number in 0..3 {
        let simulated = simulate_event(
            &setup.detector,
            &setup.modules,
            &setup.field,
            &SimulationConfig::default(),
            1,
            number,
        )?;
        let event = chain.reconstruct(&simulated.cells)?;

        // Which of the generated particles have a track?
        let truth = MeasurementTruth::from_cells(
            &simulated.truth,
            &simulated.cells,
            &event.cell_measurements,
            event.measurements.len(),
        )?;
        let selected = TruthSelection::upstream().select(&simulated.truth, &truth);
        let matching = Matching::of_tracks(&truth, event.tracks(), &MatchCriteria::default());
        let counts = matching.efficiency(&selected);
        println!(
            "event {number}: {} cells, {} measurements, {} tracks; {} of {} particles found",
            simulated.cells.len(),
            event.measurements.len(),
            counts.tracks,
            counts.matched,
            counts.particles,
        );
    }
    Ok(())
}
