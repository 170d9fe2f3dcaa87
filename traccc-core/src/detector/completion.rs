//! Search grids: each bin lists every sensor that can be met from it.

use super::model::{GridModel, VolumeModel};
use super::outline::outline;
use super::reach::{Patch, Reach};
use super::{Axis, SurfaceKind};
use crate::Scalar;
use crate::index::VolumeIndex;

/// Largest distance outside a sensor's border that search grids allow for, in mm: the upper limit of
/// [`PropagationConfig::max_mask_tolerance`](crate::propagation::PropagationConfig::max_mask_tolerance).
pub const LARGEST_MASK_TOLERANCE: Scalar = 3.0;

/// What a search grid of the description lacked: which of its bins did not list every sensor that can be met from them.
///
/// Descriptions rely on a search in neighbouring bins, so that most grids lack something; a sensor in no bin at all is a fault
/// of the description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridCompletion {
    /// The volume of the grid.
    pub volume: VolumeIndex,
    /// Sensors of the volume that no bin of its grids listed; counted at the first of several grids.
    pub unlisted: u32,
    /// Bins to which sensors were added.
    pub bins: u32,
    /// Sensors added, once for each bin.
    pub entries: u32,
}

/// A grid whose bins are complete: volume-local surface numbers, ascending and each once.
pub(super) struct Completed {
    pub(super) bins: Vec<Vec<u32>>,
    /// Radius or height of the reference surface, in mm.
    pub(super) reference: f64,
    pub(super) report: GridCompletion,
}

/// Adds to each bin of grid `number` of a volume the sensors that can be met by helices which are looked up in it.
pub(super) fn complete(
    volume: &VolumeModel,
    index: VolumeIndex,
    number: usize,
    axes: &[Axis; 2],
) -> Completed {
    let grid = &volume.grids[number];
    let (sensors, unlisted) = sensors_of(volume, number);
    let outlines: Vec<_> = sensors
        .iter()
        .map(|&s| outline(&volume.surfaces[s as usize], f64::from(LARGEST_MASK_TOLERANCE)))
        .collect();
    let points = outlines.iter().flatten();
    let reach = Reach::new(grid.frame, &volume.placement, points);
    let mut bins = vec![Vec::new(); grid.bins.len()];
    for (&sensor, points) in sensors.iter().zip(&outlines) {
        let Patch { low, high } = reach.patch(points);
        for second in axes[1].range(low[1], high[1]) {
            for first in axes[0].range(low[0], high[0]) {
                bins[(first + axes[0].bins * second) as usize].push(sensor);
            }
        }
    }
    let mut report = GridCompletion { volume: index, unlisted, bins: 0, entries: 0 };
    for (bin, given) in bins.iter_mut().zip(&grid.bins) {
        let computed = bin.len();
        let known = bin.iter().filter(|s| given.contains(s)).count();
        report.bins += u32::from(known < computed);
        report.entries += (computed - known) as u32;
        bin.extend(given);
        bin.sort_unstable();
        bin.dedup();
    }
    Completed { bins, reference: reach.reference(), report }
}

/// The sensors that a grid is to find, ascending: all of its volume; of several grids each finds those that it lists, and the
/// first also those that none lists. And how many of them no grid lists.
fn sensors_of(volume: &VolumeModel, number: usize) -> (Vec<u32>, u32) {
    let lists = |grids: &[GridModel]| {
        let mut listed = vec![false; volume.surfaces.len()];
        for &surface in grids.iter().flat_map(|grid| &grid.bins).flatten() {
            listed[surface as usize] = true;
        }
        listed
    };
    let (own, any) = (lists(&volume.grids[number..=number]), lists(&volume.grids));
    let first = number == 0;
    let (mut sensors, mut unlisted) = (Vec::new(), 0);
    for (row, surface) in volume.surfaces.iter().enumerate() {
        if surface.kind == SurfaceKind::SENSITIVE && (own[row] || (first && !any[row])) {
            sensors.push(row as u32);
            unlisted += u32::from(!any[row]);
        }
    }
    (sensors, unlisted)
}
