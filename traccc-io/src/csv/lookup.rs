//! From the geometry ids of a file to surfaces and modules.

use crate::error::CsvProblem;
use crate::geometry_ids::GeometryIds;
use traccc_core::detector::{Detector, Modules};
use traccc_core::{ModuleIndex, SurfaceIndex};

/// The surface of a geometry id.
pub(super) fn surface(
    id: u64,
    ids: &GeometryIds,
    detector: &Detector,
) -> Result<SurfaceIndex, CsvProblem> {
    if let Some([one, other]) = ids.sensors_that_share(id, detector) {
        return Err(CsvProblem::SharedGeometryId { id, surfaces: [one.0, other.0] });
    }
    ids.surface(id, detector)
        .ok_or_else(|| CsvProblem::UnknownGeometryId { id, numbering: ids.name() })
}

/// A sensor as the cells of a file name it.
#[derive(Clone, Copy, Default)]
pub(super) struct Sensor {
    pub(super) id: u64,
    pub(super) module: ModuleIndex,
    pub(super) channels: [u32; 2],
}

/// Looks up sensors; neighbouring lines mostly name the same one.
pub(super) struct SensorLookup<'a> {
    ids: &'a GeometryIds,
    detector: &'a Detector,
    modules: &'a Modules,
    last: Option<Sensor>,
}

impl<'a> SensorLookup<'a> {
    pub(super) fn new(ids: &'a GeometryIds, detector: &'a Detector, modules: &'a Modules) -> Self {
        Self { ids, detector, modules, last: None }
    }

    #[inline]
    pub(super) fn sensor(&mut self, id: u64) -> Result<Sensor, CsvProblem> {
        match self.last {
            Some(sensor) if sensor.id == id => Ok(sensor),
            _ => self.look_up(id),
        }
    }

    fn look_up(&mut self, id: u64) -> Result<Sensor, CsvProblem> {
        let surface = surface(id, self.ids, self.detector)?;
        let module = self
            .modules
            .module_of(surface)
            .ok_or(CsvProblem::NotASensor { id, surface: surface.0 })?;
        let design = self.modules.design_of(module);
        let sensor = Sensor { id, module, channels: [design.channels(0), design.channels(1)] };
        self.last = Some(sensor);
        Ok(sensor)
    }
}
