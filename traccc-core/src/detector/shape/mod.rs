//! The forms of surfaces, each in a module of its own.
//!
//! A new shape is a variant of [`Shape`], a module that implements [`Form`] (with local coordinates of an existing
//! [`Coordinates`] or its own) and an arm of [`with_form`]; the compiler names what is missing elsewhere.

mod annulus;
mod concentric_cylinder;
mod cylinder;
mod plane;
mod rectangle;
mod ring;
#[cfg(test)]
mod tests;
mod trapezoid;
mod tube;

use super::{Mask, Surface};
use crate::Scalar;
use crate::math::Vector3;
use bytemuck::NoUninit;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, NoUninit)]
#[repr(u8)]
pub enum Shape {
    /// A rectangle.
    Rectangle = 0,
    /// A trapezoid, symmetric in x.
    Trapezoid = 1,
    /// A stereo sector of an annulus.
    Annulus = 2,
    /// A full ring or disc.
    Ring = 3,
    /// A tube about the local z axis.
    Cylinder = 4,
    /// A tube about the global z axis.
    ConcentricCylinder = 5,
}

/// The endless surface that a shape is cut out of: what a trajectory is intersected with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// The local xy plane.
    Plane,
    /// The cylinder about the local z axis whose radius is the first bound.
    Cylinder,
    /// The cylinder about the global z axis whose radius is the first bound.
    ConcentricCylinder,
}

/// The smallest and the largest local coordinates (loc0, loc1) of a mask, in mm (rad).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// The smallest coordinates.
    pub low: [Scalar; 2],
    /// The largest coordinates.
    pub high: [Scalar; 2],
}

impl Area {
    /// The smallest range that holds both.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self {
            low: [0, 1].map(|axis| self.low[axis].min(other.low[axis])),
            high: [0, 1].map(|axis| self.high[axis].max(other.high[axis])),
        }
    }
}

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

/// Bounds of a mask as [`Shape`] says; unused ones are 0.
type Bounds = [Scalar; 7];

/// What a shape knows of its border.
trait Form {
    /// Its local coordinates and the surface that it lies on.
    type Coordinates: Coordinates;
    /// Name for messages.
    const NAME: &'static str;
    /// Number of bounds.
    const BOUNDS: usize;

    /// Whether a shape can have these finite bounds, of which there are enough.
    fn sound(bounds: &[f64]) -> bool;
    /// Whether a point of the Cartesian frame lies inside, or outside by at most `tolerance` mm.
    fn contains(bounds: &Bounds, local: &Vector3, tolerance: Scalar) -> bool;
    /// The range of local coordinates.
    fn area(bounds: &Bounds) -> Area;
    /// Points of the Cartesian frame that span the shape, grown by `tolerance` mm.
    fn outline(bounds: &[f64], tolerance: f64) -> Vec<[f64; 3]>;
    /// Half lengths along the Cartesian x and y axes of a box about the local origin that holds the shape; infinite where it is
    /// not used.
    fn half_box(_: &Bounds) -> [Scalar; 2] {
        [Scalar::INFINITY; 2]
    }
}

/// What shapes know of the surface that they lie on: the methods of [`Surface`] with the same names.
trait Coordinates {
    /// What a trajectory is intersected with.
    const CARRIER: Carrier;
    /// The local coordinate that is an azimuth.
    const AZIMUTH: Option<usize>;

    fn to_global(surface: &Surface, local: [Scalar; 2]) -> Vector3;
    fn to_local(surface: &Surface, global: &Vector3) -> [Scalar; 2];
    fn normal(surface: &Surface, local: [Scalar; 2]) -> Vector3;
    fn frame(surface: &Surface, local: [Scalar; 2]) -> LocalFrame;
}

/// Evaluates an expression with `$form` as the [`Form`] of a [`Shape`].
macro_rules! with_form {
    (@match $shape:expr, $form:ident => $value:expr; $($variant:ident in $module:ident),*) => {
        match $shape {
            $(Shape::$variant => {
                type $form = $module::$variant;
                $value
            })*
        }
    };
    ($shape:expr, $form:ident => $value:expr) => {
        with_form!(@match $shape, $form => $value;
            Rectangle in rectangle, Trapezoid in trapezoid, Annulus in annulus, Ring in ring,
            Cylinder in cylinder, ConcentricCylinder in concentric_cylinder)
    };
}

/// Evaluates an expression with `$coordinates` as the [`Coordinates`] of a [`Shape`].
macro_rules! with_coordinates {
    ($shape:expr, $coordinates:ident => $value:expr) => {
        with_form!($shape, F => {
            type $coordinates = <F as Form>::Coordinates;
            $value
        })
    };
}

impl Shape {
    /// Number of bounds.
    pub fn bounds(self) -> usize {
        with_form!(self, F => F::BOUNDS)
    }

    /// Name for messages.
    pub fn name(self) -> &'static str {
        with_form!(self, F => F::NAME)
    }

    /// What a trajectory is intersected with.
    #[inline]
    pub fn carrier(self) -> Carrier {
        with_coordinates!(self, C => C::CARRIER)
    }

    /// Whether the surface is flat.
    #[inline]
    pub fn is_plane(self) -> bool {
        self.carrier() == Carrier::Plane
    }

    /// The local coordinate (0 or 1) that is an azimuth, in rad: values a turn apart are the same place.
    #[inline]
    pub fn azimuth(self) -> Option<usize> {
        with_coordinates!(self, C => C::AZIMUTH)
    }

    /// Whether (loc0, loc1) are (r, phi) of the local plane.
    #[inline]
    pub fn is_polar(self) -> bool {
        self.is_plane() && self.azimuth().is_some()
    }

    /// Points of the Cartesian frame that span a mask of this shape, grown by `tolerance` mm.
    pub(super) fn outline(self, bounds: &[f64], tolerance: f64) -> Vec<[f64; 3]> {
        with_form!(self, F => F::outline(bounds, tolerance))
    }

    /// What is wrong with bounds of this shape.
    pub(super) fn check_bounds(self, bounds: &[f64]) -> Result<(), String> {
        let (name, needed) = (self.name(), self.bounds());
        if bounds.len() < needed {
            return Err(format!("{name} needs {needed} bounds, found {}", bounds.len()));
        }
        if let Some(bad) = bounds.iter().find(|v| !v.is_finite()) {
            return Err(format!("bound {bad} of the {name} is not finite"));
        }
        let sound = with_form!(self, F => F::sound(bounds));
        if sound { Ok(()) } else { Err(format!("{name} cannot have the bounds {bounds:?}")) }
    }
}

impl Surface {
    /// The global position of local coordinates (loc0, loc1), in mm.
    #[inline]
    pub fn to_global(&self, local: [Scalar; 2]) -> Vector3 {
        with_coordinates!(self.shape, C => C::to_global(self, local))
    }

    /// Local coordinates (loc0, loc1) of a global position on or near the surface.
    #[inline]
    pub fn to_local(&self, global: &Vector3) -> [Scalar; 2] {
        with_coordinates!(self.shape, C => C::to_local(self, global))
    }

    /// The unit normal at local coordinates (loc0, loc1).
    #[inline]
    pub fn normal(&self, local: [Scalar; 2]) -> Vector3 {
        with_coordinates!(self.shape, C => C::normal(self, local))
    }

    /// The frame at local coordinates (loc0, loc1).
    #[inline]
    pub fn frame(&self, local: [Scalar; 2]) -> LocalFrame {
        with_coordinates!(self.shape, C => C::frame(self, local))
    }
}

impl Mask {
    /// Whether a local point lies inside, or outside by at most `tolerance` mm.
    ///
    /// `local` is the point in the surface's Cartesian frame; for a concentric cylinder its z is the global z.
    #[inline]
    pub fn contains(&self, shape: Shape, local: &Vector3, tolerance: Scalar) -> bool {
        with_form!(shape, F => F::contains(&self.bounds, local, tolerance))
    }

    /// Half lengths along the Cartesian x and y axes of a box about the local origin that holds the mask of a plane; infinite
    /// for shapes that are not described by x and y.
    #[inline]
    pub fn half_box(&self, shape: Shape) -> [Scalar; 2] {
        with_form!(shape, F => F::half_box(&self.bounds))
    }

    /// The range of local coordinates.
    pub fn area(&self, shape: Shape) -> Area {
        with_form!(shape, F => F::area(&self.bounds))
    }
}
