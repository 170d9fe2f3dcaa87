use super::materials::SILICON_TML;
use super::{NewSurface, SurfaceList};
use nalgebra::Vector3;
use serde::{Deserialize, Serialize};
use traccc_core::Error;
use traccc_core::detector::{
    DetectorModel, MaskModel, Material, MaterialModel, Placement, Shape, SlabModel, SurfaceKind,
    VolumeModel, VolumeShape,
};

/// Settings of [`telescope`]: rectangular sensors on a straight line, perpendicular to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelescopeConfig {
    /// Distances of the sensors from `origin` along `direction`, in mm, ascending.
    pub positions: Vec<f64>,
    /// Half lengths of a sensor along its local x and y, in mm.
    pub half_lengths: [f64; 2],
    /// Where the line starts in global coordinates, in mm.
    pub origin: [f64; 3],
    /// Direction of the line; need not be normalised.
    pub direction: [f64; 3],
    /// Thickness of the silicon of a sensor, in mm; 0 for sensors without material.
    pub thickness: f64,
    /// Distance of the world's walls from the sensors, in mm; positive. Applied twice, as detray does.
    pub envelope: f64,
}

impl Default for TelescopeConfig {
    fn default() -> Self {
        Self {
            positions: Self::equidistant(10, 500.0),
            half_lengths: [20.0; 2],
            origin: [0.0; 3],
            direction: [0.0, 0.0, 1.0],
            thickness: 0.08,
            envelope: 0.1,
        }
    }
}

impl TelescopeConfig {
    /// Positions of `planes` sensors from 0 to `length` mm in equal steps.
    pub fn equidistant(planes: usize, length: f64) -> Vec<f64> {
        let step = length / planes.saturating_sub(1).max(1) as f64;
        (0..planes).map(|plane| plane as f64 * step).collect()
    }

    fn validate(&self) -> Result<(), Error> {
        let positions = &self.positions;
        let ascending = positions.windows(2).all(|pair| pair[0] < pair[1]);
        if positions.is_empty() || !ascending || !positions.iter().all(|p| p.is_finite()) {
            return Err(Error::Config {
                name: "telescope.positions",
                value: format!("{positions:?}"),
                expected: "at least one length in mm, ascending",
            });
        }
        let positive = [
            ("telescope.half_lengths[0]", self.half_lengths[0]),
            ("telescope.half_lengths[1]", self.half_lengths[1]),
            ("telescope.envelope", self.envelope),
        ];
        for (name, value) in positive {
            if !(value.is_finite() && value > 0.0) {
                let (value, expected) = (value.to_string(), "a positive length in mm");
                return Err(Error::Config { name, value, expected });
            }
        }
        if !(self.thickness.is_finite() && self.thickness >= 0.0) {
            return Err(Error::Config {
                name: "telescope.thickness",
                value: self.thickness.to_string(),
                expected: "a length in mm that is not negative",
            });
        }
        let length = Vector3::from(self.direction).norm();
        if !(length.is_finite() && length > 0.0) {
            return Err(Error::Config {
                name: "telescope.direction",
                value: format!("{:?}", self.direction),
                expected: "a vector that is not zero",
            });
        }
        Ok(())
    }
}

/// A telescope: one volume with sensors along a line, walls around them, and no search grid.
///
/// A sensor's local z is the direction of the line, its local x is perpendicular to the global z axis (the global x
/// for a line along z), so that local y points as far up in z as it can. Sensors are numbered along the line.
///
/// # Errors
/// [`Error::Config`] for positions that are not ascending, or lengths and directions that are none.
pub fn telescope(config: &TelescopeConfig) -> Result<DetectorModel, Error> {
    config.validate()?;
    let z = Vector3::from(config.direction).normalize();
    let across = Vector3::new(-z.y, z.x, 0.0);
    let x = if across.norm() < 1.0e-6 { Vector3::x() } else { across.normalize() };
    let y = z.cross(&x);
    let axes = [x.into(), y.into(), z.into()];
    let material: Option<Material> = (config.thickness > 0.0).then_some(SILICON_TML);

    let mut list = SurfaceList::new(0);
    let mut low = Vector3::repeat(f64::MAX);
    let mut high = Vector3::repeat(f64::MIN);
    let half = [
        config.half_lengths[0] + config.envelope,
        config.half_lengths[1] + config.envelope,
        config.envelope,
    ];
    let reach = x.abs() * half[0] + y.abs() * half[1] + z.abs() * half[2];
    for position in &config.positions {
        let centre = Vector3::from(config.origin) + z * *position;
        low = low.inf(&(centre - reach));
        high = high.sup(&(centre + reach));
        let slab =
            |material| MaterialModel::Slab(SlabModel { thickness: config.thickness, material });
        let sensor = NewSurface {
            placement: Placement { translation: centre.into(), axes },
            shape: Shape::Rectangle,
            masks: vec![MaskModel { bounds: config.half_lengths.to_vec(), link: Some(0) }],
            material: material.map(slab),
        };
        list.push(SurfaceKind::SENSITIVE, sensor);
    }
    let half = (high - low) * 0.5 + Vector3::repeat(config.envelope);
    push_walls(&mut list, (low + high) * 0.5, half);
    let world = VolumeModel {
        name: "telescope_world_0".into(),
        shape: VolumeShape::Cuboid,
        surfaces: list.surfaces,
        ..VolumeModel::default()
    };
    Ok(DetectorModel { name: "telescope_detector".into(), volumes: vec![world] })
}

/// Six rectangles around a box, each a way out of the world.
fn push_walls(list: &mut SurfaceList, centre: Vector3<f64>, half: Vector3<f64>) {
    let walls = [
        (Vector3::z() * half.z, [1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [half.x, half.y]),
        (Vector3::y() * half.y, [1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [half.x, half.z]),
        (Vector3::x() * half.x, [0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [half.z, half.y]),
    ];
    for (offset, x, z, bounds) in walls {
        let y = Vector3::from(z).cross(&Vector3::from(x));
        for sign in [1.0, -1.0] {
            let wall = NewSurface {
                placement: Placement {
                    translation: (centre + offset * sign).into(),
                    axes: [x, y.into(), z],
                },
                shape: Shape::Rectangle,
                masks: vec![MaskModel { bounds: bounds.to_vec(), link: None }],
                material: None,
            };
            list.push(SurfaceKind::PORTAL, wall);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use traccc_core::detector::Detector;

    /// The telescope of two planes in detray's format description.
    #[test]
    fn two_planes_match_detrays_worked_example() {
        let config = TelescopeConfig { positions: vec![0.0, 100.0], ..TelescopeConfig::default() };
        let model = telescope(&config).unwrap();
        let surfaces = &model.volumes[0].surfaces;
        let expected = [
            ([0.0, 0.0, 0.0], [20.0, 20.0], [0.0, 0.0, 1.0]),
            ([0.0, 0.0, 100.0], [20.0, 20.0], [0.0, 0.0, 1.0]),
            ([0.0, 0.0, 100.2], [20.2, 20.2], [0.0, 0.0, 1.0]),
            ([0.0, 0.0, -0.2], [20.2, 20.2], [0.0, 0.0, 1.0]),
            ([0.0, 20.2, 50.0], [20.2, 50.2], [0.0, -1.0, 0.0]),
            ([0.0, -20.2, 50.0], [20.2, 50.2], [0.0, -1.0, 0.0]),
            ([20.2, 0.0, 50.0], [50.2, 20.2], [1.0, 0.0, 0.0]),
            ([-20.2, 0.0, 50.0], [50.2, 20.2], [1.0, 0.0, 0.0]),
        ];
        assert_eq!(surfaces.len(), expected.len());
        for (surface, (translation, bounds, normal)) in surfaces.iter().zip(expected) {
            let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9);
            assert!(close(&surface.placement.translation, &translation), "{surface:?}");
            assert!(close(&surface.masks[0].bounds, &bounds), "{surface:?}");
            assert!(close(&surface.placement.axes[2], &normal), "{surface:?}");
        }
        let detector = Detector::compile(&model).unwrap();
        assert_eq!(detector.barcodes[7], 939_524_671);
        assert_eq!(detector.sensitive_surfaces().count(), 2);
    }

    #[test]
    fn frames_are_right_handed_for_any_direction() {
        for direction in [[1.0, 0.0, 0.0], [0.3, -2.0, 0.7], [0.0, 0.0, -1.0]] {
            let config = TelescopeConfig { direction, ..TelescopeConfig::default() };
            for surface in &telescope(&config).unwrap().volumes[0].surfaces {
                let [x, y, z] = surface.placement.axes.map(Vector3::from);
                assert!((x.cross(&y) - z).norm() < 1e-12);
            }
        }
    }

    #[test]
    fn impossible_settings_are_refused() {
        let wrong = [
            TelescopeConfig { positions: vec![], ..TelescopeConfig::default() },
            TelescopeConfig { positions: vec![2.0, 1.0], ..TelescopeConfig::default() },
            TelescopeConfig { direction: [0.0; 3], ..TelescopeConfig::default() },
            TelescopeConfig { envelope: 0.0, ..TelescopeConfig::default() },
            TelescopeConfig { thickness: f64::NAN, ..TelescopeConfig::default() },
        ];
        for config in wrong {
            assert!(matches!(telescope(&config), Err(Error::Config { .. })), "{config:?}");
        }
    }
}
