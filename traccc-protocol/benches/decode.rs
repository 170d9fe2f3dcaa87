//! How long the cells of a large event take from tensors to a chain.
#![expect(missing_docs, reason = "criterion's macro makes a function without documentation")]

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use traccc_core::detector::Detector;
use traccc_core::event::{Duplicates, RawCell, RawCells};
use traccc_protocol::{CellForm, SensorTable, decode_cells, encode_cells};
use traccc_sim::detectors::{ToyConfig, pixel_modules, toy_detector};

const CELLS: u32 = 100_000;

fn decode(criterion: &mut Criterion) {
    let model = toy_detector(&ToyConfig::full()).expect("the toy detector has sound settings");
    let detector = Detector::compile(&model).expect("the toy detector compiles");
    let modules = pixel_modules(&detector, [0.05, 0.05]).expect("its sensors are rectangles");
    let sensors = SensorTable::detray(&detector, &modules);
    let count = modules.len() as u32;
    let cell = |i: u32| RawCell {
        geometry_id: sensors.id(modules.surface[(i / (CELLS / count + 1)) as usize]),
        channel0: i % 40 * 3,
        channel1: i / 40 % 190,
        activation: 1.0,
        time: 0.0,
    };
    let grouped: RawCells = (0..CELLS).map(cell).collect();
    // One sensor in four has its cells in another order, as some files do.
    let untidy: RawCells = (0..CELLS)
        .map(|i| {
            let per_sensor = CELLS / count + 1;
            let odd = (i / per_sensor).is_multiple_of(4);
            cell(if odd {
                i / per_sensor * per_sensor + per_sensor - 1 - i % per_sensor
            } else {
                i
            })
        })
        .collect();
    let scattered: RawCells =
        (0..CELLS).map(|i| cell((u64::from(i) * 60_013 % u64::from(CELLS)) as u32)).collect();
    let mut group = criterion.benchmark_group("decode");
    for (name, cells, form) in [
        ("sensor by sensor, plain", &grouped, CellForm::Plain),
        ("sensor by sensor, compact", &grouped, CellForm::Compact),
        ("sensor by sensor, some untidy, plain", &untidy, CellForm::Plain),
        ("any order, plain", &scattered, CellForm::Plain),
    ] {
        let tensors = encode_cells(cells, form).expect("small channels");
        let views = tensors.each_ref().map(|tensor| tensor.view());
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                decode_cells(black_box(&views), &sensors, modules.len(), Duplicates::Merge)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
