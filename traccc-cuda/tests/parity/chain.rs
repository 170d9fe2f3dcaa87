//! Whole chains from cells, in batches, against the CPU's: to the byte.

use super::support::{
    Sample, assert_chain, assert_chain_from, assert_equal, config, engine, shared, toy, toy_in,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use traccc::event::Cells;
use traccc::field::{FieldGrid, FieldMap, MagneticField};
use traccc::{ChainConfig, CpuChain, Keep, ReconstructionChain, Setup, Stage};
use traccc_cuda::{Capacities, CudaEngine, Error, Faults};
use traccc_performance::conformance;
use traccc_sim::detectors::{ToyConfig, ToyMaterial};

#[test]
fn chains_give_the_cpus_bytes_on_the_toy() {
    let sample = toy(5, 30);
    for chain in [ChainConfig::full(), ChainConfig::service(), config("toy.toml")] {
        for batch in [1, 3] {
            assert_chain(&sample, &chain, batch);
        }
    }
}

#[test]
fn chains_give_the_cpus_bytes_on_the_shared_samples() {
    for (detector, name, most, batch, chains) in [
        (
            "generic",
            "mixed_100",
            8,
            8,
            ["upstream/generic.toml", "upstream/service.toml", "upstream/throughput.toml"],
        ),
        (
            "generic",
            "mu20",
            3,
            2,
            ["generic.toml", "upstream/service.toml", "upstream/throughput.toml"],
        ),
        ("odd", "real", 10, 10, ["odd.toml", "upstream/odd.toml", "upstream/service.toml"]),
    ] {
        let Some(sample) = shared(detector, name, most) else { return };
        for chain in chains {
            assert_chain(&sample, &config(chain), batch);
        }
    }
}

/// Whatever the room at first: the batch runs again until all rows fit, and no track is lost.
#[test]
fn an_arena_that_is_too_small_grows() {
    let sample = toy(3, 40);
    let few = Capacities {
        measurements: 100,
        spacepoints: 100,
        doublets: 3,
        triplets: 2,
        seeds: 20,
        links: 50,
        tips: 5,
        tracks: 5,
        states: 20,
        steps: 2,
        ..Capacities::default()
    };
    for room in [few, Capacities::default()] {
        for chain in [ChainConfig::full(), ChainConfig::service()] {
            assert_chain_from(&sample, &chain, 3, Some(room));
        }
    }
}

/// The rules that every engine keeps: batches, what is read back, resuming, bad events, cancelling.
#[test]
fn the_chain_conforms() {
    let sample = toy(3, 20);
    let Some(engine) = engine(&sample.setup) else { return };
    let (detector, modules) = (&sample.setup.detector, &sample.setup.modules);
    for config in [ChainConfig::full(), ChainConfig::service()] {
        let mut chain = engine.chain(&config).unwrap();
        assert_eq!(conformance::check(&mut chain, &sample.events, detector, modules), Ok(()));
    }
}

/// Times of stages are told on demand only, and whatever is timed gives the same tracks.
#[test]
fn stages_are_timed_on_demand() {
    let sample = toy(2, 20);
    let Some(engine) = engine(&sample.setup) else { return };
    let config = ChainConfig::full();
    let mut chain = engine.chain(&config).unwrap();
    let views: Vec<_> = sample.events.iter().map(Cells::view).collect();
    let mut tracks = Vec::new();
    for timed in [false, true, true, false] {
        chain.time_stages(timed);
        let start = std::time::Instant::now();
        let finished = chain.reconstruct_batch(&views, Keep::Tracks).unwrap();
        let ms = start.elapsed().as_secs_f64() * 1.0e3;
        for stage in Stage::ALL {
            assert_eq!(finished.timings[stage] > 0.0, timed && config.runs(stage), "{stage:?}");
        }
        assert!(finished.timings.total() < ms, "{:?} of {ms} ms", finished.timings);
        tracks.extend(finished.events.into_iter().map(Result::unwrap));
    }
    assert!(tracks.chunks(2).all(|events| events == &tracks[..2]));
    // The rules of all engines hold for a chain that tells its times.
    chain.time_stages(true);
    let (detector, modules) = (&sample.setup.detector, &sample.setup.modules);
    assert_eq!(conformance::check(&mut chain, &sample.events, detector, modules), Ok(()));
}

fn failing(sample: &Sample) -> Option<(CudaEngine, Arc<Faults>)> {
    let Setup { detector, modules, field, .. } = &sample.setup;
    let faults = Arc::<Faults>::default();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("simulated");
    let (detector, modules, field) = (Arc::clone(detector), Arc::clone(modules), Arc::clone(field));
    let engine = CudaEngine::simulated_with(&faults, folder, detector, modules, field).unwrap();
    Some((engine?, faults))
}

#[test]
fn a_fault_of_a_kernel_loses_the_card_to_all_chains() {
    let sample = toy(1, 3);
    let Some((engine, faults)) = failing(&sample) else { return };
    let config = ChainConfig::service();
    let (mut one, mut other) = (engine.chain(&config).unwrap(), engine.chain(&config).unwrap());
    one.reconstruct(&sample.events[0]).unwrap();
    faults.kernels_fail.store(true, Ordering::Relaxed);
    let error = one.reconstruct(&sample.events[0]).unwrap_err();
    assert!(error.is_fatal() && matches!(error, Error::CardLost { .. }), "{error}");
    // Also where the other chains see nothing of it themselves.
    faults.kernels_fail.store(false, Ordering::Relaxed);
    for error in [other.reconstruct(&sample.events[0]).err(), engine.chain(&config).err()] {
        let error = error.unwrap();
        assert!(error.is_fatal() && error.to_string().contains("restart"), "{error}");
    }
    // An engine of another card goes on.
    let (fresh, _) = failing(&sample).unwrap();
    fresh.chain(&config).unwrap().reconstruct(&sample.events[0]).unwrap();
}

#[test]
fn an_event_that_does_not_fit_says_so_and_the_next_one_works() {
    let sample = toy(1, 3);
    let Some((engine, faults)) = failing(&sample) else { return };
    let mut chain = engine.chain(&ChainConfig::service()).unwrap();
    chain.reconstruct(&sample.events[0]).unwrap();
    let room = chain.arena_bytes();
    faults.largest.store(room, Ordering::Relaxed);
    let large: Cells = toy(1, 60).events.remove(0);
    match chain.reconstruct(&large).unwrap_err() {
        error @ Error::OutOfMemory { needed, free, .. } => {
            assert!(needed > room && free == room && !error.is_fatal(), "{error}");
        }
        other => panic!("{other}"),
    }
    chain.reconstruct(&sample.events[0]).unwrap();
}

/// Chains of one engine in threads of their own, each with its batches in another order.
#[test]
fn chains_side_by_side_give_the_cpus_bytes() {
    let sample = toy(4, 20);
    let Some(engine) = engine(&sample.setup) else { return };
    let Setup { detector, modules, field, .. } = &sample.setup;
    for config in [ChainConfig::full(), ChainConfig::service()] {
        let (detector, modules) = (Arc::clone(detector), Arc::clone(modules));
        let mut cpu = CpuChain::new(detector, modules, Arc::clone(field), &config).unwrap();
        let expected: Vec<_> =
            sample.events.iter().map(|cells| cpu.reconstruct(cells).unwrap()).collect();
        std::thread::scope(|scope| {
            for stream in 0..3 {
                let (engine, config, events, expected) =
                    (&engine, &config, &sample.events, &expected);
                scope.spawn(move || {
                    let mut chain = engine.chain(config).unwrap();
                    for first in (0..events.len()).map(|i| (i + stream) % events.len()) {
                        let rows = [first, (first + 1) % events.len()];
                        let views = rows.map(|row| events[row].view());
                        let done = chain.reconstruct_batch(&views, Keep::Everything).unwrap();
                        for (row, found) in rows.into_iter().zip(done.events) {
                            let what = format!("stream {stream}, event {row}");
                            assert_equal(&found.unwrap(), &expected[row], &what);
                        }
                    }
                });
            }
        });
    }
}

/// A solenoid's field that falls off outwards and along z, on 50 mm.
fn field_map() -> MagneticField {
    let nodes = [41_u32, 41, 81];
    let low = [-1000.0_f32, -1000.0, -2000.0];
    let place = |axis: usize, node: u32| low[axis] + 50.0 * node as f32;
    let mut values = Vec::new();
    for x in (0..nodes[0]).map(|node| place(0, node)) {
        for y in (0..nodes[1]).map(|node| place(1, node)) {
            for z in (0..nodes[2]).map(|node| place(2, node)) {
                let along = 2.0 / (1.0 + (x * x + y * y) / 4.0e6 + z * z / 2.0e7);
                values.push([x * z * 1.0e-7, y * z * 1.0e-7, along]);
            }
        }
    }
    let to_node = [0, 1, 2].map(|axis| {
        let mut row = [0.0; 4];
        (row[axis], row[3]) = (0.02, -0.02 * low[axis]);
        row
    });
    MagneticField::Map(Box::new(FieldMap { grid: FieldGrid { to_node, nodes }, values }))
}

#[test]
fn chains_give_the_cpus_bytes_in_a_field_map_and_with_material_maps() {
    let material = ToyConfig { material: ToyMaterial::Maps, ..ToyConfig::full() };
    for (field, toy) in [
        (field_map(), ToyConfig::full()),
        (MagneticField::along_z(2.0), material.clone()),
        (field_map(), material),
    ] {
        let sample = toy_in(field, &toy, 2, 40);
        for chain in [ChainConfig::full(), ChainConfig::service()] {
            assert_chain(&sample, &chain, 2);
        }
    }
}
