//! From hits to fired channels: the charge of a track is shared among channels by the length of its path in each.

use crate::random::{Purpose, generator};
use nalgebra::Vector3;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use traccc_core::detector::{Detector, ModuleDesign, Modules};
use traccc_core::event::{Cell, Cells, TruthCell, TruthEvent, TruthHit};
use traccc_core::storage::Ragged;
use traccc_core::{Error, ModuleIndex, Scalar};

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
}

impl Default for DigitizationConfig {
    /// The values of the sample events: 0.15 mm of silicon, a threshold of a tenth, no noise.
    fn default() -> Self {
        Self { thickness: 0.15, threshold: 0.015, noise: 0.0 }
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
/// The activation of a cell is the summed path of all particles in it, in mm, plus noise; its time is that of its
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
    let mut deposits = Vec::new();
    for (row, hit) in truth.hits.iter().enumerate() {
        let Some(module) = modules.module_of(hit.surface) else { continue };
        let design = modules.design_of(module);
        let Some(track) = Segment::of_hit(detector, modules, module, hit, config) else { continue };
        for (channels, length) in track.share(design) {
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
            activation: activation as f32,
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
        while cells.module[window] != module || cells.channel1[window] + 1 < channel1 {
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

/// The straight path of a particle through a sensor, in the sensor's Cartesian frame.
#[derive(Clone, Copy, Debug)]
struct Segment {
    /// Where it enters and leaves: local x and y, in mm.
    ends: [[f64; 2]; 2],
    /// Length in space, in mm.
    length: f64,
    /// Whether the axes of the segmentation are r and phi.
    polar: bool,
    /// Subtracted from local coordinates to get those in which channels are counted, in mm (rad).
    shift: [f64; 2],
}

impl Segment {
    /// `None` for a hit that moves exactly along the sensor.
    fn of_hit(
        detector: &Detector,
        modules: &Modules,
        module: ModuleIndex,
        hit: &TruthHit,
        config: &DigitizationConfig,
    ) -> Option<Self> {
        let surface = &detector.surfaces[hit.surface.get()];
        let axes = surface.axes.map(|axis| Vector3::from(axis).map(f64::from));
        let origin = Vector3::from(surface.translation).map(f64::from);
        let relative = Vector3::from(hit.position).map(f64::from) - origin;
        let momentum = Vector3::from(hit.momentum).map(f64::from);
        let [x, y] = [axes[0].dot(&relative), axes[1].dot(&relative)];
        let [px, py, pz] = axes.map(|axis| axis.dot(&momentum));
        if pz == 0.0 {
            return None;
        }
        let half = 0.5 * config.thickness;
        let [dx, dy] = [half * px / pz, half * py / pz];
        Some(Self {
            ends: [[x - dx, y - dy], [x + dx, y + dy]],
            length: 2.0 * (half * half + dx * dx + dy * dy).sqrt(),
            polar: surface.shape.is_polar(),
            shift: modules.translation[module.get()].map(f64::from),
        })
    }

    /// The local Cartesian point at a fraction of the path.
    fn point(&self, fraction: f64) -> [f64; 2] {
        let [enter, leave] = self.ends;
        std::array::from_fn(|i| enter[i] + fraction * (leave[i] - enter[i]))
    }

    /// The coordinates along the axes of the segmentation at a fraction of the path.
    fn coordinates(&self, fraction: f64) -> [f64; 2] {
        let [x, y] = self.point(fraction);
        let local = if self.polar { [libm::hypot(x, y), libm::atan2(y, x)] } else { [x, y] };
        [local[0] - self.shift[0], local[1] - self.shift[1]]
    }

    /// The channels on the path with the length of the path in each, in mm, in the order of flight.
    ///
    /// What lies outside the segmentation is lost.
    fn share(&self, design: &ModuleDesign) -> Vec<([u32; 2], f64)> {
        let mut fractions = vec![0.0, 1.0];
        for axis in 0..2 {
            self.push_borders(axis, &design.edges[axis], &mut fractions);
        }
        fractions.sort_unstable_by(f64::total_cmp);
        let mut shares: Vec<([u32; 2], f64)> = Vec::with_capacity(fractions.len());
        for pair in fractions.windows(2) {
            let length = (pair[1] - pair[0]) * self.length;
            if length <= 0.0 {
                continue;
            }
            let middle = self.coordinates(0.5 * (pair[0] + pair[1]));
            let channels = [0, 1].map(|axis| channel_of(&design.edges[axis], middle[axis]));
            let [Some(channel0), Some(channel1)] = channels else { continue };
            match shares.iter_mut().find(|s| s.0 == [channel0, channel1]) {
                // A straight path can enter a ring sector twice.
                Some(share) => share.1 += length,
                None => shares.push(([channel0, channel1], length)),
            }
        }
        shares
    }

    /// Adds the fractions of the path at which it crosses the border between two channels of an axis.
    fn push_borders(&self, axis: usize, edges: &[Scalar], fractions: &mut Vec<f64>) {
        let [enter, leave] = [self.coordinates(0.0)[axis], self.coordinates(1.0)[axis]];
        let (mut low, high) = (enter.min(leave), enter.max(leave));
        if self.polar && axis == 0 {
            // The radius may be smallest on the way.
            low = low.min(self.coordinates(self.closest_to_origin())[0]);
        }
        let first = edges.partition_point(|&e| f64::from(e) < low);
        for &edge in edges[first..].iter().take_while(|&&e| f64::from(e) <= high) {
            let edge = f64::from(edge) + self.shift[axis];
            let [[x, y], [x_end, y_end]] = self.ends;
            let (dx, dy) = (x_end - x, y_end - y);
            let inside = |f: &f64| *f > 0.0 && *f < 1.0;
            match (self.polar, axis) {
                (false, 0) => fractions.extend(Some((edge - x) / dx).filter(inside)),
                (false, _) => fractions.extend(Some((edge - y) / dy).filter(inside)),
                (true, 0) => {
                    // |start + f d|² = edge²
                    let (a, half_b) = (dx * dx + dy * dy, x * dx + y * dy);
                    let root =
                        (half_b * half_b - a * (x * x + y * y - edge * edge)).max(0.0).sqrt();
                    fractions.extend(
                        [-half_b - root, -half_b + root]
                            .map(|n| n / a)
                            .iter()
                            .filter(|f| inside(f)),
                    );
                }
                (true, _) => {
                    // The point lies on the ray: its component across the ray is zero.
                    let (sin, cos) = libm::sincos(edge);
                    let fraction = (x * sin - y * cos) / (dy * cos - dx * sin);
                    fractions.extend(Some(fraction).filter(inside));
                }
            }
        }
    }

    /// The fraction of the path at which it comes closest to the local origin.
    fn closest_to_origin(&self) -> f64 {
        let [[x, y], [x_end, y_end]] = self.ends;
        let (dx, dy) = (x_end - x, y_end - y);
        let squared = dx * dx + dy * dy;
        if squared == 0.0 { 0.0 } else { (-(x * dx + y * dy) / squared).clamp(0.0, 1.0) }
    }
}

/// The channel that holds a coordinate.
fn channel_of(edges: &[Scalar], coordinate: f64) -> Option<u32> {
    let above = edges.partition_point(|&e| f64::from(e) <= coordinate);
    (above > 0 && above < edges.len()).then(|| above as u32 - 1)
}
