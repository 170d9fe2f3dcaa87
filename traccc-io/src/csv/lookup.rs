//! From the geometry ids of a file to sensors.

use crate::error::CsvProblem;
use traccc_core::detector::{Sensor, SensorTable};

/// Looks up sensors; neighbouring lines mostly name the same one.
pub(super) struct SensorLookup<'a> {
    sensors: &'a SensorTable,
    last: Option<&'a Sensor>,
}

impl<'a> SensorLookup<'a> {
    pub(super) fn new(sensors: &'a SensorTable) -> Self {
        Self { sensors, last: None }
    }

    #[inline]
    pub(super) fn sensor(&mut self, id: u64) -> Result<&'a Sensor, CsvProblem> {
        match self.last {
            Some(sensor) if sensor.id == id => Ok(sensor),
            _ => {
                let sensor = self.sensors.sensor(id).ok_or_else(|| self.sensors.why_none(id))?;
                self.last = Some(sensor);
                Ok(sensor)
            }
        }
    }
}
