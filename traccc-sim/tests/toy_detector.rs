//! The toy detector against detray's published numbers and against the sample geometry file.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops with a message, and says when it skips"
)]

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use traccc_core::detector::{
    Detector, DetectorModel, MaterialModel, Shape, SurfaceKind, SurfaceModel, VolumeModel,
};
use traccc_sim::detectors::{ToyConfig, ToyMaterial, toy_detector};

fn default_toy() -> DetectorModel {
    toy_detector(&ToyConfig::default()).unwrap()
}

/// The volumes behind each portal of a volume, in surface order.
type Links = Vec<Vec<Option<usize>>>;

fn links(volume: &VolumeModel) -> Links {
    let portals = volume.surfaces.iter().filter(|s| s.kind == SurfaceKind::PORTAL);
    portals.map(|s| s.masks.iter().map(|m| m.link).collect()).collect()
}

#[test]
fn totals_are_those_of_detray() {
    let model = default_toy();
    assert_eq!(model.volumes.len(), 22);
    let surfaces: Vec<&SurfaceModel> = model.volumes.iter().flat_map(|v| &v.surfaces).collect();
    assert_eq!(surfaces.len(), 3230);
    let portal_masks = |shape: Shape| -> usize {
        surfaces.iter().filter(|s| s.shape == shape).map(|s| s.masks.len()).sum()
    };
    assert_eq!(portal_masks(Shape::ConcentricCylinder), 56);
    assert_eq!(portal_masks(Shape::Ring), 60);
    assert_eq!(surfaces.iter().filter(|s| s.shape == Shape::Rectangle).count(), 2492);
    assert_eq!(surfaces.iter().filter(|s| s.shape == Shape::Trapezoid).count(), 6 * 108);
    assert_eq!(surfaces.iter().filter(|s| s.material.is_some()).count(), 3141);
    assert_eq!(model.volumes.iter().map(|v| v.grids.len()).sum::<usize>(), 4 + 6);
}

#[test]
fn volumes_are_linked_as_in_detray() {
    const E: Option<usize> = None;
    let to = Some;
    let barrel_volumes: Vec<_> = (7..16).map(Some).collect();
    let one = |portals: [Option<usize>; 4]| portals.map(|p| vec![p]).to_vec();
    let expected: Vec<(&str, usize, Links)> = vec![
        (
            "beampipe_0",
            0,
            vec![
                vec![E],
                (1..7).map(Some).collect(),
                vec![to(8)],
                vec![E],
                (16..22).map(Some).collect(),
            ],
        ),
        ("endcap_1", 6, one([to(0), E, to(4), to(2)])),
        ("connector_gap_2", 118, vec![barrel_volumes.clone(), vec![to(1)], vec![to(0)], vec![E]]),
        ("endcap_3", 122, one([to(0), E, to(6), to(4)])),
        ("gap_4", 234, one([to(0), E, to(3), to(1)])),
        ("endcap_5", 238, one([to(0), E, E, to(6)])),
        ("gap_6", 350, one([to(0), E, to(5), to(3)])),
        ("barrel_7", 354, one([to(8), to(10), to(2), to(17)])),
        ("gap_8", 582, one([to(0), to(7), to(2), to(17)])),
        ("barrel_9", 586, one([to(10), to(12), to(2), to(17)])),
        ("gap_10", 1038, one([to(7), to(9), to(2), to(17)])),
        ("barrel_11", 1042, one([to(12), to(14), to(2), to(17)])),
        ("gap_12", 1774, one([to(9), to(11), to(2), to(17)])),
        ("barrel_13", 1778, one([to(14), to(15), to(2), to(17)])),
        ("gap_14", 2874, one([to(11), to(13), to(2), to(17)])),
        ("gap_15", 2878, one([to(13), E, to(2), to(17)])),
        ("endcap_16", 2882, one([to(0), E, to(17), to(19)])),
        ("connector_gap_17", 2994, vec![barrel_volumes, vec![to(16)], vec![to(0)], vec![E]]),
        ("endcap_18", 2998, one([to(0), E, to(19), to(21)])),
        ("gap_19", 3110, one([to(0), E, to(16), to(18)])),
        ("endcap_20", 3114, one([to(0), E, to(21), E])),
        ("gap_21", 3226, one([to(0), E, to(18), to(20)])),
    ];
    let model = default_toy();
    let mut first_surface = 0;
    for (volume, (name, first, portals)) in model.volumes.iter().zip(&expected) {
        assert_eq!(volume.name, *name);
        assert_eq!(first_surface, *first, "{name}");
        assert_eq!(links(volume), *portals, "{name}");
        first_surface += volume.surfaces.len();
    }
    assert_eq!(model.volumes.len(), expected.len());
}

#[test]
fn portals_have_the_published_radii() {
    let model = default_toy();
    let radius = |volume: usize, portal: usize| {
        let mut portals =
            model.volumes[volume].surfaces.iter().filter(|s| s.kind == SurfaceKind::PORTAL);
        portals.nth(portal).unwrap().masks[0].bounds[0]
    };
    let expected = [
        (7, 25.049292, 38.950708),
        (9, 65.700698, 78.299302),
        (11, 109.931731, 122.068269),
        (13, 166.057367, 177.942633),
    ];
    for (volume, inner, outer) in expected {
        assert!((radius(volume, 0) - inner).abs() < 1e-5, "{volume}: {}", radius(volume, 0));
        assert!((radius(volume, 1) - outer).abs() < 1e-5, "{volume}: {}", radius(volume, 1));
    }
    let z = |volume: usize| {
        let bounds = &model.volumes[volume].surfaces.last().unwrap();
        bounds.placement.translation[2]
    };
    assert!((z(16) - 607.5).abs() < 1e-9 && (z(18) - 707.5).abs() < 1e-9);
    assert!((z(20) - 827.5).abs() < 1e-9 && (z(1) + 592.5).abs() < 1e-9);
}

#[test]
fn every_sensor_is_in_exactly_one_grid_bin() {
    for layers in [0, 3, 7] {
        let config = ToyConfig { endcap_layers: layers, ..ToyConfig::default() };
        for volume in &toy_detector(&config).unwrap().volumes {
            let sensors = volume.surfaces.iter().filter(|s| s.kind == SurfaceKind::SENSITIVE);
            let expected: Vec<u32> = (0..sensors.count() as u32).collect();
            let mut found: Vec<u32> =
                volume.grids.iter().flat_map(|g| &g.bins).flatten().copied().collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{}", volume.name);
            let crowded = volume.grids.iter().flat_map(|g| &g.bins).any(|bin| bin.len() > 1);
            assert!(!crowded, "{}: a bin holds two sensors", volume.name);
        }
    }
}

#[test]
fn material_maps_are_as_many_as_in_detray() {
    let config = ToyConfig { material: ToyMaterial::Maps, ..ToyConfig::default() };
    let model = toy_detector(&config).unwrap();
    let mut maps = BTreeMap::new();
    for surface in model.volumes.iter().flat_map(|v| &v.surfaces) {
        match &surface.material {
            Some(MaterialModel::Map(_)) => *maps.entry(surface.shape.name()).or_insert(0) += 1,
            Some(MaterialModel::Slab(_)) => panic!("a slab in map mode"),
            None => {}
        }
    }
    assert_eq!(maps, BTreeMap::from([("concentric cylinder", 44), ("ring", 42)]));
    Detector::compile(&model).unwrap();
}

#[test]
fn all_numbers_of_layers_compile() {
    for barrel in 1..=4 {
        let config = ToyConfig { barrel_layers: barrel, endcap_layers: 0, ..ToyConfig::default() };
        let model = toy_detector(&config).unwrap();
        assert_eq!(model.volumes.len(), 2 + 2 * barrel);
        // Every link leads to a neighbour that leads back.
        for (number, volume) in model.volumes.iter().enumerate() {
            for neighbour in links(volume).into_iter().flatten().flatten() {
                let back = links(&model.volumes[neighbour]).into_iter().flatten();
                assert!(back.into_iter().any(|l| l == Some(number)), "{number} -> {neighbour}");
            }
        }
        Detector::compile(&model).unwrap();
    }
    for endcap in 1..=7 {
        let config = ToyConfig { endcap_layers: endcap, ..ToyConfig::default() };
        Detector::compile(&toy_detector(&config).unwrap()).unwrap();
    }
}

#[test]
fn layers_that_do_not_exist_are_refused() {
    let wrong = [
        ToyConfig { barrel_layers: 0, endcap_layers: 0, ..ToyConfig::default() },
        ToyConfig { barrel_layers: 5, ..ToyConfig::default() },
        ToyConfig { endcap_layers: 8, ..ToyConfig::default() },
        ToyConfig { barrel_layers: 3, endcap_layers: 1, ..ToyConfig::default() },
        ToyConfig { module_thickness: -1.0, ..ToyConfig::default() },
    ];
    for config in wrong {
        assert!(toy_detector(&config).is_err(), "{config:?}");
    }
}

fn sample(file: &str) -> Option<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/toy/geometry");
    let path: PathBuf = root.join(file);
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: {} is absent", path.display());
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// The file's numbers were computed in single precision: an azimuth off by 2.4e-7 moves a sensor by 4e-5 mm.
#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= 1e-6 * e.abs().max(50.0), "{what}: {f} instead of {e}");
    }
}

#[test]
fn surfaces_equal_the_sample_geometry() {
    let Some(file) = sample("toy_detector_geometry.json.gz") else { return };
    let model = toy_detector(&ToyConfig::full()).unwrap();
    let detector = Detector::compile(&model).unwrap();
    let volumes = file["data"]["volumes"].as_array().unwrap();
    assert_eq!(model.volumes.len(), volumes.len());
    let mut row = 0;
    for (volume, expected) in model.volumes.iter().zip(volumes) {
        assert_eq!(volume.name, expected["name"]);
        let translation = numbers(&expected["transform"]["translation"]);
        assert_close(&volume.placement.translation, &translation, &volume.name);
        let surfaces = expected["surfaces"].as_array().unwrap();
        assert_eq!(volume.surfaces.len(), surfaces.len(), "{}", volume.name);
        for (number, (surface, expected)) in volume.surfaces.iter().zip(surfaces).enumerate() {
            let what = format!("{} surface {number}", volume.name);
            assert_eq!(expected["index_in_coll"], number, "{what}");
            assert_eq!(surface.source, expected["source"].as_u64().unwrap(), "{what}");
            assert_eq!(u64::from(surface.kind.0), expected["type"].as_u64().unwrap(), "{what}");
            assert_eq!(detector.barcodes[row], expected["identifier"].as_u64().unwrap());
            let transform = &expected["transform"];
            let translation = numbers(&transform["translation"]);
            assert_close(&surface.placement.translation, &translation, &what);
            let axes: Vec<f64> = surface.placement.axes.concat();
            assert_close(&axes, &numbers(&transform["rotation"]), &what);
            let masks = expected["masks"].as_array().unwrap();
            assert_eq!(surface.masks.len(), masks.len(), "{what}");
            for (mask, expected) in surface.masks.iter().zip(masks) {
                let shape = match expected["shape"].as_u64().unwrap() {
                    4 => Shape::ConcentricCylinder,
                    5 => Shape::Rectangle,
                    6 => Shape::Ring,
                    7 => Shape::Trapezoid,
                    other => panic!("{what}: shape {other}"),
                };
                assert_eq!(surface.shape, shape, "{what}");
                assert_close(&mask.bounds, &numbers(&expected["boundaries"]), &what);
                let link = expected["volume_link"].as_u64().unwrap();
                assert_eq!(mask.link.map_or(65_535, |l| l as u64), link, "{what}");
            }
            row += 1;
        }
    }
}

#[test]
fn material_equals_the_sample() {
    let Some(file) = sample("toy_detector_homogeneous_material.json.gz") else { return };
    let model = toy_detector(&ToyConfig::full()).unwrap();
    let mut compared = 0;
    for entry in file["data"]["volumes"].as_array().unwrap() {
        let volume = &model.volumes[entry["volume_link"].as_u64().unwrap() as usize];
        let Some(slabs) = entry["surface_material"].as_array() else { continue };
        for slab in slabs {
            let surface = &volume.surfaces[slab["surface_idx"].as_u64().unwrap() as usize];
            let Some(MaterialModel::Slab(found)) = &surface.material else {
                panic!("{}: a surface without slab", volume.name)
            };
            let material = &found.material;
            let found = [
                found.thickness,
                material.radiation_length,
                material.interaction_length,
                material.relative_atomic_mass,
                material.nuclear_charge,
                material.mass_density / 1e21,
            ];
            let mut expected = vec![slab["thickness"].as_f64().unwrap()];
            expected.extend(&numbers(&slab["material"]["params"])[..5]);
            expected[5] /= 1e21;
            assert_close(&found, &expected, &volume.name);
            compared += 1;
        }
    }
    let with_material =
        model.volumes.iter().flat_map(|v| &v.surfaces).filter(|s| s.material.is_some());
    assert_eq!(compared, with_material.count());
}

#[test]
fn grids_equal_the_sample() {
    let Some(file) = sample("toy_detector_surface_grids.json.gz") else { return };
    let model = toy_detector(&ToyConfig::full()).unwrap();
    let mut compared = 0;
    for entry in file["data"]["grids"].as_array().unwrap() {
        let volume = &model.volumes[entry["volume_link"].as_u64().unwrap() as usize];
        let grids = entry["grid_data"].as_array().unwrap();
        assert_eq!(grids.len(), volume.grids.len());
        for (grid, expected) in volume.grids.iter().zip(grids) {
            for (axis, expected) in grid.axes.iter().zip(expected["axes"].as_array().unwrap()) {
                assert_close(&[axis.min, axis.max], &numbers(&expected["edges"]), &volume.name);
                assert_eq!(axis.bins as u64, expected["bins"].as_u64().unwrap());
                assert_eq!(axis.circular, expected["bounds"] == 2);
            }
            for bin in expected["bins"].as_array().unwrap() {
                let at: Vec<usize> =
                    numbers(&bin["loc_index"]).into_iter().map(|i| i as usize).collect();
                let found = &grid.bins[at[0] + grid.axes[0].bins * at[1]];
                let expected: Vec<u32> =
                    numbers(&bin["content"]).into_iter().map(|i| i as u32).collect();
                assert_eq!(*found, expected, "{} bin {at:?}", volume.name);
                compared += 1;
            }
        }
    }
    let grids = model.volumes.iter().flat_map(|v| &v.grids);
    assert_eq!(compared, grids.map(|g| g.bins.len()).sum::<usize>());
}
