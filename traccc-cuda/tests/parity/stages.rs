//! Each stage of the engine, fed with the CPU's products, against the CPU's stage: to the byte. Run one alone with
//! `cargo test -p traccc-cuda --release --test parity stages::clustering -- --nocapture`.

use super::support::{assert_stage, config, has_card, shared, toy};
use traccc::{ChainConfig, Stage};

/// With the chains that exercise the stage differently.
fn check(stage: Stage) {
    for (events, particles) in [(3, 20), (2, 200)] {
        let sample = toy(events, particles);
        for chain in [
            ChainConfig::full(),
            ChainConfig::service(),
            config("toy.toml"),
            config("upstream/throughput.toml"),
        ] {
            assert_stage(&sample, &chain, stage);
        }
    }
    for (detector, name, most, chains) in [
        (
            "generic",
            "mixed_100",
            3,
            ["upstream/generic.toml", "upstream/service.toml", "generic.toml"],
        ),
        (
            "generic",
            "mu20",
            2,
            ["upstream/generic.toml", "upstream/service.toml", "upstream/throughput.toml"],
        ),
        ("odd", "real", 8, ["upstream/odd.toml", "upstream/service.toml", "odd.toml"]),
    ] {
        let Some(sample) = shared(detector, name, most) else { return };
        for chain in chains {
            assert_stage(&sample, &config(chain), stage);
        }
    }
}

/// The largest event.
fn check_large(stage: Stage) {
    // Its warps exchange values tens of millions of times.
    if stage == Stage::Seeding && !has_card() {
        return;
    }
    let Some(sample) = shared("generic", "mu200", 1) else { return };
    for chain in ["upstream/generic.toml", "upstream/service.toml", "upstream/throughput.toml"] {
        assert_stage(&sample, &config(chain), stage);
    }
}

macro_rules! stages {
    ($($name:ident $large:ident $stage:ident;)*) => {$(
        #[test]
        fn $name() {
            check(Stage::$stage);
        }

        #[test]
        fn $large() {
            check_large(Stage::$stage);
        }
    )*};
}

stages! {
    clustering clustering_mu200 Clustering;
    spacepoints spacepoints_mu200 Spacepoints;
    seeding seeding_mu200 Seeding;
    parameters parameters_mu200 Parameters;
    finding finding_mu200 Finding;
    ambiguity ambiguity_mu200 Ambiguity;
    fitting fitting_mu200 Fitting;
}
