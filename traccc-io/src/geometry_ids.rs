use crate::athena_ids::AthenaIds;
use std::sync::Arc;
use traccc_core::SurfaceIndex;
use traccc_core::detector::{Detector, SurfaceKind};

/// The numbering of surfaces in event files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GeometryIds {
    /// ACTS geometry ids: the `source` of surfaces in the geometry file. Files of ACTS.
    #[default]
    Acts,
    /// detray identifiers. Files of upstream's own simulation.
    Detray,
    /// Athena identifiers, translated to detray ones by a map.
    Athena(Arc<AthenaIds>),
}

impl GeometryIds {
    /// The surface that an id means.
    pub fn surface(&self, id: u64, detector: &Detector) -> Option<SurfaceIndex> {
        match self {
            Self::Acts => detector.surface_by_source(id),
            Self::Detray => detector.surface_by_identifier(id),
            Self::Athena(ids) => {
                let mut detray = ids.detray(id);
                let only = detray.next().filter(|_| detray.next().is_none())?;
                detector.surface_by_identifier(only)
            }
        }
    }

    /// Two sensors that share an id, if there are such.
    pub(crate) fn sensors_that_share(
        &self,
        id: u64,
        detector: &Detector,
    ) -> Option<[SurfaceIndex; 2]> {
        let is_sensor =
            |s: &SurfaceIndex| detector.surfaces[s.get()].kind == SurfaceKind::SENSITIVE;
        let first_two = |mut sensors: &mut dyn Iterator<Item = SurfaceIndex>| {
            let mut sensors = (&mut sensors).filter(is_sensor);
            Some([sensors.next()?, sensors.next()?])
        };
        match self {
            Self::Acts => first_two(&mut detector.surfaces_by_source(id)),
            Self::Detray => None,
            Self::Athena(ids) => {
                first_two(&mut ids.detray(id).filter_map(|id| detector.surface_by_identifier(id)))
            }
        }
    }

    /// The id of a surface; `None` if it has none that leads back to it.
    pub fn id(&self, surface: SurfaceIndex, detector: &Detector) -> Option<u64> {
        let id = match self {
            Self::Acts => *detector.sources.get(surface.get())?,
            Self::Detray => *detector.identifiers.get(surface.get())?,
            Self::Athena(ids) => ids.athena(*detector.identifiers.get(surface.get())?)?,
        };
        (self.surface(id, detector) == Some(surface)).then_some(id)
    }

    /// The name of the numbering, for messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Acts => "ACTS",
            Self::Detray => "detray",
            Self::Athena(_) => "Athena",
        }
    }
}
