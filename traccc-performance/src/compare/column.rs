use super::tolerance::{Tolerance, Unit};
use serde::Serialize;
use traccc_core::event::BoundParameters;

/// How well one column agrees over the paired rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnReport {
    /// Name of the column.
    pub name: &'static str,
    /// What is accepted; with `limit` 0 the values must be equal.
    pub tolerance: Tolerance,
    /// Number of values compared.
    pub compared: usize,
    /// Of these, the ones that agree.
    pub within: usize,
    /// Largest difference, in the unit of the tolerance; infinite where only one value is finite.
    pub worst: f64,
    /// Row of the left collection (track, for states) where it occurs; `None` when all differences are zero.
    pub worst_row: Option<usize>,
}

impl ColumnReport {
    pub(super) fn new(name: &'static str, tolerance: Tolerance) -> Self {
        Self { name, tolerance, compared: 0, within: 0, worst: 0.0, worst_row: None }
    }

    /// For whole numbers.
    pub(super) fn equal(name: &'static str) -> Self {
        let reason = "whole numbers do not round";
        Self::new(name, Tolerance { limit: 0.0, unit: Unit::Absolute, reason })
    }

    /// Part of the values that agree; 1 when there are none.
    pub fn fraction(&self) -> f64 {
        if self.compared == 0 { 1.0 } else { self.within as f64 / self.compared as f64 }
    }

    /// Compares two values, in standard deviations `sigma` where the tolerance is in those.
    pub(super) fn add_scaled(&mut self, row: usize, left: f64, right: f64, sigma: f64) {
        let scale = match self.tolerance.unit {
            Unit::Absolute => 1.0,
            Unit::RelativeToOne => left.abs().max(right.abs()).max(1.0),
            Unit::Relative => left.abs().max(right.abs()),
            Unit::Sigma => sigma,
        };
        // Equal values agree whatever the scale: infinite ones, zeros, and what is not a number twice.
        let equal = left.partial_cmp(&right) == Some(std::cmp::Ordering::Equal)
            || (left.is_nan() && right.is_nan());
        let difference = if equal { 0.0 } else { (left - right).abs() / scale };
        self.record(row, if difference.is_nan() { f64::INFINITY } else { difference });
    }

    pub(super) fn add(&mut self, row: usize, left: impl Into<f64>, right: impl Into<f64>) {
        self.add_scaled(row, left.into(), right.into(), 1.0);
    }

    fn record(&mut self, row: usize, difference: f64) {
        self.compared += 1;
        self.within += usize::from(difference <= self.tolerance.limit);
        if difference > self.worst {
            self.worst = difference;
            self.worst_row = Some(row);
        }
    }
}

/// The columns of bound parameters.
pub(super) struct ParameterColumns {
    columns: [ColumnReport; 5],
    covariance: ColumnReport,
    time: ColumnReport,
    surface: ColumnReport,
}

impl ParameterColumns {
    /// `names` of (loc0, loc1, phi, theta, q/p, covariance, time, surface).
    pub(super) fn new(names: [&'static str; 8], tolerances: &super::Tolerances) -> Self {
        let [loc0, loc1, phi, theta, q_over_p, covariance, time, surface] = names;
        Self {
            columns: [loc0, loc1, phi, theta, q_over_p]
                .map(|name| ColumnReport::new(name, tolerances.parameters)),
            covariance: ColumnReport::new(covariance, tolerances.covariance),
            time: ColumnReport::new(time, tolerances.time),
            surface: ColumnReport::equal(surface),
        }
    }

    pub(super) fn add(&mut self, row: usize, left: &BoundParameters, right: &BoundParameters) {
        let variances = left.covariance.diagonal().map(f64::from);
        let sigma = variances.map(|v| v.max(0.0).sqrt());
        for (i, column) in self.columns.iter_mut().enumerate() {
            let (mut l, r) = (f64::from(left.vector[i]), f64::from(right.vector[i]));
            if i == 2 && (l - r).abs() > std::f64::consts::PI {
                l -= (l - r).signum() * 2.0 * std::f64::consts::PI;
            }
            column.add_scaled(row, l, r, sigma[i]);
        }
        for i in 0..5 {
            for j in 0..=i {
                let (l, r) = (left.covariance[(i, j)], right.covariance[(i, j)]);
                self.covariance.add_scaled(row, l.into(), r.into(), sigma[i] * sigma[j]);
            }
        }
        self.time.add(row, left.time, right.time);
        self.surface.add(row, left.surface.0, right.surface.0);
    }

    pub(super) fn into_columns(self) -> impl Iterator<Item = ColumnReport> {
        self.columns.into_iter().chain([self.covariance, self.time, self.surface])
    }
}
