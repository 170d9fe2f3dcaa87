//! The combinatorial Kalman filter on 1,000 simulated muons in the toy detector.
//!
//! Upstream takes 74.7 ms for such an event on one core (with `RAYON_NUM_THREADS=1` here).
#![expect(missing_docs, reason = "criterion_group! makes an undocumented function")]

mod support;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use traccc_core::Stage;

fn finding(criterion: &mut Criterion) {
    let toy = support::toy_event();
    let mut group = criterion.benchmark_group("finding/cpu");
    group.sample_size(20).throughput(Throughput::Elements(toy.event.parameters.len() as u64));
    group.bench_function("toy_1000", |b| toy.measure(b, Stage::Finding));
    group.finish();
}

criterion_group!(benches, finding);
criterion_main!(benches);
