use super::tube::Tube;
use super::{Carrier, Coordinates, LocalFrame};
use crate::detector::Surface;
use crate::math::{Vector3, atan2, cross, perp, sin_cos};
use crate::{Scalar, consts};

/// Bounds: r, z min, z max. Local coordinates: r phi and z, in mm.
pub(super) enum Cylinder {}

impl Tube for Cylinder {
    const NAME: &'static str = "cylinder";

    fn half_turn(radius: Scalar) -> Scalar {
        consts::PI * radius
    }
}

impl Coordinates for Cylinder {
    const CARRIER: Carrier = Carrier::Cylinder;
    const AZIMUTH: Option<usize> = None;

    #[inline]
    fn to_global(surface: &Surface, [loc0, loc1]: [Scalar; 2]) -> Vector3 {
        let radius = surface.mask.bounds[0];
        let (sin, cos) = sin_cos(loc0 / radius);
        surface.origin()
            + surface.axis(0) * (radius * cos)
            + surface.axis(1) * (radius * sin)
            + surface.axis(2) * loc1
    }

    #[inline]
    fn to_local(surface: &Surface, global: &Vector3) -> [Scalar; 2] {
        let local = surface.to_cartesian(global);
        [perp(local.x, local.y) * atan2(local.y, local.x), local.z]
    }

    #[inline]
    fn normal(surface: &Surface, local: [Scalar; 2]) -> Vector3 {
        let (sin, cos) = sin_cos(local[0] / surface.mask.bounds[0]);
        surface.axis(0) * cos + surface.axis(1) * sin
    }

    #[inline]
    fn frame(surface: &Surface, local: [Scalar; 2]) -> LocalFrame {
        let (normal, z) = (Self::normal(surface, local), surface.axis(2));
        let axes = [cross(&z, &normal), z];
        LocalFrame { normal, tangents: axes, gradients: axes }
    }
}
