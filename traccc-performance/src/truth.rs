use thiserror::Error;
use traccc_core::MeasurementIndex;
use traccc_core::event::{Cells, Particle, TruthEvent, TruthHit};
use traccc_core::storage::Ragged;

/// Which particles made each reconstructed measurement of an event.
///
/// Particles are named by *particle numbers*: rows of `ids`. A truth measurement belongs to the particle of its first
/// hit, also where it merges hits of several; a reconstructed measurement has every particle that owns a truth
/// measurement of one of its cells, however many cells those are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeasurementTruth {
    /// Identifiers of all particles that are listed or have a hit, in ascending order.
    pub ids: Vec<u64>,
    /// For each particle number the row of [`TruthEvent::particles`]; `None` for one that only hits name.
    pub listed: Vec<Option<u32>>,
    /// For each particle number how many truth measurements belong to it.
    pub measurements: Vec<u32>,
    /// For each reconstructed measurement the particle numbers that contribute, in ascending order. Empty for noise.
    pub contributors: Ragged<u32>,
}

/// Why truth and reconstruction do not belong together.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TruthError {
    /// Not one label for each cell.
    #[error("{labels} measurement labels for {cells} cells, expected one for each cell")]
    Labels {
        /// Number of labels.
        labels: usize,
        /// Number of cells.
        cells: usize,
    },
    /// Cells are not in ascending order of (module, channel1, channel0), or one occurs twice.
    #[error(
        "cell {row} is out of order or a duplicate: sort by module, channel1, channel0 as for reconstruction"
    )]
    CellOrder {
        /// Row of the first cell that breaks the order.
        row: usize,
    },
    /// Truth cells are not in ascending order of (module, channel1, channel0).
    #[error("truth cell {row} is out of order: sort by module, channel1, channel0")]
    TruthOrder {
        /// Row of [`TruthEvent::cells`] that breaks the order.
        row: usize,
    },
    /// A label is no row of the measurements.
    #[error("cell {cell} went into measurement {label}, but there are {measurements} measurements")]
    Label {
        /// Row of the cell.
        cell: usize,
        /// Its label.
        label: u32,
        /// Number of measurements.
        measurements: usize,
    },
    /// A truth cell names a truth measurement that does not exist.
    #[error("truth cell {row} names truth measurement {measurement}, but there are {measurements}")]
    TruthMeasurement {
        /// Row of [`TruthEvent::cells`].
        row: usize,
        /// The truth measurement named.
        measurement: u32,
        /// Number of truth measurements.
        measurements: usize,
    },
    /// A truth measurement names a hit that does not exist.
    #[error("truth measurement {measurement} names hit {hit}, but there are {hits} hits")]
    Hit {
        /// Row of [`TruthEvent::measurement_hits`].
        measurement: usize,
        /// The hit named.
        hit: u32,
        /// Number of hits.
        hits: usize,
    },
}

impl MeasurementTruth {
    /// Follows each cell to its particles: `labels` are the measurement of each cell
    /// ([`Reconstruction::cell_measurements`](traccc_core::Reconstruction::cell_measurements)), `measurements` is
    /// the number of reconstructed measurements. Cells and truth cells ascend by (module, channel1, channel0); of truth
    /// cells several can have one channel.
    ///
    /// # Errors
    /// When cells or truth cells are in another order, or a label, a truth cell or a truth measurement points at nothing.
    pub fn from_cells(
        truth: &TruthEvent,
        cells: &Cells,
        labels: &[MeasurementIndex],
        measurements: usize,
    ) -> Result<Self, TruthError> {
        let mut result = Self::particles_of(truth);
        let owners = result.owners(truth)?;
        let sources = sources_of(truth, cells, labels, measurements)?;
        let mut particles = Vec::new();
        for sources in sources.iter() {
            particles.clear();
            particles.extend(sources.iter().filter_map(|&source| owners[source as usize]));
            particles.sort_unstable();
            particles.dedup();
            result.contributors.push(particles.iter().copied());
        }
        Ok(result)
    }

    /// The particle of a particle number, when it is listed.
    pub fn particle<'a>(&self, truth: &'a TruthEvent, number: u32) -> Option<&'a Particle> {
        let row = (*self.listed.get(number as usize)?)?;
        truth.particles.get(row as usize)
    }

    /// The particle with the most measurements among these, and how many; of equal ones the one with the highest
    /// identifier. `counts` is scratch memory.
    pub(crate) fn majority(
        &self,
        measurements: &[MeasurementIndex],
        counts: &mut Vec<(u32, u32)>,
    ) -> Option<(u32, u32)> {
        counts.clear();
        for measurement in measurements {
            // A row of the contributors that does not exist is noise: tracks are checked by the conformance suite.
            if measurement.get() >= self.contributors.len() {
                continue;
            }
            for &particle in self.contributors.row(measurement.get()) {
                match counts.iter_mut().find(|(p, _)| *p == particle) {
                    Some((_, count)) => *count += 1,
                    None => counts.push((particle, 1)),
                }
            }
        }
        counts.iter().copied().max_by_key(|&(particle, count)| (count, particle))
    }

    fn particles_of(truth: &TruthEvent) -> Self {
        let listed = truth.particles.iter().map(|p| p.id);
        let hit = truth.hits.iter().map(|hit| hit.particle);
        let hit = hit.filter(|&id| id != TruthHit::NO_PARTICLE);
        let mut ids: Vec<u64> = listed.chain(hit).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut listed = vec![None; ids.len()];
        for (row, particle) in truth.particles.iter().enumerate() {
            if let Ok(number) = ids.binary_search(&particle.id) {
                listed[number] = Some(row as u32);
            }
        }
        let measurements = vec![0; ids.len()];
        Self { ids, listed, measurements, contributors: Ragged::new() }
    }

    /// The particle number of each truth measurement, and the count of measurements of each particle on the way.
    fn owners(&mut self, truth: &TruthEvent) -> Result<Vec<Option<u32>>, TruthError> {
        let owner = |(measurement, hits): (usize, &[u32])| {
            let Some(&hit) = hits.first() else { return Ok(None) };
            let id = truth
                .hits
                .get(hit as usize)
                .map(|hit| hit.particle)
                .ok_or(TruthError::Hit { measurement, hit, hits: truth.hits.len() })?;
            Ok(self.ids.binary_search(&id).ok().map(|number| number as u32))
        };
        let owners: Vec<Option<u32>> =
            truth.measurement_hits.iter().enumerate().map(owner).collect::<Result<_, _>>()?;
        for particle in owners.iter().flatten() {
            self.measurements[*particle as usize] += 1;
        }
        Ok(owners)
    }
}

/// For each reconstructed measurement the truth measurements of its cells: rows of [`TruthEvent::measurement_hits`], ascending.
///
/// # Errors
/// As [`MeasurementTruth::from_cells`].
pub(crate) fn sources_of(
    truth: &TruthEvent,
    cells: &Cells,
    labels: &[MeasurementIndex],
    measurements: usize,
) -> Result<Ragged<u32>, TruthError> {
    if labels.len() != cells.len() {
        return Err(TruthError::Labels { labels: labels.len(), cells: cells.len() });
    }
    check_order(truth, cells)?;
    let sources = truth.measurement_hits.len();
    let mut pairs: Vec<u64> = Vec::with_capacity(truth.cells.len());
    let mut next = 0;
    for (cell, label) in labels.iter().enumerate() {
        if label.get() >= measurements {
            return Err(TruthError::Label { cell, label: label.0, measurements });
        }
        let key = (cells.module[cell], cells.channel1[cell], cells.channel0[cell]);
        let key_of = |row: usize| truth.cells.get(row).map(|c| (c.module, c.channel1, c.channel0));
        // Both lists ascend; truth may have channels that were not read out, and several rows for one channel.
        while key_of(next).is_some_and(|k| k < key) {
            next += 1;
        }
        let mut row = next;
        while key_of(row) == Some(key) {
            let measurement = truth.cells[row].measurement;
            if measurement as usize >= sources {
                let measurements = sources;
                return Err(TruthError::TruthMeasurement { row, measurement, measurements });
            }
            pairs.push(u64::from(label.0) << 32 | u64::from(measurement));
            row += 1;
        }
        next = row;
    }
    pairs.sort_unstable();
    pairs.dedup();
    let mut pairs = pairs.into_iter().peekable();
    let mut result = Ragged::new();
    for measurement in 0..measurements as u64 {
        result.push(std::iter::from_fn(|| {
            pairs.next_if(|pair| pair >> 32 == measurement).map(|pair| pair as u32)
        }));
    }
    Ok(result)
}

/// Both lists are walked side by side: in another order most truth would be passed over.
fn check_order(truth: &TruthEvent, cells: &Cells) -> Result<(), TruthError> {
    let cell = |row: usize| (cells.module[row], cells.channel1[row], cells.channel0[row]);
    if let Some(row) = (1..cells.len()).find(|&row| cell(row) <= cell(row - 1)) {
        return Err(TruthError::CellOrder { row });
    }
    let channels = truth.cells.iter().map(|c| (c.module, c.channel1, c.channel0));
    let pairs = channels.clone().zip(channels.skip(1));
    match pairs.into_iter().position(|(before, after)| after < before) {
        Some(row) => Err(TruthError::TruthOrder { row: row + 1 }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use traccc_core::ModuleIndex;
    use traccc_core::event::{Cell, TruthCell};

    fn hit(particle: u64) -> TruthHit {
        TruthHit { particle, ..TruthHit::default() }
    }

    fn cell(module: u32, channel0: u32) -> Cell {
        Cell { module: ModuleIndex(module), channel0, activation: 1.0, ..Cell::default() }
    }

    fn truth_cell(module: u32, channel0: u32, measurement: u32) -> TruthCell {
        TruthCell { module: ModuleIndex(module), channel1: 0, channel0, measurement }
    }

    /// Particles 3 and 4 as in upstream's mock data: 4 shares a channel with 3; particle 9 is not listed.
    fn event() -> (TruthEvent, Cells) {
        let mut truth = TruthEvent {
            particles: vec![
                Particle { id: 3, ..Particle::default() },
                Particle { id: 4, ..Particle::default() },
            ],
            hits: vec![hit(4), hit(3), hit(3), hit(9)],
            ..TruthEvent::default()
        };
        truth.measurement_hits.push([1]);
        truth.measurement_hits.push([0, 2]);
        truth.measurement_hits.push([2]);
        truth.measurement_hits.push([3, 0]);
        truth.cells = vec![
            truth_cell(0, 0, 0),
            truth_cell(0, 1, 0),
            truth_cell(0, 1, 1),
            truth_cell(0, 2, 1),
            truth_cell(0, 4, 3),
            truth_cell(0, 5, 2),
            truth_cell(1, 5, 3),
        ];
        let cells = [cell(0, 0), cell(0, 1), cell(0, 2), cell(0, 5), cell(1, 5), cell(1, 9)];
        (truth, cells.into_iter().collect())
    }

    fn labels(labels: [u32; 6]) -> Vec<MeasurementIndex> {
        labels.into_iter().map(MeasurementIndex).collect()
    }

    #[test]
    fn a_measurement_has_the_particles_of_all_its_cells_once() {
        let (truth, cells) = event();
        let found =
            MeasurementTruth::from_cells(&truth, &cells, &labels([0, 0, 0, 1, 2, 3]), 5).unwrap();
        assert_eq!(found.ids, [3, 4, 9]);
        assert_eq!(found.listed, [Some(0), Some(1), None]);
        let rows: Vec<&[u32]> = found.contributors.iter().collect();
        assert_eq!(rows, [&[0, 1][..], &[0], &[2], &[], &[]]);
    }

    #[test]
    fn a_merged_truth_measurement_belongs_to_the_particle_of_its_first_hit() {
        let (truth, cells) = event();
        let found = MeasurementTruth::from_cells(&truth, &cells, &labels([0; 6]), 1).unwrap();
        assert_eq!(found.measurements, [2, 1, 1]);
    }

    #[test]
    fn hits_of_no_particle_count_for_none() {
        let (mut truth, cells) = event();
        truth.hits[1].particle = TruthHit::NO_PARTICLE;
        truth.hits[2].particle = TruthHit::NO_PARTICLE;
        let found =
            MeasurementTruth::from_cells(&truth, &cells, &labels([0, 0, 0, 1, 2, 3]), 4).unwrap();
        assert_eq!(found.ids, [3, 4, 9]);
        let rows: Vec<&[u32]> = found.contributors.iter().collect();
        assert_eq!(rows, [&[1][..], &[], &[2], &[]]);
        assert_eq!(found.measurements, [0, 1, 1]);
    }

    #[test]
    fn ties_go_to_the_highest_identifier_and_noise_has_no_majority() {
        let (truth, cells) = event();
        let found =
            MeasurementTruth::from_cells(&truth, &cells, &labels([0, 0, 0, 1, 2, 3]), 4).unwrap();
        let majority = |rows: &[u32]| {
            let rows: Vec<_> = rows.iter().map(|&m| MeasurementIndex(m)).collect();
            found.majority(&rows, &mut Vec::new())
        };
        assert_eq!(majority(&[0]), Some((1, 1)));
        assert_eq!(majority(&[0, 1]), Some((0, 2)));
        assert_eq!(majority(&[1, 2]), Some((2, 1)));
        assert_eq!(majority(&[3]), None);
    }

    #[test]
    fn cells_in_another_order_are_errors() {
        let (mut truth, cells) = event();
        let from = |truth: &TruthEvent, cells: &Cells| {
            MeasurementTruth::from_cells(truth, cells, &labels([0; 6]), 1).err()
        };
        let mut swapped = cells.clone();
        swapped.channel0.swap(2, 3);
        assert_eq!(from(&truth, &swapped), Some(TruthError::CellOrder { row: 3 }));
        let mut repeated = cells.clone();
        repeated.channel0[1] = 0;
        assert_eq!(from(&truth, &repeated), Some(TruthError::CellOrder { row: 1 }));
        truth.cells.swap(4, 6);
        assert_eq!(from(&truth, &cells), Some(TruthError::TruthOrder { row: 5 }));
    }

    #[test]
    fn references_to_nothing_are_errors() {
        let (mut truth, cells) = event();
        let short = MeasurementTruth::from_cells(&truth, &cells, &[], 1);
        assert_eq!(short, Err(TruthError::Labels { labels: 0, cells: 6 }));
        let label = MeasurementTruth::from_cells(&truth, &cells, &labels([0, 0, 0, 0, 0, 7]), 5);
        assert_eq!(label, Err(TruthError::Label { cell: 5, label: 7, measurements: 5 }));
        truth.cells[0].measurement = 11;
        let cell = MeasurementTruth::from_cells(&truth, &cells, &labels([0; 6]), 1);
        assert_eq!(
            cell,
            Err(TruthError::TruthMeasurement { row: 0, measurement: 11, measurements: 4 })
        );
        truth.measurement_hits.push([40]);
        let hit = MeasurementTruth::from_cells(&truth, &cells, &labels([0; 6]), 1);
        assert_eq!(hit, Err(TruthError::Hit { measurement: 4, hit: 40, hits: 4 }));
    }
}
