use crate::Scalar;
use crate::event::{Measurement, Subspace};
use crate::index::SurfaceIndex;

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

#[inline]
fn centre(edges: &[Scalar], channel: u32) -> Scalar {
    let channel = channel as usize;
    0.5 * (edges[channel] + edges[channel + 1])
}

impl Moments {
    /// A cluster of one cell.
    #[inline]
    pub(super) fn of_cell(edges: [&[Scalar]; 2], channels: [u32; 2], activation: f32) -> Self {
        Self {
            origin: [centre(edges[0], channels[0]), centre(edges[1], channels[1])],
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
    pub(super) fn add(&mut self, edges: [&[Scalar]; 2], channels: [u32; 2], activation: f32) {
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
        for axis in 0..2 {
            let position = centre(edges[axis], channels[axis]) - self.origin[axis];
            let before = position - self.mean[axis];
            self.mean[axis] += before * fraction;
            let after = position - self.mean[axis];
            self.variance[axis] =
                (1.0 - fraction) * self.variance[axis] + fraction * before * after;
            self.lowest[axis] = self.lowest[axis].min(channels[axis]);
            self.highest[axis] = self.highest[axis].max(channels[axis]);
        }
    }

    /// The measurement of the cluster on its sensor.
    #[inline]
    pub(super) fn measurement(
        &self,
        edges: [&[Scalar]; 2],
        translation: [Scalar; 2],
        surface: SurfaceIndex,
        subspace: Subspace,
    ) -> Measurement {
        let mut local = [0.0; 2];
        let mut variance = [0.0; 2];
        for axis in 0..2 {
            let (lowest, highest) = (self.lowest[axis] as usize, self.highest[axis] as usize);
            let pitch =
                (edges[axis][highest + 1] - edges[axis][lowest]) / (highest - lowest + 1) as Scalar;
            local[axis] = self.mean[axis] + self.origin[axis] + translation[axis];
            variance[axis] = self.variance[axis] + pitch * pitch / 12.0;
        }
        Measurement { local, variance, time: 0.0, subspace, surface, cells: self.cells }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary")]
mod tests {
    use super::*;

    fn measure(cells: &[([u32; 2], f32)]) -> Measurement {
        let edges: Vec<Scalar> = (0..20).map(|i| i as Scalar).collect();
        let edges = [&edges[..], &edges[..]];
        let mut moments = Moments::of_cell(edges, cells[0].0, cells[0].1);
        for (channels, activation) in &cells[1..] {
            moments.add(edges, *channels, *activation);
        }
        moments.measurement(edges, [0.25, -0.25], SurfaceIndex(0), Subspace::BOTH)
    }

    #[test]
    fn mean_and_variance_are_weighted() {
        let measurement = measure(&[([3, 7], 1.0), ([4, 7], 3.0)]);
        assert_eq!(measurement.local, [4.5, 7.25]);
        assert!((measurement.variance[0] - (0.1875 + 1.0 / 12.0)).abs() < 1e-6);
        assert!((measurement.variance[1] - 1.0 / 12.0).abs() < 1e-6);
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
