//! The tables of a setup on a device: detector, segmentation and field, uploaded once, and the settings of a chain.

use crate::device::{Address, Device};
use crate::error::Error;
use crate::memory::{DeviceMemory, Pinned};
use crate::transfer::{Source, upload};
use bytemuck::{NoUninit, Pod, Zeroable};
use std::sync::Arc;
use traccc_core::Settings;
use traccc_core::detector::{Detector, Modules};
use traccc_core::field::{FieldGrid, MagneticField};

/// See `kernels/detector/tables.cuh`.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct DetectorTables {
    surfaces: Address,
    further_masks: Address,
    volumes: Address,
    searched: Address,
    grids: Address,
    bin_offsets: Address,
    bin_entries: Address,
    slabs: Address,
    maps: Address,
    map_slabs: Address,
    surface_count: u32,
    padding: u32,
}

/// See `kernels/detector/design.cuh`.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct ModuleTables {
    surface: Address,
    design: Address,
    translation: Address,
    subspace: Address,
    designs: Address,
    edges: Address,
    errors: Address,
    count: u32,
    padding: u32,
}

/// See `kernels/field.cuh`.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct FieldTables {
    is_map: u32,
    constant: [f32; 3],
    grid: FieldGrid,
    padding: u32,
    values: Address,
}

/// What the kernels know of a setup, without the settings.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct SetupTables {
    detector: DetectorTables,
    modules: ModuleTables,
    field: FieldTables,
}

/// A setup in the memory of a device.
#[derive(Debug)]
pub(crate) struct Uploaded {
    /// Where everything is.
    pub(crate) tables: SetupTables,
    /// Keeps it there.
    _memory: DeviceMemory,
}

/// Tables one after another, to be copied to the device at once.
struct Image {
    bytes: Vec<u8>,
    start: Address,
}

impl Image {
    /// The address of a table.
    fn put<T: NoUninit>(&mut self, rows: &[T]) -> Address {
        self.bytes.resize(self.bytes.len().next_multiple_of(256), 0);
        let address = self.start.after(self.bytes.len());
        self.bytes.extend_from_slice(bytemuck::cast_slice(rows));
        address
    }

    fn setup(
        &mut self,
        detector: &Detector,
        modules: &Modules,
        field: &MagneticField,
    ) -> SetupTables {
        SetupTables {
            detector: DetectorTables {
                surfaces: self.put(&detector.surfaces),
                further_masks: self.put(&detector.further_masks),
                volumes: self.put(&detector.volumes),
                searched: self.put(&detector.searched),
                grids: self.put(&detector.grids),
                bin_offsets: self.put(&detector.bin_offsets),
                bin_entries: self.put(&detector.bin_entries),
                slabs: self.put(&detector.slabs),
                maps: self.put(&detector.maps),
                map_slabs: self.put(&detector.map_slabs),
                surface_count: detector.surfaces.len() as u32,
                padding: 0,
            },
            modules: ModuleTables {
                surface: self.put(&modules.surface),
                design: self.put(&modules.design),
                translation: self.put(&modules.translation),
                subspace: self.put(&modules.subspace),
                designs: self.put(&modules.designs),
                edges: self.put(&modules.edges),
                errors: self.put(&modules.errors),
                count: modules.len() as u32,
                padding: 0,
            },
            field: self.field(field),
        }
    }

    fn field(&mut self, field: &MagneticField) -> FieldTables {
        let none = FieldTables::zeroed();
        match field {
            MagneticField::Constant(field) => FieldTables { constant: (*field).into(), ..none },
            MagneticField::Map(map) => {
                // A fourth number makes one load of 16 bytes of each node.
                let nodes: Vec<[f32; 4]> =
                    map.values.iter().map(|&[x, y, z]| [x, y, z, 0.0]).collect();
                FieldTables { is_map: 1, grid: map.grid, values: self.put(&nodes), ..none }
            }
        }
    }
}

impl Uploaded {
    pub(crate) fn new(
        device: &Arc<dyn Device>,
        detector: &Detector,
        modules: &Modules,
        field: &MagneticField,
    ) -> Result<Self, Error> {
        // Once to learn how much it is, once with the addresses.
        let mut image = Image { bytes: Vec::new(), start: Address::default() };
        image.setup(detector, modules, field);
        let memory = DeviceMemory::new(device, image.bytes.len())?;
        let mut image = Image { bytes: Vec::with_capacity(image.bytes.len()), start: memory.start };
        let tables = image.setup(detector, modules, field);
        let (mut stream, mut pinned) = (device.stream()?, Pinned::new(device, 0)?);
        upload(&mut *stream, &mut pinned, &[(memory.start, Source::Borrowed(&image.bytes))])?;
        stream.wait()?;
        Ok(Self { tables, _memory: memory })
    }
}

const ODD_SETTINGS: usize = size_of::<Settings>() / 4 % 2;

/// What every kernel is given: a setup and the settings of a chain.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Tables {
    pub(crate) setup: SetupTables,
    pub(crate) settings: Settings,
    pub(crate) padding: [u32; ODD_SETTINGS],
}
