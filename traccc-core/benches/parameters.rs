//! Parameters of as many seeds as proton collisions give at pile-up 200.
//!
//! On its own sample upstream takes 7.29 ms for 33,008 seeds on one core.
#![expect(missing_docs, reason = "criterion_group! makes an undocumented function")]

mod synthetic;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use traccc_core::detector::Detector;
use traccc_core::field::MagneticField;
use traccc_core::parameters::{ParametersConfig, estimate_parameters};
use traccc_core::seeding::{SeedingConfig, find_seeds};

fn parameters(criterion: &mut Criterion) {
    let (measurements, spacepoints) = synthetic::crossings(7_000, 1);
    let field = MagneticField::along_z(2.0);
    let cuts = SeedingConfig::default().cuts(&field).expect("the default settings are sound");
    let seeds = find_seeds(&spacepoints, &cuts);
    let (detector, parameters) = (Detector::default(), ParametersConfig::default().cuts());
    let mut group = criterion.benchmark_group("parameters");
    group.throughput(Throughput::Elements(seeds.len() as u64));
    group.bench_with_input(BenchmarkId::from_parameter("mu200"), &seeds, |bencher, seeds| {
        bencher.iter(|| {
            let seeds = black_box(seeds);
            estimate_parameters(&measurements, &spacepoints, seeds, &detector, &field, &parameters)
        });
    });
    group.finish();
}

criterion_group!(benches, parameters);
criterion_main!(benches);
