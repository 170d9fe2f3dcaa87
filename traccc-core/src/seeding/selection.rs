use super::SeedingCuts;
use super::grid::SearchGrid;
use super::triplets::Triplet;
use crate::Scalar;
use crate::event::Seed;
use crate::index::SpacepointIndex;
use std::cmp::Ordering;

/// The best triplets of one middle, best first; its memory is reused from middle to middle.
#[derive(Debug, Default)]
pub(super) struct Selection {
    best: Vec<Triplet>,
}

impl Selection {
    /// Takes a triplet into account: adds the weight that the radii of its ends earn and keeps it while it is among
    /// the best.
    #[inline]
    pub(super) fn add(&mut self, grid: &SearchGrid, mut triplet: Triplet, cuts: &SeedingCuts) {
        let good_bottom = grid.r[triplet.bottom as usize] > cuts.good_bottom_min_radius;
        if good_bottom {
            triplet.weight += cuts.good_bottom_weight;
            if triplet.weight < cuts.good_bottom_min_weight {
                return;
            }
        } else if grid.r[triplet.top as usize] < cuts.good_top_max_radius {
            triplet.weight += cuts.good_top_weight;
        }
        let full = self.best.len() >= cuts.max_seeds_per_middle as usize;
        let beats_last =
            self.best.last().is_some_and(|last| rank(grid, &triplet, last) == Ordering::Less);
        if full && !beats_last {
            return;
        }
        if full {
            self.best.pop();
        }
        let place = self.best.partition_point(|t| rank(grid, t, &triplet) == Ordering::Less);
        self.best.insert(place, triplet);
    }

    /// Appends the seeds of the middle, best first, and forgets them: the best one always, further ones only with
    /// enough weight or a bottom far enough out.
    pub(super) fn emit(
        &mut self,
        grid: &SearchGrid,
        middle: usize,
        cuts: &SeedingCuts,
        seeds: &mut Vec<Seed>,
    ) {
        let row = |slot: usize| SpacepointIndex(grid.row[slot]);
        for (position, triplet) in self.best.drain(..).enumerate() {
            let bottom = triplet.bottom as usize;
            if position == 0
                || triplet.weight > cuts.seed_min_weight
                || grid.r[bottom] > cuts.bottom_min_radius
            {
                seeds.push(Seed {
                    bottom: row(bottom),
                    middle: row(middle),
                    top: row(triplet.top as usize),
                    weight: triplet.weight,
                });
            }
        }
    }
}

/// The order of triplets: larger weight, then larger distance of bottom and top from the x axis (squares summed), then
/// lower rows of bottom and top, so that no two are equal.
fn rank(grid: &SearchGrid, a: &Triplet, b: &Triplet) -> Ordering {
    let spread = |t: &Triplet| -> Scalar {
        let square = |slot: u32| {
            let (y, z) = (grid.y[slot as usize], grid.z[slot as usize]);
            y * y + z * z
        };
        square(t.bottom) + square(t.top)
    };
    let rows = |t: &Triplet| (grid.row[t.bottom as usize], grid.row[t.top as usize]);
    b.weight
        .total_cmp(&a.weight)
        .then_with(|| spread(b).total_cmp(&spread(a)))
        .then_with(|| rows(a).cmp(&rows(b)))
}
