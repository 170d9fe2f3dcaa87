//! Reading cells from a plain CSV file: the pile-up 200 event of the samples, or one like it where they are absent.
//!
//! The throughput is in cells: its inverse is the time per cell.

#![expect(missing_docs, reason = "criterion_group! makes an undocumented function")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::fmt::Write as _;
use std::path::PathBuf;
use traccc_core::detector::{Detector, ModuleDesign, Modules, SensorTable};
use traccc_io::{DetectorFiles, Duplicates, read_cells, read_detector, read_digitization};

struct Event {
    sensors: SensorTable,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn event() -> Event {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("event000000000-cells.csv");
    let load = |directory: PathBuf| {
        let files = DetectorFiles::find(directory).expect("the files of a detector");
        let model = read_detector(&files).expect("a detector");
        (Detector::compile(&model).expect("a sound detector"), files)
    };
    let Some(shared) = testdata::shared() else {
        let (detector, _) = load(testdata::path("telescope"));
        let design = ModuleDesign::equidistant([1000, 1000], [-20.0; 2], [20.0; 2]);
        let modules =
            Modules::new(&detector, vec![design], |_| Some((0, [0.0; 2]))).expect("a design");
        std::fs::write(&path, made_up(detector.barcodes[0])).expect("a file");
        let sensors = SensorTable::detray(&detector, &modules);
        return Event { sensors, path, _folder: folder };
    };
    let (detector, files) = load(shared.join("generic/geometry"));
    let digitization =
        read_digitization(files.digitization().expect("one file")).expect("digitization");
    let modules = digitization.modules(&detector, None).expect("modules");
    let sample = shared.join("generic/events/mu200/event000000000-cells.csv.gz");
    let compressed = std::fs::File::open(sample).expect("the sample");
    let mut plain = flate2::read::GzDecoder::new(compressed);
    let mut file = std::fs::File::create(&path).expect("a file");
    std::io::copy(&mut plain, &mut file).expect("the sample in full");
    Event { sensors: SensorTable::acts(&detector, &modules), path, _folder: folder }
}

/// As many lines as the sample has, one module after the other, with activations of as many digits.
fn made_up(id: u64) -> String {
    let mut text = "geometry_id,measurement_id,channel0,channel1,timestamp,value\n".to_owned();
    for i in 0..272_902 {
        let (channel0, channel1, value) = (i % 1000, i / 1000, i % 9000 + 1000);
        writeln!(text, "{id},{i},{channel0},{channel1},0,0.0{value}").expect("memory");
    }
    text
}

fn cells(criterion: &mut Criterion) {
    let Event { sensors, path, _folder } = event();
    let read = || read_cells(&path, &sensors, Duplicates::Merge).expect("cells");
    let mut group = criterion.benchmark_group("cells");
    group.throughput(Throughput::Elements(read().cells.len() as u64));
    group.bench_function("csv", |bencher| bencher.iter(read));
    group.finish();
}

criterion_group!(benches, cells);
criterion_main!(benches);
