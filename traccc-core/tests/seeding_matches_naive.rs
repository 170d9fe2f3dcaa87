//! Seeding against a brute-force search: every pair and every triplet, in the documented order.
#![expect(clippy::disallowed_methods, reason = "answers by other means")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::float_cmp, reason = "two equal coordinates are a case of their own")]

use proptest::prelude::*;
use traccc_core::event::{Seed, Spacepoint, Spacepoints};
use traccc_core::field::MagneticField;
use traccc_core::math::{Vector3, atan2};
use traccc_core::seeding::{SeedingConfig, SeedingCuts, find_seeds};
use traccc_core::{Scalar, SpacepointIndex};

/// Upstream's default: 78 bins of the azimuth.
const FIELD: MagneticField = MagneticField::Constant(Vector3::new(0.0, 0.0, 1.997_24));

type Point = [Scalar; 4];

/// A doublet: the partner's row, cot(theta) outwards and the conformal coordinates about the middle.
#[derive(Clone, Copy)]
struct Doublet {
    row: usize,
    cot: Scalar,
    u: Scalar,
    v: Scalar,
}

fn bin_of(&[x, y, z, r]: &Point, cuts: &SeedingCuts) -> Option<[i64; 2]> {
    if !(r < cuts.r_limit && z >= cuts.z_min && z <= cuts.z_max) {
        return None;
    }
    let pi = atan2(0.0, -1.0);
    let phi = (atan2(y, x) + pi) / (2.0 * pi) * cuts.phi_bins as Scalar;
    let along = (z - cuts.z_min) / (cuts.z_max - cuts.z_min) * cuts.z_bins as Scalar;
    let along = (along as i64).min(i64::from(cuts.z_bins) - 1);
    Some([phi as i64 % i64::from(cuts.phi_bins), along])
}

/// The bins around one, in search order, each once.
fn zone([phi, z]: [i64; 2], cuts: &SeedingCuts) -> Vec<[i64; 2]> {
    let [below, above] = cuts.neighbour_bins.map(i64::from);
    let mut zone = Vec::new();
    for p in phi - below..=phi + above {
        for z in z - below..=z + above {
            let bin = [p.rem_euclid(i64::from(cuts.phi_bins)), z];
            if z >= 0 && z < i64::from(cuts.z_bins) && !zone.contains(&bin) {
                zone.push(bin);
            }
        }
    }
    zone
}

fn doublet(m: &Point, o: &Point, row: usize, top: bool, c: &SeedingCuts) -> Option<Doublet> {
    let sign = if top { 1.0 } else { -1.0 };
    let (dr, dz) = (sign * (o[3] - m[3]), sign * (o[2] - m[2]));
    let origin = m[2] * dr - m[3] * dz;
    let line = dr > c.delta_r_min
        && dr < c.delta_r_max
        && dz.abs() < c.cot_theta_max * dr
        && dz.abs() < c.delta_z_max
        && origin > c.collision_z_min * dr
        && origin < c.collision_z_max * dr;
    let (dx, dy) = (o[0] - m[0], o[1] - m[1]);
    let distance = dx * dx + dy * dy;
    let inner = m[0] * o[0] + m[1] * o[1] + c.impact_reach;
    let cross = m[0] * o[1] - m[1] * o[0];
    let gap = c.helix_diameter_squared - distance;
    let helix = (inner > 0.0 && inner * inner * distance > cross * cross * gap)
        || dx == 0.0
        || dy == 0.0
        || gap < 0.0;
    let (cos, sin, inverse) = (m[0] / m[3], m[1] / m[3], 1.0 / distance);
    (line && helix).then(|| Doublet {
        row,
        cot: sign * ((o[2] - m[2]) * inverse.sqrt()),
        u: (dx * cos + dy * sin) * inverse,
        v: (dy * cos - dx * sin) * inverse,
    })
}

/// Signed curvature and impact parameter, if the three points may lie on one helix.
fn triplet(b: &Doublet, t: &Doublet, r: Scalar, c: &SeedingCuts) -> Option<(Scalar, Scalar)> {
    let scale = 1.0 + b.cot * b.cot;
    let bend = (b.cot - t.cot) * (b.cot - t.cot);
    let a = (t.v - b.v) / (t.u - b.u);
    let offset = b.v - a * b.u;
    let (length, squared) = (1.0 + a * a, offset * offset);
    let limit = if squared < length * c.floor_curvature_squared {
        c.scattering_floor * length
    } else {
        c.scattering_per_curvature_squared * squared
    };
    let impact = ((a - offset * r) * r).abs();
    let fits = bend <= c.scattering * scale
        && t.u != b.u
        && length >= squared * c.helix_diameter_squared
        && bend * length <= limit * scale
        && impact <= c.impact_max;
    fits.then(|| (offset / length.sqrt(), impact))
}

/// Weights of the triplets of one bottom, tops in search order.
fn weigh(fits: &[(usize, Scalar, Scalar)], points: &[Point], c: &SeedingCuts) -> Vec<Scalar> {
    let weight = |&(top, curvature, impact): &(usize, Scalar, Scalar)| {
        let mut radii: Vec<Scalar> = Vec::new();
        for &(other, other_curvature, _) in fits.iter().filter(|f| f.0 != top) {
            let r = points[other][3];
            let far = |q: &Scalar| (q - r).abs() >= c.compatible_delta_r_min;
            if radii.len() < c.compatible_seed_limit as usize
                && far(&points[top][3])
                && other_curvature >= curvature - c.delta_inverse_helix_diameter
                && other_curvature <= curvature + c.delta_inverse_helix_diameter
                && radii.iter().all(far)
            {
                radii.push(r);
            }
        }
        -impact * c.impact_weight_factor + c.compatible_seed_weight * radii.len() as Scalar
    };
    fits.iter().map(weight).collect()
}

fn seeds_of(middle: usize, partners: &[usize], points: &[Point], c: &SeedingCuts) -> Vec<Seed> {
    let m = &points[middle];
    let find = |top| partners.iter().filter_map(move |&o| doublet(m, &points[o], o, top, c));
    let tops: Vec<Doublet> = find(true).collect();
    let mut all = Vec::new();
    for b in find(false) {
        let fits: Vec<_> = tops
            .iter()
            .filter_map(|t| triplet(&b, t, m[3], c).map(|(curvature, d)| (t.row, curvature, d)))
            .collect();
        let good = points[b.row][3] > c.good_bottom_min_radius;
        for (weight, &(top, ..)) in weigh(&fits, points, c).into_iter().zip(&fits) {
            let weight = if good {
                weight + c.good_bottom_weight
            } else if points[top][3] < c.good_top_max_radius {
                weight + c.good_top_weight
            } else {
                weight
            };
            if !good || weight >= c.good_bottom_min_weight {
                all.push((b.row, top, weight));
            }
        }
    }
    let square = |row: usize| points[row][1] * points[row][1] + points[row][2] * points[row][2];
    let spread = |b: usize, t: usize| square(b) + square(t);
    all.sort_by(|a, b| {
        let by_spread = spread(b.0, b.1).total_cmp(&spread(a.0, a.1));
        b.2.total_cmp(&a.2).then(by_spread).then((a.0, a.1).cmp(&(b.0, b.1)))
    });
    let kept = |(rank, t): &(usize, (usize, usize, Scalar))| {
        *rank == 0 || t.2 > c.seed_min_weight || points[t.0][3] > c.bottom_min_radius
    };
    let best = all.into_iter().take(c.max_seeds_per_middle as usize).enumerate().filter(kept);
    let index = SpacepointIndex::from;
    best.map(|(_, (bottom, top, weight))| Seed {
        bottom: index(bottom),
        middle: index(middle),
        top: index(top),
        weight,
    })
    .collect()
}

fn naive(spacepoints: &Spacepoints, cuts: &SeedingCuts) -> Vec<Seed> {
    let radius = |s: &Spacepoint| (s.x * s.x + s.y * s.y).sqrt();
    let points: Vec<Point> = spacepoints.iter().map(|s| [s.x, s.y, s.z, radius(&s)]).collect();
    let bins: Vec<_> = points.iter().map(|p| bin_of(p, cuts)).collect();
    let rows_in = |bin| (0..points.len()).filter(|&row| bins[row] == Some(bin)).collect::<Vec<_>>();
    let mut seeds = Vec::new();
    for z in 0..i64::from(cuts.z_bins) {
        for phi in 0..i64::from(cuts.phi_bins) {
            let partners: Vec<_> = zone([phi, z], cuts).into_iter().flat_map(rows_in).collect();
            for middle in rows_in([phi, z]) {
                seeds.extend(seeds_of(middle, &partners, &points, cuts));
            }
        }
    }
    seeds
}

/// Radii of the layers. Of three within 10 mm the middle one comes first: which triplets support each other then
/// depends on the order of the search.
const LAYERS: [f32; 11] = [32.0, 52.0, 72.0, 116.0, 112.0, 120.0, 76.0, 148.0, 152.0, 172.0, 195.0];

/// Points of particles from the collision region on the layers, and points at random.
fn events() -> impl Strategy<Value = Spacepoints> {
    let track = (-3.2_f32..3.2, -2.0_f32..2.0, -0.0015_f32..0.0015, -60.0_f32..60.0, any::<u16>());
    let noise = (-3.2_f32..3.2, 10.0_f32..210.0, -2100.0_f32..2100.0);
    (prop::collection::vec(track, 0..25), prop::collection::vec(noise, 0..60)).prop_map(
        |(tracks, noise)| {
            let mut points = Vec::new();
            for (phi, cot, curvature, z, blur) in tracks {
                for layer in LAYERS {
                    let bend = (0.5 * curvature * layer).asin();
                    let shift = f32::from(blur.rotate_left(layer as u32) % 100) * 1e-4;
                    points.push((phi + bend + shift / layer, layer, z + cot * layer + shift));
                }
            }
            points.extend(noise);
            let spacepoint = |(phi, r, z): (f32, f32, f32)| Spacepoint {
                x: Scalar::from(r * phi.cos()),
                y: Scalar::from(r * phi.sin()),
                z: Scalar::from(z),
                ..Spacepoint::default()
            };
            points.into_iter().map(spacepoint).collect()
        },
    )
}

fn settings() -> impl Strategy<Value = SeedingCuts> {
    let bins = prop_oneof![Just((78, 1)), (1_u32..6, 1_u32..4), (20_u32..90, 1_u32..3)];
    (bins, [0_u32..3, 0_u32..3], 0_u32..8, 0_u32..4, prop_oneof![Just(80.0_f32), 30.0_f32..160.0])
        .prop_map(|((phi_bins, z_bins), neighbour_bins, seeds, limit, delta_r)| {
            let config = SeedingConfig {
                max_seeds_per_middle: seeds,
                compatible_seed_limit: limit,
                neighbour_bins,
                delta_r_max: Scalar::from(delta_r),
                ..SeedingConfig::default()
            };
            SeedingCuts { phi_bins, z_bins, ..config.cuts(&FIELD).unwrap() }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn seeds_are_those_of_the_brute_force_search(event in events(), cuts in settings()) {
        prop_assert_eq!(find_seeds(&event, &cuts), naive(&event, &cuts));
    }
}

fn spacepoints(points: &[[f32; 3]]) -> Spacepoints {
    let spacepoint = |p: &[f32; 3]| {
        let [x, y, z] = p.map(Scalar::from);
        Spacepoint { x, y, z, ..Spacepoint::default() }
    };
    points.iter().map(spacepoint).collect()
}

/// Upstream's two muons of 10 and 100 GeV: five points each, of which the outer two lie beyond the default radius.
#[test]
fn upstream_cases_give_one_seed_each() {
    let cases = [
        [
            [36.6706, 10.6472, 104.131],
            [94.2191, 29.6699, 113.628],
            [149.805, 47.9518, 122.979],
            [218.514, 70.3049, 134.029],
            [275.359, 88.668, 143.378],
        ],
        [
            [36.301, 13.1197, 106.83],
            [93.9366, 33.7101, 120.978],
            [149.192, 52.0562, 134.678],
            [218.398, 73.1025, 151.979],
            [275.322, 89.0663, 166.229],
        ],
    ];
    // Upstream changes the finder after the grid was made: the bins stay those of its default.
    let default = SeedingConfig {
        min_pt: 0.5,
        impact_max: 10.0,
        sigma_scattering: 3.0,
        radiation_lengths_per_seed: 0.05,
        bottom_min_radius: 43.0,
        ..SeedingConfig::default()
    };
    let bins = default.cuts(&FIELD).unwrap();
    let config = SeedingConfig { delta_r_max: 100.0, max_pt_scattering: 0.5, ..default };
    let cuts = SeedingCuts { phi_bins: bins.phi_bins, ..config.cuts(&FIELD).unwrap() };
    for case in cases {
        let seeds = find_seeds(&spacepoints(&case), &cuts);
        assert_eq!(seeds.len(), 1);
        assert_eq!([seeds[0].bottom.0, seeds[0].middle.0, seeds[0].top.0], [0, 1, 2]);
    }
}

#[test]
fn a_track_along_the_seam_of_the_azimuth_is_found() {
    let cuts = SeedingConfig::default().cuts(&FIELD).unwrap();
    // On the negative x axis, first just above, then just below.
    let points = spacepoints(&[[-32.0, 0.01, 10.0], [-72.0, -0.01, 22.5], [-116.0, -0.1, 36.25]]);
    let seeds = find_seeds(&points, &cuts);
    assert_eq!(seeds.len(), 1);
    assert_eq!(seeds, naive(&points, &cuts));
}

#[test]
fn no_space_points_give_no_seeds() {
    let cuts = SeedingConfig::default().cuts(&FIELD).unwrap();
    assert!(find_seeds(&Spacepoints::new(), &cuts).is_empty());
}

/// Enough points for many tasks: the same seeds from one thread and from four.
#[test]
fn the_number_of_threads_does_not_change_the_seeds() {
    let points: Vec<[f32; 3]> = (0..6000)
        .map(|i| {
            let (track, layer) = (i / 4, [32.0, 72.0, 116.0, 172.0_f32][i % 4]);
            let phi = track as f32 * 0.004 + layer * 1e-4;
            let slope = (track % 17) as f32 * 0.1 - 0.8;
            [layer * phi.cos(), layer * phi.sin(), slope * layer]
        })
        .collect();
    let points = spacepoints(&points);
    let cuts = SeedingConfig::default().cuts(&FIELD).unwrap();
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| find_seeds(&points, &cuts))
    };
    let alone = with(1);
    assert!(alone.len() > 1000);
    assert_eq!(alone, with(4));
}
