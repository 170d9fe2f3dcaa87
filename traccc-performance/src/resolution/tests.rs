use super::*;
use crate::TrackMatch;
use traccc_core::Scalar;
use traccc_core::VolumeIndex;
use traccc_core::detector::{Mask, MaterialRef, Shape, SurfaceKind};
use traccc_core::event::Track;
use traccc_core::math::Symmetric5;

/// A sensor at x = 100 mm that looks along x: its local x is global y, its local y global z.
fn sensor(shape: Shape) -> Surface {
    Surface {
        axes: [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]],
        translation: [100.0, 0.0, 0.0],
        mask: Mask { bounds: [50.0; 7], link: VolumeIndex::NONE },
        shape,
        kind: SurfaceKind::SENSITIVE,
        volume: VolumeIndex(0),
        material: MaterialRef::NONE,
        first_further_mask: 0,
        further_masks: 0,
    }
}

fn detector(shape: Shape) -> Detector {
    let mut detector = Detector::default();
    detector.surfaces.push(sensor(shape));
    detector
}

/// A particle of charge -1 that crosses the sensor at local (3, 4) with momentum (2, 0, 0) after its material.
fn event() -> (TruthEvent, MeasurementTruth, Matching) {
    let hit = TruthHit {
        particle: 6,
        surface: SurfaceIndex(0),
        position: [100.0, 3.0, 4.0],
        momentum: [2.5, 0.0, 0.0],
        momentum_change: [-0.5, 0.0, 0.0],
        ..TruthHit::default()
    };
    let particle =
        Particle { id: 6, charge: -1.0, momentum: [3.0, 0.0, 0.0], ..Particle::default() };
    let event = TruthEvent { particles: vec![particle], hits: vec![hit], ..TruthEvent::default() };
    let truth = MeasurementTruth {
        ids: vec![6],
        listed: vec![Some(0)],
        measurements: vec![1],
        ..MeasurementTruth::default()
    };
    let matched = TrackMatch { majority: Some(0), matched: true, ..TrackMatch::default() };
    (event, truth, Matching { tracks: vec![matched], ..Matching::default() })
}

fn track(vector: [Scalar; 5]) -> Tracks {
    let mut tracks = Tracks::new();
    tracks.tracks.push(Track {
        parameters: BoundParameters {
            vector,
            covariance: Symmetric5::from_diagonal([0.25, 4.0, 1.0, 0.01, 0.0]),
            surface: SurfaceIndex(0),
            ..BoundParameters::default()
        },
        outcome: FitOutcome::SUCCESS,
        ..Track::default()
    });
    tracks
}

fn half_turn() -> Scalar {
    std::f64::consts::FRAC_PI_2 as Scalar
}

fn assert_close(found: [f64; 5], expected: [f64; 5]) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1.0e-5, "{found} instead of {expected}");
    }
}

#[test]
fn truth_is_the_hit_with_its_momentum_after_the_material() {
    let (event, truth, matching) = event();
    let tracks = track([3.5, 3.0, 0.1, half_turn() + 0.2, -0.4]);
    let mut residuals = Residuals::default();
    residuals.add_event(&event, &truth, &matching, &tracks, &detector(Shape::Rectangle));
    assert_eq!(residuals.unused, Unused::default());
    let found = residuals.tracks[0];
    assert_close(found.residual, [0.5, -1.0, 0.1, 0.2, 0.1]);
    assert_close(
        [found.pull[0], found.pull[1], found.pull[2], found.pull[3], 0.0],
        [1.0, -0.5, 0.1, 2.0, 0.0],
    );
    assert!(found.pull[4].is_nan());
    assert!((found.pt - 3.0).abs() < 1.0e-6 && found.eta.abs() < 1.0e-6);
    let summary = residuals.summary();
    assert_eq!((summary.residuals.q_over_p.count, summary.pulls.q_over_p.count), (1, 0));
}

#[test]
fn azimuths_on_both_sides_of_the_cut_are_close() {
    let (mut event, truth, matching) = event();
    event.hits[0].momentum = [-2.5, -0.01, 0.0];
    event.hits[0].momentum_change = [0.0; 3];
    let tracks = track([3.0, 4.0, 3.1, half_turn(), -0.4]);
    let mut residuals = Residuals::default();
    residuals.add_event(&event, &truth, &matching, &tracks, &detector(Shape::Rectangle));
    let expected = 3.1 - (PI + 0.004);
    assert!((residuals.tracks[0].residual[2] - expected).abs() < 1.0e-5);
}

#[test]
fn a_hit_beside_the_surface_is_carried_onto_it() {
    let (mut event, truth, matching) = event();
    event.hits[0].position = [98.0, 1.0, 4.0];
    event.hits[0].momentum = [1.0, 1.0, 0.0];
    event.hits[0].momentum_change = [0.0; 3];
    let tracks = track([3.0, 4.0, 0.0, half_turn(), -0.7]);
    let mut residuals = Residuals::default();
    residuals.add_event(&event, &truth, &matching, &tracks, &detector(Shape::Rectangle));
    let found = residuals.tracks[0].residual;
    assert!(found[0].abs() < 1.0e-5 && found[1].abs() < 1.0e-5, "{found:?}");
}

#[test]
fn polar_surfaces_have_polar_residuals() {
    let (event, truth, matching) = event();
    let angle = 4.0_f64.atan2(3.0);
    let tracks = track([5.5, (angle - 2.0 * PI + 0.01) as Scalar, 0.0, half_turn(), -0.5]);
    let mut residuals = Residuals::default();
    residuals.add_event(&event, &truth, &matching, &tracks, &detector(Shape::Annulus));
    assert_close(residuals.tracks[0].residual, [0.5, 0.01, 0.0, 0.0, 0.0]);
}

#[test]
fn of_two_crossings_the_nearest_counts() {
    let (mut event, truth, matching) = event();
    let mut second = event.hits[0];
    second.position = [100.0, -20.0, 4.0];
    event.hits.insert(0, second);
    let tracks = track([3.25, 4.0, 0.0, half_turn(), -0.5]);
    let mut residuals = Residuals::default();
    residuals.add_event(&event, &truth, &matching, &tracks, &detector(Shape::Rectangle));
    assert_close(residuals.tracks[0].residual, [0.25, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn tracks_without_truth_are_counted_by_reason() {
    let (event, truth, matching) = event();
    let detector = detector(Shape::Rectangle);
    let good = track([3.0, 4.0, 0.0, half_turn(), -0.5]);
    let mut residuals = Residuals::default();

    let mut failed = good.clone();
    failed.tracks[0].outcome = FitOutcome::SMOOTHER_FAILED;
    residuals.add_event(&event, &truth, &matching, &failed, &detector);

    let mut fake = matching.clone();
    fake.tracks[0].matched = false;
    residuals.add_event(&event, &truth, &fake, &good, &detector);

    let mut elsewhere = event.clone();
    elsewhere.hits[0].surface = SurfaceIndex(1);
    residuals.add_event(&elsewhere, &truth, &matching, &good, &detector);
    let mut stopped = event.clone();
    stopped.hits[0].momentum_change = [-2.5, 0.0, 0.0];
    residuals.add_event(&stopped, &truth, &matching, &good, &detector);
    let unlisted = MeasurementTruth { listed: vec![None], ..truth.clone() };
    residuals.add_event(&event, &unlisted, &matching, &good, &detector);
    let mut nowhere = good.clone();
    nowhere.tracks[0].parameters.surface = SurfaceIndex::NONE;
    residuals.add_event(&event, &truth, &matching, &nowhere, &detector);

    assert!(residuals.tracks.is_empty());
    assert_eq!(residuals.unused, Unused { not_fitted: 1, fakes: 1, without_truth: 4 });
    assert_eq!(residuals.summary().pulls.phi, Spread::default());
}
