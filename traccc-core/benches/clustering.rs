//! Clustering of cells in numbers, and in clusters of sizes, like those of proton collisions.
//!
//! On its own samples upstream takes 4.60 ms for 144,611 cells (pile-up 100) and 8.68 ms for 272,902 (pile-up 200) on
//! one core.
#![expect(missing_docs, reason = "criterion_group! makes an undocumented function")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::hint::black_box;
use traccc_core::ModuleIndex;
use traccc_core::clustering::{ClusteringConfig, cluster};
use traccc_core::detector::{
    Detector, DetectorModel, MaskModel, ModuleDesign, Modules, Placement, Shape, SurfaceKind,
    SurfaceModel, VolumeModel,
};
use traccc_core::event::{Cell, Cells};

const MODULES: u32 = 18_728;
const CHANNELS: [u32; 2] = [336, 1440];

fn modules() -> Modules {
    let sensor = SurfaceModel {
        kind: SurfaceKind::SENSITIVE,
        source: 0,
        placement: Placement::IDENTITY,
        shape: Shape::Rectangle,
        masks: vec![MaskModel { bounds: vec![8.4, 36.0], link: None }],
        material: None,
    };
    let volume = VolumeModel { surfaces: vec![sensor; MODULES as usize], ..VolumeModel::default() };
    let model = DetectorModel { name: "sensors".into(), volumes: vec![volume] };
    let detector = Detector::compile(&model).expect("the sensors are sound");
    let design =
        ModuleDesign::equidistant(CHANNELS.map(|n| n as usize), [-8.4, -36.0], [8.4, 36.0]);
    Modules::new(&detector, vec![design], |_| Some((0, [0.0; 2]))).expect("all have a design")
}

/// Particles leave straight rows of one to eight cells, crowded in the first modules.
fn cells(particles: usize, seed: u64) -> Cells {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut activations = BTreeMap::new();
    for _ in 0..particles {
        let crowding: f32 = random.random();
        let module = (crowding * crowding * MODULES as f32) as u32;
        let start = CHANNELS.map(|n| random.random_range(0..n - 8));
        let slope = random.random_range(0..3);
        for step in 0..random.random_range(1..7_u32) {
            let key = (module, start[1] + step, start[0] + step * slope / 2);
            *activations.entry(key).or_insert(0.0) += random.random::<f32>();
        }
    }
    activations
        .into_iter()
        .map(|((module, channel1, channel0), activation)| Cell {
            channel0,
            channel1,
            activation,
            time: 0.0,
            module: ModuleIndex(module),
        })
        .collect()
}

fn clustering(criterion: &mut Criterion) {
    let modules = modules();
    let mut group = criterion.benchmark_group("clustering");
    for (name, particles) in [("mu100", 41_000), ("mu200", 78_000)] {
        let cells = cells(particles, 1);
        group.throughput(Throughput::Elements(cells.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), &cells, |bencher, cells| {
            let cuts = ClusteringConfig::default().cuts();
            bencher.iter(|| cluster(black_box(cells), black_box(&modules), &cuts));
        });
    }
    group.finish();
}

criterion_group!(benches, clustering);
criterion_main!(benches);
