//! The apparatus: a description as read from files or built in code, and the flat tables compiled from it.

mod compile;
mod design;
mod grid;
mod material;
mod model;
mod sensors;
mod surface;
mod tables;

pub use design::{ModuleDesign, Modules};
pub use grid::{Axis, Grid, GridFrame};
pub use material::{MaterialMap, Slab};
pub use model::{
    AxisModel, DetectorModel, GridModel, MaskModel, Material, MaterialMapModel, MaterialModel,
    Placement, SlabModel, SurfaceModel, VolumeModel, VolumeShape,
};
pub use sensors::{Numbering, Sensor, SensorError, SensorTable};
pub use surface::{Mask, MaterialRef, Shape, Surface, SurfaceKind};
pub use tables::{Detector, Volume, surface_identifier};
