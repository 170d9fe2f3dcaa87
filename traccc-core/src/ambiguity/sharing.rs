use super::AmbiguityCuts;
use crate::MeasurementIndex;
use crate::event::Tracks;

/// Which of the remaining tracks share how much, kept up to date while tracks are removed.
pub(super) struct Sharing<'a> {
    tracks: &'a Tracks,
    owners: Vec<Owners>,
    /// For each track the number of its measurements that are shared, repeated ones counted as often;
    /// [`REMOVED`] when the track is out.
    shared: Vec<u32>,
    /// From this many shared measurements on a track shares too many.
    limit: u32,
}

const REMOVED: u32 = u32::MAX;

/// The remaining tracks of one measurement. Only the last one is ever asked for by name, so a list is not needed:
/// the exclusive or of all their numbers is the number of the last.
#[derive(Clone, Copy, Default)]
struct Owners {
    tracks: u32,
    exclusive_or: u32,
    /// Mark of the track that came by last, to count a track once that has the measurement several times.
    visitor: u32,
}

impl<'a> Sharing<'a> {
    pub(super) fn new(tracks: &'a Tracks, measurements: usize, cuts: &AmbiguityCuts) -> Self {
        let mut sharing = Self {
            tracks,
            owners: vec![Owners::default(); measurements],
            shared: vec![REMOVED; tracks.len()],
            limit: cuts.max_shared_measurements,
        };
        for (track, row) in tracks.measurements.iter().enumerate() {
            if (row.len() as u64) < u64::from(cuts.min_measurements) {
                continue;
            }
            sharing.shared[track] = 0;
            for measurement in row {
                let owners = &mut sharing.owners[measurement.get()];
                if owners.visitor != track as u32 + 1 {
                    owners.visitor = track as u32 + 1;
                    owners.tracks += 1;
                    owners.exclusive_or ^= track as u32;
                }
            }
        }
        for (track, row) in tracks.measurements.iter().enumerate() {
            if sharing.shared[track] != REMOVED {
                let is_shared = |m: &&MeasurementIndex| sharing.owners[m.get()].tracks > 1;
                let shared = row.iter().filter(is_shared).count() as u32;
                sharing.shared[track] = shared;
            }
        }
        // The marks of the second pass, the removals, must differ from those of the first.
        sharing.owners.iter_mut().for_each(|owners| owners.visitor = 0);
        sharing
    }

    /// The tracks that remain, in ascending order.
    pub(super) fn accepted(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.shared.len()).filter(|&track| self.shared[track] != REMOVED)
    }

    /// Whether a track remains and shares too many measurements.
    pub(super) fn is_removable(&self, track: usize) -> bool {
        self.shared[track] != REMOVED && self.shared[track] >= self.limit
    }

    /// The shared part of a track's measurements in units of 2^-32, rounded down: as whole numbers the fractions
    /// compare alike everywhere, and different ones stay different for tracks of up to 65,536 measurements.
    pub(super) fn shared_fraction(&self, track: usize) -> u32 {
        let length = self.tracks.measurements.range(track).len().max(1) as u64;
        (u64::from(self.shared[track]) * u64::from(u32::MAX) / length) as u32
    }

    /// Takes a track out; measurements with one track left are no longer shared.
    pub(super) fn remove(&mut self, track: usize) {
        self.shared[track] = REMOVED;
        for &measurement in self.tracks.measurements.row(track) {
            let owners = &mut self.owners[measurement.get()];
            if owners.visitor == track as u32 + 1 {
                continue;
            }
            owners.visitor = track as u32 + 1;
            owners.tracks -= 1;
            owners.exclusive_or ^= track as u32;
            if owners.tracks == 1 {
                let last = owners.exclusive_or as usize;
                let row = self.tracks.measurements.row(last);
                let times = row.iter().filter(|&&m| m == measurement).count() as u32;
                self.shared[last] -= times;
            }
        }
    }
}
