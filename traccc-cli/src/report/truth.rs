//! How seeds and tracks compare with the particles that were generated.

use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;
use traccc::Reconstruction;
use traccc::event::{Cells, TruthEvent};
use traccc_performance::{Efficiency, MatchCriteria, Matching, MeasurementTruth, TruthSelection};

/// Which particles should be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TruthView {
    /// Upstream's: pT from 0.5 GeV, |eta| up to 3, at least 3 measurements
    Upstream,
    /// What users quote: pT from 0.9 GeV, |eta| up to 2.5, at least 7 measurements, born at r below 24 mm
    Users,
}

impl TruthView {
    fn for_seeds(self) -> TruthSelection {
        match self {
            Self::Upstream => TruthSelection::upstream_seeds(),
            Self::Users => TruthSelection::users(),
        }
    }

    pub(crate) fn for_tracks(self) -> TruthSelection {
        match self {
            Self::Upstream => TruthSelection::upstream(),
            Self::Users => TruthSelection::users(),
        }
    }
}

/// Counts of one event, or of several together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct TruthTotals {
    #[serde(serialize_with = "ratios")]
    pub(crate) seeding: Efficiency,
    #[serde(serialize_with = "ratios")]
    pub(crate) finding: Efficiency,
    /// Nothing where ambiguities are not resolved.
    #[serde(serialize_with = "optional_ratios")]
    pub(crate) resolved: Option<Efficiency>,
}

impl TruthTotals {
    pub(crate) fn of_event(
        view: TruthView,
        truth: &TruthEvent,
        cells: &Cells,
        event: &Reconstruction,
    ) -> Result<Self> {
        let labels = &event.cell_measurements;
        let origin = MeasurementTruth::from_cells(truth, cells, labels, event.measurements.len())?;
        let selected = view.for_tracks().select(truth, &origin);
        let tracks = |tracks| {
            Matching::of_tracks(&origin, tracks, &MatchCriteria::default()).efficiency(&selected)
        };
        let seeds = Matching::of_seeds(&origin, &event.seeds, &event.spacepoints);
        Ok(Self {
            seeding: seeds.efficiency(&view.for_seeds().select(truth, &origin)),
            finding: tracks(&event.found),
            resolved: event.resolved.as_ref().map(tracks),
        })
    }

    pub(crate) fn add(&mut self, event: &Self) {
        self.seeding += event.seeding;
        self.finding += event.finding;
        if let Some(resolved) = event.resolved {
            *self.resolved.get_or_insert_default() += resolved;
        }
    }

    /// The stages with what they are called in reports.
    pub(crate) fn stages(&self) -> impl Iterator<Item = (&'static str, Efficiency)> {
        let resolved = self.resolved.map(|efficiency| ("resolved", efficiency));
        [("seeding", self.seeding), ("finding", self.finding)].into_iter().chain(resolved)
    }
}

/// The JSON form: ratios of the sums, null where a denominator is 0.
#[derive(Serialize)]
struct Ratios {
    particles: u64,
    matched: u64,
    efficiency: Option<f64>,
    duplicates_per_matched: Option<f64>,
    fakes_per_particle: Option<f64>,
    fakes_per_track: Option<f64>,
}

impl From<&Efficiency> for Ratios {
    fn from(counts: &Efficiency) -> Self {
        Self {
            particles: counts.particles,
            matched: counts.matched,
            efficiency: counts.efficiency(),
            duplicates_per_matched: counts.duplicates_per_matched(),
            fakes_per_particle: counts.fakes_per_particle(),
            fakes_per_track: counts.fakes_per_track(),
        }
    }
}

fn ratios<S: serde::Serializer>(counts: &Efficiency, serializer: S) -> Result<S::Ok, S::Error> {
    Ratios::from(counts).serialize(serializer)
}

fn optional_ratios<S: serde::Serializer>(
    counts: &Option<Efficiency>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    counts.as_ref().map(Ratios::from).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_those_of_the_sums_and_null_without_a_denominator() {
        let counts = |particles, matched, fakes, tracks| Efficiency {
            particles,
            matched,
            fakes,
            tracks,
            ..Efficiency::default()
        };
        let mut totals = TruthTotals::default();
        totals.add(&TruthTotals { finding: counts(1, 1, 0, 1), ..TruthTotals::default() });
        totals.add(&TruthTotals { finding: counts(3, 1, 1, 4), ..TruthTotals::default() });
        let json = serde_json::to_value(totals).unwrap();
        assert_eq!(json["finding"]["efficiency"], 0.5);
        assert_eq!(json["finding"]["fakes_per_track"], 0.2);
        assert_eq!(json["seeding"]["efficiency"], serde_json::Value::Null);
        assert_eq!(json["resolved"], serde_json::Value::Null);
    }
}
