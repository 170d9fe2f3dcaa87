//! The objects of the detray files, key by key, for reading and writing.
//!
//! Lists are optional because detray writes an empty list as `null`.

use crate::error::{ContentProblem, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;
use traccc_core::detector::{AxisModel, Material, Placement, SlabModel};

pub(super) const GEOMETRY: &str = "geometry";
pub(super) const HOMOGENEOUS_MATERIAL: &str = "homogeneous_material";
pub(super) const MATERIAL_MAPS: &str = "material_maps";
pub(super) const SURFACE_GRIDS: &str = "surface_grids";
/// The value identifier of an ACTS digitization file.
pub(super) const DIGITIZATION: &str = "digitization-configuration";

/// Names of the material kinds of the file format, by number.
const MATERIAL_NAMES: [&str; 10] = [
    "ring or annulus map",
    "rectangle or trapezoid map",
    "cuboid map",
    "concentric cylinder map",
    "cylinder map",
    "cylinder volume map",
    "slab",
    "rod",
    "raw material",
    "unknown",
];

pub(super) fn material_name(id: u32) -> &'static str {
    MATERIAL_NAMES.get(id as usize).unwrap_or(&"unknown")
}

pub(super) mod material_id {
    pub(in super::super) const DISC_MAP: u32 = 0;
    pub(in super::super) const PLANE_MAP: u32 = 1;
    pub(in super::super) const CONCENTRIC_CYLINDER_MAP: u32 = 3;
    pub(in super::super) const CYLINDER_MAP: u32 = 4;
    pub(in super::super) const SLAB: u32 = 6;
}

/// Values of the `bounds` of an axis.
pub(super) const CLOSED: u32 = 1;
pub(super) const CIRCULAR: u32 = 2;
/// The value of `binning` of an axis with bins of equal width.
pub(super) const REGULAR: u32 = 0;

#[derive(Serialize, Deserialize)]
pub(super) struct Document<D> {
    pub(super) header: Header,
    pub(super) data: D,
}

#[derive(Default, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) common: CommonHeader,
    // The counters are for people; no reader relies on them.
    #[serde(flatten, skip_deserializing)]
    pub(super) counters: std::collections::BTreeMap<&'static str, usize>,
}

#[derive(Default, Serialize, Deserialize)]
pub(super) struct CommonHeader {
    #[serde(default)]
    pub(super) version: String,
    pub(super) detector: String,
    #[serde(default)]
    pub(super) date: String,
    pub(super) tag: String,
}

#[derive(Deserialize)]
pub(super) struct HierarchyHeader {
    #[serde(rename = "value-identifier")]
    pub(super) value_identifier: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct GeometryData {
    pub(super) volumes: Option<Vec<Volume>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Volume {
    pub(super) name: String,
    pub(super) index: u64,
    #[serde(rename = "type")]
    pub(super) kind: u32,
    pub(super) transform: Transform,
    pub(super) surfaces: Option<Vec<Surface>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Transform {
    pub(super) translation: [f64; 3],
    /// Local x, y and z axis, one after the other.
    pub(super) rotation: [f64; 9],
}

#[derive(Serialize, Deserialize)]
pub(super) struct Surface {
    /// Follows from the place in the file; not read. (Older files call it `barcode`.)
    #[serde(skip_deserializing)]
    pub(super) identifier: u64,
    #[serde(rename = "type")]
    pub(super) kind: u32,
    pub(super) source: u64,
    pub(super) transform: Transform,
    /// The form of older files.
    #[serde(default, skip_serializing)]
    pub(super) mask: Option<Mask>,
    #[serde(default)]
    pub(super) masks: Option<Vec<Mask>>,
    /// Information only; the material files count.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(super) material: Option<TypedLink>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) index_in_coll: Option<u64>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Mask {
    pub(super) shape: u32,
    pub(super) volume_link: u64,
    pub(super) boundaries: Option<Vec<f64>>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct TypedLink {
    #[serde(rename = "type")]
    pub(super) kind: u32,
    #[serde(default)]
    pub(super) index: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct MaterialData {
    pub(super) volumes: Option<Vec<VolumeMaterial>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct VolumeMaterial {
    pub(super) volume_link: u64,
    #[serde(default, alias = "material_slabs", skip_serializing_if = "Option::is_none")]
    pub(super) surface_material: Option<Vec<Slab>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Slab {
    #[serde(rename = "type")]
    pub(super) kind: u32,
    pub(super) surface_idx: u64,
    pub(super) thickness: f64,
    pub(super) material: MaterialParameters,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) index_in_coll: Option<u64>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct MaterialParameters {
    /// X0, L0, Ar, Z, mass density, molar density (not read: it follows from the others), state.
    pub(super) params: [f64; 7],
}

#[derive(Serialize, Deserialize)]
#[serde(bound(deserialize = "C: Deserialize<'de>"))]
pub(super) struct GridData<C> {
    pub(super) grids: Option<Vec<VolumeGrids<C>>>,
}

#[derive(Serialize, Deserialize)]
#[serde(bound(deserialize = "C: Deserialize<'de>"))]
pub(super) struct VolumeGrids<C> {
    pub(super) volume_link: u64,
    pub(super) grid_data: Option<Vec<Grid<C>>>,
}

#[derive(Serialize, Deserialize)]
#[serde(bound(deserialize = "C: Deserialize<'de>"))]
pub(super) struct Grid<C> {
    pub(super) owner_link: u64,
    pub(super) grid_link: TypedLink,
    pub(super) axes: Option<Vec<Axis>>,
    pub(super) bins: Option<Vec<Bin<C>>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Axis {
    pub(super) label: u32,
    pub(super) bounds: u32,
    pub(super) binning: u32,
    pub(super) bins: u64,
    pub(super) edges: Option<Vec<f64>>,
}

#[derive(Serialize, Deserialize)]
#[serde(bound(deserialize = "C: Deserialize<'de>"))]
pub(super) struct Bin<C> {
    pub(super) loc_index: [u64; 2],
    pub(super) content: Option<Vec<C>>,
}

impl From<&Placement> for Transform {
    fn from(placement: &Placement) -> Self {
        let [x, y, z] = placement.axes;
        let rotation = [x[0], x[1], x[2], y[0], y[1], y[2], z[0], z[1], z[2]];
        Self { translation: placement.translation, rotation }
    }
}

/// Largest deviation of a product of two axes from 0 or 1: files have about seven digits.
const MAX_SKEW: f64 = 1e-4;

impl Transform {
    /// The place, or the key that has no sound value and why.
    pub(super) fn placement(&self) -> Result<Placement, (&'static str, ContentProblem)> {
        let r = &self.rotation;
        let axes = [[r[0], r[1], r[2]], [r[3], r[4], r[5]], [r[6], r[7], r[8]]];
        check_finite("a coordinate", &self.translation).map_err(|p| ("translation", p))?;
        check_finite("an element", r).map_err(|p| ("rotation", p))?;
        for (i, first) in axes.iter().enumerate() {
            for (j, second) in axes.iter().enumerate().skip(i) {
                let product: f64 = first.iter().zip(second).map(|(a, b)| a * b).sum();
                let expected = if i == j { 1.0 } else { 0.0 };
                if (product - expected).abs() > MAX_SKEW {
                    let problem = ContentProblem::NotOrthonormal { axes: [i, j], found: product };
                    return Err(("rotation", problem));
                }
            }
        }
        let [x, y, z] = axes;
        let normal =
            [x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]];
        let determinant: f64 = normal.iter().zip(z).map(|(a, b)| a * b).sum();
        if determinant < 0.0 {
            return Err(("rotation", ContentProblem::LeftHanded { determinant }));
        }
        Ok(Placement { translation: self.translation, axes })
    }
}

/// Numbers that single precision cannot hold would become infinite, and their differences no numbers.
pub(super) fn check_finite<'a>(
    what: &'static str,
    values: impl IntoIterator<Item = &'a f64>,
) -> Result<(), ContentProblem> {
    let far = values.into_iter().find(|&&value| !(value as f32).is_finite());
    far.map_or(Ok(()), |&found| Err(ContentProblem::NotFinite { what, found }))
}

impl Axis {
    pub(super) fn new(axis: &AxisModel, label: u32) -> Self {
        Self {
            label,
            bounds: if axis.circular { CIRCULAR } else { CLOSED },
            binning: REGULAR,
            bins: axis.bins as u64,
            edges: Some(vec![axis.min, axis.max]),
        }
    }

    /// The first and the last edge.
    pub(super) fn span(&self) -> Result<[f64; 2], ContentProblem> {
        match self.edges.as_deref() {
            Some([first, .., last]) => Ok([*first, *last]),
            edges => Err(ContentProblem::Count {
                what: "edges",
                found: edges.map_or(0, <[f64]>::len),
                expected: 2,
            }),
        }
    }
}

/// Grids with more bins than this are refused: no detector needs them, and a typing error must not fill the memory.
const MAX_BINS: u64 = 1 << 24;

type AxesAndBins<'a> = ([&'a Axis; 2], [usize; 2]);

/// The two axes of a grid and their bin numbers.
pub(super) fn axes_and_bins<C>(grid: &Grid<C>) -> Result<AxesAndBins<'_>, (&str, ContentProblem)> {
    let Some([first, second]) = grid.axes.as_deref() else {
        let found = grid.axes.as_ref().map_or(0, Vec::len);
        return Err(("axes", ContentProblem::Count { what: "axes", found, expected: 2 }));
    };
    let total = first.bins.checked_mul(second.bins);
    if total.is_none_or(|bins| bins == 0 || bins > MAX_BINS) {
        let found = first.bins as f64 * second.bins as f64;
        let expected = "1 to 16777216";
        return Err((
            "axes",
            ContentProblem::Value { what: "the number of bins", found, expected },
        ));
    }
    Ok(([first, second], [first.bins as usize, second.bins as usize]))
}

impl<C> Bin<C> {
    /// The serial number of the bin; the bin of axis 0 runs fastest.
    pub(super) fn serial(&self, bins: [usize; 2]) -> Result<usize, ContentProblem> {
        for (&found, existing) in self.loc_index.iter().zip(bins) {
            if found >= existing as u64 {
                return Err(ContentProblem::Unknown { what: "bin", found, existing });
            }
        }
        Ok(self.loc_index[0] as usize + bins[0] * self.loc_index[1] as usize)
    }
}

impl Slab {
    /// The layer, or nothing when it is so thin that no track notices it (detray fills empty bins so).
    pub(super) fn model(&self) -> Result<Option<SlabModel>, ContentProblem> {
        if self.kind != material_id::SLAB {
            let name = material_name(self.kind);
            return Err(ContentProblem::UnsupportedMaterial { id: self.kind, name });
        }
        let [
            radiation_length,
            interaction_length,
            relative_atomic_mass,
            nuclear_charge,
            mass_density,
            ..,
        ] = self.material.params;
        if self.thickness <= f64::from(f32::EPSILON) && self.thickness >= 0.0 {
            return Ok(None);
        }
        let material = Material {
            radiation_length,
            interaction_length,
            relative_atomic_mass,
            nuclear_charge,
            mass_density,
        };
        let bad = |what, found, expected| Err(ContentProblem::Value { what, found, expected });
        if self.thickness < 0.0 {
            return bad("the thickness", self.thickness, "a thickness that is not negative, in mm");
        }
        if radiation_length <= 0.0 {
            return bad("the radiation length", radiation_length, "a positive length, in mm");
        }
        if mass_density < 0.0 {
            return bad("the mass density", mass_density, "a density that is not negative");
        }
        if mass_density > 0.0 && relative_atomic_mass <= 0.0 {
            return bad("the atomic mass", relative_atomic_mass, "a positive mass");
        }
        if nuclear_charge < 0.0 {
            return bad("the nuclear charge", nuclear_charge, "a charge that is not negative");
        }
        Ok(Some(SlabModel { thickness: self.thickness, material }))
    }

    pub(super) fn new(slab: &SlabModel, surface: u64, index: Option<u64>) -> Self {
        let m = &slab.material;
        let params = [
            m.radiation_length,
            m.interaction_length,
            m.relative_atomic_mass,
            m.nuclear_charge,
            m.mass_density,
            m.molar_density(),
            0.0,
        ];
        Self {
            kind: material_id::SLAB,
            surface_idx: surface,
            thickness: slab.thickness,
            material: MaterialParameters { params },
            index_in_coll: index,
        }
    }

    /// What detray puts where there is no material.
    pub(super) fn vacuum(surface: u64) -> Self {
        let longest = f64::from(f32::MAX);
        Self {
            kind: material_id::SLAB,
            surface_idx: surface,
            thickness: f64::from(f32::EPSILON),
            material: MaterialParameters { params: [longest, longest, 0.0, 0.0, 0.0, 0.0, 2.0] },
            index_in_coll: None,
        }
    }
}

/// The existing volume that a link names.
pub(super) fn volume(
    link: u64,
    volumes: usize,
    path: &Path,
    at: impl FnOnce() -> String,
) -> Result<usize> {
    usize::try_from(link).ok().filter(|&v| v < volumes).ok_or_else(|| {
        let problem = ContentProblem::Unknown { what: "volume", found: link, existing: volumes };
        super::content(path, at(), problem)
    })
}
