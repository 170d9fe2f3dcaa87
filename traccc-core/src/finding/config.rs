use crate::error::{Error, check};
use crate::propagation::{Limits, Particle};
use crate::{Hypothesis, Scalar};
use serde::{Deserialize, Serialize};

/// What is done with the found tracks before they are returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Smoother {
    /// Nothing: tracks are lists of measurements with the parameters of their seeds.
    #[default]
    None,
    /// The modified Bryson-Frazier recursion over the filter's own steps.
    Mbf,
}

/// Settings of the track finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FindingConfig {
    /// Branches of one seed propagated in one step at most; the surplus is dropped.
    pub max_branches_per_seed: u32,
    /// Measurements kept on a surface, best chi2 first; 0 makes every surface a hole.
    pub max_branches_per_surface: u32,
    /// Measurements of a track at least; 1 or more.
    pub min_measurements: u32,
    /// Measurements of a track at most; also the number of steps.
    pub max_measurements: u32,
    /// Holes of a track at most.
    pub max_holes: u32,
    /// Holes one after the other at most.
    pub max_consecutive_holes: u32,
    /// Largest predicted chi2 of a measurement, whatever its dimension.
    pub max_chi2: Scalar,
    /// Path after which the next sensor counts, in mm.
    pub min_step_to_next_surface: Scalar,
    /// Propagation steps between two sensors at most.
    pub max_steps_to_next_surface: u32,
    /// Tracks one measurement votes for, the most probable first; 0 switches the voting off.
    pub max_tracks_per_measurement: u32,
    /// Fraction of its measurements that must vote for a track.
    pub min_voting_fraction: Scalar,
    /// Tracks with more measurements than this lose against better ones ending in the same measurements. Upstream's
    /// help says that 0 switches this off, its code does not: here `None` switches it off.
    #[serde(with = "optional_length")]
    pub duplicate_removal_min_length: Option<u32>,
    /// Smallest momentum, in GeV.
    pub min_p: Scalar,
    /// Smallest transverse momentum, in GeV. Well below that of seeding: tracks that cross it in flight are cut short, and look
    /// like fakes.
    pub min_pt: Scalar,
    /// The kind of particle assumed.
    pub hypothesis: Hypothesis,
    /// What is done with the found tracks.
    pub smoother: Smoother,
}

/// TOML has no null: `duplicate_removal_min_length = "off"` stands for `None`.
mod optional_length {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Length {
        On(u32),
        Off(String),
    }

    pub(super) fn serialize<S: Serializer>(
        length: &Option<u32>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        length.map_or_else(|| Length::Off("off".into()), Length::On).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<u32>, D::Error> {
        match Length::deserialize(deserializer)? {
            Length::On(length) => Ok(Some(length)),
            Length::Off(text) if text == "off" => Ok(None),
            Length::Off(text) => {
                Err(D::Error::custom(format!("expected a number or \"off\", found \"{text}\"")))
            }
        }
    }
}

impl Default for FindingConfig {
    fn default() -> Self {
        Self {
            max_branches_per_seed: 10,
            max_branches_per_surface: 1,
            min_measurements: 3,
            max_measurements: 100,
            max_holes: 2,
            max_consecutive_holes: 2,
            max_chi2: 50.0,
            min_step_to_next_surface: 1.2,
            max_steps_to_next_surface: 100,
            max_tracks_per_measurement: 0,
            min_voting_fraction: 0.5,
            duplicate_removal_min_length: Some(5),
            min_p: 0.1,
            min_pt: 0.3,
            hypothesis: Hypothesis::Pion,
            smoother: Smoother::None,
        }
    }
}

/// What finding works with, the same record on every engine.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct FindingCuts {
    /// When the propagation to the next sensor gives up. Its path has no limit.
    pub limits: Limits,
    /// The particle assumed.
    pub particle: Particle,
    /// Largest predicted chi2 of a measurement.
    pub max_chi2: Scalar,
    /// Fraction of its measurements that must vote for a track.
    pub min_voting_fraction: Scalar,
    /// Branches of one seed propagated in one step at most.
    pub max_branches_per_seed: u32,
    /// Measurements kept on a surface, best chi2 first.
    pub max_branches_per_surface: u32,
    /// Measurements of a track at least.
    pub min_measurements: u32,
    /// Measurements of a track at most; also the number of steps.
    pub max_measurements: u32,
    /// Holes of a track at most.
    pub max_holes: u32,
    /// Holes one after the other at most.
    pub max_consecutive_holes: u32,
    /// Tracks one measurement votes for; 0 switches the voting off.
    pub max_tracks_per_measurement: u32,
    /// Tracks with more measurements than this lose against better ones ending in the same measurements; `u32::MAX`
    /// switches the removal off.
    pub duplicate_removal_min_length: u32,
    /// Whether found tracks are smoothed: 1 (MBF), or 0.
    pub smoother: u32,
}
#[cfg(not(traccc_f64))]
const _: () = assert!(size_of::<FindingCuts>() == 72);

impl FindingConfig {
    /// The settings as finding works with them.
    pub fn cuts(&self) -> FindingCuts {
        FindingCuts {
            limits: Limits {
                min_p: self.min_p,
                min_pt: self.min_pt,
                min_step_to_next_surface: self.min_step_to_next_surface,
                max_steps: self.max_steps_to_next_surface,
                max_path: Scalar::MAX,
            },
            particle: self.hypothesis.into(),
            max_chi2: self.max_chi2,
            min_voting_fraction: self.min_voting_fraction,
            max_branches_per_seed: self.max_branches_per_seed,
            max_branches_per_surface: self.max_branches_per_surface,
            min_measurements: self.min_measurements,
            max_measurements: self.max_measurements,
            max_holes: self.max_holes,
            max_consecutive_holes: self.max_consecutive_holes,
            max_tracks_per_measurement: self.max_tracks_per_measurement,
            duplicate_removal_min_length: self.duplicate_removal_min_length.unwrap_or(u32::MAX),
            smoother: u32::from(self.smoother == Smoother::Mbf),
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        let (min, max) = (self.min_measurements, self.max_measurements);
        check(min > 0, "finding.min_measurements", min, "at least 1")?;
        check(
            max >= min,
            "finding.max_measurements",
            max,
            "not less than `finding.min_measurements`",
        )?;
        check(self.max_chi2 > 0.0, "finding.max_chi2", self.max_chi2, "a positive number")?;
        let fraction = self.min_voting_fraction;
        check(
            (0.0..=1.0).contains(&fraction),
            "finding.min_voting_fraction",
            fraction,
            "a fraction from 0 to 1",
        )?;
        let step = self.min_step_to_next_surface;
        check(
            step >= 0.0,
            "finding.min_step_to_next_surface",
            step,
            "a length in mm that is not negative",
        )?;
        check(self.min_p >= 0.0, "finding.min_p", self.min_p, "not negative")?;
        check(self.min_pt >= 0.0, "finding.min_pt", self.min_pt, "not negative")
    }
}
