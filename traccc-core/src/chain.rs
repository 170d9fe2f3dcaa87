//! The flow of a reconstruction, written once, and the CPU engine.

use crate::ambiguity::resolve_ambiguities;
use crate::clustering::{Clusters, cluster};
use crate::config::{ChainConfig, check};
use crate::detector::{Detector, Modules};
use crate::error::{Cancelled, Error};
use crate::event::{BoundParameters, Cells, Measurements, Seed, Spacepoints, Tracks};
use crate::field::MagneticField;
use crate::finding::find_tracks;
use crate::fitting::fit_tracks;
use crate::index::MeasurementIndex;
use crate::math::Vector3;
use crate::parameters::{FieldSource, estimate_parameters};
use crate::propagation::{Limits, Propagator};
use crate::seeding::{SeedingCuts, find_seeds};
use crate::spacepoints::form_spacepoints;
use crate::{Hypothesis, Scalar};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Instant;

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

    /// How many of each thing there are.
    pub fn counts(&self) -> EventCounts {
        EventCounts {
            cells: self.cell_measurements.len(),
            measurements: self.measurements.len(),
            spacepoints: self.spacepoints.len(),
            seeds: self.seeds.len(),
            found_tracks: self.found.len(),
            resolved_tracks: self.resolved.as_ref().map_or(0, Tracks::len),
            fitted_tracks: self.fitted.as_ref().map_or(0, Tracks::fitted),
        }
    }
}

/// How many of each thing one event has, or several events together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventCounts {
    /// Fired channels.
    pub cells: usize,
    /// Clusters.
    pub measurements: usize,
    /// Measurements of two coordinates.
    pub spacepoints: usize,
    /// Triplets.
    pub seeds: usize,
    /// Tracks found.
    pub found_tracks: usize,
    /// Tracks that survive ambiguity resolution; 0 when it is switched off.
    pub resolved_tracks: usize,
    /// Tracks whose fit succeeded; 0 when it is switched off.
    pub fitted_tracks: usize,
}

impl std::ops::AddAssign for EventCounts {
    fn add_assign(&mut self, other: Self) {
        self.cells += other.cells;
        self.measurements += other.measurements;
        self.spacepoints += other.spacepoints;
        self.seeds += other.seeds;
        self.found_tracks += other.found_tracks;
        self.resolved_tracks += other.resolved_tracks;
        self.fitted_tracks += other.fitted_tracks;
    }
}

/// Time spent in each stage for one event, in ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StageTimings {
    /// Cells to measurements.
    pub clustering: f64,
    /// Measurements to space points.
    pub spacepoints: f64,
    /// Space points to seeds.
    pub seeding: f64,
    /// Seeds to parameters.
    pub parameters: f64,
    /// Parameters to found tracks.
    pub finding: f64,
    /// Found to resolved tracks.
    pub ambiguity: f64,
    /// Resolved to fitted tracks.
    pub fitting: f64,
}

impl StageTimings {
    /// All stages together, in ms.
    pub fn total(&self) -> f64 {
        self.clustering
            + self.spacepoints
            + self.seeding
            + self.parameters
            + self.finding
            + self.ambiguity
            + self.fitting
    }
}

/// The verbs of a reconstruction. [`reconstruct`](Self::reconstruct) is the only place that knows their order.
pub trait ReconstructionChain {
    /// What can go wrong.
    type Error: std::error::Error + From<Cancelled> + Send + Sync + 'static;

    /// The settings.
    fn config(&self) -> &ChainConfig;
    /// Cells to measurements.
    ///
    /// # Errors
    /// Cells that are out of order, or of no module or channel of the detector.
    fn cluster(&mut self, cells: &Cells) -> Result<Clusters, Self::Error>;
    /// Measurements to space points.
    ///
    /// # Errors
    /// Of the engine.
    fn form_spacepoints(&mut self, measurements: &Measurements)
    -> Result<Spacepoints, Self::Error>;
    /// Space points to seeds.
    ///
    /// # Errors
    /// Of the engine.
    fn find_seeds(&mut self, spacepoints: &Spacepoints) -> Result<Vec<Seed>, Self::Error>;
    /// Seeds to parameters.
    ///
    /// # Errors
    /// Of the engine.
    fn estimate_parameters(
        &mut self,
        measurements: &Measurements,
        spacepoints: &Spacepoints,
        seeds: &[Seed],
    ) -> Result<Vec<BoundParameters>, Self::Error>;
    /// Parameters to tracks.
    ///
    /// # Errors
    /// Of the engine.
    fn find_tracks(
        &mut self,
        measurements: &Measurements,
        seeds: &[BoundParameters],
    ) -> Result<Tracks, Self::Error>;
    /// Tracks to a choice of them.
    ///
    /// # Errors
    /// Of the engine.
    fn resolve_ambiguities(
        &mut self,
        measurements: &Measurements,
        tracks: &Tracks,
    ) -> Result<Tracks, Self::Error>;
    /// Tracks to fitted tracks.
    ///
    /// # Errors
    /// Of the engine.
    fn fit_tracks(
        &mut self,
        measurements: &Measurements,
        tracks: &Tracks,
    ) -> Result<Tracks, Self::Error>;
    /// Where [`reconstruct`](Self::reconstruct) leaves the time spent in each stage of the last event.
    fn timings_mut(&mut self) -> &mut StageTimings;
    /// Time spent in each stage of the last event.
    fn timings(&self) -> StageTimings;

    /// Reconstructs one event.
    ///
    /// # Errors
    /// The first error of a stage.
    fn reconstruct(&mut self, cells: &Cells) -> Result<Reconstruction, Self::Error> {
        self.reconstruct_unless(cells, &|| false)
    }

    /// Reconstructs one event unless `cancelled` says, before one of the stages, that nobody waits for it any more.
    ///
    /// # Errors
    /// The first error of a stage, or [`Cancelled`].
    fn reconstruct_unless(
        &mut self,
        cells: &Cells,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Reconstruction, Self::Error> {
        let (resolve, fit) = (self.config().ambiguity.enabled, self.config().fitting.enabled);
        let mut clock = Clock::start(cancelled);
        let Clusters { measurements, labels } =
            clock.stage("clustering", || self.cluster(cells))?;
        let spacepoints = clock.stage("spacepoints", || self.form_spacepoints(&measurements))?;
        let seeds = clock.stage("seeding", || self.find_seeds(&spacepoints))?;
        let parameters = clock.stage("parameters", || {
            self.estimate_parameters(&measurements, &spacepoints, &seeds)
        })?;
        let found = clock.stage("finding", || self.find_tracks(&measurements, &parameters))?;
        let resolved = clock.stage("ambiguity", || {
            resolve.then(|| self.resolve_ambiguities(&measurements, &found)).transpose()
        })?;
        let fitted = clock.stage("fitting", || {
            fit.then(|| self.fit_tracks(&measurements, resolved.as_ref().unwrap_or(&found)))
                .transpose()
        })?;
        *self.timings_mut() = clock.timings();
        let cell_measurements = labels;
        Ok(Reconstruction {
            measurements,
            cell_measurements,
            spacepoints,
            seeds,
            parameters,
            found,
            resolved,
            fitted,
        })
    }
}

/// Measures the stages in their order, and asks before each whether it is still wanted.
struct Clock<'a> {
    cancelled: &'a dyn Fn() -> bool,
    stages: [f64; 7],
    next: usize,
}

impl<'a> Clock<'a> {
    fn start(cancelled: &'a dyn Fn() -> bool) -> Self {
        Self { cancelled, stages: [0.0; 7], next: 0 }
    }

    fn stage<T, E: From<Cancelled>>(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        if (self.cancelled)() {
            return Err(Cancelled.into());
        }
        let _span = tracing::info_span!("stage", name).entered();
        let start = Instant::now();
        let result = work();
        self.stages[self.next] = start.elapsed().as_secs_f64() * 1.0e3;
        self.next += 1;
        result
    }

    fn timings(&self) -> StageTimings {
        let [clustering, spacepoints, seeding, parameters, finding, ambiguity, fitting] =
            self.stages;
        StageTimings { clustering, spacepoints, seeding, parameters, finding, ambiguity, fitting }
    }
}

/// The CPU engine. One per worker; detector, modules and field are shared.
///
/// Works in the rayon pool of its caller: the answer is the same for any number of threads.
#[derive(Clone, Debug)]
pub struct CpuChain {
    detector: Arc<Detector>,
    modules: Arc<Modules>,
    field: Arc<MagneticField>,
    config: ChainConfig,
    seeding: SeedingCuts,
    timings: StageTimings,
}

impl CpuChain {
    /// A chain for one detector, its segmentation and a field.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting out of range, or no field where seeds need one.
    pub fn new(
        detector: Arc<Detector>,
        modules: Arc<Modules>,
        field: Arc<MagneticField>,
        config: &ChainConfig,
    ) -> Result<Self, Error> {
        config.validate()?;
        let seeding = config.seeding.cuts()?;
        if config.parameters.field == FieldSource::Map {
            let tesla = field.at(&Vector3::zeros()).norm();
            let expected = "a magnetic field in T at the origin: it gives seeds their momentum";
            check(tesla.is_finite() && tesla > 0.0, "field", tesla, expected)?;
        }
        Ok(Self {
            detector,
            modules,
            field,
            config: config.clone(),
            seeding,
            timings: StageTimings::default(),
        })
    }

    /// The propagator; stages put their own limits and hypothesis into it.
    fn propagator(&self) -> Propagator<'_> {
        let limits = Limits {
            min_p: 0.0,
            min_pt: 0.0,
            min_step_to_next_surface: 0.0,
            max_steps: u32::MAX,
            max_path: Scalar::MAX,
        };
        Propagator {
            detector: &self.detector,
            field: &self.field,
            config: &self.config.propagation,
            hypothesis: Hypothesis::default(),
            limits,
        }
    }
}

impl ReconstructionChain for CpuChain {
    type Error = Error;

    fn config(&self) -> &ChainConfig {
        &self.config
    }

    fn cluster(&mut self, cells: &Cells) -> Result<Clusters, Error> {
        cells.validate(&self.modules)?;
        Ok(cluster(cells, &self.modules, &self.config.clustering))
    }

    fn form_spacepoints(&mut self, measurements: &Measurements) -> Result<Spacepoints, Error> {
        Ok(form_spacepoints(measurements, &self.detector))
    }

    fn find_seeds(&mut self, spacepoints: &Spacepoints) -> Result<Vec<Seed>, Error> {
        Ok(find_seeds(spacepoints, &self.seeding))
    }

    fn estimate_parameters(
        &mut self,
        measurements: &Measurements,
        spacepoints: &Spacepoints,
        seeds: &[Seed],
    ) -> Result<Vec<BoundParameters>, Error> {
        let config = &self.config.parameters;
        Ok(estimate_parameters(measurements, spacepoints, seeds, &self.field, config))
    }

    fn find_tracks(
        &mut self,
        measurements: &Measurements,
        seeds: &[BoundParameters],
    ) -> Result<Tracks, Error> {
        Ok(find_tracks(measurements, seeds, &self.propagator(), &self.config.finding))
    }

    fn resolve_ambiguities(
        &mut self,
        measurements: &Measurements,
        tracks: &Tracks,
    ) -> Result<Tracks, Error> {
        Ok(resolve_ambiguities(tracks, measurements.len(), &self.config.ambiguity))
    }

    fn fit_tracks(
        &mut self,
        measurements: &Measurements,
        tracks: &Tracks,
    ) -> Result<Tracks, Error> {
        Ok(fit_tracks(measurements, tracks, &self.propagator(), &self.config.fitting))
    }

    fn timings_mut(&mut self) -> &mut StageTimings {
        &mut self.timings
    }

    fn timings(&self) -> StageTimings {
        self.timings
    }
}
