//! What both servers count beside their own statistics.

use crate::instance::Reply;
use traccc::Stage;

/// A counter that both servers offer to Prometheus, labelled with the model, and with the stage where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counter {
    /// Cells of all events.
    Cells,
    /// Measurements of all events.
    Measurements,
    /// Tracks that were sent.
    Tracks,
    /// Tracks that were not sent.
    ExcludedTracks,
    /// Time in a stage of the chain, in seconds.
    StageSeconds,
}

impl Counter {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Cells, Self::Measurements, Self::Tracks, Self::ExcludedTracks, Self::StageSeconds];

    /// The name of the metric family.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cells => "traccc_cells_total",
            Self::Measurements => "traccc_measurements_total",
            Self::Tracks => "traccc_tracks_total",
            Self::ExcludedTracks => "traccc_excluded_tracks_total",
            Self::StageSeconds => "traccc_stage_seconds_total",
        }
    }

    /// What it counts.
    pub fn help(self) -> &'static str {
        match self {
            Self::Cells => "Cells of the reconstructed events",
            Self::Measurements => "Measurements of the reconstructed events",
            Self::Tracks => "Tracks sent to clients",
            Self::ExcludedTracks => "Tracks found but not sent to clients",
            Self::StageSeconds => "Time spent in a stage of the reconstruction",
        }
    }
}

/// By how much one event increases a counter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Increment {
    /// The counter.
    pub counter: Counter,
    /// The stage, for [`Counter::StageSeconds`].
    pub stage: Option<Stage>,
    /// By how much.
    pub value: f64,
}

impl Reply {
    /// What this event adds to the counters.
    pub fn increments(&self) -> Vec<Increment> {
        let counts = self.counts();
        let plain = [
            (Counter::Cells, counts.cells),
            (Counter::Measurements, counts.measurements),
            (Counter::Tracks, self.tracks()),
            (Counter::ExcludedTracks, self.excluded().total()),
        ];
        let plain = plain.map(|(counter, n)| Increment { counter, stage: None, value: n as f64 });
        let times = self.timings();
        let stages = Stage::ALL.map(|stage| Increment {
            counter: Counter::StageSeconds,
            stage: Some(stage),
            value: times[stage] * 1.0e-3,
        });
        plain.into_iter().chain(stages).collect()
    }

    /// Parameters of the response: what the event had, and what was left out of it.
    pub fn parameters(&self) -> [(&'static str, i64); 6] {
        let counts = self.counts();
        [
            ("traccc_version", traccc_protocol::contract::VERSION),
            ("traccc_cells", counts.cells as i64),
            ("traccc_measurements", counts.measurements as i64),
            ("traccc_tracks", self.tracks() as i64),
            ("traccc_excluded_tracks", self.excluded().total() as i64),
            ("traccc_merged_duplicates", self.merged_duplicates() as i64),
        ]
    }
}
