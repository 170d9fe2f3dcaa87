//! Soft charged particles in a barrel of cylindrical layers, 2 T along z.
#![expect(clippy::disallowed_methods, reason = "no part of a stage")]

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::f32::consts::PI;
use traccc_core::event::{Measurement, Measurements, Spacepoint, Spacepoints};
use traccc_core::{MeasurementIndex, Scalar};

/// Radii of the layers, in mm: five within the seeding's reach and one beyond.
const LAYERS: [f32; 6] = [32.0, 72.0, 116.0, 148.0, 172.0, 260.0];

/// Where `particles` particles cross the layers, layer by layer; momenta fall steeply from 0.15 GeV.
pub(crate) fn crossings(particles: usize, seed: u64) -> (Measurements, Spacepoints) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let tracks: Vec<(f32, f32, f32, f32)> = (0..particles)
        .map(|_| {
            let momentum = 0.15 / random.random_range(0.01_f32..1.0).powf(0.7);
            let charge = if random.random_bool(0.5) { 1.0 } else { -1.0 };
            let curvature = charge * 0.6e-3 / momentum;
            let slope = random.random_range(-2.5_f32..2.5).sinh();
            (random.random_range(-PI..PI), curvature, slope, random.random_range(-150.0_f32..150.0))
        })
        .collect();
    let (mut measurements, mut spacepoints) = (Measurements::new(), Spacepoints::new());
    for radius in LAYERS {
        for &(phi, curvature, slope, vertex) in &tracks {
            let bend = 0.5 * curvature * radius;
            let z = vertex + slope * radius;
            if bend.abs() >= 1.0 || z.abs() > 1500.0 {
                continue;
            }
            let azimuth = phi + bend.asin() + random.random_range(-0.02..0.02) / radius;
            spacepoints.push(Spacepoint {
                x: Scalar::from(radius * azimuth.cos()),
                y: Scalar::from(radius * azimuth.sin()),
                z: Scalar::from(z),
                measurements: [MeasurementIndex::from(measurements.len()), MeasurementIndex::NONE],
                ..Spacepoint::default()
            });
            measurements.push(Measurement::default());
        }
    }
    (measurements, spacepoints)
}
