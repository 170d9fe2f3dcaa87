//! How sensors are divided into channels, and how far measurements shift.

use super::hierarchy::{self, HierarchyKey};
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use traccc_core::detector::{Detector, ModuleDesign, Modules};
use traccc_core::{ModuleIndex, Scalar};

/// The channel boundaries along one axis, in mm (rad).
#[derive(Clone, Debug, PartialEq)]
pub enum AxisBinning {
    /// Channels of equal width.
    Equidistant {
        /// Number of channels.
        bins: usize,
        /// Lower end, in mm (rad).
        min: f64,
        /// Upper end, in mm (rad).
        max: f64,
    },
    /// The boundaries one by one, ascending; one more than channels.
    Variable {
        /// In mm (rad).
        edges: Vec<f64>,
    },
}

impl AxisBinning {
    /// Number of channels.
    pub fn channels(&self) -> usize {
        match self {
            Self::Equidistant { bins, .. } => *bins,
            Self::Variable { edges } => edges.len().saturating_sub(1),
        }
    }

    /// The boundaries in single precision, computed as upstream does: `min + i (max - min) / bins`.
    pub(super) fn edges(&self) -> Vec<Scalar> {
        match self {
            Self::Variable { edges } => edges.iter().map(|&e| e as Scalar).collect(),
            Self::Equidistant { bins, min, max } => {
                let (min, max, n) = (*min as Scalar, *max as Scalar, *bins as Scalar);
                (0..=*bins).map(|i| min + i as Scalar * (max - min) / n).collect()
            }
        }
    }

    /// The shortest description that gives exactly these boundaries.
    fn from_edges(edges: &[Scalar]) -> Self {
        if let [first, .., last] = edges {
            let (bins, min, max) = (edges.len() - 1, f64::from(*first), f64::from(*last));
            let equidistant = Self::Equidistant { bins, min, max };
            if equidistant.edges() == edges {
                return equidistant;
            }
        }
        Self::Variable { edges: edges.iter().map(|&e| f64::from(e)).collect() }
    }
}

/// What an entry of a digitization file says of its sensors.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EntrySegmentation {
    /// Channels along local x and y (r and phi of polar frames).
    Channels([AxisBinning; 2]),
    /// No channels: true positions are smeared. Fine for sensors that no event has cells of.
    Smearing,
    /// Channels on another number of axes than 2.
    Axes(usize),
}

/// How sensors turn charge into signals: what a simulation needs and reconstruction does not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Readout {
    /// Depth of the sensitive volume, in mm.
    pub thickness: f64,
    /// Channels with a smaller signal do not fire, in mm of path.
    pub threshold: f64,
    /// Standard deviation of the noise of a channel, in mm of path: the `stddev` of a Gaussian `charge-smearing`.
    pub noise: f64,
    /// Whether channels only say that they fired.
    pub digital: bool,
}

impl Default for Readout {
    /// The values of our simulation: 0.15 mm of silicon, a threshold of a tenth, no noise.
    fn default() -> Self {
        Self { thickness: 0.15, threshold: 0.015, noise: 0.0, digital: false }
    }
}

/// The segmentation of some sensors.
#[derive(Clone, Debug, PartialEq)]
pub struct DigitizationEntry {
    /// Which sensors.
    pub key: HierarchyKey,
    /// Their channels.
    pub segmentation: EntrySegmentation,
    /// Added to the local coordinates of measurements, in mm (rad); zero unless the file has a `shift`.
    pub shift: [f64; 2],
    /// Errors of clusters along local x and y by their size in channels, the last for all larger ones, in mm (rad): the
    /// `rms` of ACTS's `variances`. Empty where the file has none.
    pub errors: [Vec<f64>; 2],
    /// The sensors' signals; the default where the file says nothing.
    pub readout: Readout,
}

/// The segmentation of all sensors of a detector.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Digitization {
    /// Entries in ascending order of their keys' ids, each key once.
    pub entries: Vec<DigitizationEntry>,
}

/// Shifts of measurements (Lorentz angle, alignment).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conditions {
    /// Which sensors, and what is added to the local coordinates of their measurements, in mm (rad). In ascending order
    /// of the keys' ids, each key once.
    pub shifts: Vec<(HierarchyKey, [f64; 2])>,
}

impl Digitization {
    /// The row of `entries` that holds for a sensor, by its ACTS geometry id: the most specific one.
    pub fn find(&self, id: u64) -> Option<usize> {
        hierarchy::find(&self.ids(), id)
    }

    fn ids(&self) -> Vec<u64> {
        self.entries.iter().map(|e| e.key.id()).collect()
    }

    /// Gives each sensor of a detector its segmentation: one design for each entry with channels, in their order. Shifts come
    /// from `conditions`, or without it from the entries.
    ///
    /// # Errors
    /// [`traccc_core::Error::NoDesign`] for a sensor that no entry matches, [`Error::NoChannels`] for sensors whose entry has
    /// no channels, [`Error::NoConditions`] for one that no entry of `conditions` matches.
    pub fn modules(&self, detector: &Detector, conditions: Option<&Conditions>) -> Result<Modules> {
        let mut designs = Vec::new();
        let design_of_entry: Vec<Option<usize>> = self
            .entries
            .iter()
            .map(|entry| match &entry.segmentation {
                EntrySegmentation::Channels([x, y]) => {
                    let errors = |axis: usize| entry.errors[axis].iter().map(|&r| r as Scalar);
                    designs.push(ModuleDesign {
                        edges: [x.edges(), y.edges()],
                        errors: [0, 1].map(|axis| errors(axis).collect()),
                    });
                    Some(designs.len() - 1)
                }
                EntrySegmentation::Smearing | EntrySegmentation::Axes(_) => None,
            })
            .collect();
        let ids = self.ids();
        self.check_channels(detector, &ids, &design_of_entry)?;
        let shift_ids: Option<Vec<u64>> =
            conditions.map(|c| c.shifts.iter().map(|(key, _)| key.id()).collect());
        let mut unmatched = None;
        let modules = Modules::new(detector, designs, |surface| {
            let source = detector.geometry_ids[surface.get()];
            let entry = hierarchy::find(&ids, source)?;
            let shift = match (&shift_ids, conditions) {
                (Some(ids), Some(conditions)) => match hierarchy::find(ids, source) {
                    Some(row) => conditions.shifts[row].1,
                    None => {
                        unmatched.get_or_insert((surface.0, source));
                        [0.0; 2]
                    }
                },
                _ => self.entries[entry].shift,
            };
            Some((design_of_entry[entry]?, shift.map(|s| s as Scalar)))
        })?;
        match unmatched {
            Some((surface, geometry_id)) => Err(Error::NoConditions { surface, geometry_id }),
            None => Ok(modules),
        }
    }

    /// Refuses sensors whose entry has no channels; of the others no word is said here.
    fn check_channels(
        &self,
        detector: &Detector,
        ids: &[u64],
        design_of_entry: &[Option<usize>],
    ) -> Result<()> {
        let without = detector.sensitive_surfaces().filter_map(|surface| {
            let entry = hierarchy::find(ids, detector.geometry_ids[surface.get()])?;
            design_of_entry[entry].is_none().then_some((surface, entry))
        });
        let mut without = without.peekable();
        let Some(&(surface, row)) = without.peek() else { return Ok(()) };
        let entry = &self.entries[row];
        Err(Error::NoChannels {
            key: entry.key,
            instead: match entry.segmentation {
                EntrySegmentation::Axes(axes) => format!("`geometric` has {axes} axes, expected 2"),
                _ => "only smearing, no `geometric` segmentation".to_owned(),
            },
            sensors: without.filter(|&(_, other)| other == row).count(),
            surface: surface.0,
            geometry_id: detector.geometry_ids[surface.get()],
        })
    }

    /// The segmentation of existing modules: one entry for each ACTS volume whose sensors are all alike, else one for
    /// each sensor. Their readout is the default.
    ///
    /// # Errors
    /// [`Error::NotWritable`] when sensors of different segmentation share an ACTS geometry id.
    pub fn from_modules(detector: &Detector, modules: &Modules) -> Result<Self> {
        let mut volumes: BTreeMap<u8, Vec<(HierarchyKey, usize)>> = BTreeMap::new();
        for (module, surface) in modules.surface.iter().enumerate() {
            let key = HierarchyKey::of_sensor(detector.geometry_ids[surface.get()]);
            volumes.entry(key.volume).or_default().push((key, module));
        }
        let entry = |key, module: usize| {
            let sensor = modules.segmentation(ModuleIndex::from(module));
            DigitizationEntry {
                key,
                segmentation: EntrySegmentation::Channels(
                    sensor.edges.map(AxisBinning::from_edges),
                ),
                shift: modules.translation[module].map(f64::from),
                errors: sensor.errors.map(|table| table.iter().map(|&r| f64::from(r)).collect()),
                readout: Readout::default(),
            }
        };
        let bits = |module: usize| modules.translation[module].map(Scalar::to_bits);
        let alike =
            |a: usize, b: usize| modules.design[a] == modules.design[b] && bits(a) == bits(b);
        let mut entries = Vec::new();
        for (volume, mut sensors) in volumes {
            let first = sensors[0].1;
            if sensors.iter().all(|&(_, module)| alike(first, module)) {
                entries.push(entry(HierarchyKey { volume, ..HierarchyKey::default() }, first));
                continue;
            }
            sensors.sort_unstable();
            if let Some(twins) = sensors.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                let what = format!("the segmentation of ACTS geometry id {}", twins[0].0.id());
                let reason = "several sensors have the id";
                return Err(Error::NotWritable { what, reason });
            }
            entries.extend(sensors.into_iter().map(|(key, module)| entry(key, module)));
        }
        entries.sort_by_key(|e| e.key.id());
        Ok(Self { entries })
    }
}
