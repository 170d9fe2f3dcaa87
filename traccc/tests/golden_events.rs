//! Two events kept in `testdata/golden`, made by the simulator, against the tracks they gave before.
//!
//! `UPDATE_GOLDEN=1 cargo test -p traccc --test golden_events` makes them anew; the commit then says why.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use traccc::detector::{Detector, SensorTable};
use traccc::event::{TrackState, Tracks};
use traccc::field::MagneticField;
use traccc::io::{Duplicates, EventDirectory, EventFile, read_cells, write_cells};
use traccc::propagation::PropagationConfig;
use traccc::{Backend, ChainConfig, EventCounts, Setup};
use traccc_sim::detectors::{ToyConfig, pixel_modules, toy_detector};
use traccc_sim::{Gun, SimulationConfig, simulate_event};

const EVENTS: u64 = 2;

/// What one event gives.
#[derive(Debug, Deserialize, Serialize)]
struct Golden {
    event: u64,
    chain: String,
    counts: EventCounts,
    tracks: Vec<GoldenTrack>,
}

#[derive(Debug, Deserialize, Serialize)]
struct GoldenTrack {
    measurements: Vec<u32>,
    chi2: f32,
    holes: u32,
    parameters: [f32; 5],
    /// Standard deviations of the parameters: their measure.
    sigma: [f32; 5],
}

fn folder() -> PathBuf {
    testdata::path("golden")
}

fn setup() -> Setup {
    let detector = Detector::compile(&toy_detector(&ToyConfig::full()).unwrap()).unwrap();
    let modules = pixel_modules(&detector, [0.05, 0.05]).unwrap();
    Setup::new(detector, modules, MagneticField::along_z(2.0))
}

fn reconstruct(setup: &Setup, directory: &Path) -> Vec<Golden> {
    let events = EventDirectory::open(directory).unwrap();
    let sensors = SensorTable::acts(&setup.detector, &setup.modules);
    let mut golden = Vec::new();
    for (chain, config) in [("full", ChainConfig::full()), ("service", ChainConfig::service())] {
        let propagation = PropagationConfig { search_window: [3, 3], ..config.propagation };
        let mut finding = config.finding.clone();
        // Muons of the toy's barrel cross four sensors only.
        finding.min_measurements = 3;
        let config = ChainConfig { propagation, finding, ..config };
        let mut engine = setup.open(Backend::Cpu, &config).unwrap();
        for event in 0..EVENTS {
            let path = events.path(event, EventFile::Cells).unwrap();
            let cells = read_cells(path, &sensors, Duplicates::Merge).unwrap();
            let done = engine.reconstruct(&cells.cells).unwrap();
            let tracks = (0..done.tracks().len()).map(|i| golden_track(done.tracks(), i)).collect();
            golden.push(Golden { event, chain: chain.into(), counts: done.counts(), tracks });
        }
    }
    golden
}

fn golden_track(tracks: &Tracks, i: usize) -> GoldenTrack {
    let track = &tracks.tracks[i];
    assert_eq!(
        tracks.states_of(i).first().map(|s: &TrackState| s.smoothed),
        Some(track.parameters)
    );
    GoldenTrack {
        measurements: tracks.measurements.row(i).iter().map(|m| m.0).collect(),
        chi2: track.chi2,
        holes: track.holes,
        parameters: track.parameters.vector,
        sigma: track.parameters.covariance.diagonal().map(f32::sqrt),
    }
}

/// Simulates the events and writes them and their results.
fn update(setup: &Setup) {
    let gun = Gun { particles: 20, random_charge: true, ..Gun::default() };
    let config = SimulationConfig { gun, ..SimulationConfig::default() };
    std::fs::create_dir_all(folder()).unwrap();
    for event in 0..EVENTS {
        let simulated =
            simulate_event(&setup.detector, &setup.modules, &setup.field, &config, 2026, event)
                .unwrap();
        let sensors = SensorTable::acts(&setup.detector, &setup.modules);
        write_cells(folder(), event, &simulated.cells, None, &sensors).unwrap();
    }
    let golden = serde_json::to_string_pretty(&reconstruct(setup, &folder())).unwrap();
    std::fs::write(folder().join("golden.json"), golden + "\n").unwrap();
}

#[test]
fn golden_events_give_the_tracks_they_gave_before() {
    let setup = setup();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        update(&setup);
    }
    let text = std::fs::read_to_string(folder().join("golden.json")).unwrap();
    let expected: Vec<Golden> = serde_json::from_str(&text).unwrap();
    let found = reconstruct(&setup, &folder());
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        let what = format!("event {}, {}", expected.event, expected.chain);
        assert_eq!(found.counts, expected.counts, "{what}");
        assert!(
            expected.counts.found_tracks >= 15,
            "{what}: a golden event without tracks tests nothing"
        );
        for (i, (a, b)) in found.tracks.iter().zip(&expected.tracks).enumerate() {
            assert_eq!((&a.measurements, a.holes), (&b.measurements, b.holes), "{what}, track {i}");
            assert!(
                (a.chi2 - b.chi2).abs() < 0.01 * (1.0 + b.chi2),
                "{what}, track {i}: chi2 {} {}",
                a.chi2,
                b.chi2
            );
            for k in 0..5 {
                // Elementary functions differ in the last bit between platforms.
                let away = (a.parameters[k] - b.parameters[k]).abs() / b.sigma[k];
                assert!(
                    away < 0.01,
                    "{what}, track {i}: parameter {k} is {away} standard deviations off"
                );
            }
        }
    }
}
