//! The material of the OpenDataDetector: each sensor carries the parts of its module, smeared over its area; supports lie
//! on the portals beside them. Services outside the staves, rails and air are left out.

use super::super::materials::{material, mixture};
use super::sensors::Sensor;
use super::tables::{ENDCAPS, WORLD};
use std::f64::consts::PI;
use traccc_core::detector::{Material, Shape, SlabModel};

/// Parts of one layer: material and thickness in mm (or volume in mm³).
pub(super) type Parts = Vec<(Material, f64)>;

/// Mass fraction, nuclear charge, atomic mass, radiation and interaction length in g/cm² (Particle Data Group).
type Element = [f64; 4];
const H: Element = [1.0, 1.008, 63.04, 52.0];
const BE: Element = [4.0, 9.0122, 65.19, 77.8];
const C: Element = [6.0, 12.011, 42.70, 85.8];
const N: Element = [7.0, 14.007, 37.99, 89.7];
const O: Element = [8.0, 15.999, 34.24, 90.2];
const AL: Element = [13.0, 26.982, 24.01, 107.2];
const SI: Element = [14.0, 28.085, 21.82, 108.4];
const TI: Element = [22.0, 47.867, 16.16, 126.2];
const CU: Element = [29.0, 63.546, 12.86, 137.3];

/// A compound by mass fractions; `density` in g/cm³.
fn compound(density: f64, parts: &[(f64, Element)]) -> Material {
    let sum = |value: fn(&Element) -> f64| parts.iter().map(|(w, e)| w * value(e)).sum::<f64>();
    let moles = sum(|e| 1.0 / e[1]);
    let length = |inverse: f64| 10.0 / (inverse * density);
    let [x0, l0] = [length(sum(|e| 1.0 / e[2])), length(sum(|e| 1.0 / e[3]))];
    material(x0, l0, 1.0 / moles, sum(|e| e[0] / e[1]) / moles, density)
}

/// A compound by atoms in a molecule, with `share` of the mass.
fn molecule(share: f64, atoms: &[(f64, Element)]) -> Vec<(f64, Element)> {
    let total: f64 = atoms.iter().map(|(n, e)| n * e[1]).sum();
    atoms.iter().map(|(n, e)| (share * n * e[1] / total, *e)).collect()
}

fn titanium() -> Material {
    compound(4.54, &[(1.0, TI)])
}

fn carbon(density: f64) -> Material {
    let mut parts = molecule(0.35, &[(44.0, H), (15.0, C), (7.0, O)]);
    parts.push((0.65, C));
    compound(density, &parts)
}

/// Carbon fibre in epoxy.
fn fibre() -> Material {
    carbon(1.5)
}

fn tube(inner: f64, outer: f64, length: f64) -> f64 {
    PI * (outer * outer - inner * inner) * length
}

/// The cables of a stave grow along it: the mean of their cross section between these radii.
fn mean_cable(low: f64, high: f64) -> f64 {
    PI * (high.powi(3) - low.powi(3)) / (3.0 * (high - low))
}

/// What belongs to a module beside its sensors, with volumes in mm³.
fn module_parts(volume: u8, ring: usize) -> Parts {
    let kapton = compound(1.43, &molecule(1.0, &[(22.0, C), (10.0, H), (2.0, N), (5.0, O)]));
    let (aluminium, copper) = (compound(2.699, &[(1.0, AL)]), compound(8.96, &[(1.0, CU)]));
    let (foam, fibre, titanium) = (carbon(0.245), fibre(), titanium());
    // Boards of trapezoids: half widths at both ends times the length.
    let board = |length: f64, low: f64, high: f64, depth: f64| length * (low + high) * depth;
    match (volume, ring) {
        (17, _) => vec![
            (kapton, 16.0 * 70.0 * 0.25),
            (aluminium, 3.0 * 60.0 * 0.15),
            (foam, (28.0 - PI * 1.2 * 1.2) * 72.5),
            (titanium, tube(1.0, 1.1, 72.5)),
            (copper, 4.0 * tube(0.0, 0.25, 72.5)),
        ],
        (24, _) => vec![
            (kapton, 48.0 * 108.0 * 0.25),
            (aluminium, 10.0 * 108.0 * 0.25),
            (foam, (45.0 * 4.0 - PI * 1.8 * 1.8) * 108.0),
            (titanium, tube(1.5, 1.7, 108.0)),
            (copper, mean_cable(0.5, 1.5) * 108.0),
        ],
        (29, _) => vec![
            (kapton, 2.0 * 96.0 * 108.0 * 0.25),
            (aluminium, 2.0 * 20.0 * 108.0 * 0.25),
            (fibre, (2.0 * 16.0 * 5.0 + 2.0 * (30.0 * 5.0 - PI * 2.0 * 2.0)) * 108.0),
            (titanium, 2.0 * tube(1.8, 1.9, 108.0)),
            (copper, mean_cable(0.5, 1.5) * 108.0),
        ],
        (16 | 18, _) => {
            let (low, high) = [(8.5, 14.5), (10.5, 16.5)][ring];
            vec![(kapton, board(68.0, low, high, 0.25)), (aluminium, 3.2 * 68.0 * 0.15)]
        }
        (23 | 25, _) => {
            let (low, high) = [(19.2, 33.0), (31.0, 44.8), (41.6, 57.2)][ring];
            let (hybrid_low, hybrid_high) = [(10.2, 15.0), (15.2, 22.0), (22.2, 28.0)][ring];
            vec![
                (kapton, board(2.0 * 78.8, low, high, 0.25)),
                (aluminium, board(2.0 * 44.8, hybrid_low, hybrid_high, 0.2)),
            ]
        }
        _ => {
            let (low, high) = [(53.8, 59.2), (65.2, 70.6)][ring];
            vec![
                (kapton, board(4.0 * 80.8, low, high, 0.25)),
                (fibre, board(2.0 * 82.8, low + 1.0, high + 1.0, 4.0) - tube(0.0, 1.6, 165.6)),
                (titanium, tube(1.4, 1.5, 165.6)),
            ]
        }
    }
}

/// One slab in place of layers: as thick, as heavy, with as many atoms, electrons, radiation and interaction lengths.
pub(super) fn slab(parts: &Parts) -> Option<SlabModel> {
    let thickness: f64 = parts.iter().map(|p| p.1).sum();
    let fractions: Vec<(f64, Material)> =
        parts.iter().filter(|p| p.1 > 0.0).map(|(m, t)| (t / thickness, *m)).collect();
    (thickness > 0.0).then(|| SlabModel { thickness, material: mixture(&fractions) })
}

/// The slab of a sensor: its silicon and its part of the module.
pub(super) fn of_sensor(sensor: &Sensor) -> Option<SlabModel> {
    let b = &sensor.bounds;
    let area = if sensor.shape == Shape::Rectangle {
        4.0 * b[0] * b[1]
    } else {
        2.0 * b[2] * (b[0] + b[1])
    };
    let volume = sensor.layer.0;
    // Modules of long strips have two sensors.
    let sensors = if matches!(volume, 28..=30) { 2.0 } else { 1.0 };
    let mut parts = vec![(compound(2.329, &[(1.0, SI)]), sensor.thickness)];
    let module = module_parts(volume, sensor.ring);
    parts.extend(module.into_iter().map(|(m, v)| (m, v / area / sensors)));
    slab(&parts)
}

/// A support on a portal: its place (radius of a cylinder, |z| of a disc), what it covers (z, radii), thickness.
pub(super) struct Support {
    pub at: f64,
    pub covers: [f64; 2],
    pub material: Material,
    pub thickness: f64,
}

pub(super) fn support_cylinders() -> Vec<Support> {
    let fibre = fibre();
    let support = |at, half: f64, material, thickness| Support {
        at,
        covers: [-half, half],
        material,
        thickness,
    };
    let mut all = vec![support(24.0, WORLD[1], compound(1.848, &[(1.0, BE)]), 0.8)];
    all.extend([38.0, 76.0, 121.0, 177.0].map(|r| support(r, 500.0, fibre, 2.0)));
    all.push(support(203.0, 2000.0, fibre, 2.0));
    all.extend([229.0, 335.0, 475.0, 635.0].map(|r| support(r, 1000.0, fibre, 2.0)));
    for at in [802.5, 1002.5] {
        all.extend([-1000.0, -300.0, 300.0, 1000.0].map(|z: f64| Support {
            at,
            covers: [z - 50.0, z + 50.0],
            material: fibre,
            thickness: 15.0,
        }));
    }
    all
}

/// Supports of discs lie on the outer face of the disc's volume.
pub(super) fn support_discs() -> Vec<Support> {
    let (fibre, titanium) = (fibre(), titanium());
    // Tubes along the azimuth at these radii, spread over the disc.
    let cooling = |radii: &[f64], [low, high]: [f64; 2]| {
        let section = PI * (1.6_f64.powi(2) - 1.4_f64.powi(2));
        let volume: f64 = radii.iter().map(|r| 2.0 * PI * r * section).sum();
        volume / (PI * (high * high - low * low))
    };
    // For each endcap: the radii of its plates, their thickness, the radii between which tubes lie, and those of the tubes.
    let plates: [&[[f64; 2]]; 3] = [
        &[[36.0, 176.0]],
        &[[220.0, 270.0], [370.0, 430.0], [510.0, 570.0], [670.0, 710.0]],
        &[[720.0, 735.0], [900.0, 920.0], [1070.0, 1090.0]],
    ];
    let thicknesses = [4.0, 4.0, 8.0];
    let cooled = [[36.0, 176.0], [210.0, 715.0], [720.0, 1095.0]];
    let tubes: [&[f64]; 3] = [
        &[50.0, 70.0, 90.0, 120.0, 145.0, 170.0],
        &[272.0, 366.0, 432.0, 504.0, 572.0, 662.0],
        &[922.0, 1092.0],
    ];
    let mut all = Vec::new();
    for (row, endcap) in ENDCAPS.iter().enumerate() {
        for z in endcap.discs {
            let at = z + endcap.half_length;
            let thickness = thicknesses[row];
            let plate = |&covers| Support { at, covers, material: fibre, thickness };
            all.extend(plates[row].iter().map(plate));
            let (covers, thickness) = (cooled[row], cooling(tubes[row], cooled[row]));
            all.push(Support { at, covers, material: titanium, thickness });
        }
        // The end plate of the pixels.
        all.extend(endcap.passive_disc.map(|at| Support {
            at,
            covers: [40.0, 189.0],
            material: fibre,
            thickness: 10.0,
        }));
    }
    all
}
