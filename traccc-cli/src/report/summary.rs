use super::{Align, Table, TruthTotals, counted, ratio};
use serde::Serialize;
use std::fmt;
use traccc::{ChainConfig, EventCounts, Stage, StageTimings, Warning};

/// Time spent on one event, or its mean over several, in ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct StageMs {
    /// Reading the event's cells; zero where they were made in memory.
    pub(crate) read: f64,
    #[serde(flatten)]
    pub(crate) stages: StageTimings,
}

impl StageMs {
    /// The stages in order, with their names in JSON.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let stages = Stage::ALL.map(|stage| (stage.name(), self.stages[stage]));
        [("read", self.read)].into_iter().chain(stages)
    }

    /// Each stage's values of several events made into one.
    pub(crate) fn combine(events: &[Self], mut one: impl FnMut(&mut [f64]) -> f64) -> Self {
        let mut of =
            |value: &dyn Fn(&Self) -> f64| one(&mut events.iter().map(value).collect::<Vec<_>>());
        Self {
            read: of(&|e| e.read),
            stages: StageTimings::from_fn(|stage| of(&|e| e.stages[stage])),
        }
    }
}

/// Sums over events, and means of times. Its JSON form is a contract with other programs.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Summary {
    pub(crate) events: usize,
    pub(crate) counts: EventCounts,
    pub(crate) stage_ms: StageMs,
    /// Rows of cells files that were added to others of the same channel. In the text only.
    #[serde(skip)]
    pub(crate) merged_duplicates: usize,
    /// Stages that the settings leave out; the text has no numbers for them.
    #[serde(skip)]
    left_out: Vec<&'static str>,
    /// Nothing where truth is not asked for.
    pub(crate) truth: Option<TruthTotals>,
    /// What does not look as if it belongs together; standard error has told it.
    warnings: Vec<String>,
}

impl Summary {
    /// Nothing yet, with or without truth.
    pub(crate) fn new(with_truth: bool, config: &ChainConfig, warnings: &[Warning]) -> Self {
        let left_out = Stage::ALL.into_iter().filter(|&stage| !config.runs(stage)).map(Stage::name);
        let truth = with_truth.then(TruthTotals::default);
        let warnings = warnings.iter().map(ToString::to_string).collect();
        Self { left_out: left_out.collect(), truth, warnings, ..Self::default() }
    }

    /// Adds one event.
    pub(crate) fn add(&mut self, counts: EventCounts, time: &StageMs, truth: Option<&TruthTotals>) {
        self.events += 1;
        self.counts += counts;
        // A running mean needs no final step that could be forgotten.
        let weight = 1.0 / self.events as f64;
        let mean = |pair: &mut [f64]| pair[0] + (pair[1] - pair[0]) * weight;
        self.stage_ms = StageMs::combine(&[self.stage_ms, *time], mean);
        if let Some(event) = truth {
            self.truth.get_or_insert_default().add(event);
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = &self.counts;
        let made = [
            Some(("cells", c.cells)),
            Some(("measurements", c.measurements)),
            Some(("space points", c.spacepoints)),
            Some(("seeds", c.seeds)),
            None,
            Some(("found tracks", c.found_tracks)),
            Some(("resolved tracks", c.resolved_tracks)),
            Some(("fitted tracks", c.fitted_tracks)),
        ];
        let mut table = Table::new([
            ("stage", Align::Left),
            ("ms/event", Align::Right),
            ("count", Align::Right),
            ("", Align::Left),
        ]);
        let mut total = 0.0;
        for ((stage, ms), made) in self.stage_ms.named().zip(made) {
            total += ms;
            let (what, count) =
                made.map_or_else(Default::default, |(what, count)| (what, count.to_string()));
            let (ms, count) = if self.left_out.contains(&stage) {
                ("-".into(), "-".into())
            } else {
                (format!("{ms:.3}"), count)
            };
            table.row([stage.into(), ms, count, what.into()]);
        }
        let events = if self.events == 1 { "event" } else { "events" };
        table.row(["all".into(), format!("{total:.3}"), self.events.to_string(), events.into()]);
        write!(f, "{table}")?;
        if self.merged_duplicates > 0 {
            let rows = counted(self.merged_duplicates, "row");
            writeln!(f, "\n{rows} of cells added to another of the same channel")?;
        }
        self.truth.as_ref().map_or(Ok(()), |truth| write!(f, "\n{}", truth_table(truth)))
    }
}

fn truth_table(truth: &TruthTotals) -> Table {
    let right = Align::Right;
    let mut table = Table::new([
        ("truth", Align::Left),
        ("particles", right),
        ("matched", right),
        ("efficiency", right),
        ("duplicates/matched", right),
        ("fakes/particle", right),
        ("fakes/track", right),
    ]);
    for (stage, counts) in truth.stages() {
        table.row([
            stage.into(),
            counts.particles.to_string(),
            counts.matched.to_string(),
            ratio(counts.efficiency(), 4),
            ratio(counts.duplicates_per_matched(), 4),
            ratio(counts.fakes_per_particle(), 4),
            ratio(counts.fakes_per_track(), 4),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(cells: usize, read: f64, finding: f64) -> (EventCounts, StageMs) {
        let mut stages = StageTimings::default();
        stages[Stage::Finding] = finding;
        (EventCounts { cells, ..EventCounts::default() }, StageMs { read, stages })
    }

    #[test]
    fn counts_are_summed_and_times_averaged() {
        let mut summary = Summary::default();
        for (counts, time) in [event(3, 1.0, 4.0), event(5, 2.0, 8.0), event(0, 6.0, 0.0)] {
            summary.add(counts, &time, None);
        }
        let json = serde_json::to_value(&summary).unwrap();
        assert_eq!((summary.events, summary.counts.cells), (3, 8));
        assert!((json["stage_ms"]["read"].as_f64().unwrap() - 3.0).abs() < 1e-12);
        assert!((json["stage_ms"]["finding"].as_f64().unwrap() - 4.0).abs() < 1e-12);
    }

    #[test]
    fn the_json_form_has_the_agreed_keys_in_their_order() {
        let text = serde_json::to_string(&Summary::default()).unwrap();
        assert_eq!(
            text,
            "{\"events\":0,\"counts\":{\"cells\":0,\"measurements\":0,\"spacepoints\":0,\"seeds\":0,\
             \"found_tracks\":0,\"resolved_tracks\":0,\"fitted_tracks\":0},\"stage_ms\":{\"read\":0.0,\
             \"clustering\":0.0,\"spacepoints\":0.0,\"seeding\":0.0,\"parameters\":0.0,\"finding\":0.0,\
             \"ambiguity\":0.0,\"fitting\":0.0},\"truth\":null,\"warnings\":[]}"
        );
    }
}
