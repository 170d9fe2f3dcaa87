//! From hits to fired channels: the charge of a track is shared among channels by the length of its path in each.

mod segment;

use crate::random::{Purpose, generator};
use rand_distr::{Distribution, StandardNormal};
use segment::Segment;
use serde::{Deserialize, Serialize};
use traccc_core::detector::{Detector, Modules};
use traccc_core::event::{Cell, Cells, TruthCell, TruthEvent};
use traccc_core::storage::Ragged;
use traccc_core::{Error, ModuleIndex};

/// Settings of the digitization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DigitizationConfig {
    /// Depth of the sensitive volume along the normal of a sensor, in mm; it lies evenly about the surface.
    pub thickness: f64,
    /// Channels with a smaller signal do not fire, in mm of path.
    pub threshold: f64,
    /// Standard deviation of the noise added to the signal of each channel that a particle crosses, in mm of path.
    pub noise: f64,
    /// Whether channels only say that they fired: their activation is 1.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub digital: bool,
}

impl Default for DigitizationConfig {
    /// The values of the sample events: 0.15 mm of silicon, a threshold of a tenth, no noise.
    fn default() -> Self {
        Self { thickness: 0.15, threshold: 0.015, noise: 0.0, digital: false }
    }
}

impl DigitizationConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Config`] when a length is negative or the thickness is zero.
    pub fn validate(&self) -> Result<(), Error> {
        let lengths = [
            ("digitization.threshold", self.threshold),
            ("digitization.noise", self.noise),
            ("digitization.thickness", self.thickness),
        ];
        for (name, value) in lengths {
            if !(value.is_finite() && value >= 0.0) {
                let expected = "a length in mm that is not negative";
                return Err(Error::Config { name, value: value.to_string(), expected });
            }
        }
        if self.thickness == 0.0 {
            let (name, expected) = ("digitization.thickness", "a positive length in mm");
            return Err(Error::Config { name, value: self.thickness.to_string(), expected });
        }
        Ok(())
    }
}

/// The part of a hit's path that lies in one channel.
#[derive(Clone, Copy, Debug)]
struct Deposit {
    module: ModuleIndex,
    channel1: u32,
    channel0: u32,
    hit: u32,
    /// Path in the channel, in mm.
    length: f64,
}

/// The cells that the hits of `truth` fire. Fills `truth.measurement_hits` and `truth.cells`.
///
/// The activation of a cell is the summed path of all particles in it, in mm, plus noise (1 of a digital sensor); its time is that of its
/// earliest hit. Cells that touch, also at a corner, form one truth measurement with all hits that reach one of
/// its cells, in the order of `truth.hits`; truth measurements come in the order of their first cells, which is that
/// of clustering.
pub fn digitize(
    detector: &Detector,
    modules: &Modules,
    config: &DigitizationConfig,
    truth: &mut TruthEvent,
    seed: u64,
    event: u64,
) -> Cells {
    respond(detector, modules, |_| config, truth, seed, event)
}

/// As [`digitize`], with settings for each sensor.
pub(crate) fn respond<'a>(
    detector: &Detector,
    modules: &Modules,
    config_of: impl Fn(ModuleIndex) -> &'a DigitizationConfig,
    truth: &mut TruthEvent,
    seed: u64,
    event: u64,
) -> Cells {
    let mut deposits = Vec::new();
    for (row, hit) in truth.hits.iter().enumerate() {
        let Some(module) = modules.module_of(hit.surface) else { continue };
        let sensor = modules.segmentation(module);
        let surface = &detector.surfaces[hit.surface.get()];
        let shift = modules.translation[module.get()].map(f64::from);
        let thickness = config_of(module).thickness;
        let Some(track) = Segment::of_hit(surface, hit, thickness, shift) else { continue };
        for (channels, length) in track.share(&sensor) {
            let [channel0, channel1] = channels;
            deposits.push(Deposit { module, channel1, channel0, hit: row as u32, length });
        }
    }
    deposits.sort_by_key(|d| (d.module, d.channel1, d.channel0, d.hit));

    let mut rng = generator(seed, event, Purpose::Noise, 0);
    let mut cells = Cells::new();
    let mut contributors: Ragged<u32> = Ragged::new();
    let same_channel = |a: &Deposit, b: &Deposit| {
        (a.module, a.channel1, a.channel0) == (b.module, b.channel1, b.channel0)
    };
    for channel in deposits.chunk_by(same_channel) {
        let config = config_of(channel[0].module);
        let mut activation: f64 = channel.iter().map(|d| d.length).sum();
        if config.noise > 0.0 {
            let deviation: f64 = StandardNormal.sample(&mut rng);
            activation = (activation + config.noise * deviation).max(0.0);
        }
        if activation < config.threshold {
            continue;
        }
        let times = channel.iter().map(|d| truth.hits[d.hit as usize].time);
        cells.push(Cell {
            channel0: channel[0].channel0,
            channel1: channel[0].channel1,
            activation: if config.digital { 1.0 } else { activation as f32 },
            time: times.fold(f32::INFINITY, f32::min),
            module: channel[0].module,
        });
        contributors.push(channel.iter().map(|d| d.hit));
    }
    label_truth(&cells, &contributors, truth);
    cells
}

/// Groups touching cells into truth measurements.
fn label_truth(cells: &Cells, contributors: &Ragged<u32>, truth: &mut TruthEvent) {
    let roots = connected(cells);
    let mut measurement_of_root = vec![u32::MAX; cells.len()];
    let mut hits: Vec<Vec<u32>> = Vec::new();
    truth.cells.clear();
    for (row, &root) in roots.iter().enumerate() {
        if measurement_of_root[root] == u32::MAX {
            measurement_of_root[root] = hits.len() as u32;
            hits.push(Vec::new());
        }
        let measurement = measurement_of_root[root];
        hits[measurement as usize].extend_from_slice(contributors.row(row));
        truth.cells.push(TruthCell {
            module: cells.module[row],
            channel1: cells.channel1[row],
            channel0: cells.channel0[row],
            measurement,
        });
    }
    truth.measurement_hits = Ragged::new();
    for mut row in hits {
        row.sort_unstable();
        row.dedup();
        truth.measurement_hits.push(row);
    }
}

/// For each cell the first cell that it is connected with through touching cells of its module.
fn connected(cells: &Cells) -> Vec<usize> {
    fn root(parents: &mut [usize], mut row: usize) -> usize {
        while parents[row] != row {
            parents[row] = parents[parents[row]];
            row = parents[row];
        }
        row
    }
    let mut parents: Vec<usize> = (0..cells.len()).collect();
    let position = |row: usize| (cells.module[row], cells.channel1[row], cells.channel0[row]);
    let mut window = 0;
    for row in 0..cells.len() {
        let (module, channel1, channel0) = position(row);
        // Cells are ordered: those more than a row of channels below touch no later cell, either.
        while cells.module[window] != module || cells.channel1[window] < channel1.saturating_sub(1)
        {
            window += 1;
        }
        for other in window..row {
            if cells.channel0[other].abs_diff(channel0) <= 1 {
                let (a, b) = (root(&mut parents, other), root(&mut parents, row));
                parents[a.max(b)] = a.min(b);
            }
        }
    }
    (0..cells.len()).map(|row| root(&mut parents, row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The answer by flooding from each cell.
        #[test]
        fn connected_cells_are_those_that_a_flood_reaches(
            fired in prop::collection::btree_set((0..3_u32, 0..7_u32, 0..7_u32), 1..60)
        ) {
            let cells: Cells = fired
                .iter()
                .map(|&(module, channel1, channel0)| Cell {
                    channel0,
                    channel1,
                    activation: 1.0,
                    time: 0.0,
                    module: ModuleIndex(module),
                })
                .collect();
            let touch = |a: usize, b: usize| {
                cells.module[a] == cells.module[b]
                    && cells.channel0[a].abs_diff(cells.channel0[b]) <= 1
                    && cells.channel1[a].abs_diff(cells.channel1[b]) <= 1
            };
            let mut expected = vec![usize::MAX; cells.len()];
            for seed in 0..cells.len() {
                if expected[seed] != usize::MAX {
                    continue;
                }
                let mut wet = vec![seed];
                while let Some(cell) = wet.pop() {
                    expected[cell] = seed;
                    wet.extend((0..cells.len()).filter(|&c| expected[c] == usize::MAX && touch(c, cell)));
                }
            }
            prop_assert_eq!(connected(&cells), expected);
        }
    }

    #[test]
    fn impossible_settings_are_refused() {
        let wrong = [
            DigitizationConfig { thickness: 0.0, ..Default::default() },
            DigitizationConfig { threshold: -1.0, ..Default::default() },
            DigitizationConfig { noise: f64::NAN, ..Default::default() },
        ];
        for config in wrong {
            assert!(config.validate().is_err(), "{config:?}");
        }
    }
}
