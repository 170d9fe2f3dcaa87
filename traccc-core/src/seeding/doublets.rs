use super::SeedingCuts;
use super::grid::SearchGrid;
use super::lanes::{LANES, Lanes, bits, load};
use crate::Scalar;
use wide::{CmpEq, CmpGt, CmpLt};

/// Slack of the search windows, in mm, and relative to the coordinate: more than the rounding of their ends, so that
/// the windows lose no point that the cuts would keep.
const WINDOW_SLACK: Scalar = 1e-2;
const WINDOW_RELATIVE_SLACK: Scalar = 1e-5;
const RADIUS_RELATIVE_SLACK: Scalar = 1e-6;

/// The middle space point of a search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Middle {
    pub x: Scalar,
    pub y: Scalar,
    pub z: Scalar,
    pub r: Scalar,
}

impl Middle {
    pub(super) fn new(grid: &SearchGrid, slot: usize) -> Self {
        Self { x: grid.x[slot], y: grid.y[slot], z: grid.z[slot], r: grid.r[slot] }
    }
}

/// The partners of one middle on one side, in no particular order.
#[derive(Debug, Default)]
pub(super) struct Doublets {
    /// Slot of the partner in the search grid.
    pub slot: Vec<u32>,
    /// Rank in the documented search order: neighbouring bin, then row of the space point.
    pub order: Vec<u64>,
    /// Slope of the line through both points, outwards.
    pub cot_theta: Vec<Scalar>,
    /// Conformal coordinate of the partner about the middle, along the middle's radius, in 1/mm.
    pub u: Vec<Scalar>,
    /// The same across the middle's radius, in 1/mm.
    pub v: Vec<Scalar>,
}

impl Doublets {
    pub(super) fn len(&self) -> usize {
        self.slot.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slot.is_empty()
    }

    fn clear(&mut self) {
        self.slot.clear();
        self.order.clear();
        self.cot_theta.clear();
        self.u.clear();
        self.v.clear();
    }

    /// Replaces the content by all partners of `middle` in `bins`: tops if `OUTWARD`, else bottoms.
    pub(super) fn find<const OUTWARD: bool>(
        &mut self,
        grid: &SearchGrid,
        bins: &[u32],
        middle: Middle,
        cuts: &SeedingCuts,
    ) {
        self.clear();
        let (r_low, r_high) = if OUTWARD {
            (middle.r + cuts.delta_r_min, middle.r + cuts.delta_r_max)
        } else {
            (middle.r - cuts.delta_r_max, middle.r - cuts.delta_r_min)
        };
        let slack = radius_slack(middle.r + cuts.delta_r_max);
        for slice in grid.slices(r_low - slack, r_high + slack) {
            let (z_low, z_high) = z_window::<OUTWARD>(grid.slice_radii(slice), middle, cuts);
            for (position, &bin) in bins.iter().enumerate() {
                let run = grid.run(bin, slice, z_low, z_high);
                let mut block = run.start;
                while block < run.end {
                    let mut partners = bits(are_partners::<OUTWARD>(
                        load(&grid.x, block),
                        load(&grid.y, block),
                        [load(&grid.z, block), load(&grid.r, block)],
                        middle,
                        cuts,
                    ));
                    if block + LANES > run.end {
                        partners &= (1 << (run.end - block)) - 1;
                    }
                    while partners != 0 {
                        let slot = block + partners.trailing_zeros() as usize;
                        self.slot.push(slot as u32);
                        self.order.push((position as u64) << 32 | u64::from(grid.row[slot]));
                        partners &= partners - 1;
                    }
                    block += LANES;
                }
            }
        }
        self.transform::<OUTWARD>(grid, middle);
    }

    /// Slopes and conformal coordinates of the partners found.
    fn transform<const OUTWARD: bool>(&mut self, grid: &SearchGrid, middle: Middle) {
        let (cos, sin) = (middle.x / middle.r, middle.y / middle.r);
        for &slot in &self.slot {
            let slot = slot as usize;
            let (dx, dy, dz) =
                (grid.x[slot] - middle.x, grid.y[slot] - middle.y, grid.z[slot] - middle.z);
            let inverse_squared = 1.0 / (dx * dx + dy * dy);
            let slope = dz * inverse_squared.sqrt();
            self.cot_theta.push(if OUTWARD { slope } else { -slope });
            self.u.push((dx * cos + dy * sin) * inverse_squared);
            self.v.push((dy * cos - dx * sin) * inverse_squared);
        }
    }
}

/// What rounding can do to a radius of up to `r`, generously, in mm.
fn radius_slack(r: Scalar) -> Scalar {
    WINDOW_SLACK + RADIUS_RELATIVE_SLACK * r
}

/// Where along z the partners at these radii lie: the limits on |dz|, on the slope and on the collision region that
/// the line comes from, each at its widest, a little enlarged.
fn z_window<const OUTWARD: bool>(
    (r_low, r_high): (Scalar, Scalar),
    middle: Middle,
    cuts: &SeedingCuts,
) -> (Scalar, Scalar) {
    let (near, far) = if OUTWARD {
        (r_low - middle.r, r_high - middle.r)
    } else {
        (middle.r - r_high, middle.r - r_low)
    };
    let near = (near - radius_slack(r_high)).max(cuts.delta_r_min);
    let far = (far + radius_slack(r_high)).min(cuts.delta_r_max);
    let reach = (cuts.cot_theta_max * far).min(cuts.delta_z_max);
    // The line meets the axis at z - r dz / dr. `max` and `min` ignore the NaN of a middle on the axis.
    let (low_slope, high_slope) = (
        (middle.z - cuts.collision_z_max) / middle.r,
        (middle.z - cuts.collision_z_min) / middle.r,
    );
    let low = (low_slope * near).min(low_slope * far).max(-reach);
    let high = (high_slope * near).max(high_slope * far).min(reach);
    let (z_low, z_high) =
        if OUTWARD { (middle.z + low, middle.z + high) } else { (middle.z - high, middle.z - low) };
    let slack = |z: Scalar| WINDOW_SLACK + WINDOW_RELATIVE_SLACK * (z.abs() + reach);
    (z_low - slack(z_low), z_high + slack(z_high))
}

/// The cuts on a doublet, for several points at once.
#[inline]
fn are_partners<const OUTWARD: bool>(
    x: Lanes,
    y: Lanes,
    [z, r]: [Lanes; 2],
    middle: Middle,
    cuts: &SeedingCuts,
) -> Lanes {
    let (z_middle, r_middle) = (Lanes::splat(middle.z), Lanes::splat(middle.r));
    let (dr, dz) =
        if OUTWARD { (r - r_middle, z - z_middle) } else { (r_middle - r, z_middle - z) };
    // z on the beam axis of the line through both, times dr.
    let origin = z_middle * dr - r_middle * dz;
    let line = dr.cmp_gt(Lanes::splat(cuts.delta_r_min))
        & dr.cmp_lt(Lanes::splat(cuts.delta_r_max))
        & dz.abs().cmp_lt(Lanes::splat(cuts.cot_theta_max) * dr)
        & dz.abs().cmp_lt(Lanes::splat(cuts.delta_z_max))
        & origin.cmp_gt(Lanes::splat(cuts.collision_z_min) * dr)
        & origin.cmp_lt(Lanes::splat(cuts.collision_z_max) * dr);
    line & within_smallest_helix(x, y, middle, cuts)
}

/// Whether one of the two smallest circles through both points passes the beam axis within the impact parameter: its
/// centre c must keep |c| > R - d.
///
/// With c = (M + O) / 2 +- n sqrt(R² - D² / 4), D the distance and n the normal of the line, the condition becomes
/// M·O + d (2 R - d) > |M x O| sqrt(4 R² / D² - 1): no difference of large squares and no division.
/// Upstream gets the centre from the slope of the line and keeps doublets that make this slope 0 or infinite, or that
/// no such circle holds: so do we.
#[inline]
fn within_smallest_helix(x: Lanes, y: Lanes, middle: Middle, cuts: &SeedingCuts) -> Lanes {
    let (x_middle, y_middle) = (Lanes::splat(middle.x), Lanes::splat(middle.y));
    let zero = Lanes::splat(0.0);
    let (dx, dy) = (x - x_middle, y - y_middle);
    let distance_squared = dx * dx + dy * dy;
    let cross = x_middle * y - y_middle * x;
    let inner = x_middle * x + y_middle * y + Lanes::splat(cuts.impact_reach);
    let gap = Lanes::splat(cuts.helix_diameter_squared) - distance_squared;
    (inner.cmp_gt(zero) & (inner * inner * distance_squared).cmp_gt(cross * cross * gap))
        | dx.cmp_eq(zero)
        | dy.cmp_eq(zero)
        | gap.cmp_lt(zero)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::MagneticField;
    use crate::seeding::SeedingConfig;
    use proptest::prelude::*;

    /// The condition as upstream writes it, in double precision: the smaller |c|² less the limit.
    fn excess_of_centre(x: f64, y: f64, mx: f64, my: f64, radius: f64, impact: f64) -> f64 {
        let (half_x, half_y) = (0.5 * (mx + x), 0.5 * (my + y));
        let q = (radius * radius - 0.25 * ((x - mx).powi(2) + (y - my).powi(2))).sqrt();
        let slope = (y - my) / (x - mx);
        let norm = ((slope * slope + 1.0) / (slope * slope)).sqrt();
        let (cx, cy) = (q / norm, -q / (slope * norm));
        let squared = |sign: f64| (half_x + sign * cx).powi(2) + (half_y + sign * cy).powi(2);
        squared(1.0).min(squared(-1.0)) - (radius - impact).powi(2)
    }

    /// 1 km from the beam a radius is rounded to 0.06 mm: a point can lie that far beyond the end of its slice.
    #[test]
    fn windows_allow_for_the_rounding_of_large_radii() {
        let cuts = SeedingConfig::default().cuts(&MagneticField::along_z(1.997_24)).unwrap();
        let [end, beyond] = [1.0e6, 1.0e6 + 0.0625];
        let middle = Middle { x: end - 40.0, y: 0.0, z: 0.0, r: end - 40.0 };
        let cuts = SeedingCuts {
            delta_z_max: 1.0e5,
            collision_z_min: -1.0e9,
            collision_z_max: 1.0e9,
            ..cuts
        };
        let z = 0.9999 * cuts.cot_theta_max * (beyond - middle.r);
        let [x, y, z_lanes, r] = [beyond, 0.0, z, beyond].map(Lanes::splat);
        assert_eq!(bits(are_partners::<true>(x, y, [z_lanes, r], middle, &cuts)) & 1, 1);
        let (low, high) = z_window::<true>((end - 100.0, end), middle, &cuts);
        assert!((low..=high).contains(&z), "{low} {z} {high}");
    }

    proptest! {
        #[test]
        fn the_helix_cut_is_that_of_the_circle_centres(
            r_middle in 30.0_f32..180.0,
            dr in 20.0_f32..80.0,
            phi in -3.1_f32..3.1,
            dphi in -0.3_f32..0.3,
        ) {
            let cuts = SeedingConfig::default().cuts(&MagneticField::along_z(1.997_24)).unwrap();
            let point = |r: f32, phi: f32| (Scalar::from(r * phi.cos()), Scalar::from(r * phi.sin()));
            let (mx, my) = point(r_middle, phi);
            let (x, y) = point(r_middle + dr, phi + dphi);
            prop_assume!((x - mx).abs() > 0.0 && (y - my).abs() > 0.0);
            let middle = Middle { x: mx, y: my, z: 0.0, r: Scalar::from(r_middle) };
            let radius = f64::from(cuts.helix_diameter_squared).sqrt() / 2.0;
            let [x64, y64, mx64, my64] = [x, y, mx, my].map(f64::from);
            let excess = excess_of_centre(x64, y64, mx64, my64, radius, f64::from(cuts.impact_max));
            // 1 mm² is 1 um of the centre's distance: closer than that rounding may decide.
            prop_assume!(excess.abs() > 1.0);
            let kept = within_smallest_helix(Lanes::splat(x), Lanes::splat(y), middle, &cuts);
            prop_assert_eq!(bits(kept) & 1 == 1, excess > 0.0);
        }

        #[test]
        fn no_partner_lies_outside_the_window(
            middle in (0.0_f32..200.0, -2000.0_f32..2000.0),
            other in (0.0_f32..200.0, -2000.0_f32..2000.0),
            slice in 0.0_f32..10.0,
        ) {
            let cuts = SeedingConfig::default().cuts(&MagneticField::along_z(1.997_24)).unwrap();
            let (middle, other): ((Scalar, Scalar), (Scalar, Scalar)) =
                (
                    (Scalar::from(middle.0), Scalar::from(middle.1)),
                    (Scalar::from(other.0), Scalar::from(other.1)),
                );
            let at = Middle { x: middle.0, y: 0.0, z: middle.1, r: middle.0 };
            let radii = (other.0 - Scalar::from(slice), other.0 + 10.0 - Scalar::from(slice));
            let [x, y, z, r] = [other.0, 0.0, other.1, other.0].map(Lanes::splat);
            if bits(are_partners::<true>(x, y, [z, r], at, &cuts)) & 1 == 1 {
                let (low, high) = z_window::<true>(radii, at, &cuts);
                prop_assert!((low..=high).contains(&other.1));
            }
            if bits(are_partners::<false>(x, y, [z, r], at, &cuts)) & 1 == 1 {
                let (low, high) = z_window::<false>(radii, at, &cuts);
                prop_assert!((low..=high).contains(&other.1));
            }
        }
    }
}
