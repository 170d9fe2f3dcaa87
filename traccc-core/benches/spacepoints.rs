//! Space points of as many measurements as an event at pile-up 200 has.
//!
//! On its own sample upstream takes 1.59 ms for 72,019 measurements on one core.
#![expect(clippy::disallowed_methods, reason = "no part of a stage")]
#![expect(missing_docs, reason = "criterion_group! makes an undocumented function")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use traccc_core::detector::{
    Detector, DetectorModel, MaskModel, Placement, Shape, SurfaceKind, SurfaceModel, VolumeModel,
};
use traccc_core::event::{Measurement, Measurements};
use traccc_core::spacepoints::form_spacepoints;
use traccc_core::{Scalar, SurfaceIndex};

const SENSORS: usize = 18_728;
const MEASUREMENTS: usize = 72_019;

/// Sensors in staggered rings about the z axis.
fn barrel() -> Detector {
    let sensor = |i: usize| {
        let (sin, cos) = (i as f64 * 0.05).sin_cos();
        SurfaceModel {
            kind: SurfaceKind::SENSITIVE,
            source: i as u64,
            placement: Placement {
                translation: [116.0 * cos, 116.0 * sin, (i / 125) as f64],
                axes: [[-sin, cos, 0.0], [0.0, 0.0, 1.0], [cos, sin, 0.0]],
            },
            shape: Shape::Rectangle,
            masks: vec![MaskModel { bounds: vec![8.4, 36.0], link: None }],
            material: None,
        }
    };
    let surfaces = (0..SENSORS).map(sensor).collect();
    let volume = VolumeModel { surfaces, ..VolumeModel::default() };
    let model = DetectorModel { name: "barrel".into(), volumes: vec![volume] };
    Detector::compile(&model).expect("the sensors are sound")
}

fn spacepoints(criterion: &mut Criterion) {
    let detector = barrel();
    let measurements: Measurements = (0..MEASUREMENTS)
        .map(|i| Measurement {
            local: [(i % 16) as Scalar - 8.0, (i % 71) as Scalar - 35.0],
            surface: SurfaceIndex::from(i * SENSORS / MEASUREMENTS),
            ..Measurement::default()
        })
        .collect();
    let mut group = criterion.benchmark_group("spacepoints");
    group.throughput(Throughput::Elements(measurements.len() as u64));
    group.bench_with_input(
        BenchmarkId::from_parameter("mu200"),
        &measurements,
        |bencher, input| {
            bencher.iter(|| form_spacepoints(black_box(input), black_box(&detector)));
        },
    );
    group.finish();
}

criterion_group!(benches, spacepoints);
criterion_main!(benches);
