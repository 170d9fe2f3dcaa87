//! Finding, ambiguity resolution and fit with settings that no file in `configs` has, against the CPU's stages: to the byte.
//! With many branches the first guess of the room is too small, so that batches run again.

use super::support::{assert_chain, assert_equal, assert_stage, engine, shared, toy};
use std::sync::Arc;
use traccc::event::{Track, Tracks};
use traccc::finding::{FindingConfig, Smoother};
use traccc::{ChainConfig, CpuChain, Keep, MeasurementIndex, ReconstructionChain, Setup, Stage};

/// Settings of finding that lead elsewhere.
fn findings() -> Vec<FindingConfig> {
    let base = FindingConfig { max_measurements: 20, ..FindingConfig::default() };
    let branching = FindingConfig {
        max_branches_per_surface: 4,
        max_branches_per_seed: 6,
        max_chi2: 100.0,
        ..base
    };
    let wide = FindingConfig {
        max_branches_per_seed: 40,
        duplicate_removal_min_length: None,
        ..branching
    };
    vec![
        FindingConfig { max_branches_per_surface: 0, ..base },
        FindingConfig { max_branches_per_seed: 0, ..base },
        FindingConfig { duplicate_removal_min_length: Some(0), ..base },
        FindingConfig { max_measurements: 1, min_measurements: 1, ..base },
        FindingConfig { min_measurements: 1, max_holes: 0, max_consecutive_holes: 0, ..base },
        FindingConfig { max_holes: 10, max_consecutive_holes: 10, smoother: Smoother::Mbf, ..base },
        FindingConfig { max_tracks_per_measurement: 1, smoother: Smoother::Mbf, ..branching },
        FindingConfig {
            max_tracks_per_measurement: 2,
            min_voting_fraction: 0.7,
            duplicate_removal_min_length: Some(2),
            ..branching
        },
        FindingConfig {
            max_tracks_per_measurement: 5,
            min_voting_fraction: 0.9,
            smoother: Smoother::Mbf,
            ..wide
        },
        wide,
    ]
}

fn check(sample: &super::support::Sample) {
    for (i, finding) in findings().into_iter().enumerate() {
        println!("settings {i}");
        let mut config = ChainConfig { finding, ..ChainConfig::default() };
        // Tracks that may share a lot, and a fit that starts where it ended.
        config.ambiguity.max_shared_measurements = 1 + i as u32 % 3;
        config.ambiguity.min_measurements = i as u32 % 6;
        config.fitting.iterations = 1 + i as u32 % 2;
        for stage in [Stage::Finding, Stage::Ambiguity, Stage::Fitting] {
            assert_stage(sample, &config, stage);
        }
    }
}

#[test]
fn unusual_settings_on_the_toy() {
    check(&toy(3, 60));
}

#[test]
fn unusual_settings_on_the_generic_detector() {
    if let Some(sample) = shared("generic", "mu20", 1) {
        check(&sample);
    }
}

#[test]
fn unusual_settings_on_the_odd() {
    if let Some(sample) = shared("odd", "real", 3) {
        check(&sample);
    }
}

#[test]
fn whole_chains_that_branch() {
    let sample = toy(3, 60);
    for finding in findings().into_iter().skip(6) {
        assert_chain(&sample, &ChainConfig { finding, ..ChainConfig::default() }, 2);
    }
}

#[test]
fn events_without_tracks() {
    for events in [1, 3] {
        let sample = toy(events, 0);
        for stage in [Stage::Finding, Stage::Ambiguity, Stage::Fitting] {
            assert_stage(&sample, &ChainConfig::default(), stage);
            assert_stage(&sample, &ChainConfig::service(), stage);
        }
    }
}

/// Tracks that find would not make: many that share a lot, some with a measurement several times, equal and undefined p-values.
#[test]
fn random_tracks_resolve_as_on_the_cpu() {
    let sample = toy(3, 60);
    let Some(engine) = engine(&sample.setup) else { return };
    let Setup { detector, modules, field, .. } = &sample.setup;
    let mut state = 42_u64;
    let mut random = |below: u32| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32 % below
    };
    for (limit, min, tracks) in [(1, 3, 2500), (2, 0, 700), (5, 4, 1000)] {
        let mut config = ChainConfig::default();
        config.ambiguity.max_shared_measurements = limit;
        config.ambiguity.min_measurements = min;
        let mut cpu =
            CpuChain::new(Arc::clone(detector), Arc::clone(modules), Arc::clone(field), &config)
                .unwrap();
        let mut events: Vec<_> =
            sample.events.iter().map(|cells| cpu.reconstruct(cells).unwrap()).collect();
        for event in &mut events {
            let (parameters, all) =
                (event.found.tracks[0].parameters, event.measurements.len() as u32);
            event.found = Tracks::new();
            for _ in 0..tracks {
                let length = random(21);
                let row: Vec<_> = (0..length).map(|_| MeasurementIndex(random(all))).collect();
                let p_value = [f32::NAN, 0.0, 0.25, 0.5, 1.0].get(random(10) as usize).copied();
                let p_value = p_value.unwrap_or(random(1 << 20) as f32 / (1 << 20) as f32);
                event.found.tracks.push(Track { parameters, p_value, ..Track::default() });
                event.found.measurements.push(row);
            }
        }
        let events: Vec<_> = events.iter().collect();
        let mut chain = engine.chain(&config).unwrap();
        let mut batch = chain.resume(&events, Stage::Ambiguity, Keep::Everything).unwrap();
        chain.run(Stage::Ambiguity, &mut batch).unwrap();
        let found = chain.finish(batch).unwrap();
        let mut batch = cpu.resume(&events, Stage::Ambiguity, Keep::Everything).unwrap();
        cpu.run(Stage::Ambiguity, &mut batch).unwrap();
        for (found, expected) in found.events.into_iter().zip(cpu.finish(batch).unwrap().events) {
            let expected = expected.unwrap();
            println!("{} of {tracks} tracks remain", expected.resolved.as_ref().unwrap().len());
            assert_equal(&found.unwrap(), &expected, "random tracks");
        }
    }
}
