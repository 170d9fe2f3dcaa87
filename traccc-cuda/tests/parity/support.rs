//! Setups, events and comparison to the byte, for tests of the engine: on a card where `TRACCC_TEST_CARD` names one, else on the
//! simulated device.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use traccc::detector::{Detector, SensorTable};
use traccc::event::{Cells, Tracks};
use traccc::field::MagneticField;
use traccc::io::{DetectorFiles, Duplicates, EventDirectory, EventFile, read_cells};
use traccc::{ChainConfig, FieldSource, Reconstruction, Setup, SetupFiles, Stage, settings};
use traccc_cuda::{Cache, Capacities, CudaEngine};
use traccc_sim::detectors::{ToyConfig, pixel_modules, toy_detector};
use traccc_sim::{Gun, SimulationConfig, simulate_event};

/// A detector with events.
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) setup: Setup,
    pub(crate) events: Vec<Cells>,
}

/// The engine that is tested; `None`, with a message, where there is none.
pub(crate) fn engine(setup: &Setup) -> Option<CudaEngine> {
    let Setup { detector, modules, field, .. } = setup;
    let (detector, modules, field) = (Arc::clone(detector), Arc::clone(modules), Arc::clone(field));
    if let Ok(card) = std::env::var("TRACCC_TEST_CARD") {
        let card = card.parse().unwrap();
        return Some(CudaEngine::open(card, &Cache::of_user(), detector, modules, field).unwrap());
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("simulated");
    let engine = CudaEngine::simulated(folder, detector, modules, field).unwrap();
    if engine.is_none() {
        println!("skipped: there is no g++ to compile the simulated device");
    }
    engine
}

/// Whether there is a card; says that a test is skipped where there is none.
pub(crate) fn has_card() -> bool {
    let has = std::env::var_os("TRACCC_TEST_CARD").is_some();
    if !has {
        println!("skipped: takes minutes on the simulated device");
    }
    has
}

/// The toy detector in 2 T, with events of some muons each.
pub(crate) fn toy(events: u64, particles: usize) -> Sample {
    toy_in(MagneticField::along_z(2.0), &ToyConfig::full(), events, particles)
}

/// A toy detector in a field, with events of some muons each.
pub(crate) fn toy_in(
    field: MagneticField,
    toy: &ToyConfig,
    events: u64,
    particles: usize,
) -> Sample {
    let detector = Detector::compile(&toy_detector(toy).unwrap()).unwrap();
    let modules = pixel_modules(&detector, [0.05, 0.05]).unwrap();
    let setup = Setup::new(detector, modules, field);
    let gun = Gun { particles, random_charge: true, ..Gun::default() };
    let config = SimulationConfig { gun, ..SimulationConfig::default() };
    let event = |event| {
        simulate_event(&setup.detector, &setup.modules, &setup.field, &config, 7, event)
            .unwrap()
            .cells
    };
    let events = (0..events).map(event).collect();
    Sample { name: format!("toy, {particles} muons"), setup, events }
}

fn setup_files(folder: &Path) -> SetupFiles {
    let geometry = folder.join("geometry");
    let detector = DetectorFiles::find(&geometry).unwrap();
    let own = geometry.join("odd-digi-geometric-config.json");
    let digitization =
        if own.is_file() { own } else { detector.digitization().unwrap().to_owned() };
    SetupFiles { detector, digitization, conditions: None, field: FieldSource::default() }
}

/// At most so many events of a sample of `../shared/data`; `None`, with a message, where it is absent.
pub(crate) fn shared(detector: &str, sample: &str, most: usize) -> Option<Sample> {
    let Some(data) = testdata::shared() else {
        println!("skipped: ../shared/data is absent");
        return None;
    };
    let folder = data.join(detector);
    let setup = Setup::read(&setup_files(&folder)).unwrap();
    let directory =
        if sample == "real" { folder.join(sample) } else { folder.join("events").join(sample) };
    let events = EventDirectory::open(&directory).unwrap();
    let sensors = SensorTable::acts(&setup.detector, &setup.modules);
    let cells = |event| {
        let path = events.path(event, EventFile::Cells).unwrap();
        read_cells(path, &sensors, Duplicates::Merge).unwrap().cells
    };
    let events = events.events(EventFile::Cells).into_iter().take(most).map(cells).collect();
    Some(Sample { name: format!("{detector}/{sample}"), setup, events })
}

/// The settings of a file below `configs`.
pub(crate) fn config(name: &str) -> ChainConfig {
    let folder = std::env::var_os("TRACCC_CONFIGS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs"), PathBuf::from);
    settings::read(folder.join(name), &ChainConfig::full()).unwrap()
}

/// A column: its name, its bytes and those of a row.
type Column<'a> = (String, &'a [u8], usize);

fn tracks<'a>(name: &str, tracks: &'a Tracks, columns: &mut Vec<Column<'a>>) {
    columns.push((
        format!("{name}.offsets"),
        bytemuck::cast_slice(&tracks.measurements.offsets),
        4,
    ));
    columns.push((
        format!("{name}.measurements"),
        bytemuck::cast_slice(&tracks.measurements.values),
        4,
    ));
    columns.push((format!("{name}.tracks"), bytemuck::cast_slice(&tracks.tracks), 112));
    columns.push((format!("{name}.states"), bytemuck::cast_slice(&tracks.states), 100));
}

fn columns(done: &Reconstruction) -> Vec<Column<'_>> {
    let rows = |bytes: &[u8], rows: usize| bytes.len().checked_div(rows).unwrap_or(1);
    let mut columns: Vec<Column<'_>> = Vec::new();
    for (name, bytes) in done.measurements.bytes() {
        columns.push((format!("measurements.{name}"), bytes, rows(bytes, done.measurements.len())));
    }
    columns.push(("cell_measurements".into(), bytemuck::cast_slice(&done.cell_measurements), 4));
    for (name, bytes) in done.spacepoints.bytes() {
        columns.push((format!("spacepoints.{name}"), bytes, rows(bytes, done.spacepoints.len())));
    }
    columns.push(("seeds".into(), bytemuck::cast_slice(&done.seeds), 16));
    columns.push(("parameters".into(), bytemuck::cast_slice(&done.parameters), 92));
    tracks("found", &done.found, &mut columns);
    for (name, list) in [("resolved", &done.resolved), ("fitted", &done.fitted)] {
        list.iter().for_each(|list| tracks(name, list, &mut columns));
    }
    columns
}

/// Panics with the first column and row that differs.
pub(crate) fn assert_equal(found: &Reconstruction, expected: &Reconstruction, what: &str) {
    let (a, b) = (columns(found), columns(expected));
    let names =
        |columns: &[Column<'_>]| columns.iter().map(|column| column.0.clone()).collect::<Vec<_>>();
    for ((name, found, size), (_, expected, _)) in a.iter().zip(&b) {
        if found == expected {
            continue;
        }
        let size = (*size).max(1);
        let row = found.chunks(size).zip(expected.chunks(size)).take_while(|(a, b)| a == b).count();
        let words = |bytes: &[u8]| {
            let row = bytes.chunks(size).nth(row).unwrap_or_default();
            row.chunks_exact(4)
                .map(|word| {
                    let word = u32::from_le_bytes(word.try_into().unwrap());
                    format!("{word:08x}={}", f32::from_bits(word))
                })
                .collect::<Vec<_>>()
                .join(" ")
        };
        panic!(
            "{what}: {name} differ first in row {row} ({} rows, expected {})\n   found {}\nexpected {}",
            found.len() / size,
            expected.len() / size,
            words(found),
            words(expected)
        );
    }
    assert_eq!(names(&a), names(&b), "{what}");
    assert_eq!(found.counts, expected.counts, "{what}");
}

/// What the engine makes of the CPU's products in one stage, against what the CPU makes of them.
pub(crate) fn assert_stage(sample: &Sample, config: &ChainConfig, stage: Stage) {
    use traccc::{CpuChain, Keep, ReconstructionChain};
    let Some(engine) = engine(&sample.setup) else { return };
    let Setup { detector, modules, field, .. } = &sample.setup;
    let mut cpu =
        CpuChain::new(Arc::clone(detector), Arc::clone(modules), Arc::clone(field), config)
            .unwrap();
    if !config.runs(stage) {
        return;
    }
    let mut chain = engine.chain(config).unwrap();
    let whole: Vec<Reconstruction> =
        sample.events.iter().map(|cells| cpu.reconstruct(cells).unwrap()).collect();
    let views: Vec<_> = sample.events.iter().map(Cells::view).collect();
    let events: Vec<&Reconstruction> = whole.iter().collect();
    let start = std::time::Instant::now();
    let found = if stage == Stage::Clustering {
        let mut batch = chain.begin(&views, Keep::Everything).unwrap();
        chain.run(stage, &mut batch).unwrap();
        chain.finish(batch).unwrap()
    } else {
        let mut batch = chain.resume(&events, stage, Keep::Everything).unwrap();
        chain.run(stage, &mut batch).unwrap();
        chain.finish(batch).unwrap()
    };
    let seconds = start.elapsed().as_secs_f64();
    let expected = if stage == Stage::Clustering {
        let mut batch = cpu.begin(&views, Keep::Everything).unwrap();
        cpu.run(stage, &mut batch).unwrap();
        cpu.finish(batch).unwrap()
    } else {
        let mut batch = cpu.resume(&events, stage, Keep::Everything).unwrap();
        cpu.run(stage, &mut batch).unwrap();
        cpu.finish(batch).unwrap()
    };
    for (event, (found, expected)) in found.events.into_iter().zip(expected.events).enumerate() {
        let what = format!("{}, event {event}, {}", sample.name, stage.name());
        assert_equal(&found.unwrap(), &expected.unwrap(), &what);
    }
    println!("{}, {}: equal, {seconds:.2} s", sample.name, stage.name());
}

/// What the engine makes of cells, against what the CPU makes of them, in batches of so many events.
pub(crate) fn assert_chain(sample: &Sample, config: &ChainConfig, batch: usize) {
    assert_chain_from(sample, config, batch, None);
}

/// The same, beginning with an arena of this room.
pub(crate) fn assert_chain_from(
    sample: &Sample,
    config: &ChainConfig,
    batch: usize,
    room: Option<Capacities>,
) {
    use traccc::{CpuChain, Keep, ReconstructionChain};
    let Some(engine) = engine(&sample.setup) else { return };
    let Setup { detector, modules, field, .. } = &sample.setup;
    let mut cpu =
        CpuChain::new(Arc::clone(detector), Arc::clone(modules), Arc::clone(field), config)
            .unwrap();
    let mut chain = engine.chain(config).unwrap();
    room.into_iter().for_each(|room| chain.shrink(room));
    for (first, events) in sample.events.chunks(batch).enumerate() {
        let views: Vec<_> = events.iter().map(Cells::view).collect();
        let found = chain.reconstruct_batch(&views, Keep::Everything).unwrap();
        let expected = cpu.reconstruct_batch(&views, Keep::Everything).unwrap();
        for (event, (found, expected)) in found.events.into_iter().zip(expected.events).enumerate()
        {
            let what = format!("{}, event {}", sample.name, first * batch + event);
            assert_equal(&found.unwrap(), &expected.unwrap(), &what);
        }
    }
}
