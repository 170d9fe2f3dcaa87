//! The samples of `../shared/data` against what upstream makes of them (its README says how each number was made).
//!
//! With the settings of `configs/upstream`: measurements, space points and seeds exactly; found and resolved tracks within
//! 0.3 % and one track; matched particles not fewer than upstream's by more than the larger of 1 and 0.2 % of the particles;
//! duplicates and fakes not more than upstream's by more than 2 % and 2 tracks; fitted tracks not fewer than upstream's
//! resolved ones by more than 10 %.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and tells its numbers"
)]

use std::path::Path;
use traccc::detector::SensorTable;
use traccc::event::{BoundParameters, Cells, TruthEvent};
use traccc::io::{DetectorFiles, Duplicates, EventDirectory, EventFile, read_cells, read_truth};
use traccc::{
    Backend, Chain, ChainConfig, EventCounts, FieldSource, Reconstruction, Setup, SetupFiles,
    settings,
};
use traccc_performance::{Efficiency, MatchCriteria, Matching, MeasurementTruth, TruthSelection};

/// What upstream gets, summed over the events of a sample.
struct Sample {
    name: &'static str,
    cells: usize,
    measurements: usize,
    spacepoints: usize,
    seeds: usize,
    found: usize,
    resolved: usize,
    truth: Option<Truth>,
}

/// Percent of the particles matched, and duplicates per matched and fakes per particle where upstream's are stated.
type Bar = (f64, Option<(f64, f64)>);

struct Truth {
    particles: u64,
    seeding: Bar,
    finding: Bar,
    resolved: Bar,
}

fn check(detector: &str, samples: &[Sample]) {
    let Some(data) = testdata::shared() else {
        println!("skipped: ../shared/data is absent");
        return;
    };
    let folder = data.join(detector);
    let setup = Setup::read(&setup_files(&folder)).unwrap();
    let config =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../configs/upstream/{detector}.toml"));
    let config = settings::read(config, &ChainConfig::full()).unwrap();
    let mut chain = setup.open(Backend::Cpu, &config).unwrap();
    for sample in samples {
        check_sample(&folder, &setup, &mut chain, sample);
    }
}

fn setup_files(folder: &Path) -> SetupFiles {
    let geometry = folder.join("geometry");
    let detector = DetectorFiles::find(&geometry).unwrap();
    // The OpenDataDetector comes with a second digitization file, which does not fit its events.
    let own = geometry.join("odd-digi-geometric-config.json");
    let digitization =
        if own.is_file() { own } else { detector.digitization().unwrap().to_owned() };
    SetupFiles { detector, digitization, conditions: None, field: FieldSource::default() }
}

fn check_sample(folder: &Path, setup: &Setup, chain: &mut Chain, sample: &Sample) {
    let name = sample.name;
    let directory =
        if name == "real" { folder.join(name) } else { folder.join("events").join(name) };
    let events = EventDirectory::open(&directory).unwrap();
    let sensors = SensorTable::acts(&setup.detector, &setup.modules);
    let mut counts = EventCounts::default();
    let mut totals = [Efficiency::default(); 3];
    for event in events.events(EventFile::Cells) {
        let path = events.path(event, EventFile::Cells).unwrap();
        let read = read_cells(path, &sensors, Duplicates::Merge).unwrap();
        let done = chain.reconstruct(&read.cells).unwrap();
        counts += done.counts;
        if sample.truth.is_some() {
            let truth = read_truth(&directory, event, &sensors).unwrap();
            for (total, of_event) in totals.iter_mut().zip(efficiencies(&truth, &read.cells, &done))
            {
                *total += of_event;
            }
        }
        if name == "real" {
            check_momenta(done.tracks().tracks.iter().map(|t| &t.parameters));
        }
    }
    println!("{name}: {counts:?}");
    assert_eq!(counts.cells, sample.cells, "{name}: cells");
    assert_eq!(counts.measurements, sample.measurements, "{name}: measurements");
    assert_eq!(counts.spacepoints, sample.spacepoints, "{name}: space points");
    assert_eq!(counts.seeds, sample.seeds, "{name}: seeds");
    for (what, ours, upstream) in [
        ("found", counts.found_tracks, sample.found),
        ("resolved", counts.resolved_tracks, sample.resolved),
    ] {
        let most = 1.0 + 0.003 * upstream as f64;
        assert!(ours.abs_diff(upstream) as f64 <= most, "{name}: {ours} {what}, {upstream}");
    }
    assert!(
        counts.fitted_tracks * 10 >= sample.resolved * 9,
        "{name}: {} fitted tracks",
        counts.fitted_tracks
    );
    if let Some(truth) = &sample.truth {
        for (stage, total, bar) in [
            ("seeding", &totals[0], &truth.seeding),
            ("finding", &totals[1], &truth.finding),
            ("resolved", &totals[2], &truth.resolved),
        ] {
            check_efficiency(&format!("{name}, {stage}"), total, truth.particles, bar);
        }
    }
}

/// Of seeds, found and resolved tracks.
fn efficiencies(truth: &TruthEvent, cells: &Cells, done: &Reconstruction) -> [Efficiency; 3] {
    let measurements = MeasurementTruth::from_cells(
        truth,
        cells,
        &done.cell_measurements,
        done.measurements.len(),
    )
    .unwrap();
    let criteria = MatchCriteria::default();
    let for_seeds = TruthSelection::upstream_seeds().select(truth, &measurements);
    let for_tracks = TruthSelection::upstream().select(truth, &measurements);
    let resolved = done.resolved.as_ref().unwrap();
    [
        Matching::of_seeds(&measurements, &done.seeds, &done.spacepoints).efficiency(&for_seeds),
        Matching::of_tracks(&measurements, &done.found, &criteria).efficiency(&for_tracks),
        Matching::of_tracks(&measurements, resolved, &criteria).efficiency(&for_tracks),
    ]
}

fn check_efficiency(what: &str, found: &Efficiency, particles: u64, bar: &Bar) {
    println!("  {what}: {found:?}");
    assert_eq!(found.particles, particles, "{what}: particles");
    let matched = (bar.0 / 100.0 * particles as f64).round();
    let slack = (0.002 * particles as f64).max(1.0);
    assert!(
        found.matched as f64 >= matched - slack,
        "{what}: {} matched, upstream {matched}",
        found.matched
    );
    if let Some((duplicates, fakes)) = bar.1 {
        let most = |count: f64| 1.02 * count + 2.0;
        let (duplicates, fakes) = (duplicates * matched, fakes * particles as f64);
        assert!(
            found.duplicates as f64 <= most(duplicates),
            "{what}: {} duplicates, upstream {duplicates}",
            found.duplicates
        );
        assert!(
            found.fakes as f64 <= most(fakes),
            "{what}: {} fakes, upstream {fakes}",
            found.fakes
        );
    }
}

/// The real event: muons of 100 GeV transverse momentum. Not all are within 5 %: beyond |eta| = 2 the lever arm allows 5 to
/// 8 % only, whatever the weights and the prior of the fit; there the fit's own errors are the measure.
fn check_momenta<'a>(tracks: impl Iterator<Item = &'a BoundParameters>) {
    let mut momenta = Vec::new();
    let mut pulls = Vec::new();
    for track in tracks {
        let pt = track.transverse_momentum();
        let relative_error = track.covariance[(4, 4)].sqrt() / track.q_over_p().abs();
        momenta.push(pt);
        pulls.push((pt / 100.0 - 1.0) / relative_error);
    }
    momenta.sort_by(f32::total_cmp);
    println!("pT in GeV: {momenta:?}");
    assert_eq!(momenta.len(), 40);
    assert!((momenta[20] - 100.0).abs() < 1.0, "median {}", momenta[20]);
    let near = momenta.iter().filter(|pt| (*pt - 100.0).abs() < 5.0).count();
    assert!(near >= 34, "{near} of 40 within 5 %");
    assert!(pulls.iter().all(|pull| pull.abs() < 3.0), "{pulls:?}");
}

const fn sample(
    name: &'static str,
    cells: usize,
    measurements: usize,
    seeds: usize,
    [found, resolved]: [usize; 2],
    truth: Option<Truth>,
) -> Sample {
    Sample { name, cells, measurements, spacepoints: measurements, seeds, found, resolved, truth }
}

#[test]
fn the_real_event_of_the_open_data_detector() {
    check("odd", &[Sample { spacepoints: 415, ..sample("real", 1620, 609, 111, [83, 40], None) }]);
}

#[test]
fn generic_muons() {
    // The stated 1.4 duplicates are the mean over the three momenta; singly they are 1.47, 1.33 and 1.38.
    let truth = |duplicates| {
        let (finding, resolved) = ((100.0, Some((duplicates, 0.0))), (100.0, Some((0.0, 0.0))));
        Some(Truth { particles: 60, seeding: (100.0, None), finding, resolved })
    };
    check(
        "generic",
        &[
            sample("muon_1GeV", 2404, 735, 280, [148, 60], truth(1.47)),
            sample("muon_10GeV", 2390, 730, 243, [140, 60], truth(1.33)),
            sample("muon_100GeV", 2515, 739, 280, [143, 60], truth(1.38)),
        ],
    );
}

#[test]
fn generic_mixed_particles() {
    let finding = (99.5, Some((1.40, 0.010)));
    let hundred = Truth { particles: 200, seeding: (99.5, None), finding, resolved: (99.5, None) };
    let thousand = Truth {
        particles: 1000,
        seeding: (99.9, Some((3.10, 0.077))),
        finding: (99.9, Some((1.34, 0.073))),
        resolved: (99.7, Some((0.0, 0.0))),
    };
    check(
        "generic",
        &[
            sample("mixed_100", 8219, 2464, 861, [479, 199], Some(hundred)),
            sample("mixed_1000", 40_479, 12_240, 4174, [2406, 997], Some(thousand)),
        ],
    );
}

#[test]
fn generic_pile_up() {
    let mu20 = Truth {
        particles: 307,
        seeding: (98.70, Some((5.02, 0.121))),
        finding: (83.06, Some((1.53, 0.345))),
        resolved: (83.06, Some((0.0, 0.075))),
    };
    let mu100 = Truth {
        particles: 1584,
        seeding: (98.93, Some((5.63, 1.70))),
        finding: (81.82, Some((1.74, 1.28))),
        resolved: (81.69, Some((0.0, 0.289))),
    };
    let mu200 = Truth {
        particles: 3065,
        seeding: (98.27, Some((5.68, 3.79))),
        finding: (81.08, Some((1.70, 2.49))),
        resolved: (79.94, Some((0.0, 0.381))),
    };
    check(
        "generic",
        &[
            sample("mu20", 26_399, 6887, 1950, [751, 279], Some(mu20)),
            sample("mu100", 144_611, 37_818, 13_689, [5578, 1755], Some(mu100)),
            sample("mu200", 272_902, 72_019, 33_008, [14_337, 3631], Some(mu200)),
        ],
    );
}

#[test]
fn toy_muons() {
    let plain = |particles, seeding, finding: (f64, f64, f64), resolved| {
        let finding = (finding.0, Some((finding.1, finding.2)));
        Some(Truth { particles, seeding: (seeding, None), finding, resolved: (resolved, None) })
    };
    let thousand = Truth {
        particles: 996,
        seeding: (99.60, Some((3.24, 0.128))),
        finding: (99.40, Some((2.09, 0.159))),
        resolved: (99.40, Some((0.0, 0.001))),
    };
    check(
        "toy",
        &[
            sample("n_particles_10", 659, 152, 97, [92, 30], None),
            sample(
                "n_particles_100",
                4595,
                1051,
                871,
                [637, 199],
                plain(200, 99.5, (99.5, 2.13, 0.070), 99.5),
            ),
            sample("n_particles_1000", 22_754, 5220, 4335, [3219, 991], Some(thousand)),
            sample("n_particles_5000", 113_353, 26_066, 31_876, [21_037, 4941], None),
            sample(
                "mom_1GeV_n100",
                4412,
                1062,
                441,
                [382, 129],
                plain(145, 100.0, (88.97, 1.87, 0.083), 88.97),
            ),
            sample(
                "mom_10GeV_n100",
                4343,
                1053,
                870,
                [647, 200],
                plain(200, 100.0, (100.0, 2.08, 0.155), 100.0),
            ),
        ],
    );
}
