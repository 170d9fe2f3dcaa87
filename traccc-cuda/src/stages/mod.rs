//! The stages: for each the launches, in their order.

pub(crate) mod ambiguity;
pub(crate) mod clustering;
pub(crate) mod finding;
pub(crate) mod fitting;
pub(crate) mod parameters;
pub(crate) mod seeding;
pub(crate) mod spacepoints;

use crate::device::Launch;
use crate::kernels::Kernel;
use crate::layout::Capacities;
use traccc_core::{ChainConfig, Stage};

/// Lanes of a warp.
const WARP: usize = 32;

/// The launches of a stage on a batch of so many rows at most.
pub(crate) fn launches(stage: Stage, config: &ChainConfig, rows: &Capacities) -> Vec<Launch> {
    match stage {
        Stage::Clustering => clustering::launches(rows),
        Stage::Spacepoints => spacepoints::launches(rows),
        Stage::Seeding => seeding::launches(config, rows),
        Stage::Parameters => parameters::launches(rows),
        Stage::Finding => finding::launches(config, rows),
        Stage::Ambiguity => ambiguity::launches(rows),
        Stage::Fitting => fitting::launches(config, rows),
    }
}

/// All kernels.
pub(crate) fn kernels() -> impl Iterator<Item = &'static Kernel> {
    [
        clustering::KERNELS,
        spacepoints::KERNELS,
        seeding::KERNELS,
        parameters::KERNELS,
        finding::KERNELS,
        ambiguity::KERNELS,
        fitting::KERNELS,
    ]
    .into_iter()
    .flatten()
    .copied()
}
