//! The sensors of the toy detector, layer by layer.

use super::NewSurface;
use std::f64::consts::PI;
use traccc_core::detector::{
    AxisModel, GridFrame, GridModel, MaskModel, MaterialModel, Placement, Shape,
};

/// Distance of portals from the sensors, in mm.
pub(super) const ENVELOPE: f64 = 2.0;
/// Outer radius of the detector, in mm.
pub(super) const OUTER_RADIUS: f64 = 180.0;
/// Radius of the volume around the beam pipe, in mm.
pub(super) const BEAM_PIPE_VOLUME_RADIUS: f64 = 25.0;
/// Half length of the barrel, in mm.
pub(super) const BARREL_HALF_LENGTH: f64 = 500.0;
/// Radii of the barrel layers, in mm, and modules in phi.
pub(super) const BARREL_LAYERS: [(f64, usize); 4] =
    [(32.0, 16), (72.0, 32), (116.0, 52), (172.0, 78)];
/// |z| of the endcap layers, in mm.
pub(super) const ENDCAP_LAYERS: [f64; 7] = [600.0, 700.0, 820.0, 960.0, 1100.0, 1300.0, 1500.0];

const BARREL_MODULES_IN_Z: usize = 14;
const BARREL_MODULE: [f64; 2] = [8.4, 36.0];
const TILT: f64 = 0.14;
const RADIAL_STAGGER: f64 = 0.5;
const Z_OVERLAP: f64 = 2.0;

/// Half lengths at -y and +y and along y, in mm, and number of modules, of the two rings of an endcap layer.
const ENDCAP_RINGS: [([f64; 3], usize); 2] = [([3.0, 9.5, 39.0], 40), ([6.0, 10.0, 39.0], 68)];
const RING_STAGGER: f64 = 2.0;
const PHI_STAGGER: f64 = 4.0;
const PHI_SUB_STAGGER: f64 = 0.5;

/// The sensors of a layer, the grid to find them with and the volume that holds them.
pub(super) struct Layer {
    pub sensors: Vec<NewSurface>,
    pub grid: GridModel,
    /// Radii of the volume, in mm.
    pub radii: [f64; 2],
    /// z of its ends, in mm.
    pub z: [f64; 2],
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn phi_of(module: usize, modules: usize) -> f64 {
    let step = 2.0 * PI / modules as f64;
    -PI + 0.5 * step + module as f64 * step
}

fn azimuth(bins: usize) -> AxisModel {
    AxisModel { bins, min: -PI, max: PI, circular: true }
}

/// Sensors of barrel layer `number` (from 0) in volume `volume`.
pub(super) fn barrel_layer(
    number: usize,
    volume: usize,
    material: Option<&MaterialModel>,
) -> Layer {
    let (radius, modules) = BARREL_LAYERS[number];
    let step = 2.0 * BARREL_MODULE[1] - Z_OVERLAP;
    let first_z = -0.5 * (BARREL_MODULES_IN_Z - 1) as f64 * step;
    let mut sensors = Vec::with_capacity(modules * BARREL_MODULES_IN_Z);
    for row in 0..BARREL_MODULES_IN_Z {
        let stagger = if row % 2 == 0 { 0.5 } else { -0.5 } * RADIAL_STAGGER;
        let r = radius + stagger;
        for module in 0..modules {
            let phi = phi_of(module, modules);
            let (sin, cos) = libm::sincos(phi);
            let (sin_tilted, cos_tilted) = libm::sincos(phi + TILT);
            let placement = Placement {
                translation: [r * cos, r * sin, first_z + row as f64 * step],
                axes: [
                    [-sin_tilted, cos_tilted, 0.0],
                    [0.0, 0.0, 1.0],
                    [cos_tilted, sin_tilted, 0.0],
                ],
            };
            sensors.push(sensor(
                placement,
                Shape::Rectangle,
                BARREL_MODULE.to_vec(),
                volume,
                material,
            ));
        }
    }
    let axes = [
        azimuth(modules),
        AxisModel {
            bins: BARREL_MODULES_IN_Z,
            min: -BARREL_HALF_LENGTH,
            max: BARREL_HALF_LENGTH,
            circular: false,
        },
    ];
    let (radii, _) = extent(&sensors);
    let grid = grid_by_position(GridFrame::CYLINDER, axes, &sensors);
    Layer { sensors, grid, radii, z: [-BARREL_HALF_LENGTH, BARREL_HALF_LENGTH] }
}

/// Sensors of endcap layer `number` (from 0) on the side of negative or positive z (`side` -1 or 1).
pub(super) fn endcap_layer(
    number: usize,
    side: f64,
    volume: usize,
    material: Option<&MaterialModel>,
) -> Layer {
    let centre = ENDCAP_LAYERS[number];
    let mut sensors = Vec::new();
    let half_length = ENDCAP_RINGS[0].0[2];
    // The rings and the gaps between them, longer than the space: half of the excess is cut at each end.
    let length = 2.0 * (2.0 * half_length + 1.0);
    let span = OUTER_RADIUS - ENVELOPE - BEAM_PIPE_VOLUME_RADIUS;
    let overlap = 0.5 * (length - span);
    let inner = BEAM_PIPE_VOLUME_RADIUS + overlap + half_length;
    let ring_radii = [inner, inner + 2.0 * half_length - 2.0 * overlap];
    for (ring, &(half, modules)) in ENDCAP_RINGS.iter().enumerate() {
        let ring_z = centre + if ring == 0 { -0.5 } else { 0.5 } * RING_STAGGER;
        for module in 0..modules {
            let (sin, cos) = libm::sincos(phi_of(module, modules));
            let stagger = if module % 2 == 0 { 0.5 } else { -0.5 } * PHI_STAGGER;
            let sub_stagger = match module % 4 {
                0 => PHI_SUB_STAGGER,
                3 => -PHI_SUB_STAGGER,
                _ => 0.0,
            };
            let z = side * (ring_z + stagger + sub_stagger);
            let (local_y, local_z) = ([cos, sin, 0.0], [0.0, 0.0, side]);
            let placement = Placement {
                translation: [ring_radii[ring] * cos, ring_radii[ring] * sin, z],
                axes: [cross(local_y, local_z), local_y, local_z],
            };
            let bounds = vec![half[0], half[1], half[2], 1.0 / (2.0 * half[2])];
            sensors.push(sensor(placement, Shape::Trapezoid, bounds, volume, material));
        }
    }
    let radii = [BEAM_PIPE_VOLUME_RADIUS, OUTER_RADIUS];
    let axes = [
        AxisModel { bins: ENDCAP_RINGS.len(), min: radii[0], max: radii[1], circular: false },
        azimuth(ENDCAP_RINGS[1].1),
    ];
    let (_, z) = extent(&sensors);
    let grid = grid_by_position(GridFrame::DISC, axes, &sensors);
    Layer { sensors, grid, radii, z }
}

fn sensor(
    placement: Placement,
    shape: Shape,
    bounds: Vec<f64>,
    volume: usize,
    material: Option<&MaterialModel>,
) -> NewSurface {
    let masks = vec![MaskModel { bounds, link: Some(volume) }];
    NewSurface { placement, shape, masks, material: material.cloned() }
}

/// Radii and z range of the smallest fitting tube: from the box of the sensors with an envelope of their own, widened
/// by the envelope of the volume. The inner radius mirrors the outer one at the mean radius of the sensors.
fn extent(sensors: &[NewSurface]) -> ([f64; 2], [f64; 2]) {
    let mut low = [f64::MAX; 3];
    let mut high = [f64::MIN; 3];
    let mut radius_sum = 0.0;
    for sensor in sensors {
        let bounds = &sensor.masks[0].bounds;
        let (half_x, half_y) = match sensor.shape {
            Shape::Trapezoid => (bounds[0].max(bounds[1]), bounds[2]),
            Shape::Rectangle => (bounds[0], bounds[1]),
            Shape::Annulus | Shape::Ring | Shape::Cylinder | Shape::ConcentricCylinder => {
                unreachable!("the toy's sensors are rectangles and trapezoids")
            }
        };
        let half = [half_x + ENVELOPE, half_y + ENVELOPE, ENVELOPE];
        let Placement { translation, axes } = sensor.placement;
        radius_sum += libm::hypot(translation[0], translation[1]);
        for global in 0..3 {
            let reach: f64 = (0..3).map(|local| half[local] * axes[local][global].abs()).sum();
            low[global] = low[global].min(translation[global] - reach);
            high[global] = high[global].max(translation[global] + reach);
        }
    }
    let half = |axis: usize| 0.5 * (high[axis] - low[axis]) + ENVELOPE;
    let outer = half(0).max(half(1));
    let inner = 2.0 * radius_sum / sensors.len() as f64 - outer;
    ([inner, outer], [low[2] - ENVELOPE, high[2] + ENVELOPE])
}

/// Puts each sensor into the bin of its centre.
fn grid_by_position(frame: GridFrame, axes: [AxisModel; 2], sensors: &[NewSurface]) -> GridModel {
    let bin = |axis: &AxisModel, value: f64| {
        let position = (value - axis.min) / (axis.max - axis.min) * axis.bins as f64;
        (position.max(0.0) as usize).min(axis.bins - 1)
    };
    let mut bins = vec![Vec::new(); axes[0].bins * axes[1].bins];
    for (number, sensor) in sensors.iter().enumerate() {
        let [x, y, z] = sensor.placement.translation;
        let phi = libm::atan2(y, x);
        let values = if frame == GridFrame::CYLINDER { [phi, z] } else { [libm::hypot(x, y), phi] };
        bins[bin(&axes[0], values[0]) + axes[0].bins * bin(&axes[1], values[1])]
            .push(number as u32);
    }
    GridModel { frame, axes, bins }
}
