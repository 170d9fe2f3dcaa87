use super::ClusteringCuts;
use crate::Scalar;
use crate::detector::Segmentation;
use crate::event::Measurement;

/// Mean and variance of the cells of one cluster, gathered cell by cell.
///
/// Positions are relative to the first cell: a cluster is tiny compared with the sensor, and single precision would
/// lose the spread of cells far from the sensor's centre.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    /// Centre of the first cell, in mm.
    origin: [Scalar; 2],
    /// Weighted mean relative to `origin`, in mm.
    mean: [Scalar; 2],
    /// Weighted variance, in mm².
    variance: [Scalar; 2],
    /// Sum of the activations, in units of `1 / scale`.
    weight: Scalar,
    /// 1, or [`REDUCED`] where the sum is beyond the largest number.
    scale: Scalar,
    /// Smallest channels.
    lowest: [u32; 2],
    /// Largest channels.
    highest: [u32; 2],
    /// Number of cells.
    cells: u32,
}

/// So small that the sum of 2^32 activations is a number.
const REDUCED: Scalar = 1.0 / (1_u64 << 32) as Scalar;

impl Moments {
    /// A cluster of one cell.
    #[inline]
    pub(super) fn of_cell(sensor: &Segmentation<'_>, channels: [u32; 2], activation: f32) -> Self {
        Self {
            origin: [sensor.centre(0, channels[0]), sensor.centre(1, channels[1])],
            mean: [0.0; 2],
            variance: [0.0; 2],
            weight: Scalar::from(activation),
            scale: 1.0,
            lowest: channels,
            highest: channels,
            cells: 1,
        }
    }

    /// Adds a cell by Welford's update, which needs no second pass and no difference of large sums.
    #[inline]
    pub(super) fn add(&mut self, sensor: &Segmentation<'_>, channels: [u32; 2], activation: f32) {
        self.cells += 1;
        let mut activation = Scalar::from(activation) * self.scale;
        if (self.weight + activation).is_infinite() {
            self.scale = REDUCED;
            self.weight *= REDUCED;
            activation *= REDUCED;
        }
        self.weight += activation;
        // As long as nothing has a weight every cell counts once. The first activation has the fraction 1, which
        // makes the update forget what came before.
        let fraction =
            if self.weight > 0.0 { activation / self.weight } else { 1.0 / self.cells as Scalar };
        for (axis, channel) in channels.into_iter().enumerate() {
            let position = sensor.centre(axis, channel) - self.origin[axis];
            let before = position - self.mean[axis];
            self.mean[axis] += before * fraction;
            let after = position - self.mean[axis];
            self.variance[axis] =
                (1.0 - fraction) * self.variance[axis] + fraction * before * after;
            self.lowest[axis] = self.lowest[axis].min(channel);
            self.highest[axis] = self.highest[axis].max(channel);
        }
    }

    /// The measurement of the cluster, but for its surface and subspace.
    #[inline]
    pub(super) fn measurement(
        &self,
        sensor: &Segmentation<'_>,
        cuts: &ClusteringCuts,
        translation: [Scalar; 2],
    ) -> Measurement {
        let mut measurement = Measurement { cells: self.cells, ..Measurement::default() };
        for (axis, shift) in translation.into_iter().enumerate() {
            let (lowest, highest) = (self.lowest[axis], self.highest[axis]);
            let size = highest - lowest + 1;
            let width =
                sensor.edges[axis][highest as usize + 1] - sensor.edges[axis][lowest as usize];
            measurement.local[axis] = self.mean[axis] + self.origin[axis] + shift;
            measurement.variance[axis] =
                cuts.variance(sensor.errors[axis], size, width, self.variance[axis]);
            measurement.size[axis] = size;
            measurement.width[axis] = width;
        }
        measurement
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary")]
mod tests {
    use super::super::{ClusterErrors, ClusteringConfig};
    use super::*;
    use crate::detector::ModuleDesign;

    fn measure(cells: &[([u32; 2], f32)]) -> Measurement {
        let design = ModuleDesign::equidistant([19, 19], [0.0; 2], [19.0; 2]);
        let sensor = design.segmentation();
        let mut moments = Moments::of_cell(&sensor, cells[0].0, cells[0].1);
        for (channels, activation) in &cells[1..] {
            moments.add(&sensor, *channels, *activation);
        }
        let cuts = ClusteringConfig { errors: ClusterErrors::Upstream }.cuts();
        moments.measurement(&sensor, &cuts, [0.25, -0.25])
    }

    #[test]
    fn mean_and_variance_are_weighted() {
        let measurement = measure(&[([3, 7], 1.0), ([4, 7], 3.0)]);
        assert_eq!(measurement.local, [4.5, 7.25]);
        assert!((measurement.variance[0] - (0.1875 + 1.0 / 12.0)).abs() < 1e-6);
        assert!((measurement.variance[1] - 1.0 / 12.0).abs() < 1e-6);
    }

    #[test]
    fn size_and_width_reach_from_edge_to_edge_also_over_gaps() {
        let edges = [vec![0.0, 1.0, 4.0, 6.0, 6.5], vec![-24.0, 24.0]];
        let design = ModuleDesign { edges, ..ModuleDesign::default() };
        let sensor = design.segmentation();
        let mut moments = Moments::of_cell(&sensor, [3, 0], 1.0);
        moments.add(&sensor, [1, 0], 1.0);
        let measurement =
            moments.measurement(&sensor, &ClusteringConfig::default().cuts(), [9.0, 9.0]);
        assert_eq!(measurement.cells, 2);
        assert_eq!(measurement.size, [3, 1]);
        assert_eq!(measurement.width, [5.5, 48.0]);
    }

    #[test]
    fn a_cluster_without_activation_counts_each_cell_once() {
        let measurement = measure(&[([3, 7], 0.0), ([4, 7], 0.0), ([5, 7], 0.0)]);
        assert!((measurement.local[0] - 4.75).abs() < 1e-6);
        assert!((measurement.variance[0] - (2.0 / 3.0 + 1.0 / 12.0)).abs() < 1e-6);
    }

    #[test]
    fn activations_whose_sum_is_no_number_count_by_their_share() {
        let large = measure(&[([3, 7], f32::MAX), ([4, 7], f32::MAX), ([5, 7], 0.5 * f32::MAX)]);
        let small = measure(&[([3, 7], 2.0), ([4, 7], 2.0), ([5, 7], 1.0)]);
        assert!((large.local[0] - small.local[0]).abs() < 1e-6, "{large:?} {small:?}");
        assert!((large.variance[0] - small.variance[0]).abs() < 1e-6, "{large:?} {small:?}");
    }

    #[test]
    fn cells_without_activation_do_not_move_the_others() {
        let alone = measure(&[([4, 7], 2.0), ([5, 7], 1.0)]);
        let joined = measure(&[([2, 7], 0.0), ([3, 7], 0.0), ([4, 7], 2.0), ([5, 7], 1.0)]);
        assert!((alone.local[0] - joined.local[0]).abs() < 1e-6);
        assert!((alone.variance[0] - joined.variance[0]).abs() < 1e-6);
    }
}
