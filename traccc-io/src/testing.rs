//! A small detector for the unit tests.

use traccc_core::detector::{
    Detector, DetectorModel, MaskModel, ModuleDesign, Modules, Placement, Shape, SurfaceKind,
    SurfaceModel, VolumeModel,
};

/// A portal and three sensors of 5 x 4 channels each, the last one an annulus.
pub(crate) fn sensors() -> (Detector, Modules) {
    let surface = |number: u64, kind, shape, bounds: &[f64]| SurfaceModel {
        kind,
        source: 3 << 56 | 2 << 36 | number << 8,
        placement: Placement::at([0.0, 0.0, 100.0 * number as f64]),
        shape,
        masks: vec![MaskModel {
            bounds: bounds.to_vec(),
            link: (kind != SurfaceKind::PORTAL).then_some(0),
        }],
        material: None,
    };
    let annulus = [10.0, 20.0, -0.1, 0.1, 0.0, 0.0, 0.0];
    let surfaces = vec![
        surface(0, SurfaceKind::PORTAL, Shape::Rectangle, &[10.0, 10.0]),
        surface(1, SurfaceKind::SENSITIVE, Shape::Rectangle, &[5.0, 4.0]),
        surface(2, SurfaceKind::SENSITIVE, Shape::Rectangle, &[5.0, 4.0]),
        surface(3, SurfaceKind::SENSITIVE, Shape::Annulus, &annulus),
    ];
    let volume = VolumeModel { name: "box".into(), surfaces, ..VolumeModel::default() };
    let model = DetectorModel { name: "three sensors".into(), volumes: vec![volume] };
    let detector = Detector::compile(&model).expect("the detector is sound");
    let design = ModuleDesign::equidistant([5, 4], [-5.0, -4.0], [5.0, 4.0]);
    let modules = Modules::new(&detector, vec![design], |_| Some((0, [0.0; 2])))
        .expect("all sensors have a design");
    (detector, modules)
}
