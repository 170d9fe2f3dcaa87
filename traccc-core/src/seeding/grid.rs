use super::SeedingCuts;
use super::lanes::LANES;
use crate::event::Spacepoints;
use crate::math::atan2;
use crate::{Scalar, consts};
use rayon::prelude::*;
use std::ops::Range;

/// Slices of the radius in each bin.
const RADIUS_SLICES: usize = 20;
/// Cells of z in each slice, at most.
const MAX_Z_CELLS: usize = 128;
/// Cells for each space point, roughly.
const CELLS_PER_SPACEPOINT: usize = 4;
/// Space points that one task places, at least.
const SPACEPOINTS_PER_TASK: usize = 4096;

/// Accepted space points in search bins of azimuth and z.
///
/// Within a bin the points are sorted into slices of the radius, and these into cells of z, so that the partners that
/// a doublet's limits leave over lie in a few contiguous runs of the columns.
#[derive(Debug)]
pub(super) struct SearchGrid {
    /// Global x of each slot, in mm. All columns end with `LANES` slots of NaN: a step may read past the last one.
    pub x: Vec<Scalar>,
    /// Global y, in mm.
    pub y: Vec<Scalar>,
    /// Global z, in mm.
    pub z: Vec<Scalar>,
    /// Distance from the z axis, in mm.
    pub r: Vec<Scalar>,
    /// Row of the space point.
    pub row: Vec<u32>,
    /// Slots bin by bin, in each bin in the order of the space points.
    pub middles: Vec<u32>,
    /// Where each bin begins in `middles` (and in the slots); one more than bins.
    pub bin_offsets: Vec<u32>,
    cell_offsets: Vec<u32>,
    axes: Axes,
}

/// How positions map to bins, slices and cells.
#[derive(Clone, Copy, Debug)]
struct Axes {
    phi_bins: i32,
    z_bins: i32,
    z_min: Scalar,
    z_max: Scalar,
    r_limit: Scalar,
    slices_per_mm: Scalar,
    z_cells: usize,
    z_bin_length: Scalar,
    cells_per_mm: Scalar,
}

impl Axes {
    fn new(cuts: &SeedingCuts, spacepoints: usize) -> Self {
        let bins = (cuts.phi_bins * cuts.z_bins) as usize;
        let z_cells =
            (CELLS_PER_SPACEPOINT * spacepoints / (bins * RADIUS_SLICES)).clamp(1, MAX_Z_CELLS);
        let z_bin_length = (cuts.z_max - cuts.z_min) / cuts.z_bins as Scalar;
        Self {
            phi_bins: cuts.phi_bins as i32,
            z_bins: cuts.z_bins as i32,
            z_min: cuts.z_min,
            z_max: cuts.z_max,
            r_limit: cuts.r_limit,
            slices_per_mm: RADIUS_SLICES as Scalar / cuts.r_limit,
            z_cells,
            z_bin_length,
            cells_per_mm: z_cells as Scalar / z_bin_length,
        }
    }

    /// The bin, bins of the azimuth running fastest; `None` for a point that is not used.
    fn bin(&self, x: Scalar, y: Scalar, z: Scalar, r: Scalar) -> Option<u32> {
        // Written so that NaN is not used.
        if !(r < self.r_limit && z >= self.z_min && z <= self.z_max) {
            return None;
        }
        let phi = (atan2(y, x) + consts::PI) / (2.0 * consts::PI) * self.phi_bins as Scalar;
        // pi itself is the azimuth -pi.
        let phi_bin = if phi as i32 >= self.phi_bins { 0 } else { phi as i32 };
        let z_bin = (z - self.z_min) / (self.z_max - self.z_min) * self.z_bins as Scalar;
        let z_bin = (z_bin as i32).clamp(0, self.z_bins - 1);
        Some((phi_bin + self.phi_bins * z_bin) as u32)
    }

    /// The slice of a radius; grows with it and stays inside for any number.
    #[inline]
    fn slice(&self, r: Scalar) -> usize {
        ((r * self.slices_per_mm) as usize).min(RADIUS_SLICES - 1)
    }

    /// The cell of z within a bin; grows with z and stays inside for any number.
    #[inline]
    fn z_cell(&self, z_bin: i32, z: Scalar) -> usize {
        let start = self.z_min + z_bin as Scalar * self.z_bin_length;
        (((z - start) * self.cells_per_mm) as usize).min(self.z_cells - 1)
    }

    #[inline]
    fn cell(&self, bin: u32, slice: usize, z_cell: usize) -> usize {
        (bin as usize * RADIUS_SLICES + slice) * self.z_cells + z_cell
    }

    fn cells(&self) -> usize {
        (self.phi_bins * self.z_bins) as usize * RADIUS_SLICES * self.z_cells
    }
}

/// Where a space point belongs.
#[derive(Clone, Copy)]
struct Place {
    bin: u32,
    cell: u32,
}

impl Place {
    const UNUSED: Self = Self { bin: u32::MAX, cell: u32::MAX };
}

impl SearchGrid {
    pub(super) fn new(spacepoints: &Spacepoints, cuts: &SeedingCuts) -> Self {
        let axes = Axes::new(cuts, spacepoints.len());
        let places: Vec<Place> = (0..spacepoints.len())
            .into_par_iter()
            .with_min_len(SPACEPOINTS_PER_TASK)
            .map(|row| {
                let (x, y, z) = (spacepoints.x[row], spacepoints.y[row], spacepoints.z[row]);
                let r = (x * x + y * y).sqrt();
                axes.bin(x, y, z, r).map_or(Place::UNUSED, |bin| {
                    let z_cell = axes.z_cell(bin as i32 / axes.phi_bins, z);
                    Place { bin, cell: axes.cell(bin, axes.slice(r), z_cell) as u32 }
                })
            })
            .collect();
        let cell_offsets = offsets(axes.cells(), places.iter().map(|place| place.cell));
        let cells_per_bin = RADIUS_SLICES * axes.z_cells;
        let bin_offsets: Vec<u32> = cell_offsets.iter().copied().step_by(cells_per_bin).collect();
        let used = cell_offsets[axes.cells()] as usize;

        let mut next_slot = cell_offsets.clone();
        let mut next_middle = bin_offsets.clone();
        let column = || vec![Scalar::NAN; used + LANES];
        let mut grid = Self {
            x: column(),
            y: column(),
            z: column(),
            r: column(),
            row: vec![u32::MAX; used + LANES],
            middles: vec![0; used],
            bin_offsets,
            cell_offsets,
            axes,
        };
        for (row, place) in places.iter().enumerate().filter(|(_, place)| place.bin != u32::MAX) {
            let slot = next_slot[place.cell as usize];
            next_slot[place.cell as usize] += 1;
            let middle = &mut next_middle[place.bin as usize];
            grid.middles[*middle as usize] = slot;
            *middle += 1;
            let slot = slot as usize;
            let (x, y) = (spacepoints.x[row], spacepoints.y[row]);
            (grid.x[slot], grid.y[slot], grid.z[slot]) = (x, y, spacepoints.z[row]);
            grid.r[slot] = (x * x + y * y).sqrt();
            grid.row[slot] = row as u32;
        }
        grid
    }

    pub(super) fn bins(&self) -> usize {
        self.bin_offsets.len() - 1
    }

    /// Replaces `neighbours` by the bins to search for a middle in `bin`: azimuth ascending across the seam, for each
    /// the bins of z ascending. No bin comes twice, however few there are.
    pub(super) fn neighbours(&self, bin: usize, scope: [u32; 2], neighbours: &mut Vec<u32>) {
        neighbours.clear();
        let Axes { phi_bins, z_bins, .. } = self.axes;
        let (phi_bin, z_bin) = (bin as i32 % phi_bins, bin as i32 / phi_bins);
        let below = i64::from(scope[0]);
        let span = (below + i64::from(scope[1]) + 1).min(i64::from(phi_bins));
        let z_first = (i64::from(z_bin) - below).max(0);
        let z_last = (i64::from(z_bin) + i64::from(scope[1])).min(i64::from(z_bins) - 1);
        for step in 0..span {
            let phi = (i64::from(phi_bin) - below + step).rem_euclid(i64::from(phi_bins));
            neighbours.extend((z_first..=z_last).map(|z| (phi + i64::from(phi_bins) * z) as u32));
        }
    }

    /// Slices of the radius that can hold points from `r_low` to `r_high`, in mm; empty if there is no such radius.
    pub(super) fn slices(&self, r_low: Scalar, r_high: Scalar) -> Range<usize> {
        if r_high < 0.0 || r_low >= self.axes.r_limit {
            return 0..0;
        }
        self.axes.slice(r_low)..self.axes.slice(r_high) + 1
    }

    /// The radii between which a slice lies, in mm.
    pub(super) fn slice_radii(&self, slice: usize) -> (Scalar, Scalar) {
        (slice as Scalar / self.axes.slices_per_mm, (slice + 1) as Scalar / self.axes.slices_per_mm)
    }

    /// Slots of one slice of a bin that can have a z from `z_low` to `z_high`, in mm.
    #[inline]
    pub(super) fn run(
        &self,
        bin: u32,
        slice: usize,
        z_low: Scalar,
        z_high: Scalar,
    ) -> Range<usize> {
        let z_bin = bin as i32 / self.axes.phi_bins;
        let first = self.axes.cell(bin, slice, self.axes.z_cell(z_bin, z_low));
        let last = self.axes.cell(bin, slice, self.axes.z_cell(z_bin, z_high));
        self.cell_offsets[first] as usize..self.cell_offsets[last + 1] as usize
    }
}

/// Where each of `count` groups begins when sorted by `keys`; keys beyond are left out.
fn offsets(count: usize, keys: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut offsets = vec![0_u32; count + 1];
    for key in keys.filter(|&key| (key as usize) < count) {
        offsets[key as usize + 1] += 1;
    }
    for group in 0..count {
        offsets[group + 1] += offsets[group];
    }
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Spacepoint;
    use crate::field::MagneticField;
    use crate::seeding::SeedingConfig;

    fn grid_of(points: &[[Scalar; 3]], cuts: &SeedingCuts) -> SearchGrid {
        let spacepoint = |&[x, y, z]: &[Scalar; 3]| Spacepoint { x, y, z, ..Spacepoint::default() };
        SearchGrid::new(&points.iter().map(spacepoint).collect(), cuts)
    }

    fn cuts(phi_bins: u32, z_bins: u32) -> SeedingCuts {
        SeedingCuts {
            phi_bins,
            z_bins,
            ..SeedingConfig::default().cuts(&MagneticField::along_z(1.997_24)).unwrap()
        }
    }

    fn neighbours(phi_bins: u32, z_bins: u32, bin: usize, scope: [u32; 2]) -> Vec<u32> {
        let mut found = Vec::new();
        grid_of(&[], &cuts(phi_bins, z_bins)).neighbours(bin, scope, &mut found);
        found
    }

    /// Upstream's circular axis of 36 bins.
    #[test]
    fn neighbours_wrap_around_the_azimuth() {
        assert_eq!(neighbours(36, 1, 0, [2, 2]), [34, 35, 0, 1, 2]);
        assert_eq!(neighbours(36, 1, 35, [1, 1]), [34, 35, 0]);
        assert_eq!(neighbours(36, 1, 4, [1, 1]), [3, 4, 5]);
        assert_eq!(neighbours(36, 1, 4, [0, 0]), [4]);
    }

    #[test]
    fn neighbours_along_z_stop_at_the_ends() {
        assert_eq!(neighbours(10, 3, 5, [0, 1]), [5, 15, 6, 16]);
        assert_eq!(neighbours(10, 3, 25, [1, 1]), [14, 24, 15, 25, 16, 26]);
    }

    #[test]
    fn no_bin_is_searched_twice() {
        assert_eq!(neighbours(1, 1, 0, [1, 1]), [0]);
        assert_eq!(neighbours(2, 1, 0, [1, 1]), [1, 0]);
        assert_eq!(neighbours(2, 1, 1, [1, 1]), [0, 1]);
        assert_eq!(neighbours(3, 1, 0, [4, 4]).len(), 3);
    }

    /// Upstream's bins of [-pi, pi]: both ends in bin 0, azimuth 0 in the middle.
    #[test]
    fn both_ends_of_the_azimuth_are_one_bin() {
        let axes = Axes::new(&cuts(36, 1), 0);
        let bin = |x, y| axes.bin(x, y, 0.0, 1.0);
        assert_eq!(bin(-1.0, 0.0), Some(0));
        assert_eq!(bin(-1.0, -0.0), Some(0));
        assert_eq!(bin(1.0, 0.0), Some(18));
        assert_eq!(bin(1.0, -1e-3), Some(17));
    }

    #[test]
    fn points_at_the_limits_are_used_and_beyond_are_not() {
        let points = [
            [199.9, 0.0, 0.0],
            [200.0, 0.0, 0.0],
            [50.0, 0.0, 2000.0],
            [50.0, 0.0, 2000.1],
            [50.0, 0.0, -2000.0],
            [Scalar::NAN, 0.0, 0.0],
        ];
        let used = |cuts: &SeedingCuts| {
            let grid = grid_of(&points, cuts);
            grid.middles.iter().map(|&slot| grid.row[slot as usize]).collect::<Vec<_>>()
        };
        assert_eq!(used(&cuts(10, 1)), [0, 2, 4]);
        // The limit on the radius counts in whole mm.
        let config = SeedingConfig { r_max: 200.9, ..SeedingConfig::default() };
        let cuts = SeedingCuts {
            phi_bins: 10,
            z_bins: 1,
            ..config.cuts(&MagneticField::along_z(1.997_24)).unwrap()
        };
        assert_eq!(used(&cuts), [0, 2, 4]);
    }

    #[test]
    fn each_run_holds_the_points_of_its_range() {
        let points: Vec<[Scalar; 3]> = (0..3000)
            .map(|i| {
                let i = i as Scalar;
                let (r, phi) = (10.0 + (i * 0.37) % 189.0, i * 0.7);
                [r * phi.cos(), r * phi.sin(), (i * 17.3) % 3900.0 - 1950.0]
            })
            .collect();
        let grid = grid_of(&points, &cuts(5, 2));
        assert_eq!(grid.middles.len(), points.len());
        let (z_low, z_high, r_low, r_high) = (-310.0, 420.0, 41.0, 97.0);
        let inside = |slot: usize| {
            (z_low..=z_high).contains(&grid.z[slot]) && (r_low..=r_high).contains(&grid.r[slot])
        };
        let mut found = 0;
        for bin in 0..grid.bins() as u32 {
            for slice in grid.slices(r_low, r_high) {
                found += grid.run(bin, slice, z_low, z_high).filter(|&slot| inside(slot)).count();
            }
        }
        assert_eq!(found, (0..points.len()).filter(|&slot| inside(slot)).count());
    }
}
