use crate::{Efficiency, MeasurementTruth};
use serde::{Deserialize, Serialize};
use traccc_core::MeasurementIndex;
use traccc_core::event::{Seed, Spacepoints, Tracks};

/// When a track counts as the track of its majority particle.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatchCriteria {
    /// Least part of the track's measurements that the particle contributes to.
    pub min_purity: f64,
    /// Least part of the particle's measurements that the track has.
    pub min_completeness: f64,
}

impl Default for MatchCriteria {
    /// Half of both: double matching.
    fn default() -> Self {
        Self { min_purity: 0.5, min_completeness: 0.5 }
    }
}

impl MatchCriteria {
    /// Two thirds of the measurements: two of three pixels, four of six strips.
    pub const SEEDS: Self = Self { min_purity: 2.0 / 3.0, min_completeness: 0.0 };
}

/// What a track (or seed) has to do with truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrackMatch {
    /// The particle number that contributes to most of its measurements, of equal ones the highest; `None` when no
    /// measurement has a particle.
    pub majority: Option<u32>,
    /// How many of its measurements that particle contributes to. Can exceed `truth_measurements`: a cluster counts for
    /// each of its particles, a merged truth measurement only for the first.
    pub shared: u32,
    /// How many measurements it has.
    pub measurements: u32,
    /// How many truth measurements that particle has.
    pub truth_measurements: u32,
    /// Whether the criteria are met; a track that is not matched is a fake.
    pub matched: bool,
}

/// The tracks (or seeds) of one event assigned to its particles.
///
/// The definitions are upstream's, with one exception: a track of which no measurement has a particle counts as a
/// fake; upstream leaves such tracks out and fails on such seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// One for each track, in their order.
    pub tracks: Vec<TrackMatch>,
    /// For each particle number how many tracks match it.
    pub matches: Vec<u32>,
    /// For each particle number how many fakes it contributes to.
    pub fakes: Vec<u32>,
}

impl Matching {
    /// Assigns tracks.
    pub fn of_tracks(truth: &MeasurementTruth, tracks: &Tracks, criteria: &MatchCriteria) -> Self {
        let mut matching = Self::for_particles(truth);
        let mut counts = Vec::new();
        for row in tracks.measurements.iter() {
            matching.assign(truth, row, criteria, &mut counts);
        }
        matching
    }

    /// Assigns seeds by [`MatchCriteria::SEEDS`]: a space point of two measurements counts with both of them.
    ///
    /// # Panics
    /// If a seed names a space point that is not in `spacepoints`.
    pub fn of_seeds(truth: &MeasurementTruth, seeds: &[Seed], spacepoints: &Spacepoints) -> Self {
        let mut matching = Self::for_particles(truth);
        let (mut row, mut counts) = (Vec::new(), Vec::new());
        for seed in seeds {
            row.clear();
            for point in [seed.bottom, seed.middle, seed.top] {
                row.extend_from_slice(spacepoints.measurements_of(point.get()));
            }
            matching.assign(truth, &row, &MatchCriteria::SEEDS, &mut counts);
        }
        matching
    }

    /// Counts, for the particles that should be found: `selected` are particle numbers, each once.
    pub fn efficiency(&self, selected: &[u32]) -> Efficiency {
        let matches = || selected.iter().map(|&number| u64::from(self.matches[number as usize]));
        Efficiency {
            particles: selected.len() as u64,
            matched: matches().filter(|&count| count > 0).count() as u64,
            duplicates: matches().map(|count| count.saturating_sub(1)).sum(),
            fakes: self.tracks.iter().filter(|track| !track.matched).count() as u64,
            tracks: self.tracks.len() as u64,
        }
    }

    fn for_particles(truth: &MeasurementTruth) -> Self {
        let particles = truth.ids.len();
        Self { tracks: Vec::new(), matches: vec![0; particles], fakes: vec![0; particles] }
    }

    fn assign(
        &mut self,
        truth: &MeasurementTruth,
        row: &[MeasurementIndex],
        criteria: &MatchCriteria,
        counts: &mut Vec<(u32, u32)>,
    ) {
        let mut result = TrackMatch { measurements: row.len() as u32, ..TrackMatch::default() };
        if let Some((particle, shared)) = truth.majority(row, counts) {
            result.majority = Some(particle);
            result.shared = shared;
            result.truth_measurements = truth.measurements[particle as usize];
            let shared = f64::from(shared);
            result.matched = shared >= criteria.min_purity * row.len() as f64
                && shared >= criteria.min_completeness * f64::from(result.truth_measurements);
            if result.matched {
                self.matches[particle as usize] += 1;
            } else {
                counts.iter().for_each(|&(particle, _)| self.fakes[particle as usize] += 1);
            }
        }
        self.tracks.push(result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use traccc_core::event::{Spacepoint, Track};
    use traccc_core::{SpacepointIndex, storage::Ragged};

    fn truth(particles: usize, contributors: &[&[u32]]) -> MeasurementTruth {
        let mut measurements = vec![0; particles];
        let mut ragged = Ragged::new();
        for row in contributors {
            ragged.push(row.iter().copied());
            if let Some(&first) = row.first() {
                measurements[first as usize] += 1;
            }
        }
        MeasurementTruth {
            ids: (0..particles as u64).collect(),
            listed: (0..particles as u32).map(Some).collect(),
            measurements,
            contributors: ragged,
        }
    }

    fn tracks(rows: &[&[u32]]) -> Tracks {
        let mut tracks = Tracks::new();
        for row in rows {
            tracks.tracks.push(Track::default());
            tracks.measurements.push(row.iter().map(|&m| MeasurementIndex(m)));
        }
        tracks
    }

    /// Particle 0 has measurements 0 to 5, particle 1 has 6 to 8, measurement 9 is noise.
    fn two_particles() -> MeasurementTruth {
        truth(2, &[&[0], &[0], &[0], &[0], &[0], &[0], &[1], &[1], &[1], &[]])
    }

    #[test]
    fn half_of_the_track_and_half_of_the_particle_are_enough() {
        let rows: [&[u32]; 5] =
            [&[0, 1, 2], &[0, 1], &[0, 1, 2, 6, 7, 9], &[0, 1, 2, 6, 7, 8, 9], &[6, 7]];
        let matching =
            Matching::of_tracks(&two_particles(), &tracks(&rows), &MatchCriteria::default());
        let matched: Vec<bool> = matching.tracks.iter().map(|t| t.matched).collect();
        assert_eq!(matched, [true, false, true, false, true]);
        assert_eq!(matching.matches, [2, 1]);
        assert_eq!(matching.fakes, [2, 1]);
        let both = matching.efficiency(&[0, 1]);
        let expected = Efficiency { particles: 2, matched: 2, duplicates: 1, fakes: 2, tracks: 5 };
        assert_eq!(both, expected);
        let second = matching.efficiency(&[1]);
        let expected = Efficiency { particles: 1, matched: 1, duplicates: 0, fakes: 2, tracks: 5 };
        assert_eq!(second, expected);
    }

    #[test]
    fn a_track_of_noise_is_a_fake_of_no_particle() {
        let matching =
            Matching::of_tracks(&two_particles(), &tracks(&[&[9]]), &MatchCriteria::default());
        assert_eq!(matching.tracks[0].majority, None);
        assert_eq!(matching.fakes, [0, 0]);
        assert_eq!(matching.efficiency(&[0]).fakes, 1);
    }

    #[test]
    fn a_merged_cluster_counts_for_both_particles() {
        let merged = truth(2, &[&[0, 1], &[0, 1], &[1]]);
        let matching =
            Matching::of_tracks(&merged, &tracks(&[&[0, 1, 2]]), &MatchCriteria::default());
        let track = matching.tracks[0];
        assert_eq!((track.majority, track.shared, track.truth_measurements), (Some(1), 3, 1));
    }

    #[test]
    fn two_of_three_space_points_make_a_seed() {
        let points: Spacepoints = (0..10)
            .map(|m| [MeasurementIndex(m), MeasurementIndex::NONE])
            .map(|measurements| Spacepoint { measurements, ..Spacepoint::default() })
            .collect();
        let seed = |rows: [u32; 3]| {
            let [bottom, middle, top] = rows.map(SpacepointIndex);
            Seed { bottom, middle, top, weight: 0.0 }
        };
        let seeds = [seed([0, 1, 6]), seed([0, 6, 9]), seed([6, 7, 8])];
        let matching = Matching::of_seeds(&two_particles(), &seeds, &points);
        let expected = Efficiency { particles: 2, matched: 2, duplicates: 0, fakes: 1, tracks: 3 };
        assert_eq!(matching.efficiency(&[0, 1]), expected);
    }

    /// Each point is made of two strips; those of the first seed are one particle's but for two.
    #[test]
    fn both_strips_of_a_space_point_count() {
        let point = |first: u32, second: u32| Spacepoint {
            measurements: [first, second].map(MeasurementIndex),
            ..Spacepoint::default()
        };
        let points: Spacepoints =
            [(0, 1), (2, 6), (3, 7), (4, 9)].into_iter().map(|(a, b)| point(a, b)).collect();
        let seed = |rows: [u32; 3]| {
            let [bottom, middle, top] = rows.map(SpacepointIndex);
            Seed { bottom, middle, top, weight: 0.0 }
        };
        let seeds = [seed([0, 1, 2]), seed([1, 2, 3])];
        let matching = Matching::of_seeds(&two_particles(), &seeds, &points);
        let found = |track: &TrackMatch| (track.shared, track.measurements, track.matched);
        let found: Vec<_> = matching.tracks.iter().map(found).collect();
        assert_eq!(found, [(4, 6, true), (3, 6, false)]);
    }

    proptest! {
        /// Every track is a fake or matches exactly one particle, and each match is the first or a duplicate.
        #[test]
        fn the_counts_add_up(
            contributors in prop::collection::vec(prop::collection::btree_set(0_u32..6, 0..3), 1..30),
            rows in prop::collection::vec(prop::collection::vec(0_usize..30, 0..9), 0..30),
        ) {
            let contributors: Vec<Vec<u32>> =
                contributors.into_iter().map(|row| row.into_iter().collect()).collect();
            let borrowed: Vec<&[u32]> = contributors.iter().map(Vec::as_slice).collect();
            let truth = truth(6, &borrowed);
            let rows: Vec<Vec<u32>> = rows
                .into_iter()
                .map(|row| row.into_iter().map(|m| (m % contributors.len()) as u32).collect())
                .collect();
            let borrowed: Vec<&[u32]> = rows.iter().map(Vec::as_slice).collect();
            let matching =
                Matching::of_tracks(&truth, &tracks(&borrowed), &MatchCriteria::default());
            let all = matching.efficiency(&[0, 1, 2, 3, 4, 5]);
            prop_assert_eq!(all.matched + all.duplicates + all.fakes, all.tracks);
            for (track, row) in matching.tracks.iter().zip(&rows) {
                let count = |p: u32| {
                    row.iter().filter(|&&m| contributors[m as usize].contains(&p)).count() as u32
                };
                let best = (0..6).map(count).max().unwrap();
                let last = (0..6).rev().find(|&p| best > 0 && count(p) == best);
                prop_assert_eq!((track.majority, track.shared), (last, best));
            }
        }
    }
}
