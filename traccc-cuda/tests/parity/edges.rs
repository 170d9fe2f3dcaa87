//! Settings and events at the limits, from cells to parameters, against the CPU's: to the byte.

use super::support::{Sample, assert_equal, engine, has_card, toy};
use std::sync::Arc;
use traccc::event::{Cell, Cells};
use traccc::seeding::SeedingConfig;
use traccc::{ChainConfig, CpuChain, Keep, ModuleIndex, ReconstructionChain, Setup, Stage};
use traccc_sim::detectors::pixel_modules;
use traccc_sim::{Gun, Inclination, SimulationConfig, simulate_event};

const STAGES: [Stage; 4] =
    [Stage::Clustering, Stage::Spacepoints, Stage::Seeding, Stage::Parameters];

/// Both engines on one batch, up to the first parameters; gives the numbers of seeds.
fn check(setup: &Setup, events: &[Cells], config: &ChainConfig, what: &str) -> usize {
    let Some(engine) = engine(setup) else { return 0 };
    let Setup { detector, modules, field, .. } = setup;
    let mut cpu =
        CpuChain::new(Arc::clone(detector), Arc::clone(modules), Arc::clone(field), config)
            .unwrap();
    let mut chain = engine.chain(config).unwrap();
    let views: Vec<_> = events.iter().map(Cells::view).collect();
    let mut seeds = 0;
    // Twice: the second batch finds the arena as the first left it.
    for _ in 0..2 {
        let mut batch = chain.begin(&views, Keep::Everything).unwrap();
        STAGES.iter().for_each(|&stage| chain.run(stage, &mut batch).unwrap());
        let found = chain.finish(batch).unwrap();
        let mut batch = cpu.begin(&views, Keep::Everything).unwrap();
        STAGES.iter().for_each(|&stage| cpu.run(stage, &mut batch).unwrap());
        let expected = cpu.finish(batch).unwrap();
        for (event, (found, expected)) in found.events.into_iter().zip(expected.events).enumerate()
        {
            let what = format!("{what}, event {event}");
            match (found, expected) {
                (Ok(found), Ok(expected)) => {
                    assert_equal(&found, &expected, &what);
                    seeds += found.seeds.len();
                }
                (Err(found), Err(expected)) => {
                    assert_eq!(found.to_string(), expected.to_string(), "{what}");
                }
                (found, expected) => panic!("{what}: {found:?} instead of {expected:?}"),
            }
        }
    }
    println!("{what}: equal, {seeds} seeds");
    seeds
}

fn no_cells() -> Cells {
    Cells::default()
}

#[test]
fn batches_of_very_different_events() {
    let Sample { setup, events, .. } = toy(2, 60);
    let one: Cells = std::iter::once(events[0].iter().next().unwrap()).collect();
    let config = ChainConfig::full();
    check(&setup, &[], &config, "no event");
    check(&setup, &[no_cells()], &config, "no cells");
    check(&setup, std::slice::from_ref(&one), &config, "one cell");
    let mixed = [
        no_cells(),
        no_cells(),
        one.clone(),
        events[0].clone(),
        no_cells(),
        events[1].clone(),
        one,
        no_cells(),
        no_cells(),
    ];
    assert!(check(&setup, &mixed, &config, "mixed") > 0);
    // The same module ends one event and begins the next.
    let same =
        events[0].iter().filter(|cell| cell.module == events[0].module[0]).collect::<Cells>();
    check(&setup, &[same.clone(), same.clone(), same], &config, "one module");
}

#[test]
fn crowded_modules() {
    let Sample { setup, .. } = toy(1, 1);
    let config = ChainConfig::full();
    let module = ModuleIndex(3);
    let [channels0, channels1] = setup.modules.channels(module);
    println!("{channels0} x {channels1}");
    let pattern = |name: &str, fires: &dyn Fn(u32, u32) -> bool, most: usize| {
        let all = (0..channels1).flat_map(|c1| (0..channels0).map(move |c0| (c0, c1)));
        let cells: Cells = all
            .filter(|&(c0, c1)| fires(c0, c1))
            .take(most)
            .map(|(channel0, channel1)| Cell {
                channel0,
                channel1,
                activation: ((channel0 * 7 + channel1 * 13) % 5) as f32,
                time: 0.0,
                module,
            })
            .collect();
        check(
            &setup,
            &[cells.clone(), no_cells(), cells.clone()],
            &config,
            &format!("{name}, {} cells", cells.len()),
        );
    };
    let hash = |a: u32, b: u32| {
        (a.wrapping_mul(0x9e37_79b9) ^ b.wrapping_mul(0x85eb_ca6b)).wrapping_mul(0xc2b2_ae35) >> 16
    };
    pattern("all", &|_, _| true, 100_000);
    pattern("isolated", &|a, b| a % 2 == 0 && b % 2 == 0, 50_000);
    pattern("diagonals", &|a, b| (a + b) % 2 == 0, 100_000);
    pattern("columns", &|a, _| a % 8 == 0, 20_000);
    pattern("rows", &|_, b| b % 2 == 0, 100_000);
    pattern(
        "snake",
        &|a, b| b % 2 == 0 || (a == 0 && b % 4 == 1) || (a + 1 == channels0 && b % 4 == 3),
        100_000,
    );
    pattern("comb", &|a, b| a % 2 == 0 || b == 100, 30_000);
    for percent in [5, 20, 35, 41, 60] {
        pattern(&format!("random {percent} %"), &|a, b| hash(a, b) % 100 < percent, 40_000);
    }
}

/// Cells are packed for the copy where all numbers of a batch fit into 16 bits; those that do not are taken as well.
#[test]
fn channels_beyond_16_bits() {
    let Sample { mut setup, .. } = toy(1, 1);
    setup.modules = Arc::new(pixel_modules(&setup.detector, [0.000_2, 0.05]).unwrap());
    let config = ChainConfig::full();
    let last = ModuleIndex(setup.modules.len() as u32 - 1);
    let channels = setup.modules.channels(last);
    assert!(channels[0] > 70_000, "{channels:?}");
    let event = |firsts: &[u32]| -> Cells {
        let cells = firsts.iter().flat_map(|&first| [first, first + 1]);
        let cell = |channel0| Cell {
            channel0,
            channel1: channels[1] - 1,
            activation: f32::MAX / 8.0,
            time: 0.0,
            module: last,
        };
        cells.map(cell).collect()
    };
    let (narrow, wide) = (event(&[0, 65_534]), event(&[0, 65_535, channels[0] - 2]));
    // The lower half of a number alone would be another cell, in order and sound.
    let mut wrong = event(&[0, 65_534]);
    wrong.channel0[1] = (1 << 17) + 1;
    let mut unknown = event(&[0, 65_534]);
    unknown.module.iter_mut().for_each(|module| module.0 |= 1 << 16);
    for (what, events) in [
        ("narrow", vec![narrow.clone(), no_cells(), narrow.clone()]),
        ("wide", vec![wide.clone(), wide.clone()]),
        ("both", vec![narrow.clone(), wide, narrow.clone()]),
        ("a channel that there is not", vec![narrow.clone(), wrong]),
        ("a module that there is not", vec![narrow, unknown]),
    ] {
        check(&setup, &events, &config, what);
    }
}

#[test]
fn wrong_cells_fail_alone() {
    let Sample { setup, events, .. } = toy(3, 20);
    let config = ChainConfig::full();
    type Spoil<'a> = &'a dyn Fn(&mut Cells);
    let wrong: [(&str, Spoil<'_>); 8] = [
        ("module", &|cells| cells.module[5] = ModuleIndex(u32::MAX)),
        ("module at the end", &|cells| *cells.module.last_mut().unwrap() = ModuleIndex(1 << 20)),
        ("channel 0", &|cells| cells.channel0[7] = u32::MAX),
        ("channel 1", &|cells| cells.channel1[7] = 1_000_000),
        ("negative", &|cells| cells.activation[0] = -1.0),
        ("not a number", &|cells| cells.activation[9] = f32::NAN),
        ("order", &|cells| cells.module.reverse()),
        ("twice", &|cells| {
            (cells.channel0[4], cells.channel1[4], cells.module[4]) =
                (cells.channel0[3], cells.channel1[3], cells.module[3]);
        }),
    ];
    for (name, spoil) in wrong {
        for at in 0..3 {
            let mut batch = events.clone();
            spoil(&mut batch[at]);
            check(&setup, &batch, &config, &format!("{name} in {at}"));
        }
    }
    let mut all = events;
    all.iter_mut().for_each(|cells| cells.activation[0] = f32::INFINITY);
    check(&setup, &all, &config, "all wrong");
}

/// Muons of one narrow jet: more than 32 triplets share a bottom.
#[test]
fn crowded_triplets() {
    if !has_card() {
        return;
    }
    let Sample { setup, .. } = toy(1, 1);
    let gun = Gun {
        particles: 70,
        random_charge: true,
        inclination: Inclination::Theta([1.5, 1.53]),
        phi: [0.1, 0.13],
        ..Gun::default()
    };
    let config = SimulationConfig { gun, ..SimulationConfig::default() };
    let event = |event| {
        simulate_event(&setup.detector, &setup.modules, &setup.field, &config, 7, event)
            .unwrap()
            .cells
    };
    let events = [event(0), event(1)];
    let base =
        SeedingConfig { impact_max: 50.0, sigma_scattering: 20.0, ..SeedingConfig::default() };
    for (name, seeding) in [
        ("two support", base.clone()),
        (
            "40 support",
            SeedingConfig {
                compatible_seed_limit: 40,
                compatible_delta_r_min: 0.001,
                delta_inverse_helix_diameter: 1e-3,
                ..base.clone()
            },
        ),
        (
            "all support",
            SeedingConfig {
                compatible_seed_limit: u32::MAX,
                compatible_delta_r_min: 0.0,
                delta_inverse_helix_diameter: 1e-3,
                ..base.clone()
            },
        ),
        (
            "50 seeds",
            SeedingConfig { max_seeds_per_middle: 50, seed_min_weight: -1e9, ..base.clone() },
        ),
        (
            "all seeds",
            SeedingConfig { max_seeds_per_middle: u32::MAX, seed_min_weight: -1e9, ..base },
        ),
    ] {
        let config = ChainConfig { seeding, ..ChainConfig::full() };
        check(&setup, &events, &config, name);
    }
}

#[test]
fn seeding_settings() {
    let sample = toy(2, 40);
    let base = SeedingConfig::default();
    let loose = SeedingConfig {
        sigma_scattering: 40.0,
        impact_max: 60.0,
        delta_inverse_helix_diameter: 1e-3,
        compatible_delta_r_min: 0.5,
        compatible_seed_limit: 50,
        delta_r_min: 5.0,
        delta_r_max: 140.0,
        ..base
    };
    let cases = [
        ("no seeds", SeedingConfig { max_seeds_per_middle: 0, ..base.clone() }),
        ("one seed", SeedingConfig { max_seeds_per_middle: 1, ..base.clone() }),
        ("33 seeds", SeedingConfig { max_seeds_per_middle: 33, ..loose.clone() }),
        ("32 seeds", SeedingConfig { max_seeds_per_middle: 32, ..loose.clone() }),
        (
            "100 seeds",
            SeedingConfig { max_seeds_per_middle: 100, seed_min_weight: -1e9, ..loose.clone() },
        ),
        (
            "all seeds",
            SeedingConfig {
                max_seeds_per_middle: u32::MAX,
                seed_min_weight: -1e9,
                ..loose.clone()
            },
        ),
        ("no support", SeedingConfig { compatible_seed_limit: 0, ..loose.clone() }),
        (
            "all support",
            SeedingConfig { compatible_seed_limit: u32::MAX, compatible_delta_r_min: 0.0, ..loose },
        ),
        ("own bin", SeedingConfig { neighbour_bins: [0, 0], ..base.clone() }),
        ("far bins", SeedingConfig { neighbour_bins: [5, 2], ..base.clone() }),
        ("all bins", SeedingConfig { neighbour_bins: [u32::MAX, u32::MAX], ..base.clone() }),
        (
            "many bins",
            SeedingConfig {
                phi_bin_deflection_coverage: 20.0,
                neighbour_bins: [30, 30],
                ..base.clone()
            },
        ),
        ("bins of z", SeedingConfig { cot_theta_max: 3.0, ..base.clone() }),
        ("few bins", SeedingConfig { phi_bin_deflection_coverage: 0.02, ..base.clone() }),
        ("one bin", SeedingConfig { phi_bin_deflection_coverage: 0.001, ..base.clone() }),
        (
            "large",
            SeedingConfig { r_max: 1000.0, min_pt: 1.0, z_min: -3000.0, z_max: 3000.0, ..base },
        ),
    ];
    let only = std::env::var("ONLY").unwrap_or_default();
    for (name, seeding) in cases {
        if !name.contains(&only) {
            continue;
        }
        let config = ChainConfig { seeding, ..ChainConfig::full() };
        check(&sample.setup, &sample.events, &config, name);
    }
}
