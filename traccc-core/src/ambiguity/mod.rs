//! Greedy ambiguity resolution: of the tracks that share measurements the best remain.

mod config;
mod sharing;

pub use config::AmbiguityConfig;

use crate::event::Tracks;
use sharing::Sharing;
use std::collections::BinaryHeap;

/// Keeps the best of the tracks that share measurements; what remains keeps its order.
///
/// Tracks of fewer than [`AmbiguityConfig::min_measurements`] measurements are dropped. Of the rest the worst one is
/// removed, again and again, until every track shares fewer than [`AmbiguityConfig::max_shared_measurements`] or
/// [`AmbiguityConfig::max_iterations`] tracks are removed. The worst track has the largest fraction of shared
/// measurements; of equal ones the smallest p-value (not a number counts as the smallest of all); of equal ones
/// the one that was found first.
///
/// A measurement is shared when a second remaining track has it. A measurement that a track holds several times
/// counts as often for its fraction, but for a single track when sharing is decided.
///
/// `measurements` is the number of measurements of the event. With a largest number of shared measurements of 0, which
/// [`ChainConfig::validate`](crate::ChainConfig::validate) refuses, no track is good enough: all are removed, up to
/// [`AmbiguityConfig::max_iterations`].
///
/// # Panics
/// If a track that is not dropped at once names a measurement that is not less than `measurements`, or if there are
/// more rows of measurements than tracks.
pub fn resolve_ambiguities(
    tracks: &Tracks,
    measurements: usize,
    config: &AmbiguityConfig,
) -> Tracks {
    let mut sharing = Sharing::new(tracks, measurements, config);
    let ranks = ranks(tracks);
    let mut worst_first: BinaryHeap<u64> = sharing
        .accepted()
        .map(|track| key(sharing.shared_fraction(track), ranks.rank[track]))
        .collect();

    let mut removed = 0;
    while removed < config.max_iterations && sharing.excessive() > 0 {
        let Some(top) = worst_first.pop() else { break };
        let track = ranks.track[top as u32 as usize] as usize;
        // A fraction only falls, so an outdated key is too large, never too small: the track goes back with its
        // present key, and whatever is on top with a present key is the worst.
        let current = key(sharing.shared_fraction(track), top as u32);
        if current == top {
            sharing.remove(track);
            removed += 1;
        } else {
            worst_first.push(current);
        }
    }
    tracks.select(sharing.accepted())
}

/// Tracks ordered from the best to the worst by what does not change: p-value, then place.
struct Ranks {
    /// The rank of each track.
    rank: Vec<u32>,
    /// The track of each rank.
    track: Vec<u32>,
}

fn ranks(tracks: &Tracks) -> Ranks {
    let p_value = |track: u32| {
        let p = tracks.tracks[track as usize].p_value;
        if p.is_nan() { -1.0 } else { p }
    };
    let mut track: Vec<u32> = (0..tracks.len() as u32).collect();
    track.sort_unstable_by(|&a, &b| p_value(b).total_cmp(&p_value(a)).then_with(|| b.cmp(&a)));
    let mut rank = vec![0; track.len()];
    for (place, &track) in track.iter().enumerate() {
        rank[track as usize] = place as u32;
    }
    Ranks { rank, track }
}

/// One number to order by: the shared fraction, then the rank.
fn key(fraction: u32, rank: u32) -> u64 {
    u64::from(fraction) << 32 | u64::from(rank)
}

#[cfg(test)]
mod tests;
