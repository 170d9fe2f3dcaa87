//! Space points to seeds: triplets that may come from one particle of the collision region.
//!
//! Each space point in turn is the middle of triplets. Its bottoms (inwards) and tops (outwards) are searched in the
//! bins around its own; every pair of a bottom and a top with compatible slopes whose circle bends no more than the
//! smallest momentum allows and passes the beam axis makes a triplet. Triplets that others of the same bottom confirm
//! weigh more, and the best few of each middle become seeds.
//!
//! All cuts are those of [`SeedingCuts`], in the arithmetic of upstream's triplet seeding; what differs is the way to
//! the candidates. Points are sorted by bin, slice of the radius and cell of z, so that the limits on a doublet leave a
//! few contiguous runs, which are tested eight points at a time.

mod config;
mod cuts;
mod doublets;
mod grid;
mod lanes;
mod selection;
mod slopes;
mod triplets;

use crate::event::{Seed, Spacepoints};
use doublets::{Doublets, Middle};
use grid::SearchGrid;
use rayon::prelude::*;
use selection::Selection;
use slopes::SlopeBuckets;
use std::ops::Range;
use triplets::TripletSearch;

pub use config::{SeedingAlgorithm, SeedingConfig};
pub use cuts::SeedingCuts;

/// Middles that one task handles, at most.
const MIDDLES_PER_TASK: usize = 128;

/// Finds seeds among the space points of one event.
///
/// Space points beyond the limits on z and radius are left out, also those with a coordinate that is not a number.
/// Seeds come in the order of the middle's search bin (azimuth from -pi up; for each step of z), then of the middle
/// space point, then of falling weight; equal weights in falling distance of bottom and top from the x axis, then in
/// ascending order of the bottom and the top space point. The result does not depend on the number of threads.
///
/// The cuts are those of [`SeedingConfig::cuts`], which checks them. Cuts without search bins, as in a zeroed record,
/// have no place for a space point: they give no seeds.
pub fn find_seeds(spacepoints: &Spacepoints, cuts: &SeedingCuts) -> Vec<Seed> {
    if cuts.phi_bins == 0 || cuts.z_bins == 0 {
        return Vec::new();
    }
    let grid = SearchGrid::new(spacepoints, cuts);
    let parts: Vec<Vec<Seed>> = tasks(&grid)
        .into_par_iter()
        .map_init(Search::default, |search, (bin, middles)| search.run(&grid, bin, middles, cuts))
        .collect();
    parts.concat()
}

/// Bins, or parts of crowded bins, in order: the bin and a range of [`SearchGrid::middles`].
fn tasks(grid: &SearchGrid) -> Vec<(usize, Range<usize>)> {
    let mut tasks = Vec::with_capacity(grid.bins() + grid.middles.len() / MIDDLES_PER_TASK);
    for bin in 0..grid.bins() {
        let end = grid.bin_offsets[bin + 1] as usize;
        let starts = (grid.bin_offsets[bin] as usize..end).step_by(MIDDLES_PER_TASK);
        tasks.extend(starts.map(|start| (bin, start..end.min(start + MIDDLES_PER_TASK))));
    }
    tasks
}

/// Memory of the search, reused from task to task.
#[derive(Debug, Default)]
struct Search {
    neighbours: Vec<u32>,
    bottoms: Doublets,
    tops: Doublets,
    slopes: SlopeBuckets,
    triplets: TripletSearch,
    selection: Selection,
}

impl Search {
    fn run(
        &mut self,
        grid: &SearchGrid,
        bin: usize,
        middles: Range<usize>,
        cuts: &SeedingCuts,
    ) -> Vec<Seed> {
        let Self { neighbours, bottoms, tops, slopes, triplets, selection } = self;
        let mut seeds = Vec::new();
        grid.neighbours(bin, cuts.neighbour_bins, neighbours);
        for &slot in &grid.middles[middles] {
            let middle = Middle::new(grid, slot as usize);
            bottoms.find::<false>(grid, neighbours, middle, cuts);
            if bottoms.is_empty() {
                continue;
            }
            tops.find::<true>(grid, neighbours, middle, cuts);
            if tops.is_empty() {
                continue;
            }
            slopes.sort(tops);
            triplets.for_each(grid, middle, bottoms, (tops, slopes), cuts, |triplet| {
                selection.add(grid, triplet, cuts);
            });
            selection.emit(grid, slot as usize, cuts, &mut seeds);
        }
        seeds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Spacepoint;
    use crate::field::MagneticField;
    use bytemuck::Zeroable;

    #[test]
    fn cuts_without_search_bins_give_no_seeds() {
        let point = |x| Spacepoint { x, ..Spacepoint::default() };
        let line: Spacepoints = [30.0, 70.0, 110.0].map(point).into_iter().collect();
        let cuts = SeedingConfig::default().cuts(&MagneticField::along_z(1.997_24)).unwrap();
        assert_eq!(find_seeds(&line, &cuts).len(), 1);
        for none in [
            SeedingCuts::zeroed(),
            SeedingCuts { phi_bins: 0, ..cuts },
            SeedingCuts { z_bins: 0, ..cuts },
        ] {
            assert_eq!(find_seeds(&line, &none), []);
        }
    }
}
