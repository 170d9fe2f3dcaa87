use super::tube::Tube;
use super::{Carrier, Coordinates, LocalFrame};
use crate::detector::Surface;
use crate::math::{Vector3, atan2, sin_cos};
use crate::{Scalar, consts};

/// Bounds: r, z min, z max. Local coordinates: phi, in rad, and z, in mm, both global.
pub(super) enum ConcentricCylinder {}

impl Tube for ConcentricCylinder {
    const NAME: &'static str = "concentric cylinder";

    fn half_turn(_: Scalar) -> Scalar {
        consts::PI
    }
}

impl Coordinates for ConcentricCylinder {
    const CARRIER: Carrier = Carrier::ConcentricCylinder;
    const AZIMUTH: Option<usize> = Some(0);

    #[inline]
    fn to_global(surface: &Surface, [loc0, loc1]: [Scalar; 2]) -> Vector3 {
        let radius = surface.mask.bounds[0];
        let (sin, cos) = sin_cos(loc0);
        Vector3::new(radius * cos, radius * sin, loc1)
    }

    #[inline]
    fn to_local(_: &Surface, global: &Vector3) -> [Scalar; 2] {
        [atan2(global.y, global.x), global.z]
    }

    #[inline]
    fn normal(_: &Surface, local: [Scalar; 2]) -> Vector3 {
        let (sin, cos) = sin_cos(local[0]);
        Vector3::new(cos, sin, 0.0)
    }

    #[inline]
    fn frame(surface: &Surface, local: [Scalar; 2]) -> LocalFrame {
        let normal = Self::normal(surface, local);
        let (around, r) = (Vector3::new(-normal.y, normal.x, 0.0), surface.mask.bounds[0]);
        LocalFrame {
            normal,
            tangents: [around * r, Vector3::z()],
            gradients: [around / r, Vector3::z()],
        }
    }
}
