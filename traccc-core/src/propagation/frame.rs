use super::Flight;
use crate::Scalar;
use crate::detector::{Shape, Surface};
use crate::math::{Matrix5, Vector3, cross, dot, perp, sin_cos};

/// The local frame at a point of a surface: how local coordinates and space change with each other.
#[derive(Clone, Copy, Debug)]
pub struct LocalFrame {
    /// Unit normal.
    pub normal: Vector3,
    /// Derivatives of the global position by loc0 and loc1.
    pub tangents: [Vector3; 2],
    /// Gradients of loc0 and loc1.
    pub gradients: [Vector3; 2],
}

impl LocalFrame {
    /// The frame of a surface at local coordinates (loc0, loc1).
    #[inline]
    pub fn of_surface(surface: &Surface, local: [Scalar; 2]) -> Self {
        let (x, y, z) = (surface.axis(0), surface.axis(1), surface.axis(2));
        match surface.shape {
            Shape::ANNULUS | Shape::RING => {
                let (sin, cos) = sin_cos(local[1]);
                let (radial, azimuthal) = (x * cos + y * sin, y * cos - x * sin);
                let r = local[0];
                Self {
                    normal: z,
                    tangents: [radial, azimuthal * r],
                    gradients: [radial, azimuthal / r],
                }
            }
            Shape::CYLINDER => {
                let normal = surface.normal(local);
                let axes = [cross(&z, &normal), z];
                Self { normal, tangents: axes, gradients: axes }
            }
            Shape::CONCENTRIC_CYLINDER => {
                let normal = surface.normal(local);
                let (around, r) = (Vector3::new(-normal.y, normal.x, 0.0), surface.mask.bounds[0]);
                Self {
                    normal,
                    tangents: [around * r, Vector3::z()],
                    gradients: [around / r, Vector3::z()],
                }
            }
            _ => Self { normal: z, tangents: [x, y], gradients: [x, y] },
        }
    }

    /// The curvilinear frame: the plane perpendicular to a direction.
    #[inline]
    pub fn curvilinear(direction: &Vector3) -> Self {
        let transverse = perp(direction.x, direction.y);
        let u = if transverse < 1.0e-6 {
            Vector3::x()
        } else {
            Vector3::new(-direction.y / transverse, direction.x / transverse, 0.0)
        };
        let axes = [u, cross(direction, &u)];
        Self { normal: *direction, tangents: axes, gradients: axes }
    }

    /// The Jacobian from the bound parameters at the start of a flight to those in this frame.
    ///
    /// A change of the start also changes the path to the surface: `-n·dx / n·t` of it for a displacement dx.
    #[inline]
    pub fn jacobian(&self, flight: &Flight) -> Matrix5 {
        let t = &flight.direction;
        let transverse2 = t.x * t.x + t.y * t.y;
        let transverse = transverse2.sqrt();
        let phi_gradient = Vector3::new(-t.y / transverse2, t.x / transverse2, 0.0);
        let theta_gradient =
            Vector3::new(t.z * t.x / transverse, t.z * t.y / transverse, -transverse);
        let path_by_position = self.normal / -dot(&self.normal, t);
        let zero = Vector3::zeros();
        let columns = [
            (flight.position_by_local[0], zero),
            (flight.position_by_local[1], zero),
            (flight.position_by[0], flight.direction_by[0]),
            (flight.position_by[1], flight.direction_by[1]),
            (flight.position_by[2], flight.direction_by[2]),
        ];
        let mut jacobian = Matrix5::zeros();
        for (j, (position, direction)) in columns.into_iter().enumerate() {
            let path = dot(&path_by_position, &position);
            let position = position + t * path;
            let direction = direction + flight.curvature * path;
            jacobian[(0, j)] = dot(&self.gradients[0], &position);
            jacobian[(1, j)] = dot(&self.gradients[1], &position);
            jacobian[(2, j)] = dot(&phi_gradient, &direction);
            jacobian[(3, j)] = dot(&theta_gradient, &direction);
        }
        jacobian[(4, 4)] = 1.0;
        jacobian
    }
}
