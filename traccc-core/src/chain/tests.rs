use super::*;
use crate::Error;
use crate::detector::{Detector, Modules};
use crate::event::{BoundParameters, Measurement, Seed, Spacepoint, Tracks};
use crate::field::MagneticField;
use crate::{MeasurementIndex, SpacepointIndex, SurfaceIndex};
use std::sync::Arc;

#[test]
fn stages_come_in_their_order_with_names_of_their_own() {
    assert!(Stage::ALL.is_sorted_by(|a, b| a < b));
    let names = Stage::ALL.map(Stage::name);
    assert_eq!(names[0], "clustering");
    assert!(names.iter().enumerate().all(|(i, name)| !names[..i].contains(name)), "{names:?}");
}

/// Counts the spans that are opened, by name.
#[test]
fn the_span_of_a_stage_has_its_name() {
    let subscriber = Names::default();
    let seen = subscriber.0.clone();
    tracing::subscriber::with_default(subscriber, || {
        chain().reconstruct(CellsView::default()).unwrap();
    });
    let expected = Stage::ALL.map(Stage::name);
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[derive(Default)]
struct Names(Arc<std::sync::Mutex<Vec<&'static str>>>);

impl tracing::Subscriber for Names {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        self.0.lock().unwrap().push(span.metadata().name());
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn timings_are_a_map_in_the_order_of_the_stages() {
    let timings = StageTimings::from_fn(|stage| stage as usize as f64);
    assert!((timings.total() - 21.0).abs() < 1.0e-12);
    let text = toml::to_string(&timings).unwrap();
    assert_eq!(text.lines().next(), Some("clustering = 0.0"));
    assert_eq!(text.lines().last(), Some("fitting = 6.0"));
}

fn chain() -> CpuChain {
    let detector = Detector::default();
    let modules = Modules::new(&detector, Vec::new(), |_| None).unwrap();
    let field = MagneticField::along_z(2.0);
    let config = ChainConfig::full();
    CpuChain::new(Arc::new(detector), Arc::new(modules), Arc::new(field), &config).unwrap()
}

/// Products of another engine that are wrong fail as events, whatever is wrong with them.
#[test]
fn events_that_do_not_hold_together_are_not_resumed() {
    let measured = || {
        let mut event = Reconstruction::default();
        event.measurements.push(Measurement { surface: SurfaceIndex(7), ..Measurement::default() });
        event
    };
    type Break = fn(&mut Reconstruction);
    let broken: [(Stage, &str, Break); 7] = [
        (Stage::Spacepoints, "measurement 0 names row 7 of 0", |_| ()),
        (Stage::Spacepoints, "measurements have columns of unequal length", |event| {
            event.measurements.time.clear();
        }),
        (Stage::Seeding, "space point 0 names row 3 of 0", |event| {
            event.measurements.clear();
            let measurements = [MeasurementIndex(3), MeasurementIndex::NONE];
            event.spacepoints.push(Spacepoint { measurements, ..Spacepoint::default() });
        }),
        (Stage::Parameters, "seed 0 names row 5 of 0", |event| {
            event.measurements.clear();
            event.seeds.push(Seed { bottom: SpacepointIndex(5), ..Seed::default() });
        }),
        (Stage::Finding, "set of parameters 0 names row 9 of 0", |event| {
            event.measurements.clear();
            let surface = SurfaceIndex(9);
            event.parameters.push(BoundParameters { surface, ..BoundParameters::default() });
        }),
        (Stage::Ambiguity, "found tracks lack a row of measurements for each track", |event| {
            event.measurements.clear();
            event.found.measurements.push([]);
        }),
        (Stage::Fitting, "resolved tracks have states for some measurements only", |event| {
            event.measurements.clear();
            let mut tracks = Tracks::new();
            tracks.states.resize(1, Default::default());
            event.resolved = Some(tracks);
        }),
    ];
    let mut chain = chain();
    for (next, part, break_it) in broken {
        let (mut event, empty) = (measured(), Reconstruction::default());
        break_it(&mut event);
        let finished = chain.reconstruct_from(&[&event, &empty], next, Keep::Tracks).unwrap();
        let [Err(error), Ok(_)] = &finished.events[..] else { panic!("{:?}", finished.events) };
        assert!(error.to_string().contains(part), "{error}");
        assert!(matches!(error, Error::Product { .. } | Error::Reference { .. }));
    }
}
