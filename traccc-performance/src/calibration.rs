use crate::resolution::{local_on, wrapped};
use crate::truth::{TruthError, sources_of};
use std::collections::BTreeMap;
use std::ops::AddAssign;
use thiserror::Error;
use traccc_core::clustering::Clusters;
use traccc_core::detector::{Detector, Modules};
use traccc_core::event::{Cells, TruthEvent};

/// Residuals of clusters: measured minus true position, by table, axis and size of the cluster.
///
/// Clusters count whose cells all come from one true hit: those that several particles share have another error, and are few.
/// Events can be added; the result does not depend on their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterResiduals {
    /// In mm (rad).
    residuals: BTreeMap<(u32, usize, u32), Vec<f32>>,
    shared: u64,
}

impl AddAssign<&Self> for ClusterResiduals {
    fn add_assign(&mut self, other: &Self) {
        for (key, residuals) in &other.residuals {
            self.residuals.entry(*key).or_default().extend(residuals);
        }
        self.shared += other.shared;
    }
}

/// Residuals beyond so many standard deviations are left out: clusters cut off at the border of a sensor or with a delta electron
/// would widen the error of all others. Track finding has a limit on chi2 for them.
const TAIL: f64 = 3.0;
const TAIL_ITERATIONS: usize = 20;

/// The clusters of one size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SizeResiduals {
    /// Size in channels along the axis.
    pub size: u32,
    /// Number of clusters.
    pub clusters: u64,
    /// Mean residual, in mm (rad). Far from 0 where measurements shift (Lorentz angle) and the conditions do not say so.
    pub mean: f64,
    /// Root mean square of the residuals about 0 without those beyond three times of it, in mm (rad).
    pub rms: f64,
    /// Part of the clusters that lies beyond.
    pub beyond: f64,
}

impl SizeResiduals {
    fn of(size: u32, residuals: &[f32]) -> Self {
        let mut squares: Vec<f64> =
            residuals.iter().map(|&residual| f64::from(residual).powi(2)).collect();
        squares.sort_unstable_by(f64::total_cmp);
        let mut inside = squares.len();
        for _ in 0..TAIL_ITERATIONS {
            let mean_square = squares[..inside].iter().sum::<f64>() / inside as f64;
            let next = squares.partition_point(|&square| square <= TAIL * TAIL * mean_square);
            if next == inside {
                break;
            }
            inside = next;
        }
        let all = squares.len() as f64;
        let rms = (squares[..inside].iter().sum::<f64>() / inside as f64).sqrt();
        let mut sorted = residuals.to_vec();
        sorted.sort_unstable_by(f32::total_cmp);
        let mean = sorted.iter().map(|&residual| f64::from(residual)).sum::<f64>() / all;
        let beyond = (squares.len() - inside) as f64 / all;
        Self { size, clusters: squares.len() as u64, mean, rms, beyond }
    }
}

/// Where an error of a table comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorSource {
    /// Clusters of this size.
    Measured,
    /// Clusters of this size and of all larger ones, together.
    Pooled,
    /// Too few clusters of this size: another table, or the nearest size of this one.
    Thin,
}

/// The errors of clusters along an axis, by size.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorTable {
    /// Root mean squares in mm (rad): of one channel first, the last for all larger ones. Empty when there are too few clusters
    /// of every size.
    pub rms: Vec<f64>,
    /// Where each comes from.
    pub source: Vec<ErrorSource>,
    /// What was seen, sizes ascending.
    pub seen: Vec<SizeResiduals>,
}

/// No table has enough clusters.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "the sample is too small to calibrate: no sensor type, axis and size has {minimum} clusters of one particle each ({clusters} \
     of all together, {shared} more are shared by several); take more events"
)]
pub struct TooFewClusters {
    /// How many one table entry needs.
    pub minimum: u64,
    /// How many there are in all.
    pub clusters: u64,
    /// Clusters that several hits share.
    pub shared: u64,
}

impl ClusterResiduals {
    /// Adds the clusters of an event. `table_of_module` says for each module to which table its clusters count.
    ///
    /// The true position is that of the hit, carried along its direction onto the sensor. An axis with one channel is not measured,
    /// and left out.
    ///
    /// # Errors
    /// Truth and clusters that do not belong together, as for [`MeasurementTruth::from_cells`](crate::MeasurementTruth::from_cells).
    ///
    /// # Panics
    /// If `table_of_module` has no row for a module.
    pub fn add_event(
        &mut self,
        truth: &TruthEvent,
        cells: &Cells,
        clusters: &Clusters,
        (detector, modules): (&Detector, &Modules),
        table_of_module: &[u32],
    ) -> Result<(), TruthError> {
        let measurements = &clusters.measurements;
        let sources = sources_of(truth, cells, &clusters.labels, measurements.len())?;
        for (measurement, sources) in measurements.iter().zip(sources.iter()) {
            let &[source] = sources else {
                self.shared += u64::from(sources.len() > 1);
                continue;
            };
            let &[hit] = truth.measurement_hits.row(source as usize) else {
                self.shared += 1;
                continue;
            };
            let hits = truth.hits.len();
            let measurement_row = source as usize;
            let hit = truth.hits.get(hit as usize).ok_or(TruthError::Hit {
                measurement: measurement_row,
                hit,
                hits,
            })?;
            let surface = &detector.surfaces[measurement.surface.get()];
            let (position, direction) = (hit.position.map(f64::from), hit.momentum.map(f64::from));
            let Some(module) = modules.module_of(measurement.surface) else { continue };
            let Some(place) = local_on(surface, position, direction) else { continue };
            let table = table_of_module[module.get()];
            for axis in [0, 1].into_iter().filter(|&axis| measurement.subspace.measures(axis)) {
                let mut residual = f64::from(measurement.local[axis]) - place[axis];
                if surface.shape.azimuth() == Some(axis) {
                    residual = wrapped(residual);
                }
                if !residual.is_finite() {
                    continue;
                }
                let key = (table, axis, measurement.size[axis]);
                self.residuals.entry(key).or_default().push(residual as f32);
            }
        }
        Ok(())
    }

    /// The same residuals in fewer tables: those of table `t` count for table `into(t)`.
    #[must_use]
    pub fn merged(&self, into: impl Fn(u32) -> u32) -> Self {
        let mut merged = Self { shared: self.shared, ..Self::default() };
        for (&(table, axis, size), residuals) in &self.residuals {
            merged.residuals.entry((into(table), axis, size)).or_default().extend(residuals);
        }
        merged
    }

    /// Refuses a sample of which no entry of a table could be made.
    ///
    /// # Errors
    /// [`TooFewClusters`].
    pub fn check(&self, minimum: u64) -> Result<(), TooFewClusters> {
        if self.residuals.values().any(|residuals| residuals.len() as u64 >= minimum.max(1)) {
            return Ok(());
        }
        // Each cluster counts once for each axis that is measured.
        let on_axis = |axis| self.residuals.iter().filter(move |(key, _)| key.1 == axis);
        let count = |axis| on_axis(axis).map(|(_, residuals)| residuals.len() as u64).sum::<u64>();
        Err(TooFewClusters { minimum, clusters: count(0).max(count(1)), shared: self.shared })
    }

    /// The errors along an axis. An entry needs `minimum` clusters.
    ///
    /// Where there are fewer of one size than of a larger one, `fallback` (a table of more sensors) gives the entry, or without it
    /// the next smaller size that is measured, or the smallest that is. Sizes above the largest with enough clusters make one more
    /// entry together if they are enough.
    pub fn table(&self, table: u32, axis: usize, minimum: u64, fallback: &[f64]) -> ErrorTable {
        let rows = || self.residuals.range((table, axis, 0)..=(table, axis, u32::MAX));
        let seen: Vec<SizeResiduals> =
            rows().map(|(key, residuals)| SizeResiduals::of(key.2, residuals)).collect();
        let enough = |of: &SizeResiduals| of.clusters >= minimum.max(1) && of.rms > 0.0;
        let measured = |size: u32| {
            let row = seen.binary_search_by_key(&size, |of| of.size).ok()?;
            Some(&seen[row]).filter(|of| enough(of)).map(|of| of.rms)
        };
        let mut full = seen.iter().filter(|of| enough(of));
        let Some(smallest) = full.next() else {
            return ErrorTable { seen, ..ErrorTable::default() };
        };
        let largest = full.next_back().unwrap_or(smallest).size;
        let smallest = smallest.rms;
        let mut result = ErrorTable::default();
        for size in 1..=largest {
            let own = measured(size);
            let other = fallback.get(size as usize - 1).or(fallback.last());
            let error = own.or(other.copied()).or(result.rms.last().copied());
            result.rms.push(error.unwrap_or(smallest));
            result.source.push(match own {
                Some(_) => ErrorSource::Measured,
                None => ErrorSource::Thin,
            });
        }
        let rest: Vec<f32> =
            rows().filter(|row| row.0.2 > largest).flat_map(|row| row.1.clone()).collect();
        if !rest.is_empty() {
            let rest = SizeResiduals::of(largest + 1, &rest);
            if enough(&rest) {
                result.rms.push(rest.rms);
                result.source.push(ErrorSource::Pooled);
            }
        }
        ErrorTable { seen, ..result }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On axis 0 of table 0: sizes, numbers of clusters, residuals of plus and minus so much.
    fn with(sizes: &[(u32, usize, f32)]) -> ClusterResiduals {
        let mut residuals = ClusterResiduals::default();
        for &(size, clusters, rms) in sizes {
            let values = (0..clusters).map(|i| if i % 2 == 0 { rms } else { -rms });
            residuals.residuals.insert((0, 0, size), values.collect());
        }
        residuals
    }

    #[test]
    fn sizes_with_few_clusters_take_another_table_or_the_next_size() {
        let residuals = with(&[(1, 9, 1.0), (2, 100, 2.0), (4, 100, 4.0)]);
        let own = residuals.table(0, 0, 10, &[]);
        assert_eq!(own.rms, [2.0, 2.0, 2.0, 4.0]);
        use ErrorSource::{Measured, Thin};
        assert_eq!(own.source, [Thin, Measured, Thin, Measured]);
        let filled = residuals.table(0, 0, 10, &[7.0, 8.0]);
        assert_eq!(filled.rms, [7.0, 2.0, 8.0, 4.0]);
        assert_eq!(own.seen.len(), 3);
    }

    #[test]
    fn the_largest_sizes_are_taken_together() {
        let residuals = with(&[(1, 100, 1.0), (2, 6, 3.0), (9, 6, 3.0)]);
        let table = residuals.table(0, 0, 10, &[]);
        assert_eq!(table.rms, [1.0, 3.0]);
        assert_eq!(table.source[1], ErrorSource::Pooled);
        assert_eq!(residuals.table(0, 0, 13, &[]).rms, [1.0]);
        assert_eq!(residuals.table(0, 1, 10, &[]), ErrorTable::default());
    }

    #[test]
    fn a_sample_without_one_full_entry_is_refused_with_its_numbers() {
        let residuals = with(&[(1, 40, 1.0), (2, 30, 1.0)]);
        assert_eq!(residuals.check(40), Ok(()));
        let refused = residuals.check(41).unwrap_err();
        assert_eq!(refused, TooFewClusters { minimum: 41, clusters: 70, shared: 0 });
        assert!(refused.to_string().contains("take more events"));
    }

    #[test]
    fn tables_of_fewer_sensors_add_up_to_those_of_more() {
        let mut residuals = with(&[(1, 10, 1.0)]);
        residuals += &with(&[(1, 30, 1.0)]);
        residuals.residuals.insert((5, 0, 1), vec![2.0; 40]);
        let merged = residuals.merged(|_| 1).table(1, 0, 10, &[]);
        assert_eq!(merged.seen[0].clusters, 80);
        assert!((merged.rms[0] - 2.5_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn a_few_wild_clusters_do_not_widen_the_error_of_the_others() {
        let mut residuals = with(&[(1, 1000, 1.0)]);
        residuals.residuals.get_mut(&(0, 0, 1)).unwrap().extend([100.0; 10]);
        let table = residuals.table(0, 0, 10, &[]);
        assert_eq!(table.rms, [1.0]);
        assert!((table.seen[0].beyond - 10.0 / 1010.0).abs() < 1e-12);
        // A uniform distribution is kept whole: its width is not underestimated.
        let values: Vec<f32> = (-500..=500).map(|i| i as f32 / 500.0).collect();
        let uniform = SizeResiduals::of(1, &values);
        assert!((uniform.rms - 1.0 / 3.0_f64.sqrt()).abs() < 1e-3 && uniform.beyond == 0.0);
    }
}
