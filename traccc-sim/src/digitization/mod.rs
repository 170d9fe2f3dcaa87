//! From hits to fired channels: the charge of a track is shared among channels by the length of its path in each.

mod charge;
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
    /// Whether the charge of a hit fluctuates as the energy loss in silicon does (Landau); its mean is that of the path.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub charge_fluctuations: bool,
    /// Width in mm to which a charge has diffused that drifts through the whole thickness; it grows with the root of the way to
    /// the read-out side, that of positive local z.
    #[serde(skip_serializing_if = "is_zero")]
    pub diffusion: f64,
    /// Tangent of the angle by which charges drift along local x on their way. The mean shift is taken as calibrated: that of
    /// the middle of the sensor is 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub lorentz_drift: f64,
    /// Part of the channels that fire without a particle in an event, with signals just above the threshold.
    #[serde(skip_serializing_if = "is_zero")]
    pub noise_occupancy: f64,
    /// Part of the channels that never fire: the same in all events of a seed.
    #[serde(skip_serializing_if = "is_zero")]
    pub dead_channels: f64,
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl Default for DigitizationConfig {
    /// The values of the sample events: 0.15 mm of silicon, a threshold of a tenth, no noise.
    fn default() -> Self {
        Self {
            thickness: 0.15,
            threshold: 0.015,
            noise: 0.0,
            digital: false,
            charge_fluctuations: false,
            diffusion: 0.0,
            lorentz_drift: 0.0,
            noise_occupancy: 0.0,
            dead_channels: 0.0,
        }
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
            ("digitization.diffusion", self.diffusion),
        ];
        for (name, value) in lengths {
            if !(value.is_finite() && value >= 0.0) {
                let expected = "a length in mm that is not negative";
                return Err(Error::Config { name, value: value.to_string(), expected });
            }
        }
        let numbers = [
            ("digitization.lorentz_drift", self.lorentz_drift, -10.0..=10.0, "between -10 and 10"),
            ("digitization.noise_occupancy", self.noise_occupancy, 0.0..=0.01, "from 0 to 0.01"),
            ("digitization.dead_channels", self.dead_channels, 0.0..=1.0, "from 0 to 1"),
        ];
        for (name, value, range, expected) in numbers {
            if !range.contains(&value) {
                return Err(Error::Config { name, value: value.to_string(), expected });
            }
        }
        if self.diffusion > self.thickness {
            let expected = "a length in mm of at most the thickness";
            let (name, value) = ("digitization.diffusion", self.diffusion.to_string());
            return Err(Error::Config { name, value, expected });
        }
        if self.thickness == 0.0 {
            let (name, expected) = ("digitization.thickness", "a positive length in mm");
            return Err(Error::Config { name, value: self.thickness.to_string(), expected });
        }
        Ok(())
    }
}

/// The row of no hit.
const NO_HIT: u32 = u32::MAX;

/// The part of a hit's charge that lies in one channel.
#[derive(Clone, Copy, Debug)]
struct Deposit {
    module: ModuleIndex,
    channel1: u32,
    channel0: u32,
    /// Row of the hit; [`NO_HIT`] for noise.
    hit: u32,
    /// Path in the channel, in mm.
    length: f64,
}

/// The cells that the hits of `truth` fire. Fills `truth.measurement_hits` and `truth.cells`.
///
/// The activation of a cell is the summed path of all particles in it, in mm, plus noise (1 of a digital sensor); its time is that of its
/// earliest hit. Cells that touch, also at a corner, form one truth measurement with all hits that reach one of
/// its cells, in the order of `truth.hits`; cells of noise alone belong to none; truth measurements come in the order of their first cells, which is that
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
        let config = config_of(module);
        let Some(mut track) = Segment::of_hit(surface, hit, config.thickness, shift) else {
            continue;
        };
        track.drift(0.5 * config.thickness * config.lorentz_drift);
        let shares = if config.diffusion > 0.0 {
            track.share_diffused(&sensor, config.diffusion)
        } else {
            track.share(&sensor)
        };
        let scale = if config.charge_fluctuations {
            let mut rng = generator(seed, event, Purpose::Charge, row as u64);
            charge::fluctuation(surface, hit, config.thickness, &mut rng)
        } else {
            1.0
        };
        for (channels, length) in shares {
            let ([channel0, channel1], length) = (channels, scale * length);
            deposits.push(Deposit { module, channel1, channel0, hit: row as u32, length });
        }
    }
    charge::add_noise(modules, &config_of, seed, event, &mut deposits);
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
        let dead =
            config.dead_channels > 0.0 && charge::lot(seed, &channel[0]) < config.dead_channels;
        if activation < config.threshold || dead {
            continue;
        }
        let of_hits = || channel.iter().filter(|d| d.hit != NO_HIT);
        let times = of_hits().map(|d| truth.hits[d.hit as usize].time);
        // Noise alone has no time of its own.
        let time = times.reduce(f32::min).unwrap_or(0.0);
        cells.push(Cell {
            channel0: channel[0].channel0,
            channel1: channel[0].channel1,
            activation: if config.digital { 1.0 } else { activation as f32 },
            time,
            module: channel[0].module,
        });
        contributors.push(of_hits().map(|d| d.hit));
    }
    label_truth(&cells, &contributors, truth);
    cells
}

/// Groups touching cells into truth measurements.
fn label_truth(cells: &Cells, contributors: &Ragged<u32>, truth: &mut TruthEvent) {
    let roots = connected(cells);
    // By the first cell of a cluster; noise alone is no truth measurement.
    let mut hits_of_root: Vec<Vec<u32>> = vec![Vec::new(); cells.len()];
    for (row, &root) in roots.iter().enumerate() {
        hits_of_root[root].extend_from_slice(contributors.row(row));
    }
    let mut measurement_of_root = vec![u32::MAX; cells.len()];
    let mut hits: Vec<Vec<u32>> = Vec::new();
    truth.cells.clear();
    for (row, &root) in roots.iter().enumerate() {
        if measurement_of_root[root] == u32::MAX {
            if hits_of_root[root].is_empty() {
                continue;
            }
            measurement_of_root[root] = hits.len() as u32;
            hits.push(std::mem::take(&mut hits_of_root[root]));
        }
        truth.cells.push(TruthCell {
            module: cells.module[row],
            channel1: cells.channel1[row],
            channel0: cells.channel0[row],
            measurement: measurement_of_root[root],
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
            DigitizationConfig { diffusion: 0.2, ..Default::default() },
            DigitizationConfig { lorentz_drift: f64::INFINITY, ..Default::default() },
            DigitizationConfig { noise_occupancy: 0.5, ..Default::default() },
            DigitizationConfig { dead_channels: 1.5, ..Default::default() },
        ];
        for config in wrong {
            assert!(config.validate().is_err(), "{config:?}");
        }
    }
}
