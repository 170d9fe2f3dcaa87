use super::*;
use proptest::prelude::*;
use traccc_core::event::{Measurement, Spacepoint, Track, TrackState};
use traccc_core::math::Symmetric5;
use traccc_core::{MeasurementIndex, Scalar, SpacepointIndex, SurfaceIndex};

fn parameters_on(surface: u32, loc0: Scalar) -> BoundParameters {
    BoundParameters {
        vector: [loc0, 0.5, 3.1, 1.2, -0.4],
        covariance: Symmetric5::from_diagonal([0.01, 0.04, 1.0e-4, 1.0e-4, 1.0e-6]),
        surface: SurfaceIndex(surface),
        ..BoundParameters::default()
    }
}

/// Three sensors with two measurements each, two seeds, two tracks with states.
fn event() -> Reconstruction {
    let mut event = Reconstruction::default();
    for m in 0..6_u32 {
        event.measurements.push(Measurement {
            local: [m as Scalar, 1.0],
            variance: [0.01, 0.02],
            surface: SurfaceIndex(m / 2),
            cells: 2,
            ..Measurement::default()
        });
        event.spacepoints.push(Spacepoint {
            x: 30.0 * m as Scalar,
            r_variance: 0.01,
            measurements: [MeasurementIndex(m), MeasurementIndex::NONE],
            ..Spacepoint::default()
        });
    }
    for first in [0, 1] {
        let [bottom, middle, top] = [first, first + 2, first + 4].map(SpacepointIndex);
        event.seeds.push(Seed { bottom, middle, top, weight: 100.0 });
        event.parameters.push(parameters_on(0, first as Scalar));
        let parameters = parameters_on(0, first as Scalar);
        let track = Track { parameters, chi2: 7.0, ndf: 1, p_value: 0.3, ..Track::default() };
        event.found.tracks.push(track);
        event.found.measurements.push([first, first + 2, first + 4].map(MeasurementIndex));
        let state = |surface| TrackState {
            smoothed: parameters_on(surface, first as Scalar),
            ..TrackState::default()
        };
        event.found.states.extend([0, 1, 2].map(state));
    }
    event
}

fn column<'a>(report: &'a StageReport, name: &str) -> &'a ColumnReport {
    report.columns.iter().find(|column| column.name == name).unwrap()
}

#[test]
fn a_result_agrees_with_itself_exactly() {
    let mut event = event();
    event.resolved = Some(event.found.clone());
    event.found.tracks[0].chi2 = Scalar::NAN;
    let comparison = compare(&event, &event, &Tolerances::exact());
    assert!(comparison.agrees(1.0), "{comparison}");
    let stages: Vec<&str> = comparison.stages.iter().map(|s| s.stage).collect();
    assert_eq!(stages, ["measurements", "spacepoints", "seeds", "parameters", "found", "resolved"]);
    assert!(comparison.stages.iter().all(|s| !s.columns.is_empty()));
}

#[test]
fn the_last_bit_fails_exact_tolerances_and_passes_those_of_engines() {
    let left = event();
    let mut right = event();
    right.found.states[4].smoothed.vector[2] = right.found.states[4].smoothed.vector[2].next_up();
    let exact = compare(&left, &right, &Tolerances::exact());
    assert!(!exact.agrees(1.0) && exact.agrees(0.5));
    let phi = column(&exact.stages[4], "state phi");
    assert_eq!((phi.compared, phi.within, phi.worst_row), (6, 5, Some(1)));
    assert!(compare(&left, &right, &Tolerances::engines()).agrees(1.0));
}

#[test]
fn differences_of_parameters_are_measured_in_their_uncertainty_and_across_the_cut() {
    let left = event();
    let mut right = event();
    right.parameters[1].vector[0] += 0.05;
    right.parameters[0].vector[2] = 3.1 - 2.0 * std::f64::consts::PI as Scalar;
    right.parameters[0].covariance[(1, 0)] = 0.004;
    let report = &compare(&left, &right, &Tolerances::engines()).stages[3];
    assert!((column(report, "loc0").worst - 0.5).abs() < 1.0e-4);
    assert!(column(report, "phi").worst < 1.0e-3);
    assert!((column(report, "covariance").worst - 0.2).abs() < 1.0e-6);
    assert!(!report.agrees(0.9));
}

#[test]
fn a_finite_value_never_agrees_with_one_that_is_not() {
    let left = event();
    let mut right = event();
    right.found.tracks[1].chi2 = Scalar::NAN;
    right.parameters[0].covariance = Symmetric5::default();
    let comparison = compare(&left, &right, &Tolerances::engines());
    assert_eq!(column(&comparison.stages[4], "chi2").worst.to_bits(), f64::INFINITY.to_bits());
    let backwards = compare(&right, &left, &Tolerances::engines());
    assert_eq!(column(&backwards.stages[3], "covariance").worst.to_bits(), f64::INFINITY.to_bits());
}

#[test]
fn a_missing_measurement_renames_what_follows_but_nothing_else() {
    let left = event();
    let mut right = event();
    // The right side lacks measurement 1: numbers from there on are one lower, and its seed and track are missing.
    let rows: Vec<Measurement> = right
        .measurements
        .iter()
        .enumerate()
        .filter(|(m, _)| *m != 1)
        .map(|(_, row)| row)
        .collect();
    right.measurements = rows.into_iter().collect();
    right.spacepoints = (0..5)
        .map(|m| [MeasurementIndex(m), MeasurementIndex::NONE])
        .map(|measurements| Spacepoint { measurements, ..Spacepoint::default() })
        .collect();
    let [bottom, middle, top] = [0, 1, 3].map(SpacepointIndex);
    right.seeds = vec![Seed { bottom, middle, top, weight: 100.0 }].into();
    let without = [&right.parameters[..1], &right.parameters[2..]].concat();
    right.parameters = without.into();
    right.found = right.found.select([0]);
    right.found.measurements.values = [0, 1, 3].map(MeasurementIndex).to_vec().into();
    let comparison = compare(&left, &right, &Tolerances::engines());
    let paired: Vec<usize> = comparison.stages.iter().map(|s| s.paired).collect();
    assert_eq!(paired, [5, 5, 1, 1, 1]);
    assert!(comparison.stages.iter().all(|s| s.same_order));
    assert!(comparison.stages[4].agrees(0.6) && !comparison.stages[4].agrees(0.7));
}

#[test]
fn nothing_is_in_common_with_an_event_without_measurements() {
    let left = event();
    let mut right = event();
    // Seeds and tracks of the right side name rows of other measurements, all on other sensors.
    right.measurements.surface.iter_mut().for_each(|surface| surface.0 += 10);
    let comparison = compare(&left, &right, &Tolerances::engines());
    for stage in ["measurements", "spacepoints", "seeds", "found"] {
        let report = comparison.stages.iter().find(|s| s.stage == stage).unwrap();
        assert_eq!(report.paired, 0, "{comparison}");
    }
}

/// A space point whose second strip the right side lacks is not that of the first strip alone.
#[test]
fn space_points_pair_by_both_measurements() {
    let mut left = event();
    left.spacepoints.measurements[1] = [1, 5].map(MeasurementIndex);
    let report = &compare(&left, &left, &Tolerances::exact()).stages;
    assert_eq!([report[1].paired, report[2].paired], [6, 2]);
    let mut right = event();
    right.measurements.surface[5] = SurfaceIndex(7);
    let report = &compare(&left, &right, &Tolerances::engines()).stages;
    assert_eq!([report[1].paired, report[2].paired], [4, 1]);
}

/// A variance that is nothing but rounding beside the other one does not tell two engines apart.
#[test]
fn variances_of_space_points_are_compared_with_their_sum() {
    let left = event();
    let mut right = event();
    right.spacepoints.z_variance[2] = 1.0e-9;
    assert!(compare(&left, &right, &Tolerances::engines()).agrees(1.0));
    assert!(!compare(&left, &right, &Tolerances::exact()).agrees(1.0));
    right.spacepoints.z_variance[2] = 0.001;
    let report = &compare(&left, &right, &Tolerances::engines()).stages[1];
    let z_variance = column(report, "z_variance");
    assert_eq!((z_variance.compared, z_variance.within), (6, 5));
    assert!((z_variance.worst - 0.1).abs() < 1.0e-6);
}

#[test]
fn rows_that_only_one_side_has_pair_with_nothing() {
    let left = event();
    let mut right = event();
    // The last measurement is another one on another sensor: all pairs are (row, row), but one is missing.
    right.measurements.surface[5] = SurfaceIndex(7);
    let comparison = compare(&left, &right, &Tolerances::engines());
    let paired: Vec<usize> = comparison.stages.iter().map(|s| s.paired).collect();
    assert_eq!(paired, [5, 5, 1, 2, 1], "{comparison}");
}

#[test]
fn measurements_of_the_same_sensors_pair_by_place() {
    let left = event();
    let mut right = event();
    // Two measurements of the first sensor in the other order, one of the second sensor elsewhere.
    right.measurements.local.swap(0, 1);
    right.measurements.local[2][1] += 1.0;
    let comparison = compare(&left, &right, &Tolerances::engines());
    let measurements = &comparison.stages[0];
    assert_eq!((measurements.paired, measurements.same_order), (5, false), "{comparison}");
    assert!(measurements.columns.iter().all(|c| c.within == c.compared), "{comparison}");
}

#[test]
fn parameters_of_the_same_sensors_pair_by_value() {
    let left = event();
    let mut right = event();
    right.parameters.swap(0, 1);
    let report = &compare(&left, &right, &Tolerances::engines()).stages[3];
    assert_eq!((report.paired, report.same_order), (2, false));
    assert!(report.columns.iter().all(|c| c.within == c.compared));
}

#[test]
fn parameters_pair_across_the_cut_of_the_azimuth() {
    let left = event();
    let mut right = event();
    // One row fewer, so that rows are paired by their distance.
    right.parameters = right.parameters[1..].to_vec().into();
    right.parameters[0].vector[2] -= 2.0 * std::f64::consts::PI as Scalar;
    let report = &compare(&left, &right, &Tolerances::engines()).stages[3];
    assert_eq!(report.paired, 1);
}

#[test]
fn what_is_not_a_number_pairs_with_itself_only() {
    let mut left = event();
    left.parameters[1].vector[4] = Scalar::NAN;
    assert_eq!(compare(&left, &left, &Tolerances::engines()).stages[3].paired, 2);
    let right = event();
    assert_eq!(compare(&left, &right, &Tolerances::engines()).stages[3].paired, 1);
    left.parameters[0].covariance = Symmetric5::from_diagonal([Scalar::NAN; 5]);
    left.parameters[0].vector[0] += 0.01;
    assert_eq!(compare(&left, &right, &Tolerances::engines()).stages[3].paired, 0);
}

#[test]
fn a_variance_that_is_none_does_not_hide_the_equal_row() {
    let mut left = event();
    left.parameters.truncate(1);
    left.parameters[0].covariance[(0, 0)] = -0.01;
    let mut right = event();
    // The first row differs from that of the left side, the second one is equal.
    right.parameters[0].vector[0] = 2.0;
    right.parameters[1].vector[0] = 0.0;
    let report = &compare(&left, &right, &Tolerances::engines()).stages[3];
    assert_eq!(report.paired, 1);
}

#[test]
fn another_order_and_similar_tracks_are_told() {
    let left = event().found;
    let swapped = left.select([1, 0]);
    let report = compare_tracks(&left, &swapped, &Tolerances::exact());
    assert_eq!((report.paired, report.same_order), (2, false));
    assert!(!report.agrees(1.0) && report.agrees(0.999));
    let mut other = event().found;
    other.measurements.values[5] = MeasurementIndex(3);
    let report = compare_tracks(&left, &other, &Tolerances::exact());
    assert_eq!((report.paired, report.similar), (1, 1));
    other.measurements.values[3..5].copy_from_slice(&[MeasurementIndex(0), MeasurementIndex(4)]);
    let report = compare_tracks(&left, &other, &Tolerances::exact());
    assert_eq!((report.paired, report.similar), (1, 0));
}

#[test]
fn a_stage_that_one_side_lacks_does_not_agree() {
    let left = event();
    let right = Reconstruction { fitted: Some(left.found.clone()), ..event() };
    let comparison = compare(&left, &right, &Tolerances::engines());
    assert_eq!(comparison.stages[5].stage, "fitted");
    assert!(!comparison.agrees(0.1));
}

#[test]
fn reports_name_the_column_its_limit_and_the_worst_row() {
    let left = event().found;
    let mut right = left.clone();
    right.tracks[1].chi2 = 9.0;
    let report = compare_tracks(&left, &right, &Tolerances::engines());
    let text = report.to_string();
    assert!(text.starts_with("tracks: 2 and 2 rows, 2 paired (100.000 %), same order\n"), "{text}");
    let line = "chi2                         1 of         2 within 1e-2 relative to 1, worst 2.222e-1 in row 1";
    assert!(text.contains(line), "{text}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["stage"], "tracks");
    assert!(json["columns"][0]["tolerance"]["reason"].is_string());
}

proptest! {
    /// Any permutation of tracks pairs all of them, repeated ones included.
    #[test]
    fn pairing_finds_every_track_of_a_permutation(
        rows in prop::collection::vec(prop::collection::vec(0_u32..4, 1..4), 0..20),
        seed in any::<u64>(),
    ) {
        let mut tracks = Tracks::new();
        for row in &rows {
            tracks.tracks.push(Track::default());
            tracks.measurements.push(row.iter().map(|&m| MeasurementIndex(m)));
        }
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|&i| (i as u64 + 1).wrapping_mul(seed | 1));
        let report = compare_tracks(&tracks, &tracks.select(order), &Tolerances::exact());
        prop_assert_eq!((report.paired, report.similar), (rows.len(), 0));
    }
}
