use super::*;
use traccc_core::detector::{Mask, MaterialRef, ModuleDesign, Shape, Surface, SurfaceKind};
use traccc_core::event::{
    BoundParameters, CellsView, FitOutcome, Measurement, Seed, Spacepoint, Track, Tracks,
};
use traccc_core::finding::Smoother;
use traccc_core::math::{Symmetric5, probability};
use traccc_core::{
    Error, Finished, Keep, MeasurementIndex, Scalar, SpacepointIndex, Stage, StageTimings,
    SurfaceIndex, VolumeIndex,
};

/// Four sensors at x = 100, 200, 300, 400 mm, and one portal.
fn detector() -> Detector {
    let mut detector = Detector::default();
    for i in 0..5 {
        detector.surfaces.push(Surface {
            axes: [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]],
            translation: [100.0 * (i + 1) as Scalar, 0.0, 0.0],
            mask: Mask { bounds: [10.0; 7], link: VolumeIndex::NONE },
            shape: Shape::Rectangle,
            kind: if i < 4 { SurfaceKind::SENSITIVE } else { SurfaceKind::PORTAL },
            volume: VolumeIndex(0),
            material: MaterialRef::NONE,
            first_further_mask: 0,
            further_masks: 0,
        });
        detector.geometry_ids.push(i as u64);
    }
    detector
}

fn modules() -> Modules {
    let design = ModuleDesign::equidistant([20, 20], [-10.0; 2], [10.0; 2]);
    Modules::new(&detector(), vec![design], |_| Some((0, [0.0; 2]))).unwrap()
}

/// Two neighbouring channels on each sensor.
fn cells() -> Cells {
    let cell = |i: u32| Cell {
        channel0: 10 + i % 2,
        channel1: 10,
        activation: 1.0,
        time: 0.0,
        module: ModuleIndex(i / 2),
    };
    (0..8).map(cell).collect()
}

fn parameters() -> BoundParameters {
    BoundParameters {
        vector: [1.0, 0.5, 0.0, 1.57, -0.5],
        covariance: Symmetric5::from_diagonal([0.1, 0.1, 0.01, 0.01, 0.01]),
        surface: SurfaceIndex(0),
        ..BoundParameters::default()
    }
}

fn tracks(outcome: FitOutcome) -> Tracks {
    let mut tracks = Tracks::new();
    let p_value = probability(4.0, 3);
    let parameters = parameters();
    tracks.tracks.push(Track { parameters, chi2: 4.0, ndf: 3, p_value, holes: 0, outcome });
    tracks.measurements.push((0..4).map(MeasurementIndex));
    tracks
}

/// The result that a sound chain has for [`cells`].
fn result() -> Reconstruction {
    let mut result = Reconstruction {
        cell_measurements: (0..8).map(|i| MeasurementIndex(i / 2)).collect(),
        parameters: vec![parameters()].into(),
        seeds: vec![Seed {
            bottom: SpacepointIndex(0),
            middle: SpacepointIndex(1),
            top: SpacepointIndex(2),
            weight: 1.0,
        }]
        .into(),
        found: tracks(FitOutcome::NOT_FITTED),
        resolved: Some(tracks(FitOutcome::NOT_FITTED)),
        fitted: Some(tracks(FitOutcome::SUCCESS)),
        ..Reconstruction::default()
    };
    for i in 0..4 {
        result.measurements.push(Measurement {
            local: [1.0, 0.5],
            variance: [0.1, 0.1],
            surface: SurfaceIndex(i),
            cells: 2,
            size: [2, 1],
            width: [2.0, 1.0],
            ..Measurement::default()
        });
        result.spacepoints.push(Spacepoint {
            x: 100.0 * (i + 1) as Scalar,
            y: 1.0,
            z: 0.5,
            r_variance: 0.1,
            z_variance: 0.0,
            measurements: [MeasurementIndex(i), MeasurementIndex::NONE],
        });
    }
    result.kept(Keep::Everything)
}

/// What a chain does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    /// Nothing.
    None,
    /// Accepts cells that are none.
    AcceptsAnything,
    /// The last of the events that are resumed gets no result.
    LosesTheLast,
    /// In batches, an event has the sign of zero of the event before.
    MixesEvents,
    /// The answer depends on what is kept.
    KeepsOthers,
    /// A bad event takes the whole batch with it.
    FailsTogether,
    /// Goes on with what it was not given.
    ResumesElsewhere,
    /// Gives the results of the batch that was dropped.
    RemembersDropped,
    /// Says so of cells, but counts otherwise.
    Miscounts,
}

/// Answers with a prepared result, in its n-th event with the n-th one.
struct Prepared {
    config: ChainConfig,
    results: Vec<Reconstruction>,
    event: usize,
    empty: Reconstruction,
    lie: Lie,
    timings: StageTimings,
    begun: usize,
}

impl Prepared {
    fn new(results: Vec<Reconstruction>) -> Self {
        let empty = Reconstruction {
            resolved: Some(Tracks::new()),
            fitted: Some(Tracks::new()),
            ..Reconstruction::default()
        };
        let (config, timings) = (ChainConfig::full(), StageTimings::default());
        Self { config, results, event: 0, empty, lie: Lie::None, timings, begun: 0 }
    }

    fn answer(&mut self, cells: CellsView<'_>) -> Result<Reconstruction, Error> {
        if self.lie != Lie::AcceptsAnything {
            cells.validate(&modules())?;
        }
        if cells.is_empty() {
            return Ok(self.empty.clone());
        }
        self.event += 1;
        Ok(self.results[self.event % self.results.len()].clone())
    }
}

struct PreparedBatch(Vec<Result<Reconstruction, Error>>, Keep);

impl ReconstructionChain for Prepared {
    type Batch<'a> = PreparedBatch;
    type Error = Error;

    fn config(&self) -> &ChainConfig {
        &self.config
    }

    fn begin<'a>(&mut self, events: &[CellsView<'a>], keep: Keep) -> Result<PreparedBatch, Error> {
        self.begun += 1;
        let mut results: Vec<_> = events.iter().map(|&cells| self.answer(cells)).collect();
        match self.lie {
            Lie::MixesEvents => {
                for result in results.iter_mut().flatten().skip(1) {
                    result.measurements.time.iter_mut().for_each(|time| *time = -0.0);
                }
            }
            Lie::KeepsOthers if keep == Keep::Tracks => {
                for result in results.iter_mut().flatten() {
                    result.fitted.iter_mut().for_each(|fitted| *fitted = Tracks::new());
                }
            }
            Lie::FailsTogether if results.iter().any(Result::is_err) => {
                results.iter_mut().for_each(|result| *result = Err(Error::CellOrder { row: 0 }));
            }
            _ => {}
        }
        Ok(PreparedBatch(results, keep))
    }

    fn resume(
        &mut self,
        events: &[&Reconstruction],
        next: Stage,
        keep: Keep,
    ) -> Result<PreparedBatch, Error> {
        self.begun += 1;
        let mut results: Vec<_> = events.iter().map(|&event| event.clone()).collect();
        if self.lie == Lie::LosesTheLast {
            results.pop();
        }
        if self.lie == Lie::ResumesElsewhere && next == Stage::Finding {
            results.iter_mut().for_each(|event| event.found = Tracks::new());
        }
        Ok(PreparedBatch(results.into_iter().map(Ok).collect(), keep))
    }

    fn run(&mut self, _: Stage, _: &mut PreparedBatch) -> Result<(), Error> {
        Ok(())
    }

    fn is_done(&mut self, _: &mut PreparedBatch) -> Result<bool, Error> {
        Ok(true)
    }

    fn finish(&mut self, batch: PreparedBatch) -> Result<Finished<Error>, Error> {
        self.begun -= 1;
        let lie = self.lie;
        let events = batch.0.into_iter().map(|result| {
            let mut result = result?.kept(batch.1);
            if lie == Lie::Miscounts {
                result.counts.seeds += 1;
            }
            if lie == Lie::RemembersDropped && self.begun > 0 {
                result.cell_measurements.clear();
            }
            Ok(result)
        });
        Ok(Finished { events: events.collect(), timings: self.timings })
    }
}

#[test]
fn a_sound_chain_conforms() {
    let mut chain = Prepared::new(vec![result()]);
    check(&mut chain, &[cells(), Cells::new(), cells()], &detector(), &modules()).unwrap();
}

#[test]
fn each_way_to_break_the_contract_is_named() {
    for (lie, rule) in [
        (Lie::AcceptsAnything, "cells that are none are errors"),
        (Lie::LosesTheLast, "each event of a batch has a result"),
        (Lie::MixesEvents, "any batch gives the same results"),
        (Lie::KeepsOthers, "what is kept does not change the answer"),
        (Lie::FailsTogether, "a wrong event fails alone"),
        (Lie::ResumesElsewhere, "a chain resumes from its own products"),
        (Lie::RemembersDropped, "a batch that is dropped leaves no trace"),
        (Lie::Miscounts, "the counts are those of the collections"),
    ] {
        let mut chain = Prepared { lie, ..Prepared::new(vec![result()]) };
        let events = [cells(), Cells::new(), cells()];
        let violation = check(&mut chain, &events, &detector(), &modules()).unwrap_err();
        assert_eq!(violation.rule, rule, "{lie:?}: {violation}");
    }
}

#[test]
fn times_that_cannot_be_do_not_conform() {
    let runs = |stage| stage != Stage::Fitting;
    let times = |change: fn(&mut StageTimings)| {
        let mut timings = StageTimings::from_fn(|stage| if runs(stage) { 1.0 } else { 0.0 });
        change(&mut timings);
        contract::times(&timings, runs, 6.5)
    };
    assert_eq!(times(|_| ()), Ok(()));
    assert_eq!(times(|t| *t = StageTimings::default()), Ok(()), "an engine may not measure");
    let each = "each stage tells the time it took, or none does";
    for (rule, change) in [
        (each, (|t| t[Stage::Seeding] = 0.0) as fn(&mut StageTimings)),
        (each, |t| t[Stage::Seeding] = -0.5),
        (each, |t| t[Stage::Seeding] = f64::NAN),
        (each, |t| t[Stage::Fitting] = 0.1),
        ("stages take no longer than their batch", |t| t[Stage::Finding] = 2.0),
    ] {
        assert_eq!(times(change).unwrap_err().rule, rule);
    }
}

#[test]
fn a_chain_that_makes_something_of_nothing_does_not_conform() {
    let mut chain = Prepared::new(vec![result()]);
    chain.empty = result();
    let violation = check(&mut chain, &[cells()], &detector(), &modules()).unwrap_err();
    assert_eq!(violation.rule, "an event without cells gives nothing");
}

#[test]
fn a_chain_that_remembers_the_last_event_does_not_conform() {
    let mut other = result();
    other.measurements.time[3] = 1.0;
    let mut chain = Prepared::new(vec![result(), other]);
    let violation = check(&mut chain, &[cells()], &detector(), &modules()).unwrap_err();
    assert_eq!(violation.rule, "the same event gives the same result");
    assert!(violation.found.contains("worst 1.000e0 in row 3"), "{violation}");
}

#[test]
fn a_smoother_without_states_does_not_conform() {
    let mut config = ChainConfig::full();
    config.finding.smoother = Smoother::Mbf;
    let violation = sound(&result(), &cells(), &detector(), &modules(), &config).unwrap_err();
    assert_eq!(violation.rule, "tracks have states when they are smoothed");
}

/// Each rule by a result that breaks it and nothing before it.
#[test]
fn every_broken_rule_is_named() {
    type Break = fn(&mut Reconstruction);
    let broken: [(&str, Break); 38] = [
        ("each cell has a measurement", |r| r.cell_measurements.truncate(7)),
        ("each cell has a measurement", |r| r.cell_measurements[7] = MeasurementIndex(4)),
        ("measurements come in the order of their first cells", |r| r.cell_measurements.swap(0, 2)),
        ("a measurement lies on the sensor of its cells", |r| r.measurements.surface.swap(0, 1)),
        ("a measurement knows the number of its cells", |r| r.measurements.cells[1] = 3),
        ("a cluster is as large as its cells", |r| r.measurements.size[1][0] = 1),
        ("a cluster is as large as its cells", |r| r.measurements.width[3][1] = 0.0),
        ("a measurement has one or two coordinates", |r| r.measurements.subspace[2].0 = 0),
        ("measured coordinates are finite and uncertain", |r| r.measurements.variance[0][1] = 0.0),
        ("space points are made of measurements, of one or of two sensors", |r| {
            r.spacepoints.measurements[3][0] = MeasurementIndex(4);
        }),
        ("space points are made of measurements, of one or of two sensors", |r| {
            r.spacepoints.measurements[3][1] = MeasurementIndex(3);
        }),
        ("each measurement of two coordinates has a space point, in order", |r| {
            r.spacepoints.measurements[0][1] = MeasurementIndex(1);
        }),
        ("each measurement of two coordinates has a space point, in order", |r| {
            r.spacepoints.measurements.swap(1, 2);
        }),
        ("a space point is where its measurement is", |r| r.spacepoints.y[0] = Scalar::NAN),
        ("a space point is where its measurement is", |r| r.spacepoints.z[0] += 0.01),
        ("the variances of space points are finite and not negative", |r| {
            r.spacepoints.z_variance[2] = -0.1;
        }),
        ("the variances of space points are finite and not negative", |r| {
            r.spacepoints.r_variance[3] = Scalar::INFINITY;
        }),
        ("seeds are made of space points", |r| r.seeds[0].top = SpacepointIndex::NONE),
        ("the space points of a seed go outwards", |r| r.seeds[0].bottom = SpacepointIndex(2)),
        ("seeds have a weight", |r| r.seeds[0].weight = Scalar::NAN),
        ("a seed has at most one set of parameters", |r| r.parameters.push(parameters())),
        ("measurements, parameters and states lie on sensors", |r| {
            r.parameters[0].surface = SurfaceIndex(4);
        }),
        ("parameters are finite and angles in their range", |r| r.parameters[0].vector[3] = -0.1),
        ("parameters are finite and angles in their range", |r| r.parameters[0].vector[4] = 0.0),
        ("the variances of parameters are positive", |r| {
            r.parameters[0].covariance[(2, 2)] = Scalar::NAN;
        }),
        ("each track has a row of measurements", |r| r.found.tracks.push(Track::default())),
        ("rows follow one another without gaps", |r| r.found.measurements.offsets[1] = 3),
        ("there is a state for each measurement or none at all", |r| {
            r.found.states.push(traccc_core::event::TrackState::default());
        }),
        ("tracks are made of measurements", |r| {
            r.found.measurements.values[3] = MeasurementIndex(9);
        }),
        ("a track has each measurement once", |r| {
            r.found.measurements.values[3] = MeasurementIndex(0);
        }),
        ("degrees of freedom are measured coordinates less five", |r| r.found.tracks[0].ndf = 4),
        ("chi2 is finite and not negative", |r| r.found.tracks[0].chi2 = -1.0),
        ("the p-value follows from chi2 and degrees of freedom", |r| {
            r.found.tracks[0].p_value = 0.5;
        }),
        ("found tracks are as long as the settings ask", |r| {
            r.found.measurements.values.truncate(2);
            r.found.measurements.offsets[1] = 2;
            r.found.tracks[0].ndf = -1;
            r.found.tracks[0].p_value = 0.0;
        }),
        ("resolved tracks are found ones in their order", |r| r.found = Tracks::new()),
        ("a stage has a result exactly when it is switched on", |r| r.fitted = None),
        ("each fit has an outcome", |r| {
            r.fitted.as_mut().unwrap().tracks[0].outcome = FitOutcome::NOT_FITTED;
        }),
        ("the counts are those of the collections", |r| r.counts.fitted_tracks = 0),
    ];
    for (rule, break_it) in broken {
        let mut result = result();
        break_it(&mut result);
        let found = sound(&result, &cells(), &detector(), &modules(), &ChainConfig::full());
        assert_eq!(found.unwrap_err().rule, rule);
    }
}

#[test]
fn resolved_tracks_that_share_a_measurement_do_not_conform() {
    let mut result = result();
    result.found = result.found.select([0, 0]);
    result.found.tracks[1].parameters.vector[0] = 2.0;
    result.resolved = Some(result.found.clone());
    result.fitted = Some(result.fitted.unwrap().select([0, 0]));
    let violation =
        sound(&result, &cells(), &detector(), &modules(), &ChainConfig::full()).unwrap_err();
    assert_eq!(violation.rule, "resolved tracks share fewer measurements than the settings allow");
    let mut config = ChainConfig::full();
    let length = result.found.measurements.row(0).len() as u32;
    config.ambiguity.max_shared_measurements = length + 1;
    let result = result.kept(Keep::Everything);
    sound(&result, &cells(), &detector(), &modules(), &config).unwrap();
}

#[test]
fn a_fit_that_drops_a_track_does_not_conform() {
    let mut result = result();
    result.fitted = Some(Tracks::new());
    let violation =
        sound(&result, &cells(), &detector(), &modules(), &ChainConfig::full()).unwrap_err();
    assert_eq!(violation.rule, "fitted tracks are the resolved ones, with their measurements");
}
