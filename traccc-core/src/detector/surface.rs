use super::Shape;
use crate::Scalar;
use crate::index::VolumeIndex;
use crate::math::{Vector3, dot};
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

/// One surface: all that propagation needs of it in one record of six times 16 bytes. Its geometry is in the modules of the shapes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::NoUninit))]
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

    /// Coordinates of a global position in the surface's Cartesian frame, in mm.
    #[inline]
    pub fn to_cartesian(&self, global: &Vector3) -> Vector3 {
        let relative = global - self.origin();
        Vector3::new(
            dot(&self.axis(0), &relative),
            dot(&self.axis(1), &relative),
            dot(&self.axis(2), &relative),
        )
    }
}
