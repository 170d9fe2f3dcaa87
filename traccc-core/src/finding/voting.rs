//! Measurement voting: each measurement votes for the best tracks that use it, tracks with too few votes are dropped.

use super::Search;
use crate::Scalar;
use crate::math::probability;

impl Search<'_> {
    /// Drops the tips that fewer than the configured fraction of their measurements vote for.
    ///
    /// A measurement votes for its `max_tracks_per_measurement` most probable tracks, the earlier one of equals.
    pub(super) fn vote(&mut self) {
        let votes_each = self.cuts.max_tracks_per_measurement as usize;
        let quality: Vec<Scalar> = self
            .tips
            .iter()
            .map(|&tip| {
                let link = &self.links[tip as usize];
                probability(link.chi2_sum, link.coordinates as i32 - 5)
            })
            .collect();
        let mut ballots: Vec<(u32, u32)> = Vec::new();
        let mut lengths = vec![0_u32; self.tips.len()];
        for (track, &tip) in self.tips.iter().enumerate() {
            let (min, max) = (self.cuts.min_measurements, self.cuts.max_measurements);
            let length = self.measurements_back(tip).count() as u32;
            // Tips that will not become tracks have no vote.
            if (min..=max).contains(&length) {
                lengths[track] = length;
                ballots.extend(self.measurements_back(tip).map(|m| (m.0, track as u32)));
            }
        }
        ballots.sort_unstable_by(|a, b| {
            let by_quality = quality[b.1 as usize].total_cmp(&quality[a.1 as usize]);
            a.0.cmp(&b.0).then(by_quality).then(a.1.cmp(&b.1))
        });
        let mut votes = vec![0_u32; self.tips.len()];
        for voters in ballots.chunk_by(|a, b| a.0 == b.0) {
            for (_, track) in voters.iter().take(votes_each) {
                votes[*track as usize] += 1;
            }
        }
        let fraction = self.cuts.min_voting_fraction;
        let mut track = 0;
        self.tips.retain(|_| {
            track += 1;
            let (votes, length) = (votes[track - 1] as Scalar, lengths[track - 1] as Scalar);
            length > 0.0 && votes / length >= fraction
        });
    }
}
