//! Upstream's own seeds and tracks, matched by our definitions, give upstream's own efficiencies.
#![expect(clippy::unwrap_used, reason = "a test program, also outside its test functions")]

mod support;

use support::Samples;
use traccc_performance::{Efficiency, MatchCriteria, Matching, MeasurementTruth, TruthSelection};

/// What upstream reports for one collection: efficiency in %, duplicates per matched particle, fakes per particle;
/// empty where it is not stated.
type Reported = [&'static str; 3];

struct Reports {
    detector: &'static str,
    /// Samples that are summed, and the number of events of each.
    names: &'static [&'static str],
    events: u64,
    /// Particles selected, seeds and tracks found.
    counts: [u64; 3],
    seeds: Reported,
    found: Reported,
}

const SAMPLES: [Reports; 8] = [
    Reports {
        detector: "generic",
        names: &["muon_1GeV", "muon_10GeV", "muon_100GeV"],
        events: 3,
        counts: [180, 803, 431],
        seeds: ["100", "", ""],
        found: ["100", "1.4", "0"],
    },
    Reports {
        detector: "generic",
        names: &["mixed_100"],
        events: 2,
        counts: [200, 861, 479],
        seeds: ["99.5", "", ""],
        found: ["99.5", "1.40", "0.010"],
    },
    Reports {
        detector: "generic",
        names: &["mixed_1000"],
        events: 1,
        counts: [1_000, 4_174, 2_406],
        seeds: ["99.9", "3.10", "0.077"],
        found: ["99.9", "1.34", "0.073"],
    },
    Reports {
        detector: "generic",
        names: &["mu20"],
        events: 1,
        counts: [307, 1_950, 751],
        seeds: ["98.70", "5.02", "0.121"],
        found: ["83.06", "1.53", "0.345"],
    },
    Reports {
        detector: "generic",
        names: &["mu100"],
        events: 1,
        counts: [1_584, 13_689, 5_578],
        seeds: ["98.93", "5.63", "1.70"],
        found: ["81.82", "1.74", "1.28"],
    },
    Reports {
        detector: "toy",
        names: &["n_particles_1000"],
        events: 1,
        counts: [996, 4_335, 3_219],
        seeds: ["99.60", "3.24", "0.128"],
        found: ["99.40", "2.09", "0.159"],
    },
    Reports {
        detector: "toy",
        names: &["mom_1GeV_n100"],
        events: 2,
        counts: [145, 441, 382],
        seeds: ["100", "", ""],
        found: ["88.97", "1.87", "0.083"],
    },
    Reports {
        detector: "toy",
        names: &["mom_10GeV_n100"],
        events: 2,
        counts: [200, 870, 647],
        seeds: ["100", "", ""],
        found: ["100", "2.08", "0.155"],
    },
];

#[test]
fn upstreams_seeds_and_tracks_have_the_efficiencies_that_upstream_reports() {
    let Some(data) = testdata::shared() else {
        eprintln!("skipped: ../shared/data is absent");
        return;
    };
    let folders = ["generic", "toy"].map(|detector| data.join(detector));
    let [generic, toy] = folders.each_ref().map(|folder| Samples::new(folder));
    for samples in &SAMPLES {
        let files = if samples.detector == "toy" { &toy } else { &generic };
        let [mut seeds, mut found] = [Efficiency::default(); 2];
        for name in samples.names {
            for number in 0..samples.events {
                let event = efficiencies(files, name, number);
                seeds += event[0];
                found += event[1];
            }
        }
        let names = samples.names.join(" + ");
        println!("{names}: seeds {}, found {}", describe(&seeds), describe(&found));
        assert_eq!([found.particles, seeds.tracks, found.tracks], samples.counts, "{names}");
        assert_eq!(reported(&seeds, &samples.seeds), samples.seeds, "{names}: seeds");
        assert_eq!(reported(&found, &samples.found), samples.found, "{names}: found");
    }
}

/// Of the seeds and of the tracks found.
fn efficiencies(files: &Samples<'_>, sample: &str, number: u64) -> [Efficiency; 2] {
    let event = files.event(sample, number);
    let dump = files.dump(sample, number, &event);
    let measurements = event.clusters.measurements.len();
    let labels = &event.clusters.labels;
    let truth =
        MeasurementTruth::from_cells(&event.truth, &event.cells, labels, measurements).unwrap();
    let seeds = Matching::of_seeds(&truth, &dump.seeds, &event.spacepoints);
    let found = Matching::of_tracks(&truth, &dump.found, &MatchCriteria::default());
    [
        seeds.efficiency(&TruthSelection::upstream_seeds().select(&event.truth, &truth)),
        found.efficiency(&TruthSelection::upstream().select(&event.truth, &truth)),
    ]
}

fn ratios(efficiency: &Efficiency) -> [f64; 3] {
    [
        100.0 * efficiency.efficiency().unwrap(),
        efficiency.duplicates_per_matched().unwrap(),
        efficiency.fakes_per_particle().unwrap(),
    ]
}

fn describe(efficiency: &Efficiency) -> String {
    let [percent, duplicates, fakes] = ratios(efficiency);
    format!("{percent:.2} % ({duplicates:.3}, {fakes:.3}) of {}", efficiency.particles)
}

/// Our numbers with as many decimals as upstream's.
fn reported(efficiency: &Efficiency, digits: &Reported) -> [String; 3] {
    let ratios = ratios(efficiency);
    std::array::from_fn(|i| {
        if digits[i].is_empty() {
            return String::new();
        }
        let decimals = digits[i].split_once('.').map_or(0, |(_, decimals)| decimals.len());
        format!("{:.decimals$}", ratios[i])
    })
}
