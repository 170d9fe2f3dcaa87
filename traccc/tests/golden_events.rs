//! Two events kept in `testdata/golden`, made by the simulator, against the tracks and the bytes they gave before.
//!
//! `UPDATE_GOLDEN=1 cargo test -p traccc --test golden_events` makes the results anew: the tracks with which others may
//! agree within tolerances (`golden.json`), and a hash for each stage with which they must agree in every bit
//! (`hashes.json`). The commit then says why. `UPDATE_GOLDEN=events` simulates the events anew before.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fingerprint;

use fingerprint::Fingerprint;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Once;
use traccc::detector::{Detector, SensorTable};
use traccc::event::{TrackState, Tracks};
use traccc::field::MagneticField;
use traccc::io::{Duplicates, EventDirectory, EventFile, read_cells, write_cells};
use traccc::{Backend, ChainConfig, EventCounts, Setup, settings};
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

fn reconstruct(setup: &Setup, directory: &Path) -> (Vec<Golden>, Vec<Fingerprint>) {
    let events = EventDirectory::open(directory).unwrap();
    let sensors = SensorTable::acts(&setup.detector, &setup.modules);
    let (mut golden, mut fingerprints) = (Vec::new(), Vec::new());
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/upstream");
    for (chain, name) in [("full", "toy"), ("service", "service")] {
        // Every value is named there: later defaults do not move these events.
        let path = configs.join(format!("{name}.toml"));
        let config = settings::read(path, &ChainConfig::full()).unwrap();
        // Muons of the toy's barrel cross four sensors only.
        let config = settings::from_toml("[finding]\nmin_measurements = 3", &config).unwrap();
        let mut engine = setup.open(Backend::Cpu, &config).unwrap();
        for event in 0..EVENTS {
            let path = events.path(event, EventFile::Cells).unwrap();
            let cells = read_cells(path, &sensors, Duplicates::Merge).unwrap();
            let done = engine.reconstruct(&cells.cells).unwrap();
            fingerprints.extend(Fingerprint::of_stages(event, chain, &done));
            let tracks = (0..done.tracks().len()).map(|i| golden_track(done.tracks(), i)).collect();
            golden.push(Golden { event, chain: chain.into(), counts: done.counts, tracks });
        }
    }
    (golden, fingerprints)
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

/// Simulates the events and writes them.
fn simulate(setup: &Setup) {
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
}

/// Writes the results of the events, and with `events` those first.
fn update(setup: &Setup, what: &str) {
    if what == "events" {
        simulate(setup);
    }
    let (golden, fingerprints) = reconstruct(setup, &folder());
    let write =
        |name: &str, text: String| std::fs::write(folder().join(name), text + "\n").unwrap();
    write("golden.json", serde_json::to_string_pretty(&golden).unwrap());
    write("hashes.json", serde_json::to_string_pretty(&fingerprints).unwrap());
}

/// A file of the folder, made anew when that is asked for, by whichever test comes first.
fn expected<T: DeserializeOwned>(setup: &Setup, name: &str) -> T {
    static UPDATE: Once = Once::new();
    if let Ok(what) = std::env::var("UPDATE_GOLDEN") {
        UPDATE.call_once(|| update(setup, &what));
    }
    serde_json::from_str(&std::fs::read_to_string(folder().join(name)).unwrap()).unwrap()
}

/// `cargo xtask test` runs it for a processor of 2003, too.
#[test]
fn golden_events_give_the_same_bytes_with_one_thread_and_with_two() {
    let setup = setup();
    let expected: Vec<Fingerprint> = expected(&setup, "hashes.json");
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (_, found) = pool.install(|| reconstruct(&setup, &folder()));
        let what = format!("{threads} threads");
        assert_eq!(found.len(), expected.len(), "{what}: stages");
        found.iter().zip(&expected).for_each(|(a, b)| a.assert_equals(b, &what));
    }
}

#[test]
fn golden_events_give_the_tracks_they_gave_before() {
    let setup = setup();
    let expected: Vec<Golden> = expected(&setup, "golden.json");
    let (found, _) = reconstruct(&setup, &folder());
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
                let away = (a.parameters[k] - b.parameters[k]).abs() / b.sigma[k];
                assert!(
                    away < 0.01,
                    "{what}, track {i}: parameter {k} is {away} standard deviations off"
                );
            }
        }
    }
}
