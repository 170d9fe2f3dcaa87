//! The magnetic field: constant, or interpolated from a map.

use crate::Scalar;
use crate::math::{Vector3, lerp, norm};
use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

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

    /// Its component along z at the origin, in T: what bends the tracks of a collision at the beam line.
    pub fn along_z_at_origin(&self) -> Scalar {
        self.at(&Vector3::zeros()).z
    }

    /// Its largest magnitude anywhere, in T.
    pub fn strongest(&self) -> Scalar {
        match self {
            Self::Constant(field) => norm(field),
            Self::Map(map) => map.strongest(),
        }
    }

    /// Whether it is known at a global position, in mm: in the grid of a map. A constant field is known everywhere.
    pub fn covers(&self, position: &Vector3) -> bool {
        match self {
            Self::Constant(_) => true,
            Self::Map(map) => map.covers(position),
        }
    }
}

/// Which magnetic field a stage works with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldChoice {
    /// That of the setup.
    #[default]
    Setup,
    /// A constant along z, in T.
    Constant(Scalar),
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
        let along_z = |i, j| lerp(&value(i, j, lower[2]), &value(i, j, upper[2]), fraction[2]);
        let along_y = |i| lerp(&along_z(i, lower[1]), &along_z(i, upper[1]), fraction[1]);
        lerp(&along_y(lower[0]), &along_y(upper[0]), fraction[0])
    }

    /// The largest magnitude of a node, in T: between nodes the field is not stronger.
    pub fn strongest(&self) -> Scalar {
        let square = |value: &[f32; 3]| value.iter().map(|b| b * b).sum::<f32>();
        Scalar::from(self.values.iter().map(square).fold(0.0, f32::max)).sqrt()
    }

    /// Whether a global position, in mm, lies between the outermost nodes. One node along an axis stands for all of it.
    pub fn covers(&self, position: &Vector3) -> bool {
        /// Of the distance of two nodes: positions are rounded.
        const TOLERANCE: Scalar = 1.0e-3;
        self.grid.to_node.iter().zip(self.grid.nodes).all(|(row, nodes)| {
            let [a, b, c, t] = row.map(Scalar::from);
            let node = a * position.x + b * position.y + c * position.z + t;
            let last = (nodes - 1) as Scalar;
            nodes == 1 || (-TOLERANCE..=last + TOLERANCE).contains(&node)
        })
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
    fn a_map_covers_its_grid_and_knows_its_strongest_node() {
        let map = linear_map();
        for (x, y, z, inside) in [
            (-15.0, -10.0, -20.0, true),
            (15.0, 10.0, 20.0, true),
            (15.1, 0.0, 0.0, false),
            (0.0, -10.1, 0.0, false),
            (0.0, 0.0, Scalar::NAN, false),
        ] {
            assert_eq!(map.covers(&Vector3::new(x, y, z)), inside, "{x} {y} {z}");
        }
        let grid = FieldGrid { nodes: [1, 3, 5], ..map.grid };
        let flat = FieldMap { grid, values: map.values[..15].to_vec() };
        assert!(flat.covers(&Vector3::new(1e6, 0.0, 0.0)));
        // At (-15, 10, 20): (-15, 50, 17).
        assert!((map.strongest() - (3014.0 as Scalar).sqrt()).abs() < 1e-4);
        let field = MagneticField::along_z(-3.0);
        assert!(field.covers(&Vector3::new(1e9, 0.0, 0.0)));
        assert!((field.strongest() - 3.0).abs() < 1e-6);
        assert!((field.along_z_at_origin() + 3.0).abs() < 1e-6);
    }

    #[test]
    fn positions_outside_take_the_border_value() {
        let map = linear_map();
        let outside = map.at(&Vector3::new(-99.0, 0.0, 500.0));
        assert_eq!(outside, map.at(&Vector3::new(-15.0, 0.0, 20.0)));
        assert!(map.at(&Vector3::new(Scalar::NAN, 0.0, 0.0)).iter().any(|v| v.is_nan()));
    }
}
