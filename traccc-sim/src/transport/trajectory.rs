//! The path of a charged particle in a magnetic field, in double precision.

use nalgebra::Vector3;
use traccc_core::field::MagneticField;

/// Curvature in 1/mm of a unit charge with 1 GeV in a field of 1 T. Not core's constant, which is in single precision.
const CURVATURE_PER_TESLA: f64 = 0.000_299_792_458;
/// Largest change of direction within an arc, in rad.
const MAX_TURN: f64 = 0.1;
/// Longest arc, in mm, in a constant field (there it is exact) and in a map (there it is one Runge-Kutta step).
const MAX_LENGTH: [f64; 2] = [25.0, 10.0];

/// A piece of a trajectory that starts at `position` in `direction`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arc<'a> {
    position: Vector3<f64>,
    direction: Vector3<f64>,
    /// Charge over momentum in the units of curvature per tesla, in 1/(mm T).
    bending: f64,
    field: &'a MagneticField,
    /// The field at the start, in T.
    field_at_start: Vector3<f64>,
}

impl<'a> Arc<'a> {
    /// From a global position in mm along a unit vector, for a charge over momentum in e/GeV.
    pub(crate) fn new(
        position: Vector3<f64>,
        direction: Vector3<f64>,
        charge_over_momentum: f64,
        field: &'a MagneticField,
    ) -> Self {
        let bending = charge_over_momentum * CURVATURE_PER_TESLA;
        Self { position, direction, bending, field, field_at_start: field_at(field, &position) }
    }

    /// A length over which the direction changes little, in mm.
    pub(crate) fn suitable_length(&self) -> f64 {
        let longest = match self.field {
            MagneticField::Constant(_) => MAX_LENGTH[0],
            MagneticField::Map(_) => MAX_LENGTH[1],
        };
        let curvature = (self.bending * self.field_at_start.norm()).abs();
        if curvature * longest > MAX_TURN { MAX_TURN / curvature } else { longest }
    }

    /// How far the arc of length `length` bulges from its chord, at most, in mm.
    pub(crate) fn sagitta(&self, length: f64) -> f64 {
        // An eighth of curvature times length squared, doubled because a map's field may grow along the way.
        let curvature = (self.bending * self.field_at_start.norm()).abs();
        0.25 * curvature * length * length + 1.0e-3
    }

    /// Position in mm and direction after a path of `length` mm (negative: before the start).
    pub(crate) fn at(&self, length: f64) -> (Vector3<f64>, Vector3<f64>) {
        match self.field {
            MagneticField::Constant(_) => self.helix(length),
            MagneticField::Map(_) => self.runge_kutta(length),
        }
    }

    fn helix(&self, length: f64) -> (Vector3<f64>, Vector3<f64>) {
        let strength = self.field_at_start.norm();
        let turn = -self.bending * strength * length;
        if turn == 0.0 {
            return (self.position + self.direction * length, self.direction);
        }
        let axis = self.field_at_start / strength;
        let along = axis * axis.dot(&self.direction);
        let across = self.direction - along;
        let sideways = axis.cross(&self.direction);
        let (sin, cos) = libm::sincos(turn);
        // 1 - cos without its cancellation.
        let half_sin = libm::sin(0.5 * turn);
        let versine = 2.0 * half_sin * half_sin;
        let moved = along + across * (sin / turn) + sideways * (versine / turn);
        let direction = along + across * cos + sideways * sin;
        (self.position + moved * length, direction.normalize())
    }

    /// One step of the classical fourth-order method for position and direction.
    fn runge_kutta(&self, h: f64) -> (Vector3<f64>, Vector3<f64>) {
        let force =
            |x: &Vector3<f64>, t: &Vector3<f64>| t.cross(&field_at(self.field, x)) * self.bending;
        let (x, t1) = (self.position, self.direction);
        let a1 = t1.cross(&self.field_at_start) * self.bending;
        let t2 = t1 + a1 * (0.5 * h);
        let a2 = force(&(x + t1 * (0.5 * h)), &t2);
        let t3 = t1 + a2 * (0.5 * h);
        let a3 = force(&(x + t2 * (0.5 * h)), &t3);
        let t4 = t1 + a3 * h;
        let a4 = force(&(x + t3 * h), &t4);
        let position = x + (t1 + t2 * 2.0 + t3 * 2.0 + t4) * (h / 6.0);
        let direction = t1 + (a1 + a2 * 2.0 + a3 * 2.0 + a4) * (h / 6.0);
        (position, direction.normalize())
    }
}

fn field_at(field: &MagneticField, position: &Vector3<f64>) -> Vector3<f64> {
    field.at(&position.map(|v| v as traccc_core::Scalar)).map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use traccc_core::field::{FieldGrid, FieldMap};

    /// 2 T along z on a coarse grid: interpolation gives the same field everywhere.
    fn flat_map() -> MagneticField {
        let to_node = [[0.001, 0.0, 0.0, 1.0], [0.0, 0.001, 0.0, 1.0], [0.0, 0.0, 0.001, 1.0]];
        MagneticField::Map(Box::new(FieldMap {
            grid: FieldGrid { to_node, nodes: [3; 3] },
            values: vec![[0.0, 0.0, 2.0]; 27],
        }))
    }

    #[test]
    fn a_full_turn_ends_above_its_start() {
        // pT of 1 GeV in 2 T: radius of 1 / (2 * 2.99792458e-4) mm.
        let field = MagneticField::along_z(2.0);
        let direction = Vector3::new(1.0, 0.0, 1.0).normalize();
        let momentum = 2.0_f64.sqrt();
        let radius = 1.0 / (2.0 * CURVATURE_PER_TESLA);
        for charge in [-1.0, 1.0] {
            let arc = Arc::new(Vector3::zeros(), direction, charge / momentum, &field);
            let turn = 2.0 * std::f64::consts::PI * radius * momentum;
            let (end, tangent) = arc.at(turn);
            assert!((end - Vector3::new(0.0, 0.0, turn / momentum)).norm() < 1e-8, "{end}");
            assert!((tangent - direction).norm() < 1e-12);
            // A positive charge along x in a field along z is pushed towards -y.
            let (quarter, tangent) = arc.at(0.25 * turn);
            let expected = Vector3::new(radius, -charge * radius, 0.25 * turn / momentum);
            assert!((quarter - expected).norm() < 1e-8, "{quarter}");
            assert!((tangent - Vector3::new(0.0, -charge, 1.0).normalize()).norm() < 1e-12);
        }
    }

    #[test]
    fn without_field_the_path_is_straight() {
        let field = MagneticField::Constant(Default::default());
        let direction = Vector3::new(0.6, 0.0, 0.8);
        let (end, tangent) = Arc::new(Vector3::x(), direction, 1.0, &field).at(10.0);
        assert!((end - Vector3::new(7.0, 0.0, 8.0)).norm() < 1e-12 && tangent == direction);
    }

    #[test]
    fn steps_in_a_map_follow_the_helix() {
        let (uniform, map) = (MagneticField::along_z(2.0), flat_map());
        let direction = Vector3::new(0.8, 0.0, 0.6);
        for momentum in [0.1, 1.0, 10.0] {
            let exact = Arc::new(Vector3::zeros(), direction, -1.0 / momentum, &uniform);
            let mut state = (Vector3::zeros(), direction);
            let mut path = 0.0;
            while path < 300.0 {
                let arc = Arc::new(state.0, state.1, -1.0 / momentum, &map);
                let step = arc.suitable_length();
                state = arc.at(step);
                path += step;
            }
            let (end, tangent) = exact.at(path);
            assert!((state.0 - end).norm() < 2e-4, "{momentum}: {}", (state.0 - end).norm());
            assert!((state.1 - tangent).norm() < 2e-6);
        }
    }
}
