//! Detectors from files: the small fixtures in detail, the samples in `../shared` as a whole.
#![expect(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test may panic, and reads exactly the numbers that are in the file"
)]

use std::f64::consts::PI;
use std::path::Path;
use traccc_core::SurfaceIndex;
use traccc_core::detector::{
    AxisModel, Detector, DetectorModel, GridFrame, GridModel, MaterialModel, Placement, Shape,
    SurfaceKind, VolumeShape,
};
use traccc_core::event::Subspace;
use traccc_io::{
    ContentProblem, DetectorFiles, Digitization, Error, read_conditions, read_detector,
    read_digitization, with_homogeneous_material, with_surface_grids, write_detector,
    write_digitization,
};

fn fixture(name: &str) -> DetectorModel {
    read_detector(&DetectorFiles::find(testdata::path(name)).unwrap()).unwrap()
}

fn written_and_read(model: &DetectorModel) -> DetectorModel {
    let folder = tempfile::tempdir().unwrap();
    let files = write_detector(folder.path(), model).unwrap();
    assert_eq!(DetectorFiles::find(folder.path()).unwrap(), files);
    read_detector(&files).unwrap()
}

#[test]
fn the_telescope_has_two_sensors_of_80_micrometres() {
    let model = fixture("telescope");
    assert_eq!((model.name.as_str(), model.volumes.len()), ("telescope_detector", 1));
    let volume = &model.volumes[0];
    assert_eq!((volume.shape, volume.surfaces.len()), (VolumeShape::Cuboid, 8));
    assert_eq!(volume.surfaces[1].placement, Placement::at([0.0, 0.0, 100.0]));
    assert_eq!(volume.surfaces[6].placement.axes[0], [0.0, 0.0, -1.0]);
    assert_eq!(volume.surfaces[2].masks[0].link, None);
    let Some(MaterialModel::Slab(slab)) = volume.surfaces[1].material else { panic!("no slab") };
    assert_eq!((slab.thickness, slab.material.radiation_length), (0.08, 95.7));
    assert!(volume.surfaces[2].material.is_none());

    let detector = Detector::compile(&model).unwrap();
    assert_eq!(
        detector.sensitive_surfaces().collect::<Vec<_>>(),
        [SurfaceIndex(0), SurfaceIndex(1)]
    );
    assert_eq!(detector.surface_by_barcode(281_475_110_928_575), Some(SurfaceIndex(1)));
}

#[test]
fn the_annulus_fixture_is_read_with_its_legacy_keys_and_maps() {
    let model = fixture("annulus");
    let surfaces = &model.volumes[0].surfaces;
    let shapes: Vec<_> = surfaces.iter().map(|s| s.shape).collect();
    assert_eq!(
        shapes,
        [
            Shape::ConcentricCylinder,
            Shape::Ring,
            Shape::Ring,
            Shape::Annulus,
            Shape::Annulus,
            Shape::ConcentricCylinder,
            Shape::Rectangle,
            Shape::Trapezoid
        ]
    );
    let links: Vec<_> = surfaces[2].masks.iter().map(|m| m.link).collect();
    assert_eq!(links, [Some(1), None]);

    let map = |s: usize| match &surfaces[s].material {
        Some(MaterialModel::Map(map)) => map,
        other => panic!("{other:?}"),
    };
    let axis = |bins, min, max, circular| AxisModel { bins, min, max, circular };
    assert_eq!(map(0).axes, [axis(3, -PI, PI, true), axis(2, -50.0, 50.0, false)]);
    assert_eq!(map(1).axes, [axis(2, 0.0, 400.0, false), axis(4, -PI, PI, true)]);
    assert_eq!(map(3).axes, [axis(2, 380.0, 490.0, false), axis(2, 1.47, 1.69, false)]);
    assert_eq!(map(6).axes, [axis(2, -10.0, 10.0, false), axis(1, -20.0, 20.0, false)]);
    let thickness =
        |s: usize| -> Vec<_> { map(s).slabs.iter().map(|s| s.map(|s| s.thickness)).collect() };
    assert_eq!(thickness(0), [1.0, 2.0, 3.0, 11.0, 12.0, 13.0].map(Some));
    // One bin is not listed, one is too thin, one is null.
    assert_eq!(thickness(3), [None, Some(0.3), None, None]);

    let detector = Detector::compile(&model).unwrap();
    let cylinder = &detector.surfaces[0];
    assert_eq!(cylinder.mask.bounds[..3], [500.0, -50.0, 50.0]);
    assert_eq!(detector.slab_at(cylinder, [3.0, 10.0]).unwrap().thickness, 13.0);
    assert!(detector.slab_at(&detector.surfaces[3], [400.0, 1.5]).is_none());
}

#[test]
fn annulus_strips_measure_the_angle_and_entries_are_looked_up_by_hierarchy() {
    let detector = Detector::compile(&fixture("annulus")).unwrap();
    let digitization =
        read_digitization(testdata::path("annulus/annulus_digitization.json")).unwrap();
    let modules = digitization.modules(&detector, None).unwrap();
    let (loc0, loc1, both) = (Subspace::LOC0, Subspace::LOC1, Subspace::BOTH);
    // Two annuli, the rectangle (sensor 4), the trapezoid (sensor 3).
    assert_eq!(modules.subspace, [loc1, loc1, loc0, both]);
    assert_eq!(modules.translation[3], [0.01, -0.02]);
    assert_eq!(modules.channels(traccc_core::ModuleIndex(0))[1], 4);

    let conditions = read_conditions(testdata::path("annulus/annulus_digitization.json")).unwrap();
    assert_eq!(digitization.modules(&detector, Some(&conditions)).unwrap(), modules);
    let none = traccc_io::Conditions::default();
    assert!(matches!(
        digitization.modules(&detector, Some(&none)),
        Err(Error::NoConditions { surface: 3, .. })
    ));
    let nothing = Digitization::default().modules(&detector, None);
    assert!(matches!(nothing, Err(Error::Core(traccc_core::Error::NoDesign { surface: 3, .. }))));
}

#[test]
fn what_is_written_is_read_back() {
    let telescope = fixture("telescope");
    assert_eq!(written_and_read(&telescope), telescope);

    let mut model = fixture("annulus");
    model.name = "a/b".into();
    let axis = |bins, min, max, circular| AxisModel { bins, min, max, circular };
    let mut bins = vec![Vec::new(); 6];
    bins[4] = vec![6, 7, 3];
    let grid = |frame, axes| GridModel { frame, axes, bins: bins.clone() };
    model.volumes[0].grids = vec![
        grid(GridFrame::DISC, [axis(2, 1.0, 2.5, false), axis(3, -PI, PI, true)]),
        grid(GridFrame::CYLINDER, [axis(3, -PI, PI, true), axis(2, -1.0, 0.1, false)]),
        grid(GridFrame::PLANE, [axis(3, -1.0, 1.0, false), axis(2, -1.0, 0.1, false)]),
    ];
    assert_eq!(written_and_read(&model), model);

    let detector = Detector::compile(&model).unwrap();
    let digitization =
        read_digitization(testdata::path("annulus/annulus_digitization.json")).unwrap();
    let modules = digitization.modules(&detector, None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digitization.json");
    write_digitization(&path, &Digitization::from_modules(&detector, &modules).unwrap()).unwrap();
    let again = read_digitization(&path).unwrap().modules(&detector, None).unwrap();
    assert_eq!((&again.subspace, &again.translation), (&modules.subspace, &modules.translation));
    for module in (0..modules.len()).map(traccc_core::ModuleIndex::from) {
        assert_eq!(again.segmentation(module), modules.segmentation(module));
    }
}

#[test]
fn what_would_come_back_different_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |model: &DetectorModel| {
        let result = write_detector(folder.path(), model);
        assert!(matches!(result, Err(Error::NotWritable { .. })), "{result:?}");
    };
    let mut tilted = fixture("annulus");
    tilted.volumes[0].surfaces[5].shape = Shape::Cylinder;
    write_detector(folder.path(), &tilted).unwrap();
    tilted.volumes[0].surfaces[5].placement.translation[0] = 1.0;
    refused(&tilted);

    // The slabs of an earlier telescope must not become those of a later one.
    let mut bare = fixture("telescope");
    write_detector(folder.path(), &bare).unwrap();
    bare.volumes[0].surfaces.iter_mut().for_each(|s| s.material = None);
    refused(&bare);

    let mut lopsided = fixture("annulus");
    let Some(MaterialModel::Map(map)) = &mut lopsided.volumes[0].surfaces[6].material else {
        panic!("no map")
    };
    map.axes[0].min = -3.0;
    refused(&lopsided);
}

#[test]
fn files_are_found_by_content_and_candidates_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let copy =
        |from: &str, to: &str| std::fs::copy(testdata::path(from), folder.path().join(to)).unwrap();
    assert!(matches!(DetectorFiles::find(folder.path()), Err(Error::NoGeometry { .. })));
    copy("telescope/telescope_detector_geometry.json", "b.json");
    copy("telescope/telescope_detector_homogeneous_material.json", "a.json");
    std::fs::write(folder.path().join("other.json"), "[1, 2]").unwrap();
    let files = DetectorFiles::find(folder.path()).unwrap();
    assert!(files.geometry.ends_with("b.json") && files.surface_grids.is_none());
    assert!(files.homogeneous_material.as_ref().unwrap().ends_with("a.json"));
    assert!(matches!(files.digitization(), Err(Error::NoDigitization { .. })));

    copy("annulus/annulus_digitization.json", "d1.json");
    assert!(
        DetectorFiles::find(folder.path()).unwrap().digitization().unwrap().ends_with("d1.json")
    );
    copy("annulus/annulus_digitization.json", "d2.json");
    let message =
        DetectorFiles::find(folder.path()).unwrap().digitization().unwrap_err().to_string();
    assert!(message.contains("d1.json") && message.contains("d2.json"), "{message}");

    let compressed = zstd_of(&testdata::path("annulus/annulus_geometry.json"));
    std::fs::write(folder.path().join("g.json.zst"), &compressed).unwrap();
    let ambiguous = DetectorFiles::find(folder.path());
    assert!(
        matches!(&ambiguous, Err(Error::Ambiguous { candidates, .. }) if candidates.len() == 2),
        "{ambiguous:?}"
    );

    std::fs::remove_file(folder.path().join("b.json")).unwrap();
    let files = DetectorFiles::find(folder.path()).unwrap();
    assert_eq!(traccc_io::read_geometry(&files.geometry).unwrap().name, "annulus");
    std::fs::write(folder.path().join("broken.json"), "{\"header\": {\"common\"").unwrap();
    assert!(matches!(DetectorFiles::find(folder.path()), Err(Error::Json { .. })));
}

fn zstd_of(path: &Path) -> Vec<u8> {
    zstd::encode_all(std::fs::read(path).unwrap().as_slice(), 1).unwrap()
}

#[test]
fn a_file_of_another_kind_is_named_as_such() {
    let model = fixture("telescope");
    let geometry = testdata::path("telescope/telescope_detector_geometry.json");
    for result in [
        with_homogeneous_material(model.clone(), &geometry),
        with_surface_grids(model, testdata::path("annulus/annulus_digitization.json")),
    ] {
        assert!(
            matches!(result, Err(Error::Content { problem: ContentProblem::Tag { .. }, .. })),
            "{result:?}"
        );
    }
}

/// Folder, digitization file, sensors, volumes, surfaces, grids, slabs.
type Sample = (&'static str, &'static str, [usize; 5]);

const SAMPLES: [Sample; 3] = [
    ("odd", "odd-digi-geometric-config.json", [18_824, 113, 19_429, 48, 19_024]),
    ("generic", "generic_digi.json", [18_728, 105, 19_319, 48, 18_730]),
    ("toy", "toy-digi-geometric-config.json", [4_004, 38, 4_158, 18, 4_005]),
];

#[test]
fn the_sample_detectors_load_compile_and_survive_a_round_trip() {
    let Some(shared) = testdata::shared() else {
        println!("skipped: ../shared is absent");
        return;
    };
    for (name, digitization, [sensors, volumes, surfaces, grids, slabs]) in SAMPLES {
        let folder = shared.join(name).join("geometry");
        let files = DetectorFiles::find(&folder).unwrap();
        let model = read_detector(&files).unwrap();
        let detector = Detector::compile(&model).unwrap();
        assert_eq!(detector.sensitive_surfaces().count(), sensors, "{name}");
        assert_eq!(
            [
                detector.volumes.len(),
                detector.surfaces.len(),
                detector.grids.len(),
                detector.slabs.len()
            ],
            [volumes, surfaces, grids, slabs],
            "{name}"
        );
        let digitization = read_digitization(folder.join(digitization)).unwrap();
        let modules = digitization.modules(&detector, None).unwrap();
        assert_eq!(modules.len(), sensors);
        // What upstream's measurement order relies on.
        let sources: Vec<u64> =
            modules.surface.iter().map(|s| detector.geometry_ids[s.get()]).collect();
        assert!(sources.is_sorted(), "{name}");
        assert_eq!(files.digitization().is_ok(), name != "odd");

        assert_eq!(written_and_read(&model), model, "{name}");
        let again = Digitization::from_modules(&detector, &modules).unwrap();
        assert_eq!(again.modules(&detector, None).unwrap().design.len(), sensors);
    }
}

#[test]
fn portals_of_the_samples_lead_in_and_out_and_every_sensor_has_material() {
    let Some(shared) = testdata::shared() else {
        println!("skipped: ../shared is absent");
        return;
    };
    for (name, ..) in SAMPLES {
        let model =
            read_detector(&DetectorFiles::find(shared.join(name).join("geometry")).unwrap())
                .unwrap();
        for (v, volume) in model.volumes.iter().enumerate() {
            for surface in &volume.surfaces {
                let portal = surface.kind == SurfaceKind::PORTAL;
                assert!(surface.masks.iter().all(|m| portal != (m.link == Some(v))), "{name} {v}");
                assert!(
                    surface.kind != SurfaceKind::SENSITIVE || surface.material.is_some(),
                    "{name} {v}"
                );
            }
        }
    }
}
