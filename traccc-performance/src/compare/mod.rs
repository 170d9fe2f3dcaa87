//! Two results side by side: which rows stand for each other, and how far their columns are apart.

mod column;
mod pairing;
mod tolerance;

pub use column::ColumnReport;
pub use tolerance::{Tolerance, Tolerances, Unit};

use column::ParameterColumns;
use pairing::{Names, Pairs};
use serde::Serialize;
use std::fmt;
use traccc_core::Reconstruction;
use traccc_core::event::{BoundParameters, Measurements, Seed, Spacepoints, Tracks};

/// How well two collections of one stage agree.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageReport {
    /// Name of the stage.
    pub stage: &'static str,
    /// Rows of the left collection.
    pub left: usize,
    /// Rows of the right collection.
    pub right: usize,
    /// Rows of the left collection that have a counterpart: the same sensor and place for measurements, the same
    /// measurements for space points, seeds and tracks, the same sensor and similar values for parameters.
    pub paired: usize,
    /// Further tracks of the left side that share at least half of the measurements of both with one of the right.
    pub similar: usize,
    /// Whether counterparts come in the same order.
    pub same_order: bool,
    /// The columns of the paired rows.
    pub columns: Vec<ColumnReport>,
}

impl StageReport {
    /// Part of the rows of both sides that have a counterpart; 1 when there are none.
    pub fn fraction(&self) -> f64 {
        let rows = self.left + self.right;
        if rows == 0 { 1.0 } else { 2.0 * self.paired as f64 / rows as f64 }
    }

    /// Whether this part of the rows have a counterpart, and in each column this part of the values agree.
    ///
    /// For 1 the order must be the same, too.
    pub fn agrees(&self, fraction: f64) -> bool {
        self.fraction() >= fraction
            && self.columns.iter().all(|column| column.fraction() >= fraction)
            && (self.same_order || fraction < 1.0)
    }

    fn new(
        stage: &'static str,
        rows: [usize; 2],
        pairs: &Pairs,
        columns: impl IntoIterator<Item = ColumnReport>,
    ) -> Self {
        Self {
            stage,
            left: rows[0],
            right: rows[1],
            paired: pairs.len(),
            similar: 0,
            same_order: pairing::in_order(pairs),
            columns: columns.into_iter().filter(|column| column.compared > 0).collect(),
        }
    }
}

/// All stages of two reconstructions of one event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// In the order of the chain.
    pub stages: Vec<StageReport>,
}

impl Comparison {
    /// [`StageReport::agrees`] for every stage.
    pub fn agrees(&self, fraction: f64) -> bool {
        self.stages.iter().all(|stage| stage.agrees(fraction))
    }
}

/// Compares all stages. Tracks resolved or fitted on one side only have no counterpart.
///
/// # Panics
/// If a seed or space point of either side points outside its tables (the conformance suite finds such).
pub fn compare(
    left: &Reconstruction,
    right: &Reconstruction,
    tolerances: &Tolerances,
) -> Comparison {
    let pairs = pairing::measurements(&left.measurements, &right.measurements);
    let names = Names::new(&pairs, [left.measurements.len(), right.measurements.len()]);
    let mut stages = vec![
        measurements(&left.measurements, &right.measurements, &pairs, tolerances),
        spacepoints(&left.spacepoints, &right.spacepoints, &names, tolerances),
        seeds(left, right, &names, tolerances),
        parameters(&left.parameters, &right.parameters, tolerances),
        tracks("found", &left.found, &right.found, &names, tolerances),
    ];
    let none = Tracks::new();
    for (stage, left, right) in
        [("resolved", &left.resolved, &right.resolved), ("fitted", &left.fitted, &right.fitted)]
    {
        if left.is_some() || right.is_some() {
            let [left, right] = [left, right].map(|side| side.as_ref().unwrap_or(&none));
            stages.push(tracks(stage, left, right, &names, tolerances));
        }
    }
    Comparison { stages }
}

/// Compares two collections of tracks that are made of the same measurements.
pub fn compare_tracks(left: &Tracks, right: &Tracks, tolerances: &Tolerances) -> StageReport {
    tracks("tracks", left, right, &Names::Same, tolerances)
}

fn measurements(
    left: &Measurements,
    right: &Measurements,
    pairs: &Pairs,
    tolerances: &Tolerances,
) -> StageReport {
    let mut local = ["local0", "local1"].map(|name| ColumnReport::new(name, tolerances.local));
    let mut variance =
        ["variance0", "variance1"].map(|name| ColumnReport::new(name, tolerances.variance));
    let mut time = ColumnReport::new("time", tolerances.time);
    let mut width = ["width0", "width1"].map(|name| ColumnReport::new(name, tolerances.local));
    let mut whole = ["subspace", "surface", "cells", "size0", "size1"].map(ColumnReport::equal);
    for &(l, r) in pairs {
        let (a, b) = (left.get(l), right.get(r));
        for axis in 0..2 {
            local[axis].add(l, a.local[axis], b.local[axis]);
            variance[axis].add(l, a.variance[axis], b.variance[axis]);
            width[axis].add(l, a.width[axis], b.width[axis]);
            whole[3 + axis].add(l, a.size[axis], b.size[axis]);
        }
        time.add(l, a.time, b.time);
        whole[0].add(l, a.subspace.0, b.subspace.0);
        whole[1].add(l, a.surface.0, b.surface.0);
        whole[2].add(l, a.cells, b.cells);
    }
    let columns = local.into_iter().chain(variance).chain([time]).chain(width).chain(whole);
    StageReport::new("measurements", [left.len(), right.len()], pairs, columns)
}

fn spacepoints(
    left: &Spacepoints,
    right: &Spacepoints,
    names: &Names,
    tolerances: &Tolerances,
) -> StageReport {
    let pairs = pairing::by_key(
        (0..left.len()).map(|row| pairing::point_key(left, row, names)),
        (0..right.len()).map(|row| pairing::point_key(right, row, &Names::Same)),
    );
    let mut columns = ["x", "y", "z"].map(|name| ColumnReport::new(name, tolerances.position));
    let mut variances =
        ["r_variance", "z_variance"].map(|name| ColumnReport::new(name, tolerances.covariance));
    for &(l, r) in &pairs {
        columns[0].add(l, left.x[l], right.x[r]);
        columns[1].add(l, left.y[l], right.y[r]);
        columns[2].add(l, left.z[l], right.z[r]);
        let (a, b) = (left.get(l), right.get(r));
        // Where one of them nearly vanishes, it consists of roundings of the other.
        let sum = f64::from(a.r_variance) + f64::from(a.z_variance);
        variances[0].add_scaled(l, a.r_variance.into(), b.r_variance.into(), sum);
        variances[1].add_scaled(l, a.z_variance.into(), b.z_variance.into(), sum);
    }
    let columns = columns.into_iter().chain(variances);
    StageReport::new("spacepoints", [left.len(), right.len()], &pairs, columns)
}

fn seeds(
    left: &Reconstruction,
    right: &Reconstruction,
    names: &Names,
    tolerances: &Tolerances,
) -> StageReport {
    let key = |seed: &Seed, side: &Reconstruction, names| {
        pairing::seed_key(seed, &side.spacepoints, names)
    };
    let pairs = pairing::by_key(
        left.seeds.iter().map(|seed| key(seed, left, names)),
        right.seeds.iter().map(|seed| key(seed, right, &Names::Same)),
    );
    let mut weight = ColumnReport::new("weight", tolerances.weight);
    for &(l, r) in &pairs {
        weight.add(l, left.seeds[l].weight, right.seeds[r].weight);
    }
    StageReport::new("seeds", [left.seeds.len(), right.seeds.len()], &pairs, [weight])
}

fn parameters(
    left: &[BoundParameters],
    right: &[BoundParameters],
    tolerances: &Tolerances,
) -> StageReport {
    let pairs = pairing::parameters(left, right);
    let mut columns = ParameterColumns::new(
        ["loc0", "loc1", "phi", "theta", "q_over_p", "covariance", "time", "surface"],
        tolerances,
    );
    for &(l, r) in &pairs {
        columns.add(l, &left[l], &right[r]);
    }
    StageReport::new("parameters", [left.len(), right.len()], &pairs, columns.into_columns())
}

fn tracks(
    stage: &'static str,
    left: &Tracks,
    right: &Tracks,
    names: &Names,
    tolerances: &Tolerances,
) -> StageReport {
    let pairs = pairing::by_key(
        (0..left.len()).map(|row| pairing::track_key(left, row, names)),
        (0..right.len()).map(|row| pairing::track_key(right, row, &Names::Same)),
    );
    let mut parameters = ParameterColumns::new(
        ["loc0", "loc1", "phi", "theta", "q_over_p", "covariance", "time", "surface"],
        tolerances,
    );
    let mut states = ParameterColumns::new(
        [
            "state loc0",
            "state loc1",
            "state phi",
            "state theta",
            "state q_over_p",
            "state covariance",
            "state time",
            "state surface",
        ],
        tolerances,
    );
    let mut chi2 = ["chi2", "state filtered chi2", "state smoothed chi2"]
        .map(|name| ColumnReport::new(name, tolerances.chi2));
    let mut p_value = ColumnReport::new("p_value", tolerances.p_value);
    let mut whole = ["ndf", "holes", "outcome", "states"].map(ColumnReport::equal);
    for &(l, r) in &pairs {
        let (a, b) = (&left.tracks[l], &right.tracks[r]);
        parameters.add(l, &a.parameters, &b.parameters);
        chi2[0].add(l, a.chi2, b.chi2);
        p_value.add(l, a.p_value, b.p_value);
        whole[0].add(l, a.ndf, b.ndf);
        whole[1].add(l, a.holes, b.holes);
        whole[2].add(l, a.outcome.0, b.outcome.0);
        let (a, b) = (left.states_of(l), right.states_of(r));
        whole[3].add(l, a.len() as u32, b.len() as u32);
        for (a, b) in a.iter().zip(b) {
            states.add(l, &a.smoothed, &b.smoothed);
            chi2[1].add(l, a.filtered_chi2, b.filtered_chi2);
            chi2[2].add(l, a.smoothed_chi2, b.smoothed_chi2);
        }
    }
    let columns = parameters
        .into_columns()
        .chain([p_value])
        .chain(whole)
        .chain(chi2)
        .chain(states.into_columns());
    let similar = pairing::similar(left, right, &pairs, names);
    StageReport { similar, ..StageReport::new(stage, [left.len(), right.len()], &pairs, columns) }
}

impl fmt::Display for StageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = 100.0 * self.fraction();
        let order = if self.same_order { "same order" } else { "other order" };
        write!(f, "{}: {} and {} rows, {} paired", self.stage, self.left, self.right, self.paired)?;
        if self.similar > 0 {
            write!(f, ", {} more similar", self.similar)?;
        }
        writeln!(f, " ({percent:.3} %), {order}")?;
        for column in &self.columns {
            let Tolerance { limit, unit, .. } = column.tolerance;
            write!(
                f,
                "  {:<20} {:>9} of {:>9} within {limit:.0e} {}, worst {:.3e}",
                column.name,
                column.within,
                column.compared,
                unit.name(),
                column.worst
            )?;
            match column.worst_row {
                Some(row) => writeln!(f, " in row {row}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stages.iter().try_for_each(|stage| stage.fmt(f))
    }
}

#[cfg(test)]
mod tests;
