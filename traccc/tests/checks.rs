//! Pieces of a setup that do not belong together, each told with its numbers and files; and silence about sound ones.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly too")]

use std::path::{Path, PathBuf};
use std::time::Instant;
use traccc::detector::{Detector, DetectorModel, ModuleDesign, Modules};
use traccc::field::{FieldChoice, MagneticField};
use traccc::io::{self, DetectorFiles};
use traccc::{ChainConfig, Error, FieldSource, Misfit, Setup, SetupFiles, Warning};
use traccc_sim::detectors::{TelescopeConfig, ToyConfig, pixel_modules, telescope, toy_detector};

fn file(name: &str) -> PathBuf {
    testdata::path("mismatched").join(name)
}

/// A telescope of nine square sensors with half sides of 50 mm.
fn files() -> SetupFiles {
    let geometry = file("telescope_detector_geometry.json");
    SetupFiles {
        detector: DetectorFiles { geometry, ..DetectorFiles::default() },
        digitization: file("telescope_detector_digitization.json"),
        conditions: None,
        field: FieldSource::default(),
    }
}

fn built(model: &DetectorModel, field: MagneticField) -> Setup {
    let detector = Detector::compile(model).unwrap();
    let modules = pixel_modules(&detector, [0.05, 0.05]).unwrap();
    Setup::new(detector, modules, field)
}

fn toy(field: MagneticField) -> Setup {
    built(&toy_detector(&ToyConfig::full()).unwrap(), field)
}

#[test]
fn nothing_is_said_about_detectors_built_in_code() {
    for model in
        [toy_detector(&ToyConfig::full()).unwrap(), telescope(&TelescopeConfig::default()).unwrap()]
    {
        let setup = built(&model, MagneticField::along_z(2.0));
        assert_eq!(setup.warnings, []);
        for config in [ChainConfig::full(), ChainConfig::service()] {
            assert_eq!(setup.check(&config).unwrap(), []);
        }
    }
}

#[test]
fn nothing_is_said_about_the_sound_setups_of_the_samples() {
    let annulus = testdata::path("annulus");
    assert_eq!(Setup::read(&SetupFiles::in_dir(annulus).unwrap()).unwrap().warnings, []);
    let Some(data) = testdata::shared() else {
        println!("skipped: ../shared/data is absent");
        return;
    };
    for (folder, digitization) in [
        ("generic/geometry", "generic/geometry/generic_digi.json.gz"),
        ("generic/geometry", "generic/calibrated/generic_digi_calibrated.json.gz"),
        ("odd/geometry", "odd/geometry/odd-digi-geometric-config.json"),
        // Other pitches, the same areas.
        ("odd/geometry", "odd/geometry/odd-digi-geometric-config-published.json"),
        ("toy/geometry", "toy/geometry/toy-digi-geometric-config.json"),
        ("toy/geometry", "toy/calibrated/toy_digi_calibrated.json.gz"),
        ("faults/tel", "faults/tel/telescope_detector_digitization.json"),
    ] {
        let detector = DetectorFiles::find(data.join(folder)).unwrap();
        let (digitization, field) = (data.join(digitization), FieldSource::default());
        let files = SetupFiles { detector, digitization, conditions: None, field };
        let setup = Setup::read(&files).unwrap();
        assert_eq!(setup.warnings, [], "{folder}");
        let pieces = ((*setup.detector).clone(), (*setup.modules).clone(), (*setup.field).clone());
        let start = Instant::now();
        Setup::new(pieces.0, pieces.1, pieces.2);
        println!("{folder}: checked in {:.2} ms", start.elapsed().as_secs_f64() * 1.0e3);
        let name = folder.split('/').next().unwrap();
        let config =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../configs/upstream/{name}.toml"));
        if config.is_file() {
            let config = traccc::settings::read(config, &ChainConfig::full()).unwrap();
            assert_eq!(setup.check(&config).unwrap(), [], "{folder}");
        }
    }
}

/// A digitization file of the OpenDataDetector in circulation has ±48 mm for strips of 53 to 70 mm half width.
#[test]
fn channels_that_do_not_span_the_endcap_strips_of_the_open_data_detector_are_counted() {
    let Some(data) = testdata::shared() else {
        println!("skipped: ../shared/data is absent");
        return;
    };
    let detector = DetectorFiles::find(data.join("odd/geometry")).unwrap();
    let own = data.join("odd/geometry/odd-digi-geometric-config.json");
    let mut entries = io::read_digitization(own).unwrap();
    for entry in entries.entries.iter_mut().filter(|entry| [28, 30].contains(&entry.key.volume)) {
        if let io::EntrySegmentation::Channels(axes) = &mut entry.segmentation {
            axes[0] = io::AxisBinning::Equidistant { bins: 960, min: -48.0, max: 48.0 };
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let digitization = folder.path().join("digitization.json");
    io::write_digitization(&digitization, &entries).unwrap();
    let field = FieldSource::default();
    let files = SetupFiles { detector, digitization, conditions: None, field };
    let warnings = Setup::read(&files).unwrap().warnings;
    let [Warning::Segmentation { axis: "x", misfit: Misfit::Short, sensors, all, .. }] =
        &warnings[..]
    else {
        panic!("{warnings:?}")
    };
    // Two volumes of two rings of 576 sensors.
    assert_eq!((*sensors, *all), (2304, 18_824));
}

#[test]
fn channels_in_cm_are_told_with_counts_and_both_files() {
    let digitization = file("digi-in-cm.json");
    let warnings = Setup::read(&SetupFiles { digitization, ..files() }).unwrap().warnings;
    let [Warning::Segmentation { axis: "x", .. }, Warning::Segmentation { axis: "y", .. }] =
        &warnings[..]
    else {
        panic!("{warnings:?}")
    };
    let message = warnings[0].to_string();
    for part in [
        "digi-in-cm.json` does not fit `",
        "telescope_detector_geometry.json`: along x the channels of 9 of 9 sensors cover less than 0.9 of the sensor",
        "channels from -5 to 5, sensor from -50 to 50 mm",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn channels_of_much_larger_sensors_are_told() {
    let detector = Detector::compile(&telescope(&TelescopeConfig::default()).unwrap()).unwrap();
    let design = ModuleDesign::equidistant([400, 840], [-20.0, -42.0], [20.0, 42.0]);
    let modules = Modules::new(&detector, vec![design], |_| Some((0, [0.0; 2]))).unwrap();
    let warnings = Setup::new(detector, modules, MagneticField::along_z(2.0)).warnings;
    let [Warning::Segmentation { axis: "y", misfit: Misfit::Long, sensors, all, .. }] =
        &warnings[..]
    else {
        panic!("{warnings:?}")
    };
    assert_eq!(sensors, all);
}

#[test]
fn material_of_another_detector_is_refused_with_both_names() {
    let mut files = files();
    files.detector.homogeneous_material = Some(file("material-of-another-detector.json"));
    let error = Setup::read(&files).unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, Error::Io(io::Error::OtherDetector { .. })), "{message}");
    for part in [
        "material-of-another-detector.json` is of the detector `some_other_detector`",
        "telescope_detector_geometry.json` of `telescope_detector`",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn sensors_in_no_bin_are_counted() {
    let mut model = toy_detector(&ToyConfig::full()).unwrap();
    let volume = model.volumes.iter_mut().find(|volume| !volume.grids.is_empty()).unwrap();
    let lost = volume.grids[0].bins.iter().flatten().copied().min().unwrap();
    for bin in &mut volume.grids[0].bins {
        bin.retain(|&surface| surface != lost && surface != lost + 1);
    }
    let warnings = built(&model, MagneticField::along_z(2.0)).warnings;
    let [Warning::SensorsInNoBin { sensors: 2, .. }] = &warnings[..] else {
        panic!("{warnings:?}")
    };
}

#[test]
fn a_field_in_the_wrong_unit_is_told() {
    let field = FieldSource::File(file("2T-stored-in-tesla.cvf"));
    let setup = Setup::read(&SetupFiles { field, ..files() }).unwrap();
    let strong = |w: &&Warning| matches!(w, Warning::StrongField { .. });
    let message = setup.warnings.iter().find(strong).unwrap().to_string();
    for part in ["2T-stored-in-tesla.cvf` reaches 667", "is the map in T?", "GeV/(e mm)"] {
        assert!(message.contains(part), "{message}");
    }
    let warnings = toy(MagneticField::along_z(-21.0)).warnings;
    assert!(matches!(&warnings[..], [Warning::StrongField { .. }]), "{warnings:?}");
}

#[test]
fn a_field_map_that_ends_within_the_detector_is_told() {
    let field = FieldSource::File(file("2T-map-of-6mm.cvf"));
    let warnings = Setup::read(&SetupFiles { field, ..files() }).unwrap().warnings;
    let [small @ Warning::FieldMapTooSmall { sensors: 9, all: 9, .. }] = &warnings[..] else {
        panic!("{warnings:?}")
    };
    assert!(
        small.to_string().contains("2T-map-of-6mm.cvf` does not cover 9 of 9 sensors"),
        "{small}"
    );
}

#[test]
fn settings_with_a_field_of_their_own_are_compared_with_that_of_the_setup() {
    let setup = toy(MagneticField::along_z(3.8));
    let mut config = ChainConfig::full();
    assert_eq!(setup.check(&config).unwrap(), []);
    config.seeding.field = FieldChoice::Constant(1.997_24);
    config.parameters.field = FieldChoice::Constant(3.7);
    let warnings = setup.check(&config).unwrap();
    let [Warning::FieldOfSettings { setting: "seeding.field", .. }] = &warnings[..] else {
        panic!("{warnings:?}")
    };
    let message = warnings[0].to_string();
    assert!(message.contains("1.99724 T, but the field has 3.8 T along z"), "{message}");
}

#[test]
fn finding_that_ends_tracks_above_the_limit_of_seeds_is_told_unless_it_is_meant_so() {
    let setup = toy(MagneticField::along_z(2.0));
    let mut config = ChainConfig::full();
    config.finding.min_pt = config.seeding.min_pt;
    let warnings = setup.check(&config).unwrap();
    let [Warning::FindingAboveSeeding { setting: "finding.min_pt", .. }] = &warnings[..] else {
        panic!("{warnings:?}")
    };
    let text = "[checks]\nsilenced = [\"finding_above_seeding\"]";
    assert!(warnings[0].to_string().contains(r#"`silenced = ["finding_above_seeding"]`"#));
    let silenced = traccc::settings::from_toml(text, &config).unwrap();
    assert_eq!(setup.check(&silenced).unwrap(), []);
}

#[test]
fn no_field_at_the_origin_is_an_error_that_names_the_field() {
    let setup = Setup::read(&SetupFiles { field: FieldSource::Constant([0.0; 3]), ..files() });
    let error = setup.unwrap().check(&ChainConfig::full()).unwrap_err();
    let Error::NoField { field, source } = &error else { panic!("{error}") };
    assert_eq!(field, "`constant:0,0,0`");
    let part = "`seeding.field` is \"setup\", which has 0 T along z at the origin";
    assert!(source.to_string().starts_with(part), "{source}");
}

#[test]
fn events_of_another_field_or_detector_are_told() {
    let setup = Setup::read(&files()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(setup.check_events(folder.path()), []);
    let check = |record: &str| {
        std::fs::write(folder.path().join("simulation.toml"), record).unwrap();
        setup.check_events(folder.path())
    };
    let sound =
        "detector = \"telescope_detector\"\nfield = \"constant:0,0,2\"\n[gun]\nparticles = 3";
    assert_eq!(check(sound), []);
    assert_eq!(check("of another program"), []);
    let other = check(&sound.replace("0,0,2", "0,0,0.5"));
    let [Warning::SimulatedField { simulated, field, .. }] = &other[..] else {
        panic!("{other:?}")
    };
    assert_eq!((simulated.as_str(), field.as_str()), ("constant:0,0,0.5", "`constant:0,0,2`"));
    let other = check(&sound.replace("constant:0,0,2", "maps/odd.cvf"));
    assert!(matches!(&other[..], [Warning::SimulatedField { .. }]), "{other:?}");
    let other = check(&sound.replace("telescope_detector", "toy_detector"));
    let [Warning::SimulatedDetector { simulated, detector, .. }] = &other[..] else {
        panic!("{other:?}")
    };
    assert_eq!((simulated.as_str(), detector.as_str()), ("toy_detector", "telescope_detector"));
}

#[test]
fn a_map_of_ids_of_another_detector_is_refused() {
    let setup = Setup::read(&files()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ids.txt");
    let check = |ids: &str| {
        std::fs::write(&path, ids).unwrap();
        setup.check_athena_ids(&io::read_athena_ids(&path).unwrap(), &path)
    };
    let sensor = setup.detector.barcodes[setup.modules.surface[0].get()];
    check(&format!("a,{sensor}\nb,17\n")).unwrap();
    let message = check("a,16\nb,17\n").unwrap_err().to_string();
    assert!(message.starts_with("none of the 2 ids in `"), "{message}");
    assert!(message.contains("of one of the 9 sensors of `"), "{message}");
}
