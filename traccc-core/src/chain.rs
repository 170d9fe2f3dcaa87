//! The chain.
use crate::Scalar;
use crate::config::ChainConfig;
use crate::detector::{Detector, Modules};
use crate::error::Error;
use crate::event::{BoundParameters, Cells, Measurements, Seed, Spacepoints, Tracks};
use crate::field::MagneticField;
use crate::index::MeasurementIndex;
use std::sync::Arc;

/// Everything one event gave, stage by stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reconstruction {
    /// One for each cluster, in ascending surface order.
    pub measurements: Measurements,
    /// For each cell the measurement that it went into.
    pub cell_measurements: Vec<MeasurementIndex>,
    /// One for each measurement of two coordinates.
    pub spacepoints: Spacepoints,
    /// Triplets of space points.
    pub seeds: Vec<Seed>,
    /// First parameters; seeds without a solution are left out.
    pub parameters: Vec<BoundParameters>,
    /// Tracks as found (smoothed if so configured).
    pub found: Tracks,
    /// Tracks that survive ambiguity resolution; `None` when it is switched off.
    pub resolved: Option<Tracks>,
    /// Fitted tracks; `None` when the fit is switched off.
    pub fitted: Option<Tracks>,
}

impl Reconstruction {
    /// The result: fitted tracks, else resolved, else found ones.
    pub fn tracks(&self) -> &Tracks {
        self.fitted.as_ref().or(self.resolved.as_ref()).unwrap_or(&self.found)
    }
}

/// How many of each thing an event has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// Cells.
    pub cells: usize,
}

/// Time spent in each stage for one event, in ms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StageTimings {
    /// Cells to measurements.
    pub clustering: Scalar,
    /// Measurements to space points.
    pub spacepoints: Scalar,
    /// Space points to seeds.
    pub seeding: Scalar,
    /// Seeds to parameters.
    pub parameters: Scalar,
    /// Parameters to found tracks.
    pub finding: Scalar,
    /// Found to resolved tracks.
    pub ambiguity: Scalar,
    /// Resolved to fitted tracks.
    pub fitting: Scalar,
}

/// A chain.
pub trait ReconstructionChain {
    /// Reconstructs one event.
    fn reconstruct(&mut self, cells: &Cells) -> Result<Reconstruction, Error>;
    /// Time spent in each stage of the last event.
    fn timings(&self) -> StageTimings;
}

/// The CPU chain.
#[derive(Clone, Debug)]
pub struct CpuChain {
    detector: Arc<Detector>,
    modules: Arc<Modules>,
    field: Arc<MagneticField>,
    config: ChainConfig,
    timings: StageTimings,
}

impl CpuChain {
    /// A chain.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn new(
        detector: Arc<Detector>,
        modules: Arc<Modules>,
        field: Arc<MagneticField>,
        config: &ChainConfig,
    ) -> Result<Self, Error> {
        config.validate()?;
        Ok(Self {
            detector,
            modules,
            field,
            config: config.clone(),
            timings: StageTimings::default(),
        })
    }

    /// The settings.
    pub fn config(&self) -> &ChainConfig {
        &self.config
    }
}

impl ReconstructionChain for CpuChain {
    fn reconstruct(&mut self, _cells: &Cells) -> Result<Reconstruction, Error> {
        let _ = (&self.detector, &self.modules, &self.field);
        todo!()
    }
    fn timings(&self) -> StageTimings {
        self.timings
    }
}
