//! What the propagation adds to the frames of surfaces.

use super::stepper::Stepper;
use crate::detector::LocalFrame;
use crate::math::{Matrix5, Vector3, cross, dot, perp};

impl LocalFrame {
    /// The curvilinear frame: the plane perpendicular to a direction.
    #[inline]
    pub(super) fn curvilinear(direction: &Vector3) -> Self {
        let transverse = perp(direction.x, direction.y);
        let u = if transverse < 1.0e-6 {
            Vector3::x()
        } else {
            Vector3::new(-direction.y / transverse, direction.x / transverse, 0.0)
        };
        let axes = [u, cross(direction, &u)];
        Self { normal: *direction, tangents: axes, gradients: axes }
    }

    /// The Jacobian from the bound parameters where the stepper started to those in this frame.
    ///
    /// A change of the start also changes the path to the surface: `-n·dx / n·t` of it for a displacement dx.
    #[inline]
    pub(super) fn jacobian(&self, stepper: &Stepper) -> Matrix5 {
        let t = &stepper.direction;
        let transverse2 = t.x * t.x + t.y * t.y;
        let transverse = transverse2.sqrt();
        let phi_gradient = Vector3::new(-t.y / transverse2, t.x / transverse2, 0.0);
        let theta_gradient =
            Vector3::new(t.z * t.x / transverse, t.z * t.y / transverse, -transverse);
        let path_by_position = self.normal / -dot(&self.normal, t);
        let zero = Vector3::zeros();
        let columns = [
            (stepper.position_by_local[0], zero),
            (stepper.position_by_local[1], zero),
            (stepper.position_by[0], stepper.direction_by[0]),
            (stepper.position_by[1], stepper.direction_by[1]),
            (stepper.position_by[2], stepper.direction_by[2]),
        ];
        let mut jacobian = Matrix5::zeros();
        for (j, (position, direction)) in columns.into_iter().enumerate() {
            let path = dot(&path_by_position, &position);
            let position = position + t * path;
            let direction = direction + stepper.curvature * path;
            jacobian[(0, j)] = dot(&self.gradients[0], &position);
            jacobian[(1, j)] = dot(&self.gradients[1], &position);
            jacobian[(2, j)] = dot(&phi_gradient, &direction);
            jacobian[(3, j)] = dot(&theta_gradient, &direction);
        }
        jacobian[(4, 4)] = 1.0;
        jacobian
    }
}
