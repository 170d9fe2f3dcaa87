//! Which sensor an identifier means.

use super::{Detector, Modules};
use crate::index::{ModuleIndex, SurfaceIndex};
use bytemuck::{Pod, Zeroable};
use std::fmt;
use thiserror::Error;

/// A numbering of sensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Numbering {
    /// ACTS geometry ids: the `source` of surfaces in the geometry file.
    #[default]
    Acts,
    /// detray barcodes: the identifiers that detray gives its surfaces.
    Detray,
    /// Athena ids, which a map translates to detray barcodes.
    Athena,
}

impl Numbering {
    /// All numberings.
    pub const ALL: [Self; 3] = [Self::Acts, Self::Detray, Self::Athena];

    /// The name in settings and parameters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Acts => "acts",
            Self::Detray => "detray",
            Self::Athena => "athena",
        }
    }

    /// The numbering of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|numbering| numbering.name() == name)
    }
}

/// The term for one identifier: `ACTS geometry id`, `detray barcode`, `Athena id`.
impl fmt::Display for Numbering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Acts => "ACTS geometry id",
            Self::Detray => "detray barcode",
            Self::Athena => "Athena id",
        })
    }
}

/// A row of a [`SensorTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Sensor {
    /// The identifier.
    pub id: u64,
    /// The module; [`ModuleIndex::NONE`] in a free row.
    pub module: ModuleIndex,
    /// Its surface.
    pub surface: SurfaceIndex,
    /// Number of channels along local x and y.
    pub channels: [u32; 2],
    /// The surface of another sensor with this identifier, which then names none; else [`SurfaceIndex::NONE`].
    pub twin: SurfaceIndex,
    /// Nothing.
    pub reserved: u32,
}

const _: () = assert!(size_of::<Sensor>() == 32);

impl Sensor {
    const FREE: Self = Self {
        id: 0,
        module: ModuleIndex::NONE,
        surface: SurfaceIndex::NONE,
        channels: [0; 2],
        twin: SurfaceIndex::NONE,
        reserved: 0,
    };
}

/// Why an identifier means no sensor.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SensorError {
    /// No surface has it.
    #[error(
        "{id} is no {numbering} of the detector; files of other programs may use another numbering"
    )]
    Unknown {
        /// The identifier.
        id: u64,
        /// How it was looked up.
        numbering: Numbering,
    },
    /// Several sensors have it.
    #[error(
        "{numbering} {id} belongs to several sensors, surfaces {} and {}: use detray barcodes, which differ",
        .surfaces[0], .surfaces[1]
    )]
    Shared {
        /// The identifier.
        id: u64,
        /// How it was looked up.
        numbering: Numbering,
        /// Two of the surfaces.
        surfaces: [u32; 2],
    },
    /// A surface has it that is not a sensor.
    #[error("{numbering} {id} belongs to surface {surface}, which is not a sensor")]
    NotASensor {
        /// The identifier.
        id: u64,
        /// How it was looked up.
        numbering: Numbering,
        /// Surface number.
        surface: u32,
    },
}

/// The sensors of a detector in one numbering: from identifiers to modules and surfaces, and back.
///
/// A hash table with open addressing: the row of an identifier is [`SensorTable::first_row`] or the next one after it, around
/// the end, before a free one.
#[derive(Clone, Debug, PartialEq)]
pub struct SensorTable {
    numbering: Numbering,
    /// A power of two of rows, at least twice as many as sensors.
    rows: Vec<Sensor>,
    /// The identifier of each surface, or its detray barcode where it has none of its own.
    ids: Vec<u64>,
    /// The surface of each module.
    surfaces: Vec<SurfaceIndex>,
}

impl SensorTable {
    /// The sensors by their ACTS geometry ids.
    pub fn acts(detector: &Detector, modules: &Modules) -> Self {
        Self::new(Numbering::Acts, detector, modules, |s| Some(detector.geometry_ids[s.get()]))
    }

    /// The sensors by their detray barcodes.
    pub fn detray(detector: &Detector, modules: &Modules) -> Self {
        Self::new(Numbering::Detray, detector, modules, |s| Some(detector.barcodes[s.get()]))
    }

    /// The sensors by the identifiers that `id_of` gives the surfaces.
    pub fn new(
        numbering: Numbering,
        detector: &Detector,
        modules: &Modules,
        id_of: impl Fn(SurfaceIndex) -> Option<u64>,
    ) -> Self {
        let rows = vec![Sensor::FREE; (2 * modules.len()).next_power_of_two().max(2)];
        let (ids, surfaces) = (detector.barcodes.clone(), modules.surface.clone());
        let mut table = Self { numbering, rows, ids, surfaces };
        for (row, &surface) in modules.surface.iter().enumerate() {
            let Some(id) = id_of(surface) else { continue };
            let (module, row) = (ModuleIndex::from(row), table.row(id));

            let channels = modules.channels(module);
            let sensor = &mut table.rows[row];
            if sensor.module.is_some() {
                sensor.twin = surface;
            } else {
                *sensor = Sensor { id, module, surface, channels, ..Sensor::FREE };
            }
        }
        for (i, id) in table.ids.iter_mut().enumerate() {
            // An Athena id names a strip module, of which two sensors are the sides; equal ids of ACTS are none.
            let named = id_of(SurfaceIndex::from(i)).filter(|&named| {
                let sensor = table.rows[find(&table.rows, named)];
                numbering == Numbering::Athena || !sensor.twin.is_some()
            });
            *id = named.unwrap_or(*id);
        }
        table
    }

    /// The numbering.
    pub fn numbering(&self) -> Numbering {
        self.numbering
    }

    /// Number of modules of the detector.
    pub fn modules(&self) -> usize {
        self.surfaces.len()
    }

    /// The surface of a module.
    ///
    /// # Panics
    /// If there is no such module.
    #[inline]
    pub fn surface(&self, module: ModuleIndex) -> SurfaceIndex {
        self.surfaces[module.get()]
    }

    /// All rows, as a kernel looks through them.
    pub fn rows(&self) -> &[Sensor] {
        &self.rows
    }

    /// The sensor of an identifier; [`Self::why_none`] tells why there is none.
    #[inline]
    pub fn sensor(&self, id: u64) -> Option<&Sensor> {
        let sensor = &self.rows[self.row(id)];
        (sensor.module.is_some() && !sensor.twin.is_some()).then_some(sensor)
    }

    /// Why an identifier means no sensor.
    pub fn why_none(&self, id: u64) -> SensorError {
        let (sensor, numbering) = (&self.rows[self.row(id)], self.numbering);
        if sensor.twin.is_some() {
            let surfaces = [sensor.surface.0, sensor.twin.0];
            return SensorError::Shared { id, numbering, surfaces };
        }
        match self.ids.iter().position(|&other| other == id) {
            Some(row) => SensorError::NotASensor { id, numbering, surface: row as u32 },
            None => SensorError::Unknown { id, numbering },
        }
    }

    /// The identifier of a surface; where it has none, or shares it with other sensors, its detray barcode (a shared Athena id
    /// stays).
    ///
    /// # Panics
    /// If the detector has no such surface.
    #[inline]
    pub fn id(&self, surface: SurfaceIndex) -> u64 {
        self.ids[surface.get()]
    }

    /// The identifier of a sensor if it leads back to it.
    pub fn own_id(&self, surface: SurfaceIndex) -> Option<u64> {
        let id = *self.ids.get(surface.get())?;
        (self.sensor(id)?.surface == surface).then_some(id)
    }

    /// Where the search for an identifier begins in a table of `rows` rows, a power of two.
    #[inline]
    pub fn first_row(id: u64, rows: usize) -> usize {
        // Identifiers are bit fields: the product spreads all of them over the upper half (Knuth 1998, 6.4).
        (id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & (rows - 1)
    }

    #[inline]
    fn row(&self, id: u64) -> usize {
        find(&self.rows, id)
    }
}

/// The row that has `id`, else the free one where it would be.
#[inline]
fn find(rows: &[Sensor], id: u64) -> usize {
    let mut row = SensorTable::first_row(id, rows.len());
    while rows[row].module.is_some() && rows[row].id != id {
        row = (row + 1) & (rows.len() - 1);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::{
        DetectorModel, MaskModel, ModuleDesign, Placement, Shape, SurfaceKind, SurfaceModel,
        VolumeModel,
    };
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A portal and sensors with these ACTS geometry ids.
    fn detector(sources: &[u64]) -> (Detector, Modules) {
        let surface = |kind, source| SurfaceModel {
            kind,
            source,
            placement: Placement::at([0.0, 0.0, source as f64]),
            shape: Shape::Rectangle,
            masks: vec![MaskModel { bounds: vec![5.0, 4.0], link: Some(0) }],
            material: None,
        };
        let mut surfaces = vec![surface(SurfaceKind::PASSIVE, 1_000_000)];
        surfaces.extend(sources.iter().map(|&source| surface(SurfaceKind::SENSITIVE, source)));
        let volume = VolumeModel { name: "box".into(), surfaces, ..VolumeModel::default() };
        let model = DetectorModel { name: "sensors".into(), volumes: vec![volume] };
        let detector = Detector::compile(&model).unwrap();
        let design = ModuleDesign::equidistant([5, 4], [-5.0, -4.0], [5.0, 4.0]);
        let modules = Modules::new(&detector, vec![design], |_| Some((0, [0.0; 2]))).unwrap();
        (detector, modules)
    }

    proptest! {
        #[test]
        fn each_identifier_leads_to_its_sensor(sources in prop::collection::vec(0..60_u64, 0..40)) {
            let (detector, modules) = detector(&sources);
            let table = SensorTable::acts(&detector, &modules);
            let mut sensors: BTreeMap<u64, Vec<SurfaceIndex>> = BTreeMap::new();
            for &surface in &modules.surface {
                sensors.entry(detector.geometry_ids[surface.get()]).or_default().push(surface);
            }
            for id in 0..62 {
                let expected = sensors.get(&id).map_or(&[][..], |list| list);
                let found = table.sensor(id).map(|sensor| sensor.surface);
                prop_assert_eq!(found, if let [only] = expected { Some(*only) } else { None });
                let shared = matches!(table.why_none(id), SensorError::Shared { .. });
                prop_assert_eq!(shared, expected.len() > 1);
            }
            for (row, &surface) in modules.surface.iter().enumerate() {
                let id = detector.geometry_ids[surface.get()];
                let own = sensors[&id].len() == 1;
                prop_assert_eq!(table.own_id(surface), own.then_some(id));
                prop_assert_eq!(table.id(surface), if own { id } else { detector.barcodes[surface.get()] });
                if own {
                    prop_assert_eq!(table.sensor(id).unwrap().module, ModuleIndex::from(row));
                }
            }
        }
    }

    #[test]
    fn errors_say_which_numbering_and_why() {
        let (detector, modules) = detector(&[7, 9, 9]);
        let table = SensorTable::acts(&detector, &modules);
        assert_eq!(table.sensor(7).unwrap().channels, [5, 4]);
        let why = |id| table.why_none(id).to_string();
        assert!(why(8).starts_with("8 is no ACTS geometry id of the detector"));
        assert!(
            why(9).starts_with("ACTS geometry id 9 belongs to several sensors, surfaces 2 and 3")
        );
        assert_eq!(
            why(1_000_000),
            "ACTS geometry id 1000000 belongs to surface 0, which is not a sensor"
        );
        let athena = |s: SurfaceIndex| (s.0 > 0).then_some(40);
        let table = SensorTable::new(Numbering::Athena, &detector, &modules, athena);
        assert_eq!((table.id(SurfaceIndex(2)), table.own_id(SurfaceIndex(2))), (40, None));
        assert_eq!(
            SensorTable::detray(&detector, &modules).numbering().to_string(),
            "detray barcode"
        );
    }
}
