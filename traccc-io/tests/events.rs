//! Events from files: the mock event in detail, the samples in `../shared` by their counts.
#![expect(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test may panic, and reads exactly the numbers that are in the file"
)]

use std::path::Path;
use traccc_core::detector::{Detector, ModuleDesign, Modules, SensorTable};
use traccc_core::event::{Subspace, TruthCell, TruthEvent, TruthHit};
use traccc_core::{ModuleIndex, SurfaceIndex};
use traccc_io::{
    CellsRead, DetectorFiles, Duplicates, Error, EventDirectory, EventFile, parse_cells,
    read_athena_ids, read_cells, read_detector, read_digitization, read_measurements, read_truth,
    write_cells, write_hits, write_measurements, write_particles, write_simhit_map,
};

fn load(folder: &Path, digitization: &str) -> (Detector, Modules) {
    let model = read_detector(&DetectorFiles::find(folder).unwrap()).unwrap();
    let detector = Detector::compile(&model).unwrap();
    let modules = read_digitization(folder.join(digitization)).unwrap().modules(&detector, None);
    (detector, modules.unwrap())
}

/// The sensors of the mock detector by their ACTS geometry ids.
fn mock() -> SensorTable {
    let (detector, modules) = load(&testdata::path("mock"), "mock_digitization.json");
    SensorTable::acts(&detector, &modules)
}

#[test]
fn the_mock_event_has_nine_cells_of_which_one_is_shared() {
    let sensors = mock();
    let path = testdata::path("mock/event000000000-cells.csv");
    let read = read_cells(&path, &sensors, Duplicates::Merge).unwrap();
    assert_eq!((read.cells.len(), read.merged_duplicates), (9, 1));
    let shared = read.cells.iter().find(|c| (c.channel0, c.channel1) == (1, 1)).unwrap();
    assert_eq!(shared.activation, 0.008_689_054 + 0.008_864_783);
    let message = read_cells(&path, &sensors, Duplicates::Refuse).unwrap_err().to_string();
    assert!(
        message
            .ends_with("line 5: a second cell of channel 1, 1 of geometry id 1224979236083738112"),
        "{message}"
    );
}

#[test]
fn the_mock_truth_links_cells_measurements_hits_and_particles() {
    let truth = truth_of(&testdata::path("mock")).unwrap();
    assert!(truth.particles.is_sorted_by_key(|p| p.id) && truth.particles.len() == 3);
    let contributions: Vec<_> =
        (0..3).map(|m| truth.cells.iter().filter(|c| c.measurement == m).count()).collect();
    assert_eq!(contributions, [3, 4, 3]);
    let at = |c: &&TruthCell| (c.channel0, c.channel1) == (1, 1);
    assert_eq!(truth.cells.iter().filter(at).map(|c| c.measurement).collect::<Vec<_>>(), [0, 1]);
    let particle_of = |m: usize| truth.hits[truth.measurement_hits.row(m)[0] as usize].particle;
    assert_eq!([0, 1, 2].map(particle_of), [0, 1, 2].map(|i| truth.particles[i].id));
    assert_eq!(truth.hits[2].momentum_change, [0.0, 0.0, -0.0001]);
}

#[test]
fn hits_of_a_merged_measurement_may_come_at_the_end_of_the_map() {
    let folder = tempfile::tempdir().unwrap();
    for kind in [EventFile::Cells, EventFile::Hits, EventFile::Particles] {
        let name = kind.file_name(0);
        std::fs::copy(testdata::path("mock").join(&name), folder.path().join(&name)).unwrap();
    }
    let map = folder.path().join(EventFile::SimhitMap.file_name(0));
    let read = || truth_of(folder.path());
    std::fs::write(&map, "measurement_id,hit_id\n0,0\n2,2\n0,1\n").unwrap();
    let truth = read().unwrap();
    // Measurement 1 has cells but no hit; without a measurements file its id still makes a row.
    assert_eq!(truth.measurement_hits.iter().collect::<Vec<_>>(), [&[0, 1][..], &[], &[2]]);
    std::fs::write(&map, "measurement_id,hit_id\n0,0\n2,3\n").unwrap();
    assert!(read().unwrap_err().to_string().ends_with("line 3: there is no hit 3"));
    std::fs::remove_file(&map).unwrap();
    assert!(matches!(read(), Err(Error::Missing { path }) if path == map));

    let name = EventFile::Measurements.file_name(0);
    std::fs::copy(testdata::path("mock").join(&name), folder.path().join(&name)).unwrap();
    std::fs::write(&map, "measurement_id,hit_id\n0,0\n7,1\n").unwrap();
    assert!(read().unwrap_err().to_string().ends_with("line 3: there is no measurement 7"));
}

#[test]
fn an_event_that_is_written_is_read_back() {
    let (detector, modules) = load(&testdata::path("mock"), "mock_digitization.json");
    let sensors = SensorTable::acts(&detector, &modules);
    let source = testdata::path("mock");
    let truth = read_truth(&source, 0, &sensors).unwrap();
    let cells = source.join(EventFile::Cells.file_name(0));
    let cells = read_cells(cells, &sensors, Duplicates::Merge).unwrap().cells;
    let measurements = source.join(EventFile::Measurements.file_name(0));
    let measurements = read_measurements(measurements, &sensors).unwrap().measurements;
    assert_eq!(measurements.subspace, [Subspace::BOTH; 3]);

    for sensors in [sensors, SensorTable::detray(&detector, &modules)] {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path();
        write_cells(to, 4, &cells, Some(&truth), &sensors).unwrap();
        write_hits(to, 4, &truth, &sensors).unwrap();
        write_particles(to, 4, &truth).unwrap();
        write_simhit_map(to, 4, &truth).unwrap();
        write_measurements(to, 4, &measurements, &sensors).unwrap();
        assert_eq!(read_truth(to, 4, &sensors).unwrap(), truth);
        let events = EventDirectory::open(to).unwrap();
        let path = |kind| events.path(4, kind).unwrap();
        let read = read_cells(path(EventFile::Cells), &sensors, Duplicates::Merge).unwrap();
        assert_eq!((read.cells, read.merged_duplicates), (cells.clone(), 1));
        let read = read_measurements(path(EventFile::Measurements), &sensors).unwrap();
        assert_eq!(read.measurements, measurements);
    }
}

/// Upstream's telescope, whose surfaces all have the same source.
fn telescope() -> (Detector, Modules) {
    let model = read_detector(&DetectorFiles::find(testdata::path("telescope")).unwrap()).unwrap();
    let detector = Detector::compile(&model).unwrap();
    let design = ModuleDesign::equidistant([10, 10], [-5.0, -5.0], [5.0, 5.0]);
    let modules = Modules::new(&detector, vec![design], |_| Some((0, [0.0; 2]))).unwrap();
    (detector, modules)
}

/// A cell of the sensor `id`, from a file.
fn one_cell(id: u64, sensors: &SensorTable) -> traccc_io::Result<CellsRead> {
    let text = format!("geometry_id,channel0,channel1,value\n{id},0,0,1\n");
    parse_cells(text.as_bytes(), "c", sensors, Duplicates::Merge)
}

#[test]
fn athena_ids_lead_to_sensors_and_shared_ids_cannot_be_written() {
    let (detector, modules) = telescope();
    let ids = read_athena_ids(testdata::path("athena_ids.txt")).unwrap();
    let athena = ids.sensors(&detector, &modules);
    assert_eq!(athena.sensor(0x240_0000_0000_0001).unwrap().surface, SurfaceIndex(1));
    assert_eq!(athena.own_id(SurfaceIndex(1)), Some(0x240_0000_0000_0001));
    assert_eq!(one_cell(0x240_0000_0000_0001, &athena).unwrap().cells.module, [ModuleIndex(1)]);
    assert!(one_cell(5, &athena).unwrap_err().to_string().contains("5 is no Athena id"));
    let acts = SensorTable::acts(&detector, &modules);
    let message = one_cell(detector.geometry_ids[1], &acts).unwrap_err().to_string();
    assert!(message.contains("line 2") && message.contains("surfaces 0 and 1"), "{message}");
    let truth = TruthEvent {
        hits: vec![TruthHit { surface: SurfaceIndex(0), ..TruthHit::default() }],
        ..TruthEvent::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let refused = write_hits(folder.path(), 0, &truth, &acts);
    assert!(matches!(refused, Err(Error::NotWritable { .. })), "{refused:?}");
}

/// Folder, digitization, sample, cells after merging, merged duplicates if known, measurements in the truth.
type Sample = (&'static str, &'static str, &'static str, usize, Option<usize>);

const SAMPLES: [Sample; 15] = [
    ("odd", "odd-digi-geometric-config.json", "real", 1_620, Some(34)),
    ("generic", "generic_digi.json", "events/muon_1GeV", 2_404, None),
    ("generic", "generic_digi.json", "events/muon_10GeV", 2_390, None),
    ("generic", "generic_digi.json", "events/muon_100GeV", 2_515, None),
    ("generic", "generic_digi.json", "events/mixed_100", 8_219, None),
    ("generic", "generic_digi.json", "events/mixed_1000", 40_479, None),
    ("generic", "generic_digi.json", "events/mu20", 26_399, None),
    ("generic", "generic_digi.json", "events/mu100", 144_611, None),
    ("generic", "generic_digi.json", "events/mu200", 272_902, None),
    ("toy", "toy-digi-geometric-config.json", "events/n_particles_10", 659, None),
    ("toy", "toy-digi-geometric-config.json", "events/n_particles_100", 4_595, None),
    ("toy", "toy-digi-geometric-config.json", "events/n_particles_1000", 22_754, None),
    ("toy", "toy-digi-geometric-config.json", "events/n_particles_5000", 113_353, None),
    ("toy", "toy-digi-geometric-config.json", "events/mom_1GeV_n100", 4_412, None),
    ("toy", "toy-digi-geometric-config.json", "events/mom_10GeV_n100", 4_343, None),
];

#[test]
fn the_samples_have_the_cells_that_upstream_reads() {
    let Some(shared) = testdata::shared() else {
        println!("skipped: ../shared is absent");
        return;
    };
    for (name, digitization, sample, expected, duplicates) in SAMPLES {
        let (detector, modules) = load(&shared.join(name).join("geometry"), digitization);
        let events = EventDirectory::open(shared.join(name).join(sample)).unwrap();
        let sensors = SensorTable::acts(&detector, &modules);
        let (mut cells, mut merged) = (0, 0);
        for event in events.events(EventFile::Cells) {
            let path = events.path(event, EventFile::Cells).unwrap();
            let read = read_cells(path, &sensors, Duplicates::Merge).unwrap();
            read.cells.validate(&modules).unwrap();
            cells += read.cells.len();
            merged += read.merged_duplicates;
        }
        assert_eq!(cells, expected, "{name}/{sample}");
        assert!(duplicates.is_none_or(|d| d == merged), "{name}/{sample}: {merged}");
    }
}

#[test]
fn the_truth_of_the_samples_is_complete() {
    let Some(shared) = testdata::shared() else {
        println!("skipped: ../shared is absent");
        return;
    };
    for (name, digitization, sample) in [
        ("generic", "generic_digi.json", "events/mu200"),
        ("generic", "generic_digi.json", "events/mixed_100"),
        ("toy", "toy-digi-geometric-config.json", "events/n_particles_1000"),
    ] {
        let (detector, modules) = load(&shared.join(name).join("geometry"), digitization);
        let sensors = SensorTable::acts(&detector, &modules);
        let folder = shared.join(name).join(sample);
        let events = EventDirectory::open(&folder).unwrap();
        for event in events.events(EventFile::Cells) {
            let truth = read_truth(&folder, event, &sensors).unwrap();
            let path = events.path(event, EventFile::Measurements).unwrap();
            let read = read_measurements(path, &sensors).unwrap();
            assert_eq!(truth.measurement_hits.len(), read.row_of.len());
            assert!(read.measurements.surface.is_sorted());
            assert!(truth.measurement_hits.iter().all(|hits| !hits.is_empty()), "{sample}");
            // A measurement lies on the sensor of its hits and of its cells.
            for (row, hits) in truth.measurement_hits.iter().enumerate() {
                let surface = read.measurements.surface[read.row_of[row].get()];
                assert!(
                    hits.iter().all(|&h| truth.hits[h as usize].surface == surface),
                    "{sample} {row}"
                );
            }
            for cell in &truth.cells {
                let surface =
                    read.measurements.surface[read.row_of[cell.measurement as usize].get()];
                assert_eq!(modules.surface[cell.module.get()], surface, "{sample}");
            }
            let orphans = truth
                .hits
                .iter()
                .filter(|h| truth.particles.binary_search_by_key(&h.particle, |p| p.id).is_err());
            assert_eq!(orphans.count(), 0, "{sample}");
        }
    }
    let (detector, modules) = load(&shared.join("toy/geometry"), "toy-digi-geometric-config.json");
    assert!(modules.module_of(SurfaceIndex(0)).is_none_or(|m| m == ModuleIndex(0)));
    let missing = read_truth(
        shared.join("toy/events/n_particles_10"),
        77,
        &SensorTable::acts(&detector, &modules),
    );
    assert!(matches!(missing, Err(Error::Missing { .. })), "{missing:?}");
}

#[test]
fn truth_that_contradicts_itself_is_refused_with_its_line() {
    let message = |kind: EventFile, change: fn(String) -> String| {
        let folder = tempfile::tempdir().unwrap();
        for file in EventFile::ALL {
            let name = file.file_name(0);
            let text = std::fs::read(testdata::path("mock").join(&name)).unwrap();
            let text = if file == kind {
                change(String::from_utf8(text).unwrap()).into_bytes()
            } else {
                text
            };
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        truth_of(folder.path()).unwrap_err().to_string()
    };
    let twice = message(EventFile::Particles, |text| {
        let (header, rows) = text.split_once('\n').unwrap();
        format!("# listed twice\n{header}\n\n{rows}\n{rows}")
    });
    assert!(
        twice.ends_with("-particles_initial.csv`, line 9: a second particle 4503599627370496"),
        "{twice}"
    );
    let twice = message(EventFile::SimhitMap, |text| text.replacen("\n0,0\n", "\n0,0\n0,0\n", 1));
    assert!(twice.ends_with("line 3: a second line for hit 0 in measurement 0"), "{twice}");
}

/// The mock event with files changed: `change` gets the kind and the text of each.
fn changed_event(change: impl Fn(EventFile, String) -> String) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in EventFile::ALL {
        let name = file.file_name(0);
        let bytes = std::fs::read(testdata::path("mock").join(&name)).unwrap();
        // The measurements have a raw byte: that file is not changed.
        let bytes = match String::from_utf8(bytes) {
            Ok(text) => change(file, text).into_bytes(),
            Err(error) => error.into_bytes(),
        };
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn truth_of(folder: &Path) -> traccc_io::Result<TruthEvent> {
    read_truth(folder, 0, &mock())
}

/// In place of the first column `particle_id` the five numbers that ACTS packs into it; `particle` changes the third.
fn in_five_columns(text: &str, particle: fn(u64) -> u64) -> String {
    let mut lines = text.lines();
    let header = lines.next().unwrap().strip_prefix("particle_id,").unwrap();
    let mut changed = format!(
        "particle_id_pv,particle_id_sv,particle_id_part,particle_id_gen,particle_id_subpart,{header}\n"
    );
    for line in lines {
        let (id, rest) = line.split_once(',').unwrap();
        let id: u64 = id.parse().unwrap();
        let part = particle(id >> 24 & 0xffff);
        let [pv, sv, gen_, sub] = [id >> 52, id >> 40 & 0xfff, id >> 16 & 0xff, id & 0xffff];
        changed += &format!("{pv},{sv},{part},{gen_},{sub},{rest}\n");
    }
    changed
}

#[test]
fn particle_ids_in_five_columns_are_those_in_one() {
    let expected = truth_of(&testdata::path("mock")).unwrap();
    let has_particles = |file| matches!(file, EventFile::Hits | EventFile::Particles);
    // In both files, and in one of them only.
    for files in [[EventFile::Hits, EventFile::Particles], [EventFile::Hits; 2]] {
        let folder = changed_event(|file, text| {
            if files.contains(&file) { in_five_columns(&text, |part| part) } else { text }
        });
        assert_eq!(truth_of(folder.path()).unwrap(), expected);
    }
    // Numbers beyond the bits of the packed identifier: particles are numbered.
    let folder = changed_event(|file, text| {
        if has_particles(file) { in_five_columns(&text, |part| part + 70_000) } else { text }
    });
    let far = truth_of(folder.path()).unwrap();
    assert_eq!(far.particles.iter().map(|p| p.id).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(far.hits.iter().map(|h| h.particle).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn hits_of_particles_that_are_not_listed_have_no_particle() {
    let folder = changed_event(|file, text| match file {
        EventFile::Particles => text
            .lines()
            .enumerate()
            .filter(|(i, _)| *i != 1)
            .map(|(_, l)| format!("{l}\n"))
            .collect(),
        _ => text,
    });
    let truth = truth_of(folder.path()).unwrap();
    let ids: Vec<u64> = truth.particles.iter().map(|p| p.id).collect();
    let of_hits: Vec<u64> = truth.hits.iter().map(|h| h.particle).collect();
    assert_eq!(of_hits, [ids[0], TruthHit::NO_PARTICLE, ids[1]]);
    let to = tempfile::tempdir().unwrap();
    write_hits(to.path(), 0, &truth, &mock()).unwrap();
    let name = EventFile::Hits.file_name(0);
    std::fs::copy(to.path().join(&name), folder.path().join(&name)).unwrap();
    assert_eq!(truth_of(folder.path()).unwrap(), truth, "written and read back");
}

#[test]
fn other_dialects_of_the_files_hold_the_same_event() {
    let expected = truth_of(&testdata::path("mock")).unwrap();
    let quoted = |text: &str| {
        let fields = |line: &str| {
            line.split(',').map(|field| format!("\"{field}\"")).collect::<Vec<_>>().join(",")
        };
        text.lines().map(|line| fields(line) + "\r\n").collect::<String>()
    };
    let dialects: [&dyn Fn(EventFile, String) -> String; 3] = [
        &|_, text| quoted(&text),
        &|_, text| format!("# ACTS export\n\n{}\n  \n", text.replace('\n', "\n# more\n \t \n")),
        // The name of the column in older versions of ACTS.
        &|file, text| match file {
            EventFile::Cells => text.replacen("measurement_id", "hit_id", 1),
            _ => text,
        },
    ];
    let sensors = mock();
    let cells = |folder: &Path| {
        let path = folder.join(EventFile::Cells.file_name(0));
        read_cells(path, &sensors, Duplicates::Merge).unwrap()
    };
    for (number, dialect) in dialects.into_iter().enumerate() {
        let folder = changed_event(dialect);
        assert_eq!(truth_of(folder.path()).unwrap(), expected, "{number}");
        assert_eq!(cells(folder.path()), cells(&testdata::path("mock")), "{number}");
    }
}

#[test]
fn a_refused_duplicate_is_named_by_its_line_in_the_file() {
    let sensors = mock();
    let folder = changed_event(|_, text| format!("# a comment\n{}", text.replace('\n', "\n\n")));
    let path = folder.path().join(EventFile::Cells.file_name(0));
    let message = read_cells(&path, &sensors, Duplicates::Refuse).unwrap_err().to_string();
    assert!(message.contains("line 10: a second cell of channel 1, 1"), "{message}");
}

#[test]
fn cells_of_an_athena_id_of_two_sensors_are_refused() {
    let (detector, modules) = telescope();
    let folder = tempfile::tempdir().unwrap();
    let map = folder.path().join("map.txt");
    let [one, two] = [detector.barcodes[0], detector.barcodes[1]];
    std::fs::write(&map, format!("0xa,{one}\n\n0xa,{two}\n")).unwrap();
    let sensors = read_athena_ids(&map).unwrap().sensors(&detector, &modules);
    let message = one_cell(10, &sensors).unwrap_err().to_string();
    assert!(
        message.contains("Athena id 10 belongs to several sensors, surfaces 0 and 1"),
        "{message}"
    );
    std::fs::write(&map, format!("0xa,{one}\n0xa,{one}\n")).unwrap();
    let sensors = read_athena_ids(&map).unwrap().sensors(&detector, &modules);
    assert_eq!(one_cell(10, &sensors).unwrap().cells.module, [ModuleIndex(0)]);
}
