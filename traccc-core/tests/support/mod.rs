//! Detectors for the tests, built by hand.
#![expect(clippy::disallowed_methods, reason = "no part of a stage")]
#![allow(dead_code, reason = "each test binary uses its part")]

use traccc_core::detector::{
    AxisModel, Detector, DetectorModel, GridFrame, GridModel, MaskModel, Material, MaterialModel,
    Placement, Shape, SlabModel, SurfaceKind, SurfaceModel, VolumeModel, VolumeShape,
};
use traccc_core::propagation::Limits;
use traccc_core::units::GRAM_PER_CUBIC_CENTIMETRE;

pub(crate) const NO_LIMITS: Limits = Limits {
    min_p: 0.0,
    min_pt: 0.0,
    min_step_to_next_surface: 0.0,
    max_steps: 1000,
    max_path: 1e5,
};

pub(crate) fn silicon(thickness: f64) -> MaterialModel {
    let material = Material {
        radiation_length: 95.7,
        interaction_length: 465.2,
        relative_atomic_mass: 28.03,
        nuclear_charge: 14.0,
        mass_density: 2.32 * GRAM_PER_CUBIC_CENTIMETRE,
    };
    MaterialModel::Slab(SlabModel { thickness, material })
}

pub(crate) fn surface(
    kind: SurfaceKind,
    shape: Shape,
    placement: Placement,
    bounds: &[f64],
    link: Option<usize>,
) -> SurfaceModel {
    let masks = vec![MaskModel { bounds: bounds.to_vec(), link }];
    SurfaceModel { kind, source: 0, placement, shape, masks, material: None }
}

/// Planes perpendicular to x at these positions in a box without other surfaces; local x is global y, local y global z.
pub(crate) fn telescope(positions: &[f64], half: f64, thickness: Option<f64>) -> DetectorModel {
    let across = |translation| Placement {
        translation,
        axes: [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]],
    };
    let mut surfaces: Vec<SurfaceModel> = positions
        .iter()
        .map(|&x| {
            let plane = across([x, 0.0, 0.0]);
            let mut plane =
                surface(SurfaceKind::SENSITIVE, Shape::Rectangle, plane, &[half, half], Some(0));
            plane.material = thickness.map(silicon);
            plane
        })
        .collect();
    let (first, last) = (positions[0] - 1.0, positions[positions.len() - 1] + 1.0);
    let (middle, half_x) = (0.5 * (first + last), 0.5 * (last - first));
    let mut portal = |placement, bounds: [f64; 2]| {
        surfaces.push(surface(SurfaceKind::PORTAL, Shape::Rectangle, placement, &bounds, None));
    };
    for x in [first, last] {
        portal(across([x, 0.0, 0.0]), [half, half]);
    }
    for side in [-half, half] {
        let along_y = [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
        portal(Placement { translation: [middle, side, 0.0], axes: along_y }, [half, half_x]);
        portal(Placement::at([middle, 0.0, side]), [half_x, half]);
    }
    let volume = VolumeModel { shape: VolumeShape::Cuboid, surfaces, ..VolumeModel::default() };
    DetectorModel { name: "telescope".into(), volumes: vec![volume] }
}

pub(crate) fn compiled(model: &DetectorModel) -> Detector {
    Detector::compile(model).expect("the test's detector is sound")
}

/// Barrel layers of tilted, overlapping modules, each layer a volume with an empty grid, gaps between, and a start plane at
/// the origin as surface 0.
pub(crate) fn barrel(radii: &[f64], modules: usize, rings: usize) -> DetectorModel {
    const HALF_Z: f64 = 400.0;
    let mut edges = vec![0.0];
    for &r in radii {
        edges.extend([r - 12.0, r + 12.0]);
    }
    let volumes = (0..edges.len())
        .map(|v| {
            let (inner, outer) = (edges[v], edges.get(v + 1).copied().unwrap_or(edges[v] + 50.0));
            let mut volume = VolumeModel { name: format!("{v}"), ..VolumeModel::default() };
            if v == 0 {
                let start = surface(
                    SurfaceKind::SENSITIVE,
                    Shape::Rectangle,
                    Placement::IDENTITY,
                    &[25.0, 25.0],
                    Some(0),
                );
                volume.surfaces.push(start);
            }
            if v % 2 == 1 {
                push_layer(&mut volume, radii[v / 2], modules, rings, HALF_Z, v);
            }
            let mut cylinder = |r: f64, link| {
                let bounds = [r, -HALF_Z, HALF_Z];
                let shape = Shape::ConcentricCylinder;
                volume.surfaces.push(surface(
                    SurfaceKind::PORTAL,
                    shape,
                    Placement::IDENTITY,
                    &bounds,
                    link,
                ));
            };
            if v > 0 {
                cylinder(inner, Some(v - 1));
            }
            cylinder(outer, (v + 1 < edges.len()).then_some(v + 1));
            for z in [-HALF_Z, HALF_Z] {
                let disc = Placement::at([0.0, 0.0, z]);
                volume.surfaces.push(surface(
                    SurfaceKind::PORTAL,
                    Shape::Ring,
                    disc,
                    &[inner, outer],
                    None,
                ));
            }
            volume
        })
        .collect();
    DetectorModel { name: "barrel".into(), volumes }
}

fn push_layer(
    volume: &mut VolumeModel,
    radius: f64,
    modules: usize,
    rings: usize,
    half_z: f64,
    index: usize,
) {
    let pitch = std::f64::consts::TAU / modules as f64;
    let half_x = 1.15 * radius * (0.5 * pitch).tan();
    let length = 2.0 * half_z / rings as f64;
    for ring in 0..rings {
        for module in 0..modules {
            let (phi, tilt) = (-std::f64::consts::PI + pitch * (module as f64 + 0.5), 0.12);
            let r = radius + if ring % 2 == 0 { 1.5 } else { -1.5 };
            let z = -half_z + length * (ring as f64 + 0.5);
            let (sin, cos) = (phi + tilt).sin_cos();
            let placement = Placement {
                translation: [r * phi.cos(), r * phi.sin(), z],
                axes: [[-sin, cos, 0.0], [0.0, 0.0, 1.0], [cos, sin, 0.0]],
            };
            let bounds = [half_x, 0.52 * length];
            volume.surfaces.push(surface(
                SurfaceKind::SENSITIVE,
                Shape::Rectangle,
                placement,
                &bounds,
                Some(index),
            ));
        }
    }
    let axis = |bins, min, max, circular| AxisModel { bins, min, max, circular };
    let axes = [
        axis(modules, -std::f64::consts::PI, std::f64::consts::PI, true),
        axis(rings, -half_z, half_z, false),
    ];
    // Compiling fills the bins.
    let bins = vec![Vec::new(); modules * rings];
    volume.grids.push(GridModel { frame: GridFrame::CYLINDER, axes, bins });
}
