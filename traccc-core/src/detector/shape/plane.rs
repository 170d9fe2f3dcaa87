//! The local coordinates that flat shapes share.

use super::{Carrier, Coordinates, LocalFrame};
use crate::Scalar;
use crate::detector::Surface;
use crate::math::{Vector3, atan2, perp, sin_cos};

/// x and y of the local plane, in mm.
pub(super) enum Cartesian {}

impl Coordinates for Cartesian {
    const CARRIER: Carrier = Carrier::Plane;
    const AZIMUTH: Option<usize> = None;

    #[inline]
    fn to_global(surface: &Surface, [loc0, loc1]: [Scalar; 2]) -> Vector3 {
        surface.origin() + surface.axis(0) * loc0 + surface.axis(1) * loc1
    }

    #[inline]
    fn to_local(surface: &Surface, global: &Vector3) -> [Scalar; 2] {
        let local = surface.to_cartesian(global);
        [local.x, local.y]
    }

    #[inline]
    fn normal(surface: &Surface, _: [Scalar; 2]) -> Vector3 {
        surface.axis(2)
    }

    #[inline]
    fn frame(surface: &Surface, _: [Scalar; 2]) -> LocalFrame {
        let axes = [surface.axis(0), surface.axis(1)];
        LocalFrame { normal: surface.axis(2), tangents: axes, gradients: axes }
    }
}

/// Radius, in mm, and azimuth, in rad, of the local plane.
pub(super) enum Polar {}

impl Coordinates for Polar {
    const CARRIER: Carrier = Carrier::Plane;
    const AZIMUTH: Option<usize> = Some(1);

    #[inline]
    fn to_global(surface: &Surface, [loc0, loc1]: [Scalar; 2]) -> Vector3 {
        let (sin, cos) = sin_cos(loc1);
        surface.origin() + surface.axis(0) * (loc0 * cos) + surface.axis(1) * (loc0 * sin)
    }

    #[inline]
    fn to_local(surface: &Surface, global: &Vector3) -> [Scalar; 2] {
        let local = surface.to_cartesian(global);
        [perp(local.x, local.y), atan2(local.y, local.x)]
    }

    #[inline]
    fn normal(surface: &Surface, _: [Scalar; 2]) -> Vector3 {
        surface.axis(2)
    }

    #[inline]
    fn frame(surface: &Surface, [r, phi]: [Scalar; 2]) -> LocalFrame {
        let (x, y) = (surface.axis(0), surface.axis(1));
        let (sin, cos) = sin_cos(phi);
        let (radial, azimuthal) = (x * cos + y * sin, y * cos - x * sin);
        LocalFrame {
            normal: surface.axis(2),
            tangents: [radial, azimuthal * r],
            gradients: [radial, azimuthal / r],
        }
    }
}
