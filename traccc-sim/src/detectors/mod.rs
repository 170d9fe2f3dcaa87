//! Detectors built in code: the toy detector, the OpenDataDetector and the telescope, and segmentations for them.

mod material_maps;
mod materials;
mod odd;
mod pixels;
mod sources;
mod telescope;
mod toy;
mod toy_layers;
mod toy_volumes;

pub use materials::{ALUMINIUM, BERYLLIUM_TML, SILICON, SILICON_TML, mixture};
pub use odd::{OddReadout, odd_readout, open_data_detector};
pub use pixels::pixel_modules;
pub use telescope::{TelescopeConfig, telescope};
pub use toy::{ToyConfig, ToyMaterial, toy_detector};

use traccc_core::detector::{
    MaskModel, MaterialModel, Placement, Shape, SurfaceKind, SurfaceModel,
};

/// What a builder says of a surface before its volume gives it a number.
struct NewSurface {
    placement: Placement,
    shape: Shape,
    masks: Vec<MaskModel>,
    material: Option<MaterialModel>,
}

/// Collects the surfaces of one volume, in order, with their identifiers.
struct SurfaceList {
    volume: usize,
    surfaces: Vec<SurfaceModel>,
}

impl SurfaceList {
    fn new(volume: usize) -> Self {
        Self { volume, surfaces: Vec::new() }
    }

    fn push(&mut self, kind: SurfaceKind, new: NewSurface) {
        self.surfaces.push(SurfaceModel {
            kind,
            source: sources::source_id(self.volume, kind, self.surfaces.len()),
            placement: new.placement,
            shape: new.shape,
            masks: new.masks,
            material: new.material,
        });
    }
}
