use crate::Scalar;
use crate::index::VolumeIndex;
use crate::math::{Vector3, perp};
use bytemuck::{Pod, Zeroable};

/// What a surface is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub struct SurfaceKind(pub u8);

impl SurfaceKind {
    /// The border to another volume.
    pub const PORTAL: Self = Self(0);
    /// A sensor.
    pub const SENSITIVE: Self = Self(1);
    /// Material without a sensor.
    pub const PASSIVE: Self = Self(2);
}

/// The form of a surface, the meaning of its bounds and its local coordinates.
///
/// | shape | local coordinates | bounds |
/// |---|---|---|
/// | rectangle | x, y | half x, half y |
/// | trapezoid | x, y | half x at -y, half x at +y, half y, 1 / (2 half y) |
/// | annulus | r, phi | r min, r max, phi min, phi max, phi average, shift x, shift y |
/// | ring | r, phi | r min, r max |
/// | cylinder | r phi, z | r, z min, z max |
/// | concentric cylinder | phi, z (global) | r, z min, z max |
///
/// Lengths in mm, angles in rad. The radii of an annulus are measured from the shifted origin, its angles from the
/// local origin and relative to the average.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub struct Shape(pub u8);

impl Shape {
    /// A rectangle.
    pub const RECTANGLE: Self = Self(0);
    /// A trapezoid, symmetric in x.
    pub const TRAPEZOID: Self = Self(1);
    /// A stereo sector of an annulus.
    pub const ANNULUS: Self = Self(2);
    /// A full ring or disc.
    pub const RING: Self = Self(3);
    /// A tube about the local z axis.
    pub const CYLINDER: Self = Self(4);
    /// A tube about the global z axis.
    pub const CONCENTRIC_CYLINDER: Self = Self(5);

    /// Number of bounds.
    pub fn bounds(self) -> usize {
        match self {
            Self::RECTANGLE | Self::RING => 2,
            Self::TRAPEZOID => 4,
            Self::ANNULUS => 7,
            _ => 3,
        }
    }

    /// Name for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::RECTANGLE => "rectangle",
            Self::TRAPEZOID => "trapezoid",
            Self::ANNULUS => "annulus",
            Self::RING => "ring",
            Self::CYLINDER => "cylinder",
            Self::CONCENTRIC_CYLINDER => "concentric cylinder",
            _ => "unknown",
        }
    }

    /// Whether the surface is flat.
    #[inline]
    pub fn is_plane(self) -> bool {
        self.0 <= Self::RING.0
    }

    /// Whether (loc0, loc1) are (r, phi) of the local plane.
    #[inline]
    pub fn is_polar(self) -> bool {
        self == Self::ANNULUS || self == Self::RING
    }
}

/// Where the material of a surface is: nothing, a row of the slabs, or (upper bit set) a row of the maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub struct MaterialRef(pub u32);

impl MaterialRef {
    /// No material.
    pub const NONE: Self = Self(u32::MAX);
    const MAP: u32 = 1 << 31;

    /// Row `row` of the slabs.
    pub fn slab(row: usize) -> Self {
        Self(row as u32)
    }

    /// Row `row` of the maps.
    pub fn map(row: usize) -> Self {
        Self(row as u32 | Self::MAP)
    }

    /// Whether there is material.
    #[inline]
    pub fn is_some(self) -> bool {
        self != Self::NONE
    }

    /// The row of the slabs, if it is one.
    #[inline]
    pub fn as_slab(self) -> Option<usize> {
        (self.0 & Self::MAP == 0).then_some(self.0 as usize)
    }

    /// The row of the maps, if it is one.
    #[inline]
    pub fn as_map(self) -> Option<usize> {
        (self.0 & Self::MAP != 0 && self.is_some()).then_some((self.0 & !Self::MAP) as usize)
    }
}

/// One area of a surface and where it leads.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Mask {
    /// Boundaries as [`Shape`] says.
    pub bounds: [Scalar; 7],
    /// For a portal the volume behind it.
    pub link: VolumeIndex,
}
#[cfg(not(traccc_f64))]
const _: () = assert!(size_of::<Mask>() == 32);

/// One surface: all that propagation needs of it in one record of six times 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C, align(16))]
pub struct Surface {
    /// Local x, y and z axes as global unit vectors.
    pub axes: [[Scalar; 3]; 3],
    /// Origin of the local frame in global coordinates, in mm.
    pub translation: [Scalar; 3],
    /// The first (mostly the only) mask.
    pub mask: Mask,
    /// The volume that holds it.
    pub volume: VolumeIndex,
    /// Material.
    pub material: MaterialRef,
    /// First row of [`Detector::further_masks`](super::Detector::further_masks) of this surface.
    pub first_further_mask: u32,
    /// Number of these rows.
    pub further_masks: u16,
    /// Form.
    pub shape: Shape,
    /// Purpose.
    pub kind: SurfaceKind,
}
#[cfg(not(traccc_f64))]
const _: () = assert!(size_of::<Surface>() == 96 && align_of::<Surface>() == 16);

impl Surface {
    /// Local axis 0 (x), 1 (y) or 2 (z, the normal of a plane) as a global unit vector.
    #[inline]
    pub fn axis(&self, axis: usize) -> Vector3 {
        Vector3::from(self.axes[axis])
    }

    /// Origin of the local frame in global coordinates, in mm.
    #[inline]
    pub fn origin(&self) -> Vector3 {
        Vector3::from(self.translation)
    }

    /// The global position of local coordinates (loc0, loc1), in mm.
    #[inline]
    pub fn to_global(&self, local: [Scalar; 2]) -> Vector3 {
        let [loc0, loc1] = local;
        match self.shape {
            Shape::ANNULUS | Shape::RING => {
                let (sin, cos) = loc1.sin_cos();
                self.origin() + self.axis(0) * (loc0 * cos) + self.axis(1) * (loc0 * sin)
            }
            Shape::CYLINDER => {
                let radius = self.mask.bounds[0];
                let (sin, cos) = (loc0 / radius).sin_cos();
                self.origin()
                    + self.axis(0) * (radius * cos)
                    + self.axis(1) * (radius * sin)
                    + self.axis(2) * loc1
            }
            Shape::CONCENTRIC_CYLINDER => {
                let (sin, cos) = loc0.sin_cos();
                Vector3::new(self.mask.bounds[0] * cos, self.mask.bounds[0] * sin, loc1)
            }
            _ => self.origin() + self.axis(0) * loc0 + self.axis(1) * loc1,
        }
    }

    /// Coordinates of a global position in the surface's Cartesian frame, in mm.
    #[inline]
    pub fn to_cartesian(&self, global: &Vector3) -> Vector3 {
        let relative = global - self.origin();
        Vector3::new(
            self.axis(0).dot(&relative),
            self.axis(1).dot(&relative),
            self.axis(2).dot(&relative),
        )
    }

    /// Local coordinates (loc0, loc1) of a global position on or near the surface.
    #[inline]
    pub fn to_local(&self, global: &Vector3) -> [Scalar; 2] {
        if self.shape == Shape::CONCENTRIC_CYLINDER {
            return [global.y.atan2(global.x), global.z];
        }
        let local = self.to_cartesian(global);
        match self.shape {
            Shape::ANNULUS | Shape::RING => [perp(local.x, local.y), local.y.atan2(local.x)],
            Shape::CYLINDER => [perp(local.x, local.y) * local.y.atan2(local.x), local.z],
            _ => [local.x, local.y],
        }
    }

    /// The unit normal at local coordinates (loc0, loc1).
    #[inline]
    pub fn normal(&self, local: [Scalar; 2]) -> Vector3 {
        match self.shape {
            Shape::CYLINDER => {
                let (sin, cos) = (local[0] / self.mask.bounds[0]).sin_cos();
                self.axis(0) * cos + self.axis(1) * sin
            }
            Shape::CONCENTRIC_CYLINDER => {
                let (sin, cos) = local[0].sin_cos();
                Vector3::new(cos, sin, 0.0)
            }
            _ => self.axis(2),
        }
    }
}

impl Mask {
    /// Whether a local point lies inside, or outside by at most `tolerance` mm.
    ///
    /// `local` is the point in the surface's Cartesian frame; for a concentric cylinder its z is the global z.
    #[inline]
    pub fn contains(&self, shape: Shape, local: &Vector3, tolerance: Scalar) -> bool {
        let b = &self.bounds;
        match shape {
            Shape::RECTANGLE => {
                local.x.abs() <= b[0] + tolerance && local.y.abs() <= b[1] + tolerance
            }
            Shape::TRAPEZOID => {
                let half_x = b[0] + (b[2] + local.y) * b[3] * (b[1] - b[0]);
                local.x.abs() <= half_x + tolerance && local.y.abs() <= b[2] + tolerance
            }
            Shape::ANNULUS => annulus_contains(b, local, tolerance),
            Shape::RING => {
                let r = perp(local.x, local.y);
                r + tolerance >= b[0] && r <= b[1] + tolerance
            }
            _ => local.z >= b[1] - tolerance && local.z <= b[2] + tolerance,
        }
    }
}

/// Angles are measured about the focus of the strips (the local origin) from the average angle, and taken modulo a turn;
/// radii about the beam, which lies at the shift in the frame turned by the average angle. This is ACTS' rule and that of
/// detray's test from local coordinates; detray's test from a global position has the opposite sign of the shift and
/// does not turn (`detray.md` 4.3).
#[inline]
fn annulus_contains(b: &[Scalar; 7], local: &Vector3, tolerance: Scalar) -> bool {
    let (sin, cos) = b[4].sin_cos();
    let turned = (local.x * cos + local.y * sin, local.y * cos - local.x * sin);
    let beam = perp(turned.0 - b[5], turned.1 - b[6]);
    let focal_radius = perp(local.x, local.y);
    let phi = crate::math::wrap_phi(local.y.atan2(local.x) - b[4]);
    let phi_tolerance = if focal_radius > 0.0 { tolerance / focal_radius } else { tolerance };
    beam + tolerance >= b[0]
        && beam <= b[1] + tolerance
        && phi >= b[2] - phi_tolerance
        && phi <= b[3] + phi_tolerance
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consts;

    fn inside(shape: Shape, bounds: &[Scalar], x: Scalar, y: Scalar, tolerance: Scalar) -> bool {
        let mut all = [0.0; 7];
        all[..bounds.len()].copy_from_slice(bounds);
        Mask { bounds: all, link: VolumeIndex::NONE }.contains(
            shape,
            &Vector3::new(x, y, 0.0),
            tolerance,
        )
    }

    #[test]
    fn a_trapezoid_is_as_wide_as_its_height_says() {
        let bounds = [2.0, 6.0, 4.0, 1.0 / 8.0];
        assert!(
            inside(Shape::TRAPEZOID, &bounds, 3.9, 0.0, 0.0)
                && !inside(Shape::TRAPEZOID, &bounds, 4.1, 0.0, 0.0)
        );
        assert!(
            inside(Shape::TRAPEZOID, &bounds, 2.0, -4.0, 0.0)
                && !inside(Shape::TRAPEZOID, &bounds, 0.0, 4.1, 0.0)
        );
        assert!(inside(Shape::TRAPEZOID, &bounds, 4.1, 0.0, 0.2));
    }

    #[test]
    fn a_ring_has_a_hole() {
        for (radius, expected) in [(2.9, false), (3.1, true), (6.9, true), (7.1, false)] {
            assert_eq!(inside(Shape::RING, &[3.0, 7.0], 0.0, -radius, 0.0), expected, "{radius}");
        }
        assert!(inside(Shape::RING, &[3.0, 7.0], 2.9, 0.0, 0.2));
    }

    /// Points placed about the beam, at (-2, 2) in the frame turned by the average angle, and about the focus.
    #[test]
    fn an_annulus_has_radii_about_the_beam_and_angles_about_the_focus() {
        let average: Scalar = 1.04;
        let bounds = [7.2, 12.0, -0.3, 0.3, average, -2.0, 2.0];
        let (sin, cos) = average.sin_cos();
        let contains = |x: Scalar, y: Scalar| {
            inside(Shape::ANNULUS, &bounds, x * cos - y * sin, x * sin + y * cos, 0.0)
        };
        // Along the turned x axis, distance to (-2, 2) by Pythagoras.
        let at = |radius: Scalar| -2.0 + (radius * radius - 4.0).sqrt();
        assert!(contains(at(7.3), 0.0) && !contains(at(7.1), 0.0));
        assert!(contains(at(11.9), 0.0) && !contains(at(12.1), 0.0));
        // At a fixed distance from the focus, left and right of the angular limits.
        let polar = |angle: Scalar| contains(7.0 * angle.cos(), 7.0 * angle.sin());
        assert!(polar(0.29) && !polar(0.31) && polar(-0.29) && !polar(-0.31));
    }

    #[test]
    fn an_annulus_may_lie_across_the_branch_cut() {
        let bounds = [5.0, 9.0, -0.2, 0.2, consts::PI - 0.05, 0.0, 0.0];
        assert!(inside(Shape::ANNULUS, &bounds, -7.0, -0.5, 0.0));
        assert!(!inside(Shape::ANNULUS, &bounds, 7.0, -0.5, 0.0));
    }
}
