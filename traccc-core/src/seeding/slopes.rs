use super::doublets::Doublets;
use super::lanes::LANES;
use crate::Scalar;
use std::ops::Range;

/// Fewer tops are tested sooner than sorted.
const SORTED_FROM: usize = 96;
/// Buckets of the slope at most, and tops in a bucket on average.
const MAX_BUCKETS: usize = 64;
const TOPS_PER_BUCKET: usize = 4;

/// Sorts the tops of one middle into buckets of their slope, so that those aligned with a bottom lie in one range. A
/// full sort would cost more than it saves.
#[derive(Debug, Default)]
pub(super) struct SlopeBuckets {
    /// Where each bucket begins; two entries more than buckets.
    offsets: Vec<u32>,
    lowest: Scalar,
    buckets_per_unit: Scalar,
    sorted: Doublets,
}

impl SlopeBuckets {
    /// Reorders `tops` if they are many, and pads them for reading by lanes: with NaN, which passes no cut.
    pub(super) fn sort(&mut self, tops: &mut Doublets) {
        let count = tops.len();
        self.offsets.clear();
        if count < SORTED_FROM {
            self.offsets.extend([0, count as u32, count as u32]);
            (self.lowest, self.buckets_per_unit) = (0.0, 0.0);
            for column in [&mut tops.cot_theta, &mut tops.u, &mut tops.v] {
                column.extend_from_slice(&[Scalar::NAN; LANES]);
            }
            return;
        }
        let buckets = (count / TOPS_PER_BUCKET).min(MAX_BUCKETS);
        let bounds = (Scalar::INFINITY, Scalar::NEG_INFINITY);
        let widen =
            |(low, high): (Scalar, Scalar), &slope: &Scalar| (low.min(slope), high.max(slope));
        let (lowest, highest) = tops.cot_theta.iter().fold(bounds, widen);
        // Equal slopes make the width 0 and the quotient infinite or NaN: all fall into the first or last bucket.
        (self.lowest, self.buckets_per_unit) = (lowest, buckets as Scalar / (highest - lowest));

        self.offsets.resize(buckets + 2, 0);
        for &slope in &tops.cot_theta {
            let bucket = self.bucket(slope);
            self.offsets[bucket + 2] += 1;
        }
        for bucket in 1..=buckets {
            self.offsets[bucket + 1] += self.offsets[bucket];
        }
        self.sorted.slot.resize(count, 0);
        self.sorted.order.resize(count, 0);
        for column in [&mut self.sorted.cot_theta, &mut self.sorted.u, &mut self.sorted.v] {
            column.clear();
            column.resize(count + LANES, Scalar::NAN);
        }
        // While filling, entry b + 1 is the next free place of bucket b; in the end it is where bucket b + 1 begins.
        for top in 0..count {
            let bucket = self.bucket(tops.cot_theta[top]);
            let place = self.offsets[bucket + 1] as usize;
            self.offsets[bucket + 1] += 1;
            self.sorted.slot[place] = tops.slot[top];
            self.sorted.order[place] = tops.order[top];
            self.sorted.cot_theta[place] = tops.cot_theta[top];
            self.sorted.u[place] = tops.u[top];
            self.sorted.v[place] = tops.v[top];
        }
        std::mem::swap(tops, &mut self.sorted);
    }

    /// Grows with the slope and stays inside for any number.
    #[inline]
    fn bucket(&self, slope: Scalar) -> usize {
        (((slope - self.lowest) * self.buckets_per_unit) as usize).min(self.offsets.len() - 3)
    }

    /// Whether the tops were too few to sort: then every range holds all of them.
    #[inline]
    pub(super) fn is_single(&self) -> bool {
        self.offsets.len() == 3
    }

    /// Where all tops with slopes from `low` to `high` lie, and some others.
    #[inline]
    pub(super) fn range(&self, low: Scalar, high: Scalar) -> Range<usize> {
        let first = self.offsets[self.bucket(low)] as usize;
        first..self.offsets[self.bucket(high) + 1] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sorted(slopes: &[Scalar]) -> (Doublets, SlopeBuckets) {
        let n = slopes.len();
        let mut tops = Doublets {
            slot: (0..n as u32).collect(),
            order: (0..n as u64).collect(),
            cot_theta: slopes.to_vec(),
            u: slopes.to_vec(),
            v: slopes.to_vec(),
        };
        let mut buckets = SlopeBuckets::default();
        buckets.sort(&mut tops);
        (tops, buckets)
    }

    proptest! {
        #[test]
        fn the_range_holds_every_top_between_its_ends(
            slopes in prop::collection::vec(-20.0_f32..20.0, 1..400),
            low in -25.0_f32..25.0,
            width in 0.0_f32..5.0,
        ) {
            let slopes: Vec<Scalar> = slopes.into_iter().map(|slope| slope as Scalar).collect();
            let (low, high) = (Scalar::from(low), Scalar::from(low + width));
            let (tops, buckets) = sorted(&slopes);
            let range = buckets.range(low, high);
            for place in 0..slopes.len() {
                prop_assert!(range.contains(&place) || !(low..=high).contains(&tops.cot_theta[place]));
            }
            let mut rows = tops.slot;
            rows.sort_unstable();
            prop_assert_eq!(rows, (0..slopes.len() as u32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn equal_slopes_are_found() {
        for n in [9, 500] {
            let (_, buckets) = sorted(&vec![1.5; n]);
            assert_eq!(buckets.range(1.25, 1.75).len(), n);
            assert_eq!(buckets.range(1.5, 1.5).len(), n);
        }
    }
}
