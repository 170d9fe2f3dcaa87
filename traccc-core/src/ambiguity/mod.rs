//! Ambiguity resolution: of the tracks that share measurements the best remain.

mod config;
mod sharing;

pub use config::{AmbiguityConfig, AmbiguityCuts};

use crate::Scalar;
use crate::event::Tracks;
use sharing::Sharing;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

/// Keeps the best of the tracks that share measurements; what remains keeps its order.
///
/// Tracks of fewer than [`AmbiguityCuts::min_measurements`] measurements are dropped. Of the rest a track can be removed
/// only while it itself shares at least [`AmbiguityCuts::max_shared_measurements`] of its measurements with tracks that
/// remain. In each round all those go that are worse than every removable track with which they share a measurement,
/// until none can be removed. The worse of two tracks has the larger fraction of shared measurements; of equal ones the
/// smaller p-value (not a number counts as the smallest of all); of equal ones it was found first.
///
/// Far parts of an event do not depend on each other. With a limit of 1 the tracks that remain are those of removing the
/// worst track of the whole event again and again.
///
/// A measurement is shared when a second remaining track has it. A measurement that a track holds several times
/// counts as often for its fraction, but for a single track when sharing is decided.
///
/// `measurements` is the number of measurements of the event. With a largest number of shared measurements of 0, which
/// [`ChainConfig::validate`](crate::ChainConfig::validate) refuses, no track is good enough: all are removed.
///
/// # Panics
/// If a track that is not dropped at once names a measurement that is not less than `measurements`, or if there are
/// more rows of measurements than tracks.
pub fn resolve_ambiguities(tracks: &Tracks, measurements: usize, cuts: &AmbiguityCuts) -> Tracks {
    // The tracks of a round may go at once, one by one or in later rounds, and the same tracks remain. For a track that is
    // worse than its removable neighbours stays so until it goes: none of them can go before it, so that it keeps what it
    // shares, and no removal makes a track share more. Each step thus leaves all other possible steps possible, and two
    // of them lead to the same tracks in either order. A machine of many threads takes whole rounds; one thread is
    // faster with the worst track of the event, which is always one that goes.
    let mut sharing = Sharing::new(tracks, measurements, cuts);
    let mut worst_first: BinaryHeap<Badness> = sharing
        .accepted()
        .filter(|&track| sharing.is_removable(track))
        .map(|track| Badness::new(track, tracks.tracks[track].p_value, &sharing))
        .collect();
    while let Some(mut worst) = worst_first.peek_mut() {
        let track = worst.track();
        // Shared fractions only fall, so an outdated one is too large, never too small: the track goes back with its
        // present one, and whatever is on top with its present one is the worst.
        let present = worst.updated(&sharing);
        if !sharing.is_removable(track) {
            PeekMut::pop(worst);
        } else if present < *worst {
            *worst = present;
        } else {
            PeekMut::pop(worst);
            sharing.remove(track);
        }
    }
    tracks.select(sharing.accepted())
}

/// How bad a removable track is, as one number to order by. From the top: shared fraction (32 bits), what does not change:
/// p-value (64), row (32), the last two complemented.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Badness(u128);

impl Badness {
    fn new(track: usize, p_value: Scalar, sharing: &Sharing<'_>) -> Self {
        let p_value = !ascending(p_value.into());
        Self(u128::from(p_value) << 32 | u128::from(!(track as u32))).updated(sharing)
    }

    fn track(self) -> usize {
        !(self.0 as u32) as usize
    }

    /// With the fraction that the track shares now.
    fn updated(self, sharing: &Sharing<'_>) -> Self {
        let fraction = u128::from(sharing.shared_fraction(self.track()));
        Self(fraction << 96 | self.0 & (u128::MAX >> 32))
    }
}

/// A whole number that orders as `p` does; not a number is below all.
fn ascending(p: f64) -> u64 {
    if p.is_nan() {
        0
    } else if p.is_sign_negative() {
        !p.to_bits()
    } else {
        p.to_bits() | 1 << 63
    }
}

#[cfg(test)]
mod tests;
