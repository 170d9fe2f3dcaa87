//! The apparatus: a description as read from files or built in code, and the flat tables compiled from it.

mod compile;
mod design;
mod grid;
mod material;
mod model;
mod shape;
mod surface;
mod tables;

pub use design::{ModuleDesign, Modules};
pub use grid::{Axis, Grid, GridFrame};
pub use material::{MaterialMap, Slab};
pub use model::{
    AxisModel, DetectorModel, GridModel, MaskModel, Material, MaterialMapModel, MaterialModel,
    Placement, SlabModel, SurfaceModel, VolumeModel, VolumeShape,
};
pub use shape::{Carrier, LocalFrame, Shape};
pub use surface::{Mask, MaterialRef, Surface, SurfaceKind};
pub use tables::{Detector, Volume, surface_identifier};
