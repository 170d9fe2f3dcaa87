//! The magnetic field: constant, or interpolated from a map.

use crate::Scalar;
use crate::math::Vector3;
use bytemuck::{Pod, Zeroable};

/// A magnetic field, in T, as a function of the global position, in mm.
#[derive(Clone, Debug, PartialEq)]
pub enum MagneticField {
    /// The same vector everywhere, in T.
    Constant(Vector3),
    /// Linear interpolation on a regular grid.
    Map(Box<FieldMap>),
}

impl MagneticField {
    /// A field along z of `tesla` T.
    pub fn along_z(tesla: Scalar) -> Self {
        Self::Constant(Vector3::new(0.0, 0.0, tesla))
    }

    /// The field at a global position in mm, in T.
    #[inline]
    pub fn at(&self, position: &Vector3) -> Vector3 {
        match self {
            Self::Constant(field) => *field,
            Self::Map(map) => map.at(position),
        }
    }
}

/// The grid of a field map.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct FieldGrid {
    /// Rows of the affine map from a position in mm to node numbers: `a x + b y + c z + t`.
    pub to_node: [[f32; 4]; 3],
    /// Nodes along x, y and z.
    pub nodes: [u32; 3],
}
const _: () = assert!(size_of::<FieldGrid>() == 60);

/// Field vectors on a regular grid of global positions.
///
/// Between nodes the value is trilinear; outside the grid it is that of the nearest point of the border. (covfie
/// extrapolates in the half-cell below the lower border and is undefined further down; here both are clamped.)
#[derive(Clone, Debug, PartialEq)]
pub struct FieldMap {
    /// Where the nodes are.
    pub grid: FieldGrid,
    /// Field at each node, in T; z runs fastest, x slowest. Without a fourth number, which makes look-ups no faster here.
    pub values: Vec<[f32; 3]>,
}

impl FieldMap {
    /// The field at a global position in mm, in T.
    #[inline]
    pub fn at(&self, position: &Vector3) -> Vector3 {
        let nodes = self.grid.nodes.map(|n| n as usize);
        let mut lower = [0_usize; 3];
        let mut upper = [0_usize; 3];
        let mut fraction = [0.0; 3];
        for axis in 0..3 {
            let [a, b, c, t] = self.grid.to_node[axis].map(Scalar::from);
            let last = (nodes[axis] - 1) as Scalar;
            let node = (a * position.x + b * position.y + c * position.z + t).clamp(0.0, last);
            // `as` turns a NaN into node 0: the position is invalid anyway and its owner finds out.
            lower[axis] = node as usize;
            upper[axis] = (lower[axis] + 1).min(nodes[axis] - 1);
            fraction[axis] = node - lower[axis] as Scalar;
        }
        let value = |i: usize, j: usize, k: usize| {
            Vector3::from(self.values[(i * nodes[1] + j) * nodes[2] + k].map(Scalar::from))
        };
        let along_z = |i, j| value(i, j, lower[2]).lerp(&value(i, j, upper[2]), fraction[2]);
        let along_y = |i| along_z(i, lower[1]).lerp(&along_z(i, upper[1]), fraction[1]);
        along_y(lower[0]).lerp(&along_y(upper[0]), fraction[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field linear in the position: trilinear interpolation must reproduce it exactly.
    fn linear_map() -> FieldMap {
        let nodes = [4, 3, 5];
        let mut values = Vec::new();
        for i in 0..nodes[0] {
            for j in 0..nodes[1] {
                for k in 0..nodes[2] {
                    let (x, y, z) =
                        (i as f32 * 10.0 - 15.0, j as f32 * 10.0 - 10.0, k as f32 * 10.0 - 20.0);
                    values.push([x, y + 2.0 * z, 2.0 - x]);
                }
            }
        }
        let to_node = [[0.1, 0.0, 0.0, 1.5], [0.0, 0.1, 0.0, 1.0], [0.0, 0.0, 0.1, 2.0]];
        FieldMap { grid: FieldGrid { to_node, nodes }, values }
    }

    #[test]
    fn interpolation_is_exact_for_a_linear_field() {
        let field = linear_map().at(&Vector3::new(-3.0, 4.5, 11.0));
        assert!((field - Vector3::new(-3.0, 26.5, 5.0)).norm() < 1e-4, "{field}");
    }

    #[test]
    fn positions_outside_take_the_border_value() {
        let map = linear_map();
        let outside = map.at(&Vector3::new(-99.0, 0.0, 500.0));
        assert_eq!(outside, map.at(&Vector3::new(-15.0, 0.0, 20.0)));
        assert!(map.at(&Vector3::new(Scalar::NAN, 0.0, 0.0)).iter().any(|v| v.is_nan()));
    }
}
