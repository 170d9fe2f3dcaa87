use crate::Verdict;
use crate::args::JobArguments;
use crate::progress::progress_bar;
use crate::report::{Align, Table, TruthTotals, TruthView, ratio};
use crate::terminal;
use crate::workers::Workers;
use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use std::io::Write;
use traccc::event::FitOutcome;
use traccc::{Chain, ChainConfig, Keep, ReconstructionChain, Setup, settings};
use traccc_performance::{
    MatchCriteria, Matching, MeasurementTruth, ParameterSpreads, Residuals, Spread,
};

/// More would be a mistake: each combination reconstructs every event.
const MOST: usize = 1000;

/// Arguments of `traccc scan`.
#[derive(Args, Debug)]
pub(crate) struct ScanArguments {
    #[command(flatten)]
    job: JobArguments,
    /// A setting and its values, as in TOML: `finding.max_chi2=30,50`. Several are combined, each value with each
    #[arg(long, value_name = "KEY=VALUE,…", value_parser = variation, help_heading = "Chain")]
    vary: Vec<Variation>,
    /// Which particles should be found
    #[arg(long, value_enum, value_name = "VIEW", default_value_t = TruthView::Users, help_heading = "Results")]
    truth: TruthView,
    /// One JSON object for each combination, in place of the table
    #[arg(long, help_heading = "Results")]
    json: bool,
}

/// A setting with the values that it takes in turn.
#[derive(Clone, Debug)]
struct Variation {
    key: String,
    values: Vec<String>,
}

fn variation(text: &str) -> Result<Variation, String> {
    let expected = || format!("expected TABLE.SETTING=VALUE,…, found `{text}`");
    let (key, values) = text.split_once('=').ok_or_else(expected)?;
    let values = split_values(values);
    if key.split('.').count() != 2 || key.contains(char::is_whitespace) || values.is_empty() {
        return Err(expected());
    }
    Ok(Variation { key: key.to_owned(), values })
}

/// The values between commas; those within brackets are one.
fn split_values(text: &str) -> Vec<String> {
    let mut depth = 0_i32;
    let parts = text.split(|c| {
        depth += i32::from(matches!(c, '[' | '{')) - i32::from(matches!(c, ']' | '}'));
        c == ',' && depth == 0
    });
    parts.map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// One combination of settings and its sums over the events.
struct Combination {
    changed: String,
    config: ChainConfig,
    sums: Sums,
}

#[derive(Clone, Default)]
struct Sums {
    truth: TruthTotals,
    residuals: Residuals,
    p_values: Vec<f64>,
    ms: f64,
}

/// What is written of a combination.
#[derive(Serialize)]
struct Row<'a> {
    settings: &'a str,
    events: usize,
    /// Milliseconds of all stages in one event.
    ms_per_event: f64,
    truth: &'a TruthTotals,
    /// Tracks whose fit failed, of all in the end.
    not_fitted: usize,
    /// Tracks that were compared with a true state.
    compared: usize,
    residuals: ParameterSpreads,
    pulls: ParameterSpreads,
    p_value_mean: Option<f64>,
    /// Part of the fits with a p-value below 0.01.
    p_value_below_1_percent: Option<f64>,
}

/// Reconstructs the same events with every combination of settings and tells how good each is.
pub(crate) fn scan(arguments: &ScanArguments) -> Result<Verdict> {
    let job = &arguments.job;
    let base = job.chain.config()?;
    let mut combinations = combine(&base, &arguments.vary)?;
    let events = job.find_events()?;
    let setup = job.read_setup(&base, &events)?;
    let engine = job.chain.engine(&setup)?;
    let chains = || -> Result<Vec<Chain>> {
        combinations.iter().map(|one| Ok(engine.chain(&one.config)?)).collect()
    };
    let concurrency = |threads| engine.concurrency(threads);
    let mut workers = Workers::new(job.chain.threads, events.len(), concurrency, chains)?;
    let progress = progress_bar(events.len());
    let one = |chains: &mut Vec<Chain>, i: usize| -> Result<Vec<Sums>> {
        let read = || -> Result<_> {
            Ok((events.read_cells(i, &setup)?.cells, events.read_truth(i, &setup)?))
        };
        let (cells, truth) = read().with_context(|| format!("event {}", events.number(i)))?;
        chains
            .iter_mut()
            .map(|chain| evaluate(chain, &setup, &cells, &truth, arguments.truth))
            .collect()
    };
    workers.run(events.len(), one, |_, event| {
        for (combination, sums) in combinations.iter_mut().zip(event) {
            combination.sums.add(sums);
        }
        progress.inc(1);
        Ok(())
    })?;
    progress.finish_and_clear();
    let rows: Vec<Row<'_>> = combinations.iter().map(|one| one.row(events.len())).collect();
    let mut out = terminal::stdout();
    if arguments.json {
        for row in &rows {
            writeln!(out, "{}", serde_json::to_string(row)?)?;
        }
    } else {
        write!(out, "{}", table(&rows))?;
    }
    Ok(Verdict::Done)
}

fn combine(base: &ChainConfig, vary: &[Variation]) -> Result<Vec<Combination>> {
    let mut keys: Vec<&str> = vary.iter().map(|variation| variation.key.as_str()).collect();
    keys.sort_unstable();
    if let Some(twice) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!("--vary names `{}` twice", twice[0]);
    }
    let count = vary.iter().try_fold(1_usize, |n, one| n.checked_mul(one.values.len()));
    if count.is_none_or(|count| count > MOST) {
        bail!("--vary gives more than {MOST} combinations");
    }
    let mut combinations = vec![(String::new(), base.clone())];
    for Variation { key, values } in vary {
        let mut next = Vec::with_capacity(combinations.len() * values.len());
        for (changed, config) in &combinations {
            for value in values {
                let (table, setting) = key.split_once('.').unwrap_or_default();
                let text = format!("[{table}]\n{setting} = {value}\n");
                let what = format!("{changed}{key}={value} ");
                let config = settings::from_toml(&text, config)
                    .with_context(|| format!("--vary {key}={value}"))?;
                next.push((what, config));
            }
        }
        combinations = next;
    }
    let checked = |(changed, config): (String, ChainConfig)| {
        config.validate().with_context(|| format!("--vary: {changed}"))?;
        let changed =
            if changed.is_empty() { "as given".to_owned() } else { changed.trim_end().to_owned() };
        Ok(Combination { changed, config, sums: Sums::default() })
    };
    combinations.into_iter().map(checked).collect()
}

fn evaluate(
    chain: &mut Chain,
    setup: &Setup,
    cells: &traccc::event::Cells,
    truth: &traccc::event::TruthEvent,
    view: TruthView,
) -> Result<Sums> {
    let finished = chain.reconstruct_batch(&[cells.view()], Keep::Everything)?;
    let ms = finished.timings.total();
    let event = finished.into_single()?;
    let mut sums =
        Sums { truth: TruthTotals::of_event(view, truth, cells, &event)?, ms, ..Sums::default() };
    let labels = &event.cell_measurements;
    let origin = MeasurementTruth::from_cells(truth, cells, labels, event.measurements.len())?;
    let tracks = event.tracks();
    let matching = Matching::of_tracks(&origin, tracks, &MatchCriteria::default());
    sums.residuals.add_event(truth, &origin, &matching, tracks, &setup.detector);
    let fitted = tracks.tracks.iter().zip(&matching.tracks);
    let fitted = fitted.filter(|(track, of)| track.outcome == FitOutcome::SUCCESS && of.matched);
    sums.p_values = fitted.map(|(track, _)| f64::from(track.p_value)).collect();
    Ok(sums)
}

impl Sums {
    fn add(&mut self, event: Self) {
        self.truth.add(&event.truth);
        self.residuals += event.residuals;
        self.p_values.extend(event.p_values);
        self.ms += event.ms;
    }
}

impl Combination {
    fn row(&self, events: usize) -> Row<'_> {
        let Sums { truth, residuals, p_values, ms } = &self.sums;
        let summary = residuals.summary();
        let low = p_values.iter().filter(|&&p| p < 0.01).count();
        let part = (!p_values.is_empty()).then(|| low as f64 / p_values.len() as f64);
        Row {
            settings: &self.changed,
            events,
            ms_per_event: ms / events as f64,
            truth,
            not_fitted: summary.unused.not_fitted,
            compared: summary.tracks,
            residuals: summary.residuals,
            pulls: summary.pulls,
            p_value_mean: Spread::of(p_values.iter().copied()).mean,
            p_value_below_1_percent: part,
        }
    }
}

fn table(rows: &[Row<'_>]) -> Table {
    let right = Align::Right;
    let mut table = Table::new([
        ("settings", Align::Left),
        ("particles", right),
        ("seeds", right),
        ("found", right),
        ("tracks", right),
        ("fakes/track", right),
        ("duplicates", right),
        ("not fitted", right),
        ("pulls: loc0", right),
        ("loc1", right),
        ("phi", right),
        ("theta", right),
        ("q/p", right),
        ("mean p", right),
        ("p<.01", right),
        ("ms/event", right),
    ]);
    for row in rows {
        let last = row.truth.resolved.unwrap_or(row.truth.finding);
        let mut cells = vec![
            row.settings.to_owned(),
            last.particles.to_string(),
            ratio(row.truth.seeding.efficiency(), 4),
            ratio(row.truth.finding.efficiency(), 4),
            ratio(last.efficiency(), 4),
            ratio(last.fakes_per_track(), 5),
            ratio(last.duplicates_per_matched(), 4),
            row.not_fitted.to_string(),
        ];
        cells.extend(row.pulls.each().map(|(_, pull)| ratio(pull.core_width, 3)));
        cells.extend([
            ratio(row.p_value_mean, 3),
            ratio(row.p_value_below_1_percent, 4),
            format!("{:.1}", row.ms_per_event),
        ]);
        table.row(cells);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(vary: &[&str]) -> Result<Vec<String>> {
        let vary: Vec<Variation> = vary.iter().map(|text| variation(text).unwrap()).collect();
        let combinations = combine(&ChainConfig::full(), &vary)?;
        Ok(combinations.into_iter().map(|one| one.changed).collect())
    }

    #[test]
    fn every_value_is_combined_with_every_other() {
        let all =
            changed(&["finding.max_chi2=30,50", "seeding.neighbour_bins=[1, 1],[2,1]"]).unwrap();
        assert_eq!(all.len(), 4);
        assert_eq!(all[1], "finding.max_chi2=30 seeding.neighbour_bins=[2,1]");
        assert_eq!(changed(&[]).unwrap(), ["as given"]);
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        for text in ["max_chi2=3", "finding.max_chi2", "finding.max_chi2=", "a.b.c=1"] {
            assert!(variation(text).is_err(), "{text}");
        }
        for (vary, part) in [
            (&["finding.max_chi=3"][..], "unknown field"),
            (&["finding.max_chi2=-1"], "max_chi2"),
            (&["finding.max_chi2=1", "finding.max_chi2=2"], "twice"),
        ] {
            let error = format!("{:#}", changed(vary).unwrap_err());
            assert!(error.contains(part), "{error}");
        }
    }
}
