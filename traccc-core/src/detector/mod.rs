//! The apparatus: a description as read from files or built in code, and the flat tables compiled from it.

mod compile;
mod completion;
mod design;
mod grid;
mod material;
mod model;
mod outline;
mod reach;
mod sensors;
mod shape;
mod surface;
mod tables;

pub use completion::{GridCompletion, LARGEST_MASK_TOLERANCE};
pub use design::{Design, ModuleDesign, Modules, Segmentation};
pub use grid::{Axis, Grid, GridFrame};
pub use material::{MaterialMap, Slab};
pub use model::{
    AxisModel, DetectorModel, GridModel, MaskModel, Material, MaterialMapModel, MaterialModel,
    Placement, SlabModel, SurfaceModel, VolumeModel, VolumeShape,
};
pub use sensors::{Numbering, Sensor, SensorError, SensorTable};
pub use shape::{Area, Carrier, LocalFrame, Shape};
pub use surface::{Mask, MaterialRef, Surface, SurfaceKind};
pub use tables::{Detector, Volume, detray_barcode};
