//! Greedy ambiguity resolution of tracks in numbers and with overlaps like those of proton collisions.
//!
//! Upstream takes 27.6 ms for 5,578 tracks (pile-up 100) and 107 ms for 14,337 (pile-up 200) on one core.
#![expect(missing_docs, reason = "criterion_group! makes an undocumented function")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::hint::black_box;
use traccc_core::MeasurementIndex;
use traccc_core::ambiguity::{AmbiguityConfig, resolve_ambiguities};
use traccc_core::event::{Track, Tracks};

/// Each particle leaves 5 to 14 measurements, from which two to five tracks are found that leave some out and now
/// and then take a neighbour's.
fn found_tracks(particles: usize, measurements: u32, seed: u64) -> Tracks {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut tracks = Tracks::new();
    for _ in 0..particles {
        let length = random.random_range(5..15);
        let own: Vec<u32> = (0..length).map(|_| random.random_range(0..measurements)).collect();
        for _ in 0..random.random_range(2..6) {
            let start = random.random_range(0..own.len() - 2);
            let row = own[start..].iter().map(|&m| {
                let other = if random.random_bool(0.1) { m + random.random_range(1..4) } else { m };
                MeasurementIndex(other.min(measurements - 1))
            });
            tracks.measurements.push(row.collect::<Vec<_>>());
            tracks.tracks.push(Track { p_value: random.random(), ..Track::default() });
        }
    }
    tracks
}

fn ambiguity(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ambiguity");
    for (name, particles, measurements) in [("mu100", 1_594, 37_818), ("mu200", 4_096, 72_019)] {
        let tracks = found_tracks(particles, measurements, 1);
        group.throughput(Throughput::Elements(tracks.len() as u64));
        let cuts = AmbiguityConfig::default().cuts();
        group.bench_with_input(BenchmarkId::from_parameter(name), &tracks, |bencher, tracks| {
            bencher.iter(|| {
                resolve_ambiguities(black_box(tracks), measurements as usize, black_box(&cuts))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, ambiguity);
criterion_main!(benches);
