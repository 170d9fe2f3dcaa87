//! Tracks survive the way through tensors, and nothing that a server can send harms the client's decoder.
#![expect(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test may panic; numbers are copied, not computed"
)]

use proptest::prelude::*;
use traccc_core::detector::Detector;
use traccc_core::event::{
    BoundParameters, FitOutcome, Measurement, Measurements, Track, TrackState, Tracks,
};
use traccc_core::math::Symmetric5;
use traccc_core::{MeasurementIndex, Reconstruction, SurfaceIndex};
use traccc_protocol::{
    Numbering, Output, OwnedTensor, RequestParameters, Selection, SensorTable, ServedTracks, Tensor,
};
use traccc_sim::detectors::{ToyConfig, pixel_modules, toy_detector};

fn sensors() -> SensorTable {
    let detector = Detector::compile(&toy_detector(&ToyConfig::full()).unwrap()).unwrap();
    let modules = pixel_modules(&detector, [0.05, 0.05]).unwrap();
    let id = |surface: SurfaceIndex| Some(1000 + u64::from(surface.0));
    SensorTable::new(Numbering::Athena, &detector, &modules, id)
}

/// An event whose tracks have the given outcomes and numbers of measurements; every number is another one.
fn event(tracks: &[(FitOutcome, usize)]) -> Reconstruction {
    let mut next = 0.0_f32;
    let mut number = || {
        next += 0.25;
        next
    };
    let mut parameters = |surface: u32| BoundParameters {
        vector: std::array::from_fn(|_| number()),
        time: number(),
        covariance: Symmetric5(std::array::from_fn(|_| number())),
        time_variance: 1.0,
        surface: SurfaceIndex(surface),
    };
    let mut found = Tracks::new();
    for (i, &(outcome, states)) in tracks.iter().enumerate() {
        let (chi2, ndf, p_value, holes) = (i as f32 + 0.5, i as i32 + 1, 0.25, i as u32);
        let track = Track { parameters: parameters(7), chi2, ndf, p_value, holes, outcome };
        found.tracks.push(track);
        // Neighbouring tracks share a measurement.
        found.measurements.push((0..states).map(|k| MeasurementIndex((i + k) as u32)));
        for k in 0..states {
            let smoothed = parameters((i + k) as u32);
            let (filtered_chi2, smoothed_chi2) = (k as f32, k as f32 + 0.5);
            found.states.push(TrackState { smoothed, filtered_chi2, smoothed_chi2 });
        }
    }
    let measurements: Measurements = (0..100)
        .map(|m| Measurement {
            local: [m as f32, -(m as f32)],
            variance: [0.01, m as f32],
            surface: SurfaceIndex(m),
            ..Measurement::default()
        })
        .collect();
    Reconstruction { measurements, found, ..Reconstruction::default() }
}

fn encode(
    event: &Reconstruction,
    parameters: &RequestParameters,
    outputs: &[Output],
) -> Vec<OwnedTensor> {
    let selection = Selection::new(event, parameters);
    let sensors = sensors();
    outputs
        .iter()
        .map(|&output| {
            let mut bytes = vec![0xff; selection.byte_size(output)];
            selection.write(output, event, &sensors, &mut bytes);
            let (spec, shape) = (output.spec(), selection.shape(output));
            OwnedTensor { name: spec.name, data_type: spec.data_type, shape, bytes }
        })
        .collect()
}

fn decode(tensors: &[OwnedTensor]) -> ServedTracks {
    let views: Vec<Tensor<'_>> = tensors.iter().map(OwnedTensor::view).collect();
    ServedTracks::decode(&views).unwrap()
}

fn integers(tensor: &OwnedTensor) -> Vec<i64> {
    tensor.bytes.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect()
}

fn floats(tensor: &OwnedTensor) -> Vec<f32> {
    tensor.bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

#[test]
fn upstreams_tensors_have_upstreams_layout() {
    let event = event(&[(FitOutcome::SUCCESS, 3), (FitOutcome::SUCCESS, 4)]);
    let tensors = encode(&event, &RequestParameters::default(), &Output::UPSTREAM);
    let shapes: Vec<_> = tensors.iter().map(|t| (t.name, t.shape.clone())).collect();
    let expected = [
        ("TRK_PARAMS", vec![2, 8]),
        ("MEASUREMENTS", vec![7, 6]),
        ("COVARIANCES", vec![7, 25]),
        ("GEOMETRY_IDS", vec![8]),
    ];
    assert_eq!(shapes, expected);
    let track = &event.found.tracks[1];
    let [loc0, loc1, phi, theta, q_over_p] = track.parameters.vector;
    let row = [track.chi2, 2.0, loc0, loc1, phi, theta, q_over_p, track.parameters.time];
    assert_eq!(floats(&tensors[0])[8..], row);
    let state = &event.found.states[4].smoothed;
    let row = [2.0, -2.0, state.vector[2], state.vector[3], state.vector[4], state.time];
    assert_eq!(floats(&tensors[1])[24..30], row);
    let covariance = &floats(&tensors[2])[100..125];
    for i in 0..5 {
        for j in 0..5 {
            let packed = state.covariance.0[i.max(j) * (i.max(j) + 1) / 2 + i.min(j)];
            assert!((covariance[5 * i + j] - packed).abs() < f32::EPSILON, "{i} {j}");
        }
    }
    assert_eq!(integers(&tensors[3]), [1000, 1001, 1002, 0, 1001, 1002, 1003, 1004]);
}

#[test]
fn an_event_without_tracks_has_empty_tensors() {
    let tensors = encode(&event(&[]), &RequestParameters::default(), &Output::ALL);
    let offsets = tensors.iter().find(|t| t.name == "TRACK_OFFSETS").unwrap();
    assert_eq!(integers(offsets), [0]);
    assert!(tensors.iter().filter(|t| t.name != "TRACK_OFFSETS").all(|t| t.bytes.is_empty()));
    assert!(decode(&tensors).tracks.is_empty());
}

#[test]
fn only_sound_and_wanted_tracks_are_sent() {
    let mut event = event(&[
        (FitOutcome::SUCCESS, 3),
        (FitOutcome::SUCCESS, 2),
        (FitOutcome::SMOOTHER_FAILED, 5),
        (FitOutcome::NO_DEGREES_OF_FREEDOM, 5),
        (FitOutcome::SUCCESS, 6),
        (FitOutcome::SUCCESS, 6),
    ]);
    event.found.tracks[5].parameters.vector[4] = f32::NAN;
    let selection = Selection::new(&event, &RequestParameters::default());
    assert_eq!((selection.tracks(), selection.states()), (2, 9));
    let excluded = selection.excluded;
    assert_eq!((excluded.too_short, excluded.failed, excluded.no_degrees_of_freedom), (1, 2, 1));
    let long = RequestParameters { min_measurements: 4, ..RequestParameters::default() };
    let selection = Selection::new(&event, &long);
    assert_eq!((selection.tracks(), selection.excluded.by_request), (1, 1));
    let good = RequestParameters { max_chi2_per_ndf: Some(0.6), ..RequestParameters::default() };
    assert_eq!(Selection::new(&event, &good).tracks(), 1);
}

#[test]
fn elements_of_a_covariance_that_say_nothing_are_zero() {
    let mut event = event(&[(FitOutcome::SUCCESS, 3)]);
    for (element, value) in
        [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.0e9, -1.0e9, 1.0e8].into_iter().enumerate()
    {
        event.found.states[0].smoothed.covariance.0[element] = value;
    }
    let tensors = encode(&event, &RequestParameters::default(), &[Output::PackedCovariances]);
    assert_eq!(floats(&tensors[0])[..6], [0.0, 0.0, 0.0, 0.0, 0.0, 1.0e8]);
}

proptest! {
    #[test]
    fn tracks_come_back_with_and_without_the_additions(lengths in prop::collection::vec(3_usize..9, 0..8)) {
        let tracks: Vec<_> = lengths.iter().map(|&states| (FitOutcome::SUCCESS, states)).collect();
        let event = event(&tracks);
        let all = decode(&encode(&event, &RequestParameters::default(), &Output::ALL));
        prop_assert_eq!(all.tracks.len(), lengths.len());
        for (row, served) in all.tracks.iter().enumerate() {
            let track = &event.found.tracks[row];
            prop_assert_eq!(served.parameters, track.parameters.vector);
            prop_assert_eq!(served.quality, Some([0.25, row as f32, 1.0, lengths[row] as f32]));
            let states = event.found.states_of(row);
            prop_assert_eq!(served.states.len(), states.len());
            for (k, (served, state)) in served.states.iter().zip(states).enumerate() {
                prop_assert_eq!(served.geometry_id, 1000 + (row + k) as u64);
                prop_assert_eq!(served.measurement, Some((row + k) as u64));
                prop_assert_eq!(served.covariance, Some(state.smoothed.covariance.0));
                prop_assert_eq!(&served.direction[..], &state.smoothed.vector[2..]);
                prop_assert_eq!(&served.quality.unwrap()[2..], [state.filtered_chi2, state.smoothed_chi2]);
            }
        }
        let mut upstream = decode(&encode(&event, &RequestParameters::default(), &Output::UPSTREAM));
        for (track, full) in upstream.tracks.iter_mut().zip(&all.tracks) {
            prop_assert_eq!(track.quality, None);
            track.quality = full.quality;
            for (state, full) in track.states.iter_mut().zip(&full.states) {
                state.quality = full.quality;
                state.measurement = full.measurement;
            }
        }
        prop_assert_eq!(upstream, all);
    }

    #[test]
    fn a_response_that_lies_is_refused_or_consistent(
        lengths in prop::collection::vec(3_usize..6, 0..4),
        damaged in 0_usize..9,
        shape in prop::collection::vec(prop_oneof![0_i64..12, Just(-1), Just(i64::MAX)], 0..3),
        bytes in prop::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..200),
        keep_shape in any::<bool>(),
        without_offsets in any::<bool>(),
    ) {
        let tracks: Vec<_> = lengths.iter().map(|&states| (FitOutcome::SUCCESS, states)).collect();
        let mut tensors = encode(&event(&tracks), &RequestParameters::default(), &Output::ALL);
        if keep_shape {
            let length = tensors[damaged].bytes.len();
            tensors[damaged].bytes = bytes.into_iter().cycle().take(length).collect();
        } else {
            tensors[damaged].shape = shape;
            tensors[damaged].bytes = bytes;
        }
        if without_offsets {
            tensors.retain(|tensor| tensor.name != "TRACK_OFFSETS");
        }
        let views: Vec<Tensor<'_>> = tensors.iter().map(OwnedTensor::view).collect();
        if let Ok(served) = ServedTracks::decode(&views) {
            let states: usize = served.tracks.iter().map(|track| track.states.len()).sum();
            let measurements = tensors.iter().find(|tensor| tensor.name == "MEASUREMENTS").unwrap();
            prop_assert!(states as i64 == measurements.shape[0] || served.tracks.is_empty());
        }
    }
}
