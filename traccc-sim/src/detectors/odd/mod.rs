//! The OpenDataDetector from its published parameters.

mod grids;
mod material;
mod sensors;
mod tables;
mod volumes;

use crate::digitization::DigitizationConfig;
use sensors::Sensor;
use traccc_core::detector::{
    DetectorModel, MaskModel, Material, MaterialModel, Placement, Shape, SlabModel, SurfaceKind,
    SurfaceModel, VolumeModel, VolumeShape,
};
use volumes::{Portal, Supports};

/// The tracker of the OpenDataDetector: 18,824 sensors in 113 volumes.
///
/// Pixels (ACTS volumes 16 to 18), short strips (23 to 25) and pairs of long strips (28 to 30) in barrels and endcaps, with the ACTS
/// identifiers of its Gen1 geometry, search grids with its published bins, and homogeneous material. Volumes, portals and the
/// spreading of material over them are ours; services, rails, air and the solenoid are left out.
///
/// Lengths are rounded to nine digits behind the point, materials to seven digits, as files have them: a detector that
/// was written and read is the same.
pub fn open_data_detector() -> DetectorModel {
    let tubes = volumes::tubes();
    let supports = Supports::new();
    let all = sensors::sensors();
    let volumes = tubes.iter().enumerate().map(|(number, tube)| {
        let portals = volumes::portals(&tubes, number);
        let own: Vec<&Sensor> = all.iter().filter(|s| Some(s.layer) == tube.layer).collect();
        let mut surfaces: Vec<SurfaceModel> = portals
            .iter()
            .enumerate()
            .map(|(row, portal)| portal_surface(portal, [number, row], &supports))
            .collect();
        surfaces.extend(own.iter().map(|sensor| sensor_surface(sensor, number)));
        VolumeModel {
            name: tube.name.clone(),
            shape: VolumeShape::Cylinder,
            placement: Placement::at([0.0, 0.0, rounded(0.5 * (tube.z[0] + tube.z[1]))]),
            surfaces,
            grids: tube
                .layer
                .map(|layer| grids::grid(layer, &own, portals.len()))
                .into_iter()
                .collect(),
        }
    });
    // The name by which upstream recognises the detector.
    let name = "Cylindrical detector from DD4hep blueprint".into();
    DetectorModel { name, volumes: volumes.collect() }
}

fn portal_surface(portal: &Portal, [volume, row]: [usize; 2], supports: &Supports) -> SurfaceModel {
    let [low, high] = portal.range.map(rounded);
    let at = rounded(portal.at);
    let (z, shape, bounds) = if portal.cylinder {
        (0.0, Shape::ConcentricCylinder, vec![at, low, high])
    } else {
        (at, Shape::Ring, vec![low, high])
    };
    SurfaceModel {
        kind: SurfaceKind::PORTAL,
        source: (volume as u64 + 1) << 56 | (row as u64 + 1) << 48,
        placement: Placement::at([0.0, 0.0, z]),
        shape,
        masks: vec![MaskModel { bounds, link: portal.link }],
        material: supports.slab(portal).map(rounded_slab),
    }
}

fn sensor_surface(sensor: &Sensor, volume: usize) -> SurfaceModel {
    let axis =
        |number: usize| -> [f64; 3] { sensor.axes.column(number).into_owned().map(rounded).into() };
    SurfaceModel {
        kind: SurfaceKind::SENSITIVE,
        source: sensor.id,
        placement: Placement {
            translation: sensor.centre.map(rounded).into(),
            axes: [0, 1, 2].map(axis),
        },
        shape: sensor.shape,
        masks: vec![MaskModel {
            bounds: sensor.bounds.iter().map(|&b| rounded(b)).collect(),
            link: Some(volume),
        }],
        material: material::of_sensor(sensor).map(rounded_slab),
    }
}

/// To nine digits behind the point, and twelve in all.
fn rounded(value: f64) -> f64 {
    let digits = if value.abs() < 1.0e3 { 1.0e9 } else { 1.0e8 };
    // Adding 0 makes -0 to 0.
    (value * digits).round() / digits + 0.0
}

fn rounded_slab(slab: SlabModel) -> MaterialModel {
    let seven = |value: f64| {
        let digits = 6 - libm::floor(libm::log10(value)) as i32;
        let scale = 10.0_f64.powi(digits.abs());
        if digits < 0 { (value / scale).round() * scale } else { (value * scale).round() / scale }
    };
    let m = slab.material;
    let material = Material {
        radiation_length: seven(m.radiation_length),
        interaction_length: seven(m.interaction_length),
        relative_atomic_mass: seven(m.relative_atomic_mass),
        nuclear_charge: seven(m.nuclear_charge),
        mass_density: seven(m.mass_density),
    };
    MaterialModel::Slab(SlabModel { thickness: rounded(slab.thickness), material })
}

/// How the sensors of one volume of the OpenDataDetector are read out.
#[derive(Clone, Debug, PartialEq)]
pub struct OddReadout {
    /// ACTS volume.
    pub volume: u8,
    /// Channels along local x and y.
    pub channels: [usize; 2],
    /// They reach from minus to plus this, in mm.
    pub half: [f64; 2],
    /// Signals of the sensors: those of strips have no size.
    pub signal: DigitizationConfig,
}

/// The segmentation of the OpenDataDetector in the events of the public traccc service: the published pixels, and strips that were
/// measured in these events (0.15 x 1.2 mm, and 0.25 or 0.5 mm for long ones), with the published thicknesses.
pub fn odd_readout() -> Vec<OddReadout> {
    let row = |volume, channels, half, thickness| OddReadout {
        volume,
        channels,
        half,
        signal: DigitizationConfig {
            thickness,
            threshold: 0.01,
            noise: 0.01,
            digital: volume > 18,
            ..DigitizationConfig::default()
        },
    };
    let pixels = |volume| row(volume, [660, 1360], [16.5, 34.0], 0.125);
    let short = |volume| row(volume, [752, 130], [56.4, 78.0], 0.2);
    let long = |volume| row(volume, [280, 1], [70.0, 78.0], 0.25);
    vec![
        pixels(16),
        row(17, [336, 1440], [8.4, 36.0], 0.125),
        pixels(18),
        short(23),
        row(24, [320, 90], [24.0, 54.0], 0.2),
        short(25),
        long(28),
        row(29, [384, 1], [48.0, 54.0], 0.25),
        long(30),
    ]
}
