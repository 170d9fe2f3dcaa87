use serde::Serialize;
use thiserror::Error;

/// Bins that no value can fall into.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[error(
    "a histogram of {bins} bins from {min} to {max}, expected at least one bin between two finite ends, the lower first"
)]
pub struct NoBins {
    /// Number of bins.
    pub bins: usize,
    /// Lower end.
    pub min: f64,
    /// Upper end.
    pub max: f64,
}

/// Counts of a quantity in bins of equal width.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Histogram {
    min: f64,
    max: f64,
    counts: Vec<u64>,
    below: u64,
    above: u64,
    undefined: u64,
}

impl Histogram {
    /// Empty bins from `min` to `max`.
    ///
    /// # Errors
    /// [`NoBins`] when there is no bin, or the ends are not finite and ascending.
    pub fn new(bins: usize, min: f64, max: f64) -> Result<Self, NoBins> {
        if bins == 0 || !(min < max && (max - min).is_finite()) {
            return Err(NoBins { bins, min, max });
        }
        Ok(Self { min, max, counts: vec![0; bins], below: 0, above: 0, undefined: 0 })
    }

    /// Counts one value: lower edges belong to their bin, the upper end of the last bin does not.
    pub fn fill(&mut self, value: f64) {
        if value.is_nan() {
            self.undefined += 1;
        } else if value < self.min {
            self.below += 1;
        } else if value >= self.max {
            self.above += 1;
        } else {
            let bins = self.counts.len();
            let bin = ((value - self.min) / (self.max - self.min) * bins as f64) as usize;
            // Just below the upper end, rounding can give the number of bins.
            self.counts[bin.min(bins - 1)] += 1;
        }
    }

    /// Entries of each bin.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The edges of the bins, ascending: one more than bins.
    pub fn edges(&self) -> impl Iterator<Item = f64> + '_ {
        let bins = self.counts.len();
        (0..=bins).map(move |bin| self.min + (self.max - self.min) * bin as f64 / bins as f64)
    }

    /// Entries below the first bin, at or above the end of the last one, and values that are not a number.
    pub fn outside(&self) -> [u64; 3] {
        [self.below, self.above, self.undefined]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_outside_are_counted_outside() {
        let mut histogram = Histogram::new(2, -1.0, 1.0).unwrap();
        for value in [-2.0, -1.0, -0.1, 0.0, 0.99, 1.0, f64::INFINITY, f64::NAN] {
            histogram.fill(value);
        }
        assert_eq!(histogram.outside(), [1, 2, 1]);
        assert_eq!(histogram.counts(), [2, 2]);
    }

    #[test]
    fn bins_that_are_none_are_refused() {
        for (bins, min, max) in [
            (0, 0.0, 1.0),
            (3, 1.0, 1.0),
            (3, 1.0, 0.0),
            (3, f64::NAN, 0.0),
            (3, 0.0, f64::INFINITY),
            (3, -1.0e308, 1.0e308),
        ] {
            assert!(Histogram::new(bins, min, max).is_err(), "{bins} {min} {max}");
        }
    }

    proptest! {
        #[test]
        fn a_value_lies_between_the_edges_of_its_bin(value in -4.0_f64..4.0, bins in 1_usize..100) {
            let mut histogram = Histogram::new(bins, -4.0, 4.0).unwrap();
            histogram.fill(value);
            let bin = histogram.counts().iter().position(|&n| n == 1).unwrap();
            let edges: Vec<f64> = histogram.edges().collect();
            prop_assert_eq!(edges.len(), bins + 1);
            prop_assert!(edges[bin] <= value + 1e-12 && value - 1e-12 <= edges[bin + 1]);
        }
    }
}
