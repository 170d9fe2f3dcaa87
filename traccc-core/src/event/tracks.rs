use super::BoundParameters;
use crate::Scalar;
use crate::index::MeasurementIndex;
use crate::storage::{Column, Ragged};
use bytemuck::{Pod, Zeroable};

/// How a fit ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub struct FitOutcome(pub u32);

impl FitOutcome {
    /// Not fitted: a track as found.
    pub const NOT_FITTED: Self = Self(0);
    /// Every measurement is filtered and smoothed, and there are more coordinates than parameters.
    pub const SUCCESS: Self = Self(1);
    /// Not more measured coordinates than parameters.
    pub const NO_DEGREES_OF_FREEDOM: Self = Self(2);
    /// A later measurement's surface was reached first, or one was never reached.
    pub const NOT_ALL_FITTED: Self = Self(3);
    /// An update gave q/p = 0, a direction along the field axis or a covariance that is none.
    pub const FILTER_FAILED: Self = Self(4);
    /// The smoother met a covariance that is none.
    pub const SMOOTHER_FAILED: Self = Self(5);
    /// Propagation ended before the last measurement: momentum, path or step limit.
    pub const PROPAGATION_FAILED: Self = Self(6);

    /// The name in output files.
    pub fn name(self) -> &'static str {
        match self {
            Self::NOT_FITTED => "not_fitted",
            Self::SUCCESS => "success",
            Self::NO_DEGREES_OF_FREEDOM => "no_degrees_of_freedom",
            Self::NOT_ALL_FITTED => "not_all_fitted",
            Self::FILTER_FAILED => "filter_failed",
            Self::SMOOTHER_FAILED => "smoother_failed",
            Self::PROPAGATION_FAILED => "propagation_failed",
            _ => "unknown",
        }
    }
}

/// One track: what holds for it as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Track {
    /// Parameters: of the seed for a found track, smoothed at the first measurement for a smoothed or fitted one.
    pub parameters: BoundParameters,
    /// Sum of chi2 over the measurements (predicted for found tracks), no unit.
    pub chi2: Scalar,
    /// Degrees of freedom: measured coordinates less five; can be negative.
    pub ndf: i32,
    /// Probability of a larger chi2, 0 to 1.
    pub p_value: Scalar,
    /// Sensors without a measurement, from the one where the parameters of the seed are to the last measurement.
    pub holes: u32,
    /// How the fit ended.
    pub outcome: FitOutcome,
}
#[cfg(not(traccc_f64))]
const _: () = assert!(size_of::<Track>() == 112);

/// The track at one measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct TrackState {
    /// Smoothed parameters: all measurements of the track used.
    pub smoothed: BoundParameters,
    /// chi2 of the measurement against the prediction from the measurements before it.
    pub filtered_chi2: Scalar,
    /// chi2 of the measurement against the smoothed parameters.
    pub smoothed_chi2: Scalar,
}
#[cfg(not(traccc_f64))]
const _: () = assert!(size_of::<TrackState>() == 100);

/// Tracks of one event.
///
/// Found tracks come in the order in which they end (by step, then by seed); resolving and fitting keep the order.
#[derive(Clone, Default, PartialEq)]
pub struct Tracks {
    /// One row per track.
    pub tracks: Column<Track>,
    /// The measurements of each track, in the order of flight.
    pub measurements: Ragged<MeasurementIndex>,
    /// Empty for found tracks without smoothing; else one state for each value of `measurements`.
    pub states: Column<TrackState>,
}

impl Tracks {
    /// No tracks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of tracks.
    pub fn len(&self) -> usize {
        self.tracks.len()
    }

    /// Whether there is no track.
    pub fn is_empty(&self) -> bool {
        self.tracks.is_empty()
    }

    /// The states of track `i`: empty, or one for each of its measurements.
    ///
    /// # Panics
    /// If `i` is not less than [`Self::len`].
    pub fn states_of(&self, i: usize) -> &[TrackState] {
        if self.states.is_empty() { &[] } else { &self.states[self.measurements.range(i)] }
    }

    /// Number of tracks whose fit succeeded.
    pub fn fitted(&self) -> usize {
        self.tracks.iter().filter(|t| t.outcome == FitOutcome::SUCCESS).count()
    }

    /// The tracks as a whole, with empty rows of measurements and without states.
    pub(crate) fn without_measurements(self) -> Self {
        let offsets = vec![0; self.tracks.len() + 1].into();
        let measurements = Ragged { offsets, values: Column::new() };
        Self { tracks: self.tracks, measurements, states: Column::new() }
    }

    /// Makes room for a state of each measurement and hands out each track with its states, in order.
    pub(crate) fn with_states(&mut self) -> Vec<(&mut Track, &mut [TrackState])> {
        self.states.clear();
        self.states.resize(self.measurements.values.len(), TrackState::default());
        let mut rest = &mut self.states[..];
        let offsets = self.measurements.offsets.windows(2);
        let states = offsets.map(|pair| {
            let (row, after) = std::mem::take(&mut rest).split_at_mut((pair[1] - pair[0]) as usize);
            rest = after;
            row
        });
        self.tracks.iter_mut().zip(states).collect()
    }

    /// The tracks named by `rows`, in that order.
    ///
    /// # Panics
    /// If a row is not less than [`Self::len`].
    pub fn select(&self, rows: impl IntoIterator<Item = usize>) -> Self {
        let mut chosen = Self::new();
        for row in rows {
            chosen.tracks.push(self.tracks[row]);
            chosen.measurements.push(self.measurements.row(row).iter().copied());
            chosen.states.extend_from_slice(self.states_of(row));
        }
        chosen
    }
}

impl std::fmt::Debug for Tracks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tracks")
            .field("tracks", &self.tracks)
            .field("measurements", &self.measurements)
            .finish_non_exhaustive()
    }
}
