//! Tracks as tensors.

use crate::contract::Output;
use crate::parameters::RequestParameters;
use traccc_core::Reconstruction;
use traccc_core::detector::SensorTable;
use traccc_core::event::{FitOutcome, Track};

/// The tracks of a reconstruction that are sent, and how many are not.
///
/// Sent are tracks that were smoothed or fitted with success and have at least three measurements, and of those the ones
/// that the request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Rows of the tracks, ascending.
    rows: Vec<u32>,
    /// Number of states of these tracks.
    states: usize,
    /// What is left out, and why.
    pub excluded: Excluded,
}

/// Tracks that are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Excluded {
    /// With no degrees of freedom.
    pub no_degrees_of_freedom: usize,
    /// Whose fit or smoothing failed.
    pub failed: usize,
    /// With fewer than three measurements.
    pub too_short: usize,
    /// By parameters of the request.
    pub by_request: usize,
}

impl Excluded {
    /// All together.
    pub fn total(&self) -> usize {
        self.no_degrees_of_freedom + self.failed + self.too_short + self.by_request
    }
}

/// The least number of measurements of a track that is sent.
const MIN_MEASUREMENTS: usize = 3;
/// Beyond this an element of a covariance says nothing; upstream sends 0 for it.
const MAX_COVARIANCE: f32 = 1.0e8;

impl Selection {
    /// Chooses among the tracks of `event`.
    pub fn new(event: &Reconstruction, parameters: &RequestParameters) -> Self {
        let tracks = event.tracks();
        let mut selection = Self::default();
        let excluded = &mut selection.excluded;
        for (row, track) in tracks.tracks.iter().enumerate() {
            let states = tracks.states_of(row).len();
            let slot = match track.outcome {
                FitOutcome::SUCCESS if !sound(track) => &mut excluded.failed,
                FitOutcome::SUCCESS if states < MIN_MEASUREMENTS => &mut excluded.too_short,
                FitOutcome::SUCCESS if !wanted(track, states, parameters) => {
                    &mut excluded.by_request
                }
                FitOutcome::SUCCESS => {
                    selection.rows.push(row as u32);
                    selection.states += states;
                    continue;
                }
                FitOutcome::NO_DEGREES_OF_FREEDOM => &mut excluded.no_degrees_of_freedom,
                _ => &mut excluded.failed,
            };
            *slot += 1;
        }
        selection
    }

    /// Number of tracks.
    pub fn tracks(&self) -> usize {
        self.rows.len()
    }

    /// Number of states of all tracks.
    pub fn states(&self) -> usize {
        self.states
    }

    /// The shape of an output.
    pub fn shape(&self, output: Output) -> Vec<i64> {
        let (tracks, states) = (self.tracks() as i64, self.states as i64);
        match output {
            Output::TrackParameters => vec![tracks, 8],
            Output::TrackQuality => vec![tracks, 4],
            Output::Measurements => vec![states, 6],
            Output::Covariances => vec![states, 25],
            Output::StateQuality => vec![states, 4],
            Output::PackedCovariances => vec![states, 15],
            Output::MeasurementIndices => vec![states],
            Output::GeometryIds => vec![states + (tracks - 1).max(0)],
            Output::TrackOffsets => vec![tracks + 1],
        }
    }

    /// The size of an output in bytes.
    pub fn byte_size(&self, output: Output) -> usize {
        let elements: i64 = self.shape(output).iter().product();
        elements as usize * output.spec().data_type.size()
    }

    /// Writes an output of the same `event` that was chosen from, row after row, little-endian.
    ///
    /// # Panics
    /// If `out` does not have [`Self::byte_size`] bytes, or `event` is another one.
    pub fn write(&self, output: Output, event: &Reconstruction, ids: &SensorTable, out: &mut [u8]) {
        assert_eq!(out.len(), self.byte_size(output), "an output buffer of another size");
        let mut out = Writer { out };
        let tracks = event.tracks();
        let mut first_state = 0_i64;
        for (i, row) in self.rows.iter().map(|&row| row as usize).enumerate() {
            match output {
                Output::TrackParameters => out.floats(&parameters(&tracks.tracks[row])),
                Output::TrackQuality => {
                    let track = &tracks.tracks[row];
                    let charge = if track.parameters.q_over_p() < 0.0 { -1.0 } else { 1.0 };
                    let measurements = tracks.measurements.row(row).len();
                    out.floats(&[
                        float(track.p_value),
                        track.holes as f32,
                        charge,
                        measurements as f32,
                    ]);
                }
                Output::TrackOffsets => out.integer(first_state),
                Output::GeometryIds if i > 0 => out.integer(0),
                _ => {}
            }
            first_state += tracks.measurements.row(row).len() as i64;
            if output.is_of_states() {
                write_states(output, event, row, ids, &mut out);
            }
        }
        if output == Output::TrackOffsets {
            out.integer(first_state);
        }
    }
}

impl Output {
    fn is_of_states(self) -> bool {
        !matches!(self, Self::TrackParameters | Self::TrackQuality | Self::TrackOffsets)
    }
}

fn write_states(
    output: Output,
    event: &Reconstruction,
    row: usize,
    ids: &SensorTable,
    out: &mut Writer<'_>,
) {
    let tracks = event.tracks();
    let all = &event.measurements;
    for (state, measurement) in tracks.states_of(row).iter().zip(tracks.measurements.row(row)) {
        let m = measurement.get();
        match output {
            Output::Measurements => {
                let [_, _, phi, theta, q_over_p] = state.smoothed.vector;
                let [loc0, loc1] = all.local[m];
                out.floats(&[loc0, loc1, phi, theta, q_over_p, state.smoothed.time].map(float));
            }
            Output::Covariances => {
                for i in 0..5 {
                    out.floats(&[0, 1, 2, 3, 4].map(|j| clean(state.smoothed.covariance[(i, j)])));
                }
            }
            Output::PackedCovariances => out.floats(&state.smoothed.covariance.0.map(clean)),
            Output::StateQuality => {
                let [var0, var1] = all.variance[m];
                out.floats(&[var0, var1, state.filtered_chi2, state.smoothed_chi2].map(float));
            }
            Output::MeasurementIndices => out.integer(m as i64),
            // Identifiers use all 64 bits.
            Output::GeometryIds => out.integer(ids.id(all.surface[m]) as i64),
            Output::TrackParameters | Output::TrackQuality | Output::TrackOffsets => {}
        }
    }
}

fn parameters(track: &Track) -> [f32; 8] {
    let [loc0, loc1, phi, theta, q_over_p] = track.parameters.vector.map(float);
    let (chi2, time) = (float(track.chi2), float(track.parameters.time));
    [chi2, track.ndf as f32, loc0, loc1, phi, theta, q_over_p, time]
}

/// Whether all parameters are numbers.
fn sound(track: &Track) -> bool {
    parameters(track).iter().all(|value| value.is_finite())
}

fn wanted(track: &Track, states: usize, parameters: &RequestParameters) -> bool {
    let limit = parameters.max_chi2_per_ndf.unwrap_or(f32::INFINITY);
    states >= parameters.min_measurements && float(track.chi2) <= limit * track.ndf as f32
}

fn clean(element: traccc_core::Scalar) -> f32 {
    let element = float(element);
    // A comparison that is false for NaN too.
    if element.abs() <= MAX_COVARIANCE { element } else { 0.0 }
}

/// A number of the chain as a tensor has it.
#[expect(clippy::unnecessary_cast, reason = "the scalar may be f64")]
fn float(value: traccc_core::Scalar) -> f32 {
    value as f32
}

/// Fills a buffer from its beginning.
struct Writer<'a> {
    out: &'a mut [u8],
}

impl Writer<'_> {
    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        let (now, later) = std::mem::take(&mut self.out).split_at_mut(bytes.len());
        now.copy_from_slice(bytes);
        self.out = later;
    }

    #[inline]
    fn floats<const N: usize>(&mut self, values: &[f32; N]) {
        for value in values {
            self.bytes(&value.to_le_bytes());
        }
    }

    #[inline]
    fn integer(&mut self, value: i64) {
        self.bytes(&value.to_le_bytes());
    }
}
