//! Greedy ambiguity resolution.
mod config;
use crate::event::Tracks;
pub use config::AmbiguityConfig;

/// Keeps the best of the tracks that share measurements.
pub fn resolve_ambiguities(
    _tracks: &Tracks,
    _measurements: usize,
    _config: &AmbiguityConfig,
) -> Tracks {
    todo!()
}
