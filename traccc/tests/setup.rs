//! Setups from files, engines, and the settings that come with the project.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly too")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use traccc::detector::{Detector, Modules};
use traccc::event::Cells;
use traccc::field::{FieldChoice, MagneticField};
use traccc::{
    Backend, ChainConfig, Error, FieldSource, ModuleIndex, Setup, SetupFiles, io, settings,
};
use traccc_performance::conformance;
use traccc_sim::detectors::{TelescopeConfig, ToyConfig, pixel_modules, telescope, toy_detector};
use traccc_sim::{SimulationConfig, simulate_event};

/// Writes the toy detector into `folder` and returns it.
fn write_toy(folder: &Path) -> (Detector, Modules) {
    let model = toy_detector(&ToyConfig::full()).unwrap();
    let detector = Detector::compile(&model).unwrap();
    let modules = pixel_modules(&detector, [0.05, 0.05]).unwrap();
    io::write_detector(folder, &model).unwrap();
    let digitization = io::Digitization::from_modules(&detector, &modules).unwrap();
    io::write_digitization(folder.join("digitization.json"), &digitization).unwrap();
    (detector, modules)
}

#[test]
fn a_setup_read_from_files_is_the_one_that_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let (detector, modules) = write_toy(folder.path());
    let setup = Setup::read(&SetupFiles::in_dir(folder.path()).unwrap()).unwrap();
    assert_eq!(*setup.detector, detector);
    // Designs are numbered as they come: in the files by the ids of volumes.
    assert_eq!(setup.modules.surface, modules.surface);
    for module in (0..modules.len()).map(ModuleIndex::from) {
        assert_eq!(setup.modules.segmentation(module), modules.segmentation(module));
    }
    assert_eq!(*setup.field, MagneticField::along_z(2.0));
}

#[test]
fn conditions_shift_measurements_and_the_digitization_does_not_need_them() {
    let folder = tempfile::tempdir().unwrap();
    let (_, modules) = write_toy(folder.path());
    let mut files = SetupFiles::in_dir(folder.path()).unwrap();
    let mut digitization = io::read_digitization(&files.digitization).unwrap();
    for entry in &mut digitization.entries {
        entry.shift = [0.25, 0.0];
    }
    let conditions = folder.path().join("conditions.json");
    io::write_digitization(&conditions, &digitization).unwrap();
    files.conditions = Some(conditions);
    let shifted = Setup::read(&files).unwrap();
    assert!(
        shifted.modules.translation.iter().all(|shift| shift[0].to_bits() == 0.25_f32.to_bits())
    );
    assert!(modules.translation.iter().all(|shift| shift[0] == 0.0));
}

#[test]
fn a_folder_with_two_digitizations_or_none_asks_for_one() {
    let folder = tempfile::tempdir().unwrap();
    write_toy(folder.path());
    let digitization = folder.path().join("digitization.json");
    std::fs::copy(&digitization, folder.path().join("other.json")).unwrap();
    let error = SetupFiles::in_dir(folder.path()).unwrap_err();
    assert!(matches!(error, Error::Io(io::Error::Ambiguous { .. })), "{error}");
    std::fs::remove_file(&digitization).unwrap();
    std::fs::remove_file(folder.path().join("other.json")).unwrap();
    let error = SetupFiles::in_dir(folder.path()).unwrap_err();
    assert!(matches!(error, Error::Io(io::Error::NoDigitization { .. })), "{error}");
}

#[test]
fn a_digitization_without_entries_for_the_sensors_is_named_with_the_geometry() {
    let folder = tempfile::tempdir().unwrap();
    write_toy(folder.path());
    let files = SetupFiles::in_dir(folder.path()).unwrap();
    let mut digitization = io::read_digitization(&files.digitization).unwrap();
    digitization.entries.truncate(1);
    io::write_digitization(&files.digitization, &digitization).unwrap();
    let error = Setup::read(&files).unwrap_err();
    assert!(matches!(error, Error::Digitization { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.contains("digitization.json") && message.contains("geometry"), "{message}");
}

#[test]
fn a_field_file_that_does_not_exist_is_named() {
    let message = FieldSource::File("/nowhere/field.cvf".into()).read().unwrap_err().to_string();
    assert!(message.contains("/nowhere/field.cvf"), "{message}");
}

#[test]
fn an_engine_that_is_not_there_is_an_error_and_not_replaced() {
    let model = telescope(&TelescopeConfig::default()).unwrap();
    let detector = Detector::compile(&model).unwrap();
    let modules = pixel_modules(&detector, [0.05, 0.05]).unwrap();
    let setup = Setup::new(detector, modules, MagneticField::along_z(2.0));
    let backend = Backend::Cuda { device: 2 };
    let error = setup.open(backend, &ChainConfig::full()).unwrap_err();
    assert!(matches!(error, Error::NoEngine { backend: found, .. } if found == backend), "{error}");

    let mut chain = setup.open(Backend::Cpu, &ChainConfig::service()).unwrap();
    let event = chain.reconstruct(&Cells::new()).unwrap();
    assert!(event.tracks().is_empty() && event.fitted.is_none());
    assert_eq!((chain.backend(), chain.config()), (Backend::Cpu, &ChainConfig::service()));

    let engine = setup.engine(Backend::Auto).unwrap();
    let reason = engine.reason().unwrap();
    match engine.backend() {
        Backend::Cpu => assert!(!reason.is_empty()),
        other => assert_eq!(other, Backend::Cuda { device: 0 }, "{reason}"),
    }
    assert_eq!(setup.engine(Backend::Cpu).unwrap().reason(), None, "it was asked for");
}

#[test]
fn the_chain_of_the_facade_conforms() {
    let detector = Detector::compile(&toy_detector(&ToyConfig::full()).unwrap()).unwrap();
    let modules = pixel_modules(&detector, [0.05, 0.05]).unwrap();
    let setup = Setup::new(detector, modules, MagneticField::along_z(2.0));
    let Setup { detector, modules, field, .. } = &setup;
    let simulation = SimulationConfig::default();
    let event = |n| simulate_event(detector, modules, field, &simulation, 5, n).unwrap().cells;
    let events: Vec<Cells> = (0..3).map(event).collect();
    let mut chain = setup.open(Backend::Auto, &ChainConfig::full()).unwrap();
    assert_eq!(conformance::check(&mut chain, &events, detector, modules), Ok(()));
}

/// The settings files of a folder of the project.
fn configs(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs").join(folder);
    let paths = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.is_file()).collect();
    paths.sort();
    paths
}

/// Golden and parity tests use these: no later default may change them.
#[test]
fn the_settings_of_the_reference_results_name_every_value() {
    let paths = configs("upstream");
    assert_eq!(paths.len(), 5, "{paths:?}");
    let keys = |text: &str| -> BTreeSet<String> {
        let table: toml::Table = toml::from_str(text).unwrap();
        let of_stage = |(stage, settings): (&String, &toml::Value)| {
            let keys = settings.as_table().unwrap().keys();
            keys.map(|key| format!("{stage}.{key}")).collect::<Vec<_>>()
        };
        table.iter().flat_map(of_stage).collect()
    };
    let all = keys(&settings::to_toml(&ChainConfig::full()).unwrap());
    for path in paths {
        let named = keys(&std::fs::read_to_string(&path).unwrap());
        let missing: Vec<_> = all.difference(&named).collect();
        assert!(missing.is_empty(), "{}: {missing:?}", path.display());
        let config = settings::read(&path, &ChainConfig::full()).unwrap();
        assert_eq!(settings::read(&path, &ChainConfig::service()).unwrap(), config);
        config.validate().unwrap();
    }
}

/// One file for each detector serves every chain.
#[test]
fn the_settings_of_a_detector_suit_every_chain() {
    let paths = configs("");
    assert_eq!(paths.len(), 4, "{paths:?}");
    for base in [ChainConfig::full(), ChainConfig::service()] {
        for path in &paths {
            let config = settings::read(path, &base).unwrap();
            config.validate().unwrap();
            assert_eq!(config.finding.smoother, base.finding.smoother, "{}", path.display());
            assert_eq!(config.ambiguity, base.ambiguity);
            assert_eq!(config.fitting.enabled, base.fitting.enabled);
            assert_eq!(config.seeding.field, FieldChoice::Setup);
        }
    }
}

#[test]
fn a_removed_setting_is_told_with_file_line_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain.toml");
    std::fs::write(&path, "[seeding]\nbz = 1.99724\n").unwrap();
    let error = settings::read(&path, &ChainConfig::full()).unwrap_err();
    let message = format!("{error}: {}", std::error::Error::source(&error).unwrap());
    for part in ["chain.toml`", "line 2: `seeding.bz` is removed: delete this line, because "] {
        assert!(message.contains(part), "{message}");
    }
}
