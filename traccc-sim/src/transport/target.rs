//! Surfaces in double precision: distances, borders and boxes around them.

use nalgebra::Vector3;
use traccc_core::Scalar;
use traccc_core::SurfaceIndex;
use traccc_core::detector::{Carrier, Detector, Mask, Shape, SurfaceKind};

/// A surface that does something to a particle or ends its world.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub surface: SurfaceIndex,
    pub sensitive: bool,
    pub portal: bool,
    axes: [Vector3<f64>; 3],
    origin: Vector3<f64>,
    shape: Shape,
    /// Bounds of each mask and whether the world ends behind it.
    masks: Vec<([f64; 7], bool)>,
}

impl Target {
    /// The surface, if a particle notices it: sensors, material and ends of the world.
    pub(super) fn new(detector: &Detector, index: SurfaceIndex) -> Option<Self> {
        let surface = &detector.surfaces[index.get()];
        let ends = |m: &Mask| surface.kind == SurfaceKind::PORTAL && !m.link.is_some();
        let masks: Vec<_> =
            detector.masks(surface).map(|m| (m.bounds.map(f64::from), ends(m))).collect();
        let sensitive = surface.kind == SurfaceKind::SENSITIVE;
        let noticed = sensitive || surface.material.is_some() || masks.iter().any(|m| m.1);
        let concentric = surface.shape == Shape::ConcentricCylinder;
        noticed.then(|| Self {
            surface: index,
            sensitive,
            portal: surface.kind == SurfaceKind::PORTAL,
            axes: if concentric {
                [Vector3::x(), Vector3::y(), Vector3::z()]
            } else {
                surface.axes.map(|a| Vector3::from(a).map(f64::from))
            },
            origin: if concentric {
                Vector3::zeros()
            } else {
                Vector3::from(surface.translation).map(f64::from)
            },
            shape: surface.shape,
            masks,
        })
    }

    /// A global position in the Cartesian frame of the surface, in mm.
    pub(super) fn to_cartesian(&self, global: &Vector3<f64>) -> Vector3<f64> {
        let relative = global - self.origin;
        Vector3::from(self.axes.map(|axis| axis.dot(&relative)))
    }

    /// A direction in the Cartesian frame of the surface.
    pub(super) fn direction_to_cartesian(&self, global: &Vector3<f64>) -> Vector3<f64> {
        Vector3::from(self.axes.map(|axis| axis.dot(global)))
    }

    /// Signed distance from the surface (continued beyond its border), in mm, and its change along a unit vector.
    pub(super) fn distance(&self, position: &Vector3<f64>, direction: &Vector3<f64>) -> (f64, f64) {
        match self.shape.carrier() {
            Carrier::Plane => {
                let normal = &self.axes[2];
                (normal.dot(&(position - self.origin)), normal.dot(direction))
            }
            Carrier::Cylinder | Carrier::ConcentricCylinder => {
                let local = self.to_cartesian(position);
                let along = self.direction_to_cartesian(direction);
                let r = libm::hypot(local.x, local.y);
                let slope = if r > 0.0 { (local.x * along.x + local.y * along.y) / r } else { 1.0 };
                (r - self.masks[0].0[0], slope)
            }
        }
    }

    /// Whether a global position on the surface is inside its border, and then whether the world ends there.
    pub(super) fn covers(&self, position: &Vector3<f64>) -> Option<bool> {
        let local = self.to_cartesian(position);
        self.masks.iter().find(|(b, _)| contains(self.shape, b, &local)).map(|m| m.1)
    }

    /// Local coordinates (loc0, loc1) for a look-up of material.
    pub(super) fn local(&self, position: &Vector3<f64>) -> [Scalar; 2] {
        let local = self.to_cartesian(position);
        let (r, phi) = (libm::hypot(local.x, local.y), libm::atan2(local.y, local.x));
        let coordinates = match self.shape {
            Shape::Annulus | Shape::Ring => [r, phi],
            Shape::Cylinder => [r * phi, local.z],
            Shape::ConcentricCylinder => [phi, local.z],
            Shape::Rectangle | Shape::Trapezoid => [local.x, local.y],
        };
        coordinates.map(|c| c as Scalar)
    }

    /// The absolute cosine between a direction and the normal at a global position.
    pub(super) fn cosine(&self, position: &Vector3<f64>, direction: &Vector3<f64>) -> f64 {
        self.distance(position, direction).1.abs()
    }

    /// Lower and upper corner of a box along the global axes around all masks, in mm.
    pub(super) fn bounding_box(&self) -> [Vector3<f64>; 2] {
        let mut low = Vector3::repeat(f64::MAX);
        let mut high = Vector3::repeat(f64::MIN);
        for (b, _) in &self.masks {
            let (half_x, half_y, z) = match self.shape {
                Shape::Rectangle => (b[0], b[1], [0.0, 0.0]),
                Shape::Trapezoid => (b[0].max(b[1]), b[2], [0.0, 0.0]),
                // The whole disc of the outer radius: larger than needed, but simple.
                Shape::Annulus => {
                    let reach = b[1] + libm::hypot(b[5], b[6]);
                    (reach, reach, [0.0, 0.0])
                }
                Shape::Ring => (b[1], b[1], [0.0, 0.0]),
                Shape::Cylinder | Shape::ConcentricCylinder => (b[0], b[0], [b[1], b[2]]),
            };
            let [x, y, axis_z] = self.axes;
            let reach = x.abs() * half_x + y.abs() * half_y + axis_z.abs() * (0.5 * (z[1] - z[0]));
            let centre = self.origin + axis_z * (0.5 * (z[0] + z[1]));
            low = low.inf(&(centre - reach));
            high = high.sup(&(centre + reach));
        }
        [low, high]
    }
}

/// Whether a point in the Cartesian frame of a surface lies inside the bounds of a mask.
fn contains(shape: Shape, b: &[f64; 7], local: &Vector3<f64>) -> bool {
    let (x, y) = (local.x, local.y);
    match shape {
        Shape::Rectangle => x.abs() <= b[0] && y.abs() <= b[1],
        Shape::Trapezoid => {
            let half_x = 0.5 * (b[0] + b[1]) + 0.5 * (b[1] - b[0]) * y / b[2];
            y.abs() <= b[2] && x.abs() <= half_x
        }
        Shape::Annulus => {
            let (sin, cos) = (libm::sin(b[4]), libm::cos(b[4]));
            let from_beam = libm::hypot(x * cos + y * sin - b[5], y * cos - x * sin - b[6]);
            let turn = std::f64::consts::TAU;
            let from_average = libm::atan2(y, x) - b[4];
            let angle = from_average - turn * (from_average / turn).round();
            (b[0]..=b[1]).contains(&from_beam) && (b[2]..=b[3]).contains(&angle)
        }
        Shape::Ring => (b[0]..=b[1]).contains(&libm::hypot(x, y)),
        Shape::Cylinder | Shape::ConcentricCylinder => (b[1]..=b[2]).contains(&local.z),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::{ToyConfig, toy_detector};
    use proptest::prelude::*;

    proptest! {
        /// An independent answer: core's single-precision mask test, away from the border.
        #[test]
        fn borders_agree_with_those_of_core(x in -40.0..40.0_f64, y in -40.0..40.0_f64) {
            let local = Vector3::new(x, y, 0.0);
            let masks: [(Shape, [f64; 7]); 4] = [
                (Shape::Rectangle, [20.0, 10.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
                (Shape::Trapezoid, [5.0, 20.0, 15.0, 1.0 / 30.0, 0.0, 0.0, 0.0]),
                (Shape::Ring, [10.0, 20.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
                (Shape::Annulus, [10.0, 30.0, -0.3, 0.4, 1.0, 2.0, -1.0]),
            ];
            for (shape, bounds) in masks {
                let mask = Mask { bounds: bounds.map(|b| b as Scalar), link: Default::default() };
                let single = local.map(|v| v as Scalar);
                let inside = mask.contains(shape, &single, -1.0e-3);
                let outside = !mask.contains(shape, &single, 1.0e-3);
                let found = contains(shape, &bounds, &local);
                prop_assert!(if found { !outside } else { !inside }, "{shape:?}");
            }
        }
    }

    #[test]
    fn boxes_hold_the_corners_of_the_sensors() {
        let detector = Detector::compile(&toy_detector(&ToyConfig::full()).unwrap()).unwrap();
        for index in detector.sensitive_surfaces() {
            let target = Target::new(&detector, index).unwrap();
            let [low, high] = target.bounding_box();
            let surface = &detector.surfaces[index.get()];
            let b = surface.mask.bounds;
            let corner =
                if surface.shape == Shape::Rectangle { [b[0], b[1]] } else { [b[1], b[2]] };
            for sign in [1.0, -1.0] {
                let global = surface.to_global([sign * corner[0], corner[1]]).map(f64::from);
                for axis in 0..3 {
                    assert!(global[axis] >= low[axis] - 1e-4 && global[axis] <= high[axis] + 1e-4);
                }
                let inside = [0.999 * sign * corner[0], 0.999 * corner[1]];
                let inside = surface.to_global(inside).map(f64::from);
                assert_eq!(target.covers(&inside), Some(false));
            }
        }
    }
}
