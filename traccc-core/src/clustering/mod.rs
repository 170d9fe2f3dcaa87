//! Cells to measurements: neighbouring cells of a module become one cluster, its centre one measurement.
//!
//! Cells touch when neither channel number differs by more than one (eight neighbours). One pass over the cells of a
//! module finds the clusters, a second one their centres; modules are independent of each other, so runs of modules
//! are processed in parallel.

mod components;
mod config;
mod moments;

pub use config::{ClusterErrors, ClusteringConfig, ClusteringCuts};

use crate::detector::Modules;
use crate::event::{CellsView, Measurement, Measurements};
use crate::index::{MeasurementIndex, ModuleIndex};
use components::Components;
use moments::Moments;
use rayon::prelude::*;
use std::ops::Range;

/// Cells that one task handles, at least: large enough to hide the cost of a task, small enough to share out one event.
const CELLS_PER_TASK: usize = 8192;

/// Measurements, and which one each cell went into.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clusters {
    /// One measurement per cluster: clusters in the order of their first cells.
    pub measurements: Measurements,
    /// For each cell the measurement of its cluster.
    pub labels: Vec<MeasurementIndex>,
}

/// Groups touching cells into clusters and measures each cluster.
///
/// The position is the mean of the channel centres weighted with the activations, plus the module's translation. A
/// cluster whose activations are all 0 counts each cell once. The variance is what [`ClusterErrors`] says. Time is not
/// measured: it is 0.
///
/// Measurements come in the order of their clusters' first cells, hence in ascending surface order. The result does
/// not depend on the number of threads.
///
/// # Panics
/// If `cells` would not pass [`CellsView::validate`] because of an unknown module or a channel outside the design. Cells in
/// another order than documented give split clusters.
pub fn cluster<'a>(
    cells: impl Into<CellsView<'a>>,
    modules: &Modules,
    cuts: &ClusteringCuts,
) -> Clusters {
    cluster_view(cells.into(), modules, cuts)
}

fn cluster_view(cells: CellsView<'_>, modules: &Modules, cuts: &ClusteringCuts) -> Clusters {
    // Joining the parts costs a copy of the result: not worth it without a second thread.
    if cells.len() <= CELLS_PER_TASK || rayon::current_num_threads() == 1 {
        return cluster_range(cells, modules, cuts, 0..cells.len());
    }
    let tasks = tasks(cells.module);
    let parts: Vec<Clusters> =
        tasks.into_par_iter().map(|range| cluster_range(cells, modules, cuts, range)).collect();
    join(&parts, cells.len())
}

/// Cuts the cells into ranges of whole modules.
fn tasks(modules: &[ModuleIndex]) -> Vec<Range<usize>> {
    let mut tasks = Vec::with_capacity(modules.len() / CELLS_PER_TASK + 1);
    let mut start = 0;
    while start < modules.len() {
        let target = (start + CELLS_PER_TASK).min(modules.len());
        let last = modules[target - 1];
        let end = target + modules[target..].iter().take_while(|&&module| module == last).count();
        tasks.push(start..end);
        start = end;
    }
    tasks
}

/// Clusters whole modules; labels count from 0.
fn cluster_range(
    cells: CellsView<'_>,
    modules: &Modules,
    cuts: &ClusteringCuts,
    range: Range<usize>,
) -> Clusters {
    let mut measurements = Measurements::with_capacity(range.len() / 2);
    let mut labels = Vec::with_capacity(range.len());
    let mut components = Components::default();
    let mut moments: Vec<Moments> = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let module = cells.module[start];
        let same = cells.module[start..range.end].iter().take_while(|&&m| m == module).count();
        let rows = start..start + same;
        let (channel0, channel1) = (&cells.channel0[rows.clone()], &cells.channel1[rows.clone()]);
        let activation = &cells.activation[rows];
        let sensor = modules.segmentation(module);

        let first = measurements.len() as u32;
        moments.clear();
        for (cell, number) in components.find(channel0, channel1).iter().enumerate() {
            let channels = [channel0[cell], channel1[cell]];
            match moments.get_mut(*number as usize) {
                Some(moments) => moments.add(&sensor, channels, activation[cell]),
                None => moments.push(Moments::of_cell(&sensor, channels, activation[cell])),
            }
            labels.push(MeasurementIndex(first + number));
        }
        let translation = modules.translation[module.get()];
        for moments in &moments {
            measurements.push(Measurement {
                subspace: modules.subspace[module.get()],
                surface: modules.surface[module.get()],
                ..moments.measurement(&sensor, cuts, translation)
            });
        }
        start += same;
    }
    Clusters { measurements, labels }
}

/// Puts the parts one after another.
fn join(parts: &[Clusters], cells: usize) -> Clusters {
    let total = parts.iter().map(|part| part.measurements.len()).sum();
    let mut measurements = Measurements::with_capacity(total);
    let mut labels = Vec::with_capacity(cells);
    for part in parts {
        let first = measurements.len() as u32;
        labels.extend(part.labels.iter().map(|label| MeasurementIndex(first + label.0)));
        measurements.local.extend_from_slice(&part.measurements.local);
        measurements.variance.extend_from_slice(&part.measurements.variance);
        measurements.time.extend_from_slice(&part.measurements.time);
        measurements.subspace.extend_from_slice(&part.measurements.subspace);
        measurements.surface.extend_from_slice(&part.measurements.surface);
        measurements.cells.extend_from_slice(&part.measurements.cells);
        measurements.size.extend_from_slice(&part.measurements.size);
        measurements.width.extend_from_slice(&part.measurements.width);
    }
    Clusters { measurements, labels }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_cover_all_cells_and_split_only_between_modules() {
        let modules: Vec<ModuleIndex> =
            (0..5 * CELLS_PER_TASK).map(|i| ModuleIndex((i / 3000) as u32)).collect();
        let tasks = tasks(&modules);
        assert!(tasks.len() > 2);
        assert_eq!(tasks[0].start, 0);
        assert_eq!(tasks.last().unwrap().end, modules.len());
        for pair in tasks.windows(2) {
            assert_eq!(pair[0].end, pair[1].start);
            assert_ne!(modules[pair[0].end - 1], modules[pair[1].start]);
        }
    }
}
