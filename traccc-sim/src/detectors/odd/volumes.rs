//! The volumes of the OpenDataDetector: tubes that fill the world without gaps, and their portals.

use super::material::{Support, slab, support_cylinders, support_discs};
use super::tables::{
    BARRELS, Barrel, ENDCAPS, Endcap, LONG_STRIP_RADII, PIXEL_HALF_LENGTH, PIXEL_RADII,
    SHORT_STRIP_RADII, STRIP_HALF_LENGTH, SUPPORT_TUBE_RADII, WORLD,
};
use traccc_core::detector::SlabModel;

/// Lengths closer than this are one, in mm.
const SAME: f64 = 1.0e-6;

/// A tube about the beam.
pub(super) struct Tube {
    pub name: String,
    pub radii: [f64; 2],
    pub z: [f64; 2],
    /// ACTS volume and layer of the sensors inside.
    pub layer: Option<(u8, u16)>,
}

/// A piece of a side of a tube.
pub(super) struct Portal {
    /// Whether it is a cylinder; else a ring.
    pub cylinder: bool,
    /// Radius of a cylinder, z of a ring.
    pub at: f64,
    /// Along z, or in radius.
    pub range: [f64; 2],
    pub link: Option<usize>,
}

/// The ranges of `inner` and those between them, from `low` to `high`, with the rows of `inner`.
fn filled(low: f64, high: f64, inner: &[[f64; 2]]) -> Vec<([f64; 2], Option<usize>)> {
    let (mut all, mut at) = (Vec::new(), low);
    for (row, &[a, b]) in inner.iter().enumerate() {
        if a > at + SAME {
            all.push(([at, a], None));
        }
        all.push(([a, b], Some(row)));
        at = b;
    }
    if high > at + SAME {
        all.push(([at, high], None));
    }
    all
}

/// All tubes; the first holds the origin, where detray begins to search.
pub(super) fn tubes() -> Vec<Tube> {
    let [pixel, short, long] = [0, 1, 2];
    let ends = [-WORLD[1], -PIXEL_HALF_LENGTH, PIXEL_HALF_LENGTH, WORLD[1]];
    let third = |name: &str, side: usize, radii| Tube {
        name: format!("{name}_{}", ["N", "C", "P"][side]),
        radii,
        z: [ends[side], ends[side + 1]],
        layer: None,
    };
    let mut all: Vec<Tube> =
        [1, 0, 2].map(|side| third("BeamPipe", side, [0.0, PIXEL_RADII[0]])).into();
    let mut part = |row: usize, radii: [f64; 2], half_length: f64| {
        endcap(&mut all, &ENDCAPS[row], 0, radii, half_length);
        barrel(&mut all, &BARRELS[row], radii, half_length);
        endcap(&mut all, &ENDCAPS[row], 1, radii, half_length);
        if row == pixel {
            all.extend([0, 1, 2].map(|side| third("PixelSupportTube", side, SUPPORT_TUBE_RADII)));
        }
    };
    part(pixel, PIXEL_RADII, PIXEL_HALF_LENGTH);
    part(short, SHORT_STRIP_RADII, STRIP_HALF_LENGTH);
    part(long, LONG_STRIP_RADII, STRIP_HALF_LENGTH);
    all
}

fn barrel(all: &mut Vec<Tube>, barrel: &Barrel, radii: [f64; 2], half_length: f64) {
    let layers: Vec<[f64; 2]> = barrel.layers.iter().map(|layer| layer.volume).collect();
    let mut gaps = 0;
    for (radii, row) in filled(radii[0], radii[1], &layers) {
        let name = match row {
            Some(row) => format!("{}_layer{row}", barrel.name),
            None => format!("{}_gap{gaps}", barrel.name),
        };
        gaps += usize::from(row.is_none());
        let layer = row.map(|row| (barrel.id, 2 * (row as u16 + 1)));
        all.push(Tube { name, radii, z: [-half_length, half_length], layer });
    }
}

fn endcap(all: &mut Vec<Tube>, endcap: &Endcap, side: usize, radii: [f64; 2], start: f64) {
    let sign = if side == 0 { -1.0 } else { 1.0 };
    let [mut low, mut high] = [sign * start, sign * WORLD[1]];
    if side == 0 {
        (low, high) = (high, low);
    }
    let half = endcap.half_length;
    let mut discs: Vec<[f64; 2]> =
        endcap.discs.iter().map(|z| [sign * z - half, sign * z + half]).collect();
    discs.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let prefix = format!("{}{}", endcap.name, ["N", "P"][side]);
    let mut gaps = 0;
    for ([a, b], row) in filled(low, high, &discs) {
        if let Some(row) = row {
            // The plate without sensors lies outside of the discs: on the negative side it has the first number.
            let plates = u16::from(endcap.passive_disc.is_some() && side == 0);
            let layer = Some((endcap.ids[side], 2 * (row as u16 + 1 + plates)));
            let name = format!("{prefix}_disk{row}");
            all.push(Tube { name, radii, z: [a, b], layer });
            continue;
        }
        // A plate lies on a portal.
        let plate = endcap.passive_disc.map(|z| sign * z).filter(|z| a < *z && *z < b);
        let cuts: Vec<f64> = [Some(a), plate, Some(b)].into_iter().flatten().collect();
        for pair in cuts.windows(2) {
            let name = format!("{prefix}_gap{gaps}");
            all.push(Tube { name, radii, z: [pair[0], pair[1]], layer: None });
            gaps += 1;
        }
    }
}

/// The portals of a tube: inner and outer cylinder, rings of low and high z, each cut where the neighbours change.
pub(super) fn portals(tubes: &[Tube], number: usize) -> Vec<Portal> {
    let tube = &tubes[number];
    let same = |a: f64, b: f64| (a - b).abs() < SAME;
    let mut all = Vec::new();
    for (cylinder, end) in [(true, 0), (true, 1), (false, 0), (false, 1)] {
        let (at, range) =
            if cylinder { (tube.radii[end], tube.z) } else { (tube.z[end], tube.radii) };
        if cylinder && at <= 0.0 {
            continue;
        }
        let world = if cylinder { WORLD[0] } else { [-WORLD[1], WORLD[1]][end] };
        if same(at, world) {
            all.push(Portal { cylinder, at, range, link: None });
            continue;
        }
        for (link, other) in tubes.iter().enumerate() {
            let (facing, along) = if cylinder {
                (other.radii[1 - end], other.z)
            } else {
                (other.z[1 - end], other.radii)
            };
            let shared = [range[0].max(along[0]), range[1].min(along[1])];
            if link != number && same(facing, at) && shared[1] - shared[0] > SAME {
                all.push(Portal { cylinder, at, range: shared, link: Some(link) });
            }
        }
    }
    all
}

/// The supports of all portals.
pub(super) struct Supports {
    cylinders: Vec<Support>,
    discs: Vec<Support>,
}

impl Supports {
    pub(super) fn new() -> Self {
        Self { cylinders: support_cylinders(), discs: support_discs() }
    }

    /// The supports that lie on a portal, averaged over its area.
    pub(super) fn slab(&self, portal: &Portal) -> Option<SlabModel> {
        let (supports, at) = if portal.cylinder {
            (&self.cylinders, portal.at)
        } else {
            (&self.discs, portal.at.abs())
        };
        // Areas go with z on cylinders, with the square of the radius on rings.
        let area = |[low, high]: [f64; 2]| {
            if portal.cylinder { high - low } else { high * high - low * low }
        };
        let covered = |s: &Support| {
            let both = [portal.range[0].max(s.covers[0]), portal.range[1].min(s.covers[1])];
            if both[1] > both[0] { area(both) / area(portal.range) } else { 0.0 }
        };
        let here = supports.iter().filter(|s| (s.at - at).abs() < SAME);
        slab(&here.map(|s| (s.material, s.thickness * covered(s))).collect())
    }
}
