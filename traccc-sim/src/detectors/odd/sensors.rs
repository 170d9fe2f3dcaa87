//! The sensors of the OpenDataDetector with their places and ACTS identifiers.

use super::tables::{BARRELS, Barrel, ENDCAPS, Endcap};
use nalgebra::{Matrix3, Vector3};
use std::f64::consts::{FRAC_PI_2, TAU};
use traccc_core::detector::Shape;

/// A sensor in space.
pub(super) struct Sensor {
    /// ACTS identifier.
    pub id: u64,
    /// ACTS volume and layer.
    pub layer: (u8, u16),
    /// Ring of an endcap, from 0.
    pub ring: usize,
    pub centre: Vector3<f64>,
    /// Local axes as columns.
    pub axes: Matrix3<f64>,
    pub shape: Shape,
    /// As those of the shape's mask.
    pub bounds: Vec<f64>,
    pub thickness: f64,
}

impl Sensor {
    /// Its four corners, those of small y first, in a round.
    pub(super) fn corners(&self) -> [Vector3<f64>; 4] {
        let b = &self.bounds;
        let [low, high, y] =
            if self.shape == Shape::Rectangle { [b[0], b[0], b[1]] } else { [b[0], b[1], b[2]] };
        [(-low, -y), (low, -y), (high, y), (-high, y)]
            .map(|(x, y)| self.centre + self.axes * Vector3::new(x, y, 0.0))
    }
}

/// All sensors in ascending order of their identifiers.
pub(super) fn sensors() -> Vec<Sensor> {
    let mut all: Vec<Sensor> = BARRELS.iter().flat_map(barrel).collect();
    all.extend(ENDCAPS.iter().flat_map(|e| [0, 1].into_iter().flat_map(|side| endcap(e, side))));
    all.sort_by_key(|sensor| sensor.id);
    all
}

fn identifier(volume: u8, layer: u16, number: usize, extra: usize) -> u64 {
    u64::from(volume) << 56 | u64::from(layer) << 36 | (number as u64) << 8 | extra as u64
}

/// Numbers in the order of their names as text (0, 1, 10, 11, 2): DD4hep keeps parts by name.
fn by_name(count: usize) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..count).collect();
    numbers.sort_by_key(usize::to_string);
    numbers
}

fn about_x(angle: f64) -> Matrix3<f64> {
    let (s, c) = libm::sincos(angle);
    Matrix3::new(1.0, 0.0, 0.0, 0.0, c, -s, 0.0, s, c)
}

fn about_y(angle: f64) -> Matrix3<f64> {
    let (s, c) = libm::sincos(angle);
    Matrix3::new(c, 0.0, s, 0.0, 1.0, 0.0, -s, 0.0, c)
}

fn about_z(angle: f64) -> Matrix3<f64> {
    let (s, c) = libm::sincos(angle);
    Matrix3::new(c, -s, 0.0, s, c, 0.0, 0.0, 0.0, 1.0)
}

fn barrel(barrel: &Barrel) -> Vec<Sensor> {
    let step = barrel.length + barrel.gap;
    let mut all = Vec::new();
    for (row, layer) in barrel.layers.iter().enumerate() {
        let key = (barrel.id, 2 * (row as u16 + 1));
        let mut number = 0;
        for stave in by_name(layer.staves) {
            let phi = stave as f64 * TAU / layer.staves as f64;
            let (sin, cos) = libm::sincos(phi);
            // Local x along the azimuth, y along z, z outwards.
            let (sin_t, cos_t) = libm::sincos(phi + layer.tilt);
            let frame = Matrix3::new(-sin_t, 0.0, cos_t, cos_t, 0.0, sin_t, 0.0, 1.0, 0.0);
            let origin = Vector3::new(layer.radius * cos, layer.radius * sin, 0.0);
            for module in by_name(barrel.modules) {
                let z = (module as f64 - 0.5 * (barrel.modules - 1) as f64) * step;
                for sensor in barrel.sensors {
                    number += 1;
                    all.push(Sensor {
                        id: identifier(key.0, key.1, number, 0),
                        layer: key,
                        ring: 0,
                        centre: origin + frame * Vector3::new(0.0, z, sensor.offset),
                        axes: frame * about_z(sensor.stereo),
                        shape: Shape::Rectangle,
                        bounds: sensor.half.to_vec(),
                        thickness: sensor.thickness,
                    });
                }
            }
        }
    }
    all
}

/// The sensors of an endcap on the side N (0) or P (1).
fn endcap(endcap: &Endcap, side: usize) -> Vec<Sensor> {
    let sign = if side == 0 { -1.0 } else { 1.0 };
    // Layers count along z, the plate without sensors with them.
    let mut discs: Vec<f64> =
        endcap.discs.iter().chain(&endcap.passive_disc).map(|z| sign * z).collect();
    discs.sort_by(f64::total_cmp);
    let mut all = Vec::new();
    for (row, z) in discs.into_iter().enumerate() {
        if endcap.passive_disc.is_some_and(|plate| plate.total_cmp(&z.abs()).is_eq()) {
            continue;
        }
        let key = (endcap.ids[side], 2 * (row as u16 + 1));
        let mut number = 0;
        for (ring_row, ring) in endcap.rings.iter().enumerate() {
            for module in by_name(ring.modules) {
                let odd = module % 2 == 1;
                let phi = ring.first_phi + module as f64 * TAU / ring.modules as f64;
                // Local z outwards, y along the beam: towards negative z where the module is turned.
                let frame = if endcap.flip && !odd {
                    about_x(FRAC_PI_2) * about_y(FRAC_PI_2 + phi)
                } else {
                    about_x(-FRAC_PI_2) * about_y(FRAC_PI_2 - phi)
                };
                let (sin, cos) = libm::sincos(phi);
                let stagger = if odd { -ring.stagger } else { ring.stagger };
                let z = z + sign * ring.offset + stagger;
                let origin = Vector3::new(ring.radius * cos, ring.radius * sin, z);
                for sensor in endcap.sensors {
                    number += 1;
                    let turned = frame * about_y(sensor.stereo[side]);
                    let (x, y) = (turned.column(0).into_owned(), turned.column(2).into_owned());
                    let offset = Vector3::new(0.0, sensor.offset[side], ring.radial_offset);
                    let centre = origin + frame * offset;
                    let radius = libm::hypot(centre.x, centre.y);
                    let extra = 1 + endcap.ring_cuts.iter().filter(|&&cut| radius > cut).count();
                    let [low, high, half] = ring.half;
                    all.push(Sensor {
                        id: identifier(key.0, key.1, number, extra),
                        layer: key,
                        ring: ring_row,
                        centre,
                        axes: Matrix3::from_columns(&[x, y, x.cross(&y)]),
                        shape: Shape::Trapezoid,
                        bounds: vec![low, high, half, 1.0 / (2.0 * half)],
                        thickness: sensor.thickness,
                    });
                }
            }
        }
    }
    all
}
