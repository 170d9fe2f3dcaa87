//! Triplet seeding in a barrel with as many seeds as proton collisions give at pile-up 100 and 200: 13,700 and 33,000.
//!
//! On its own samples upstream takes 155 ms (pile-up 100) and 659 ms (pile-up 200) on one core.
#![expect(missing_docs, reason = "criterion_group! makes an undocumented function")]

mod synthetic;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use traccc_core::field::MagneticField;
use traccc_core::seeding::{SeedingConfig, find_seeds};

fn seeding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("seeding");
    group.sample_size(20);
    let cuts = SeedingConfig::default().cuts(&MagneticField::along_z(2.0));
    let cuts = cuts.expect("the default settings are sound");
    for (name, particles) in [("mu100", 4_400), ("mu200", 7_000)] {
        let (_, spacepoints) = synthetic::crossings(particles, 1);
        group.throughput(Throughput::Elements(spacepoints.len() as u64));
        group.bench_with_input(
            BenchmarkId::from_parameter(name),
            &spacepoints,
            |bencher, input| {
                bencher.iter(|| find_seeds(black_box(input), black_box(&cuts)));
            },
        );
    }
    group.finish();
}

criterion_group!(benches, seeding);
criterion_main!(benches);
