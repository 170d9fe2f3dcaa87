use super::SeedingCuts;
use super::doublets::{Doublets, Middle, lanes};
use super::grid::{LANES, SearchGrid};
use crate::Scalar;

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
                    let top = block + fitting.trailing_zeros() as usize / 8;
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

    /// Which of the `LANES` tops from `block` on fit: byte i is 1 if top i does.
    #[inline]
    fn fits(&self, tops: &Doublets, block: usize, cuts: &SeedingCuts) -> u64 {
        let cot_theta = lanes(&tops.cot_theta, block);
        let mut aligned = [0_u8; LANES];
        for i in 0..LANES {
            let bend = self.cot_theta - cot_theta[i];
            aligned[i] = u8::from(bend * bend <= self.scattering);
        }
        // Few tops are aligned with a bottom: most blocks end here.
        let aligned = u64::from_le_bytes(aligned);
        if aligned == 0 {
            return 0;
        }
        let (u, v) = (lanes(&tops.u, block), lanes(&tops.v, block));
        let mut pass = [0_u8; LANES];
        for i in 0..LANES {
            pass[i] = u8::from(self.is_helix([cot_theta[i], u[i], v[i]], cuts));
        }
        u64::from_le_bytes(pass) & aligned
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

    /// The cuts on the circle and on scattering at its momentum. No branches and one division.
    #[inline]
    fn is_helix(&self, [cot_theta, u, v]: [Scalar; 3], cuts: &SeedingCuts) -> bool {
        let bend = self.cot_theta - cot_theta;
        let (slope, offset) = self.line(u, v);
        let length = 1.0 + slope * slope;
        let offset_squared = offset * offset;
        // Both sides of each comparison are multiplied by `length`.
        let limit = if offset_squared < length * cuts.floor_curvature_squared {
            cuts.scattering_floor * length
        } else {
            cuts.scattering_per_curvature_squared * offset_squared
        };
        (u != self.u)
            & (length >= offset_squared * cuts.helix_diameter_squared)
            & (bend * bend * length <= limit * self.scale)
            & (self.impact(slope, offset) <= cuts.impact_max)
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
