use serde::{Deserialize, Serialize};

/// Bins of equal width.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// Number of bins.
    pub bins: usize,
    /// Lower edge of the first bin.
    pub min: f64,
    /// Upper edge of the last bin.
    pub max: f64,
}

impl Axis {
    pub(crate) const fn new(bins: usize, min: f64, max: f64) -> Self {
        Self { bins, min, max }
    }

    /// The bin of a value: lower edges belong to their bin, the upper end of the axis does not. `None` outside and
    /// for what is not a number.
    pub fn bin(&self, value: f64) -> Option<usize> {
        if !(value >= self.min && value < self.max) {
            return None;
        }
        let bin = (value - self.min) / (self.max - self.min) * self.bins as f64;
        // Just below the upper end, rounding can give the number of bins.
        Some((bin as usize).min(self.bins - 1))
    }

    /// The lower edge of a bin (of the last one plus one: the end of the axis).
    pub fn edge(&self, bin: usize) -> f64 {
        self.min + (self.max - self.min) * bin as f64 / self.bins as f64
    }
}

/// Counts of a quantity in bins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// The bins.
    pub axis: Axis,
    /// Entries in each bin.
    pub counts: Vec<u64>,
    /// Entries below the first bin.
    pub below: u64,
    /// Entries at or above the end of the last bin, or not a number.
    pub above: u64,
}

impl Histogram {
    /// Empty bins.
    pub fn new(axis: Axis) -> Self {
        Self { axis, counts: vec![0; axis.bins], below: 0, above: 0 }
    }

    /// Counts one value.
    pub fn fill(&mut self, value: f64) {
        match self.axis.bin(value) {
            Some(bin) => self.counts[bin] += 1,
            None if value < self.axis.min => self.below += 1,
            None => self.above += 1,
        }
    }

    /// All entries, inside and outside.
    pub fn entries(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.below + self.above
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_outside_are_counted_outside() {
        let mut histogram = Histogram::new(Axis::new(2, -1.0, 1.0));
        for value in [-2.0, -1.0, -0.1, 0.0, 0.99, 1.0, f64::NAN] {
            histogram.fill(value);
        }
        assert_eq!((histogram.below, histogram.above), (1, 2));
        assert_eq!(histogram.counts, [2, 2]);
        assert_eq!(histogram.entries(), 7);
    }

    proptest! {
        #[test]
        fn a_value_lies_between_the_edges_of_its_bin(value in -4.0_f64..4.0, bins in 1_usize..100) {
            let axis = Axis::new(bins, -4.0, 4.0);
            let bin = axis.bin(value).unwrap();
            prop_assert!(axis.edge(bin) <= value + 1e-12 && value - 1e-12 <= axis.edge(bin + 1));
        }
    }
}
