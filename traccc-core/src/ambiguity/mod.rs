//! Ambiguity resolution: of the tracks that share measurements the best remain.

mod config;
mod sharing;

pub use config::AmbiguityConfig;

use crate::event::Tracks;
use sharing::Sharing;

/// Keeps the best of the tracks that share measurements; what remains keeps its order.
///
/// Tracks of fewer than [`AmbiguityConfig::min_measurements`] measurements are dropped. Of the rest a track can be removed
/// only while it itself shares at least [`AmbiguityConfig::max_shared_measurements`] of its measurements with tracks that
/// remain. In each round all those go that are worse than every removable track with which they share a measurement,
/// until none can be removed. The worse of two tracks has the larger fraction of shared measurements; of equal ones the
/// smaller p-value (not a number counts as the smallest of all); of equal ones it was found first.
///
/// No two tracks of a round are neighbours, so that a round does not depend on the order in which they go, and far parts of
/// an event do not depend on each other. With a limit of 1 the tracks that remain are those of removing the worst track of
/// the whole event again and again.
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
pub fn resolve_ambiguities(
    tracks: &Tracks,
    measurements: usize,
    config: &AmbiguityConfig,
) -> Tracks {
    let mut sharing = Sharing::new(tracks, measurements, config);
    let rank = ranks(tracks);
    let row = |track: u32| tracks.measurements.row(track as usize);
    // The tracks that can be removed, with what makes one worse than another in this round.
    let mut removable: Vec<(u32, u64)> =
        sharing.accepted().map(|track| (track as u32, 0)).collect();
    // The worst removable track of each measurement.
    let mut worst = vec![0_u64; measurements];
    loop {
        removable.retain(|&(track, _)| sharing.is_removable(track as usize));
        if removable.is_empty() {
            return tracks.select(sharing.accepted());
        }
        for (track, key) in &mut removable {
            let fraction = sharing.shared_fraction(*track as usize);
            *key = u64::from(fraction) << 32 | u64::from(rank[*track as usize]);
            for measurement in row(*track) {
                let worst = &mut worst[measurement.get()];
                *worst = (*worst).max(*key);
            }
        }
        let goes = |&(track, key): &(u32, u64)| row(track).iter().all(|m| worst[m.get()] == key);
        let (going, staying): (Vec<_>, Vec<_>) = removable.iter().copied().partition(goes);
        for &(track, _) in &removable {
            row(track).iter().for_each(|m| worst[m.get()] = 0);
        }
        going.iter().for_each(|&(track, _)| sharing.remove(track as usize));
        removable = staying;
    }
}

/// The place of each track in the order from the best to the worst by what does not change: p-value, then row.
fn ranks(tracks: &Tracks) -> Vec<u32> {
    let p_value = |track: u32| {
        let p = tracks.tracks[track as usize].p_value;
        if p.is_nan() { -1.0 } else { p }
    };
    let mut order: Vec<u32> = (0..tracks.len() as u32).collect();
    order.sort_unstable_by(|&a, &b| p_value(b).total_cmp(&p_value(a)).then_with(|| b.cmp(&a)));
    let mut rank = vec![0; order.len()];
    for (place, &track) in order.iter().enumerate() {
        rank[track as usize] = place as u32;
    }
    rank
}

#[cfg(test)]
mod tests;
