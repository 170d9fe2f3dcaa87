use super::reconstruction::{Keep, Reconstruction};
use super::stage::{Stage, StageTimings};
use super::{Finished, ReconstructionChain};
use crate::ambiguity::resolve_ambiguities;
use crate::clustering::{Clusters, cluster};
use crate::config::{ChainConfig, Settings};
use crate::detector::{Detector, Modules};
use crate::error::{Cancelled, Error};
use crate::event::CellsView;
use crate::field::MagneticField;
use crate::finding::find_tracks;
use crate::fitting::fit_tracks;
use crate::parameters::estimate_parameters;
use crate::propagation::Scene;
use crate::seeding::{SeedingAlgorithm, find_seeds};
use crate::spacepoints::form_spacepoints;
use rayon::prelude::*;
use std::sync::Arc;
use std::time::Instant;

/// The CPU engine. One per worker; detector, modules and field are shared.
///
/// Works in [`run`](ReconstructionChain::run), in the rayon pool of its caller, on all events of a batch at once: the answer is
/// the same for any number of threads and any batch.
#[derive(Clone, Debug)]
pub struct CpuChain {
    detector: Arc<Detector>,
    modules: Arc<Modules>,
    field: Arc<MagneticField>,
    config: ChainConfig,
    settings: Settings,
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
        let settings = config.settings(&field)?;
        Ok(Self { detector, modules, field, config: config.clone(), settings })
    }

    fn scene(&self) -> Scene<'_> {
        Scene { detector: &self.detector, field: &self.field, cuts: &self.settings.propagation }
    }

    /// One stage of one event.
    fn advance(
        &self,
        stage: Stage,
        cells: CellsView<'_>,
        event: &mut Reconstruction,
    ) -> Result<(), Error> {
        let (settings, measurements) = (&self.settings, &event.measurements);
        match stage {
            Stage::Clustering => {
                cells.validate(&self.modules)?;
                let Clusters { measurements, labels } =
                    cluster(cells, &self.modules, &settings.clustering);
                (event.measurements, event.cell_measurements) = (measurements, labels.into());
            }
            Stage::Spacepoints => {
                event.spacepoints = form_spacepoints(measurements, &self.detector);
            }
            Stage::Seeding => match self.config.seeding.algorithm {
                SeedingAlgorithm::Triplet => {
                    event.seeds = find_seeds(&event.spacepoints, &settings.seeding).into();
                }
            },
            Stage::Parameters => {
                let (points, seeds) = (&event.spacepoints, &event.seeds);
                let (detector, field, cuts) = (&self.detector, &self.field, &settings.parameters);
                event.parameters =
                    estimate_parameters(measurements, points, seeds, detector, field, cuts).into();
            }
            Stage::Finding => {
                let (scene, seeds) = (self.scene(), &event.parameters);
                event.found = find_tracks(measurements, seeds, &scene, &settings.finding);
            }
            Stage::Ambiguity => {
                let (found, all) = (&event.found, measurements.len());
                event.resolved = Some(resolve_ambiguities(found, all, &settings.ambiguity));
            }
            Stage::Fitting => {
                let (scene, tracks) = (self.scene(), event.tracks());
                let fitted = fit_tracks(measurements, tracks, &scene, &settings.fitting);
                event.fitted = Some(fitted);
            }
        }
        Ok(())
    }
}

/// Events on their way through a [`CpuChain`].
#[derive(Debug)]
pub struct CpuBatch<'a> {
    events: Vec<CpuEvent<'a>>,
    keep: Keep,
    timings: StageTimings,
}

#[derive(Debug)]
struct CpuEvent<'a> {
    /// Empty for an event that is resumed.
    cells: CellsView<'a>,
    /// What there is so far, or why there will be no more.
    outcome: Result<Reconstruction, Error>,
}

impl<'a> CpuBatch<'a> {
    fn new(events: impl Iterator<Item = CpuEvent<'a>>, keep: Keep) -> Self {
        Self { events: events.collect(), keep, timings: StageTimings::default() }
    }
}

impl ReconstructionChain for CpuChain {
    type Batch<'a> = CpuBatch<'a>;
    type Error = Error;

    fn config(&self) -> &ChainConfig {
        &self.config
    }

    fn begin<'a>(&mut self, events: &[CellsView<'a>], keep: Keep) -> Result<CpuBatch<'a>, Error> {
        let event = |&cells| CpuEvent { cells, outcome: Ok(Reconstruction::default()) };
        Ok(CpuBatch::new(events.iter().map(event), keep))
    }

    fn resume<'a>(
        &mut self,
        events: &[&'a Reconstruction],
        next: Stage,
        keep: Keep,
    ) -> Result<CpuBatch<'a>, Error> {
        let surfaces = self.detector.surfaces.len();
        let event = |event: &&Reconstruction| CpuEvent {
            cells: CellsView::default(),
            outcome: event.before(next, surfaces),
        };
        Ok(CpuBatch::new(events.iter().map(event), keep))
    }

    fn run(&mut self, stage: Stage, batch: &mut CpuBatch<'_>) -> Result<(), Error> {
        let start = Instant::now();
        batch.events.par_iter_mut().for_each(|CpuEvent { cells, outcome }| {
            let advanced = outcome.as_mut().map(|event| self.advance(stage, *cells, event));
            if let Ok(Err(error)) = advanced {
                *outcome = Err(error);
            }
        });
        batch.timings[stage] += start.elapsed().as_secs_f64() * 1.0e3;
        Ok(())
    }

    fn cancel(&mut self, batch: &mut CpuBatch<'_>, event: usize) {
        if let Some(event) = batch.events.get_mut(event) {
            event.outcome = Err(Cancelled.into());
        }
    }

    fn is_done(&mut self, _: &mut CpuBatch<'_>) -> Result<bool, Error> {
        Ok(true)
    }

    fn finish(&mut self, batch: CpuBatch<'_>) -> Result<Finished<Error>, Error> {
        let CpuBatch { events, keep, timings } = batch;
        let kept = |event: CpuEvent<'_>| event.outcome.map(|event| event.kept(keep));
        let events = events.into_iter().map(kept).collect();
        Ok(Finished { events, timings })
    }
}
