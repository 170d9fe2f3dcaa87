//! The description of a detector: nested, in double precision, close to the files.

use super::{GridFrame, Shape, SurfaceKind};
use crate::units::GRAM;

/// A detector as described by files or builders; [`Detector::compile`](super::Detector::compile) makes tables of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DetectorModel {
    /// Name in file headers.
    pub name: String,
    /// Volumes; links refer to their positions here.
    pub volumes: Vec<VolumeModel>,
}

/// The outer form of a volume. Information only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VolumeShape {
    /// A tube.
    #[default]
    Cylinder,
    /// A box.
    Cuboid,
    /// Anything else.
    Other,
}

/// A region bounded by portals.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VolumeModel {
    /// Name in files.
    pub name: String,
    /// Outer form.
    pub shape: VolumeShape,
    /// Local frame; disc grids are given in it.
    pub placement: Placement,
    /// Surfaces; the global surface number is the position in this list plus the surfaces of all volumes before.
    pub surfaces: Vec<SurfaceModel>,
    /// Search grids over the sensitive surfaces; without any, all surfaces are always searched.
    pub grids: Vec<GridModel>,
}

/// A right-handed frame in space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Origin in global coordinates, in mm.
    pub translation: [f64; 3],
    /// Local x, y and z axes as global unit vectors.
    pub axes: [[f64; 3]; 3],
}

impl Placement {
    /// The global frame.
    pub const IDENTITY: Self =
        Self { translation: [0.0; 3], axes: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] };

    /// The global axes at another origin, in mm.
    pub fn at(translation: [f64; 3]) -> Self {
        Self { translation, ..Self::IDENTITY }
    }
}

impl Default for Placement {
    fn default() -> Self {
        Self::IDENTITY
    }
}

/// A surface that navigation can meet.
#[derive(Clone, Debug, PartialEq)]
pub struct SurfaceModel {
    /// Portal, sensitive or passive.
    pub kind: SurfaceKind,
    /// Identifier in the experiment's numbering (the ACTS geometry id); all ones when there is none.
    pub source: u64,
    /// Local frame.
    pub placement: Placement,
    /// Shape of all masks.
    pub shape: Shape,
    /// The areas of the surface; a portal can have several, each leading to another volume.
    pub masks: Vec<MaskModel>,
    /// Material on the surface.
    pub material: Option<MaterialModel>,
}

/// One area of a surface.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskModel {
    /// Boundaries, meaning and order as [`Shape`] says, in mm and rad.
    pub bounds: Vec<f64>,
    /// For a portal the volume behind it (`None`: end of the world), else the volume of the surface.
    pub link: Option<usize>,
}

/// Material of a surface.
#[derive(Clone, Debug, PartialEq)]
pub enum MaterialModel {
    /// The same slab everywhere.
    Slab(SlabModel),
    /// A slab for each bin of the local coordinates.
    Map(MaterialMapModel),
}

/// A homogeneous layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlabModel {
    /// Thickness along the normal, in mm.
    pub thickness: f64,
    /// What it is made of.
    pub material: Material,
}

/// Bulk properties of a material.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Material {
    /// Radiation length, in mm.
    pub radiation_length: f64,
    /// Nuclear interaction length, in mm.
    pub interaction_length: f64,
    /// Relative atomic mass.
    pub relative_atomic_mass: f64,
    /// Nuclear charge number (electrons per atom).
    pub nuclear_charge: f64,
    /// Mass density, in GeV/mm³ (see [`units::GRAM_PER_CUBIC_CENTIMETRE`](crate::units::GRAM_PER_CUBIC_CENTIMETRE)).
    pub mass_density: f64,
}

impl Material {
    /// Amount of substance per volume, in mol/mm³; 0 for a vacuum.
    pub fn molar_density(&self) -> f64 {
        if self.mass_density == 0.0 {
            0.0
        } else {
            self.mass_density / (self.relative_atomic_mass * GRAM)
        }
    }
}

/// Slabs on a regular grid of (loc0, loc1) of the surface's frame.
#[derive(Clone, Debug, PartialEq)]
pub struct MaterialMapModel {
    /// Axes of loc0 and loc1.
    pub axes: [AxisModel; 2],
    /// A slab, or nothing, for each bin; the bin of axis 0 runs fastest.
    pub slabs: Vec<Option<SlabModel>>,
}

/// A regular axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AxisModel {
    /// Number of bins.
    pub bins: usize,
    /// Lower end, in mm or rad.
    pub min: f64,
    /// Upper end, in mm or rad.
    pub max: f64,
    /// Whether the two ends meet (an azimuth); otherwise values outside fall into the first or last bin.
    pub circular: bool,
}

/// A search grid: which surfaces of a volume a track can meet from a given place.
#[derive(Clone, Debug, PartialEq)]
pub struct GridModel {
    /// What the two axes mean.
    pub frame: GridFrame,
    /// The two axes.
    pub axes: [AxisModel; 2],
    /// Volume-local surface numbers of each bin; the bin of axis 0 runs fastest.
    pub bins: Vec<Vec<u32>>,
}
