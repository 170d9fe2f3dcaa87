//! Triplet seeding.
mod config;
use crate::event::{Seed, Spacepoints};
pub use config::{SeedingConfig, SeedingCuts};

/// Finds seeds.
pub fn find_seeds(_spacepoints: &Spacepoints, _cuts: &SeedingCuts) -> Vec<Seed> {
    todo!()
}
