use super::SeedingCuts;
use super::doublets::{Doublets, Middle};
use super::grid::SearchGrid;
use super::lanes::{LANES, Lanes, bits, load};
use crate::Scalar;
use wide::{CmpGe, CmpLe, CmpLt, CmpNe};

/// A bottom, the middle and a top that may lie on one helix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Triplet {
    /// Slot of the bottom in the search grid.
    pub bottom: u32,
    /// Slot of the top in the search grid.
    pub top: u32,
    /// Quality, larger is better.
    pub weight: Scalar,
}

/// A top that fits the current bottom.
#[derive(Clone, Copy, Debug)]
struct Fit {
    order: u64,
    slot: u32,
    /// Distance of the top from the z axis, in mm.
    r: Scalar,
    /// Signed inverse diameter of the circle, in 1/mm.
    curvature: Scalar,
    weight: Scalar,
}

/// Memory of the triplet search, reused from middle to middle.
#[derive(Debug, Default)]
pub(super) struct TripletSearch {
    fits: Vec<Fit>,
    compatible: Vec<Scalar>,
}

impl TripletSearch {
    /// Calls `found` for every triplet of the middle, with the weight from its impact parameter and from the other
    /// triplets of its bottom.
    ///
    /// `tops` must be padded.
    pub(super) fn for_each(
        &mut self,
        grid: &SearchGrid,
        middle: Middle,
        bottoms: &Doublets,
        tops: &Doublets,
        cuts: &SeedingCuts,
        mut found: impl FnMut(Triplet),
    ) {
        for row in 0..bottoms.len() {
            let bottom = Bottom::new(bottoms, row, middle, cuts);
            self.fits.clear();
            let mut block = 0;
            while block < tops.len() {
                let mut fitting = bottom.fits(tops, block, cuts);
                while fitting != 0 {
                    let top = block + fitting.trailing_zeros() as usize;
                    self.fits.push(bottom.fit(grid, tops, top, cuts));
                    fitting &= fitting - 1;
                }
                block += LANES;
            }
            // Which triplets support each other depends on their order as soon as there are three.
            if self.fits.len() > 2 {
                self.fits.sort_unstable_by_key(|fit| fit.order);
            }
            for (i, fit) in self.fits.iter().enumerate() {
                let support = support(i, &self.fits, &mut self.compatible, cuts);
                let weight = fit.weight + cuts.compatible_seed_weight * support as Scalar;
                found(Triplet { bottom: bottoms.slot[row], top: fit.slot, weight });
            }
        }
    }
}

/// A bottom doublet with what all its triplets share.
#[derive(Clone, Copy)]
struct Bottom {
    cot_theta: Scalar,
    u: Scalar,
    v: Scalar,
    /// 1 + cot²(theta).
    scale: Scalar,
    /// Largest squared difference of slopes whatever the momentum.
    scattering: Scalar,
    r_middle: Scalar,
}

impl Bottom {
    #[inline]
    fn new(bottoms: &Doublets, row: usize, middle: Middle, cuts: &SeedingCuts) -> Self {
        let cot_theta = bottoms.cot_theta[row];
        let scale = 1.0 + cot_theta * cot_theta;
        let (u, v) = (bottoms.u[row], bottoms.v[row]);
        Self { cot_theta, u, v, scale, scattering: cuts.scattering * scale, r_middle: middle.r }
    }

    /// Which of the `LANES` tops from `block` on fit: bit i is set if top i does.
    #[inline]
    fn fits(&self, tops: &Doublets, block: usize, cuts: &SeedingCuts) -> u32 {
        let bend = Lanes::splat(self.cot_theta) - load(&tops.cot_theta, block);
        let bend_squared = bend * bend;
        // Few tops are aligned with a bottom: most blocks end here.
        let aligned = bits(bend_squared.cmp_le(Lanes::splat(self.scattering)));
        if aligned == 0 {
            return 0;
        }
        let (u, v) = (load(&tops.u, block), load(&tops.v, block));
        aligned & bits(self.are_helices(bend_squared, u, v, cuts))
    }

    /// Slope and offset of the line on which the two conformal points lie. The circle's squared curvature (inverse
    /// diameter) is offset² / (1 + slope²).
    #[inline]
    fn line(&self, u: Scalar, v: Scalar) -> (Scalar, Scalar) {
        let slope = (v - self.v) / (u - self.u);
        (slope, self.v - slope * self.u)
    }

    #[inline]
    fn impact(&self, slope: Scalar, offset: Scalar) -> Scalar {
        ((slope - offset * self.r_middle) * self.r_middle).abs()
    }

    /// The cuts on the circle and on scattering at its momentum, for several tops at once.
    #[inline]
    fn are_helices(&self, bend_squared: Lanes, u: Lanes, v: Lanes, cuts: &SeedingCuts) -> Lanes {
        let (u_bottom, v_bottom) = (Lanes::splat(self.u), Lanes::splat(self.v));
        let slope = (v - v_bottom) / (u - u_bottom);
        let offset = v_bottom - slope * u_bottom;
        let length = Lanes::splat(1.0) + slope * slope;
        let offset_squared = offset * offset;
        // Both sides of each comparison are multiplied by `length`.
        let stiff = offset_squared.cmp_lt(length * Lanes::splat(cuts.floor_curvature_squared));
        let limit = stiff.blend(
            Lanes::splat(cuts.scattering_floor) * length,
            Lanes::splat(cuts.scattering_per_curvature_squared) * offset_squared,
        );
        let r_middle = Lanes::splat(self.r_middle);
        let impact = ((slope - offset * r_middle) * r_middle).abs();
        u.cmp_ne(u_bottom)
            & length.cmp_ge(offset_squared * Lanes::splat(cuts.helix_diameter_squared))
            & (bend_squared * length).cmp_le(limit * Lanes::splat(self.scale))
            & impact.cmp_le(Lanes::splat(cuts.impact_max))
    }

    #[inline]
    fn fit(&self, grid: &SearchGrid, tops: &Doublets, top: usize, cuts: &SeedingCuts) -> Fit {
        let slot = tops.slot[top];
        let (slope, offset) = self.line(tops.u[top], tops.v[top]);
        Fit {
            order: tops.order[top],
            slot,
            r: grid.r[slot as usize],
            curvature: offset / (1.0 + slope * slope).sqrt(),
            weight: -self.impact(slope, offset) * cuts.impact_weight_factor,
        }
    }
}

/// How many other triplets of the bottom bend like triplet `i`, their tops in different layers: at most
/// `compatible_seed_limit`. The first that fits in the search order counts, and hides those at its radius.
fn support(i: usize, fits: &[Fit], compatible: &mut Vec<Scalar>, cuts: &SeedingCuts) -> usize {
    compatible.clear();
    let this = fits[i];
    let limit = cuts.compatible_seed_limit as usize;
    let apart = |a: Scalar, b: Scalar| (a - b).abs() >= cuts.compatible_delta_r_min;
    for (j, other) in fits.iter().enumerate() {
        if compatible.len() >= limit {
            break;
        }
        if j != i
            && apart(this.r, other.r)
            && other.curvature >= this.curvature - cuts.delta_inverse_helix_diameter
            && other.curvature <= this.curvature + cuts.delta_inverse_helix_diameter
            && compatible.iter().all(|&r| apart(r, other.r))
        {
            compatible.push(other.r);
        }
    }
    compatible.len()
}
