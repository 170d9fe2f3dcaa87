use crate::ambiguity::{AmbiguityConfig, AmbiguityCuts};
use crate::chain::Stage;
use crate::clustering::{ClusteringConfig, ClusteringCuts};
use crate::error::Error;
use crate::field::MagneticField;
use crate::finding::{FindingConfig, FindingCuts, Smoother};
use crate::fitting::{FittingConfig, FittingCuts};
use crate::parameters::{ParametersConfig, ParametersCuts};
use crate::propagation::{PropagationConfig, PropagationCuts};
use crate::seeding::{SeedingConfig, SeedingCuts};
use serde::{Deserialize, Serialize};

/// All settings of a reconstruction; one table for each stage in a TOML file.
///
/// [`ChainConfig::full`] (the default) finds, resolves and fits; [`ChainConfig::service`] finds and smooths.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChainConfig {
    /// Cells to measurements.
    pub clustering: ClusteringConfig,
    /// Triplets of space points.
    pub seeding: SeedingConfig,
    /// First track parameters from a seed.
    pub parameters: ParametersConfig,
    /// Transport through field and material, for finding and fitting.
    pub propagation: PropagationConfig,
    /// The combinatorial Kalman filter.
    pub finding: FindingConfig,
    /// Choice between tracks that share measurements.
    pub ambiguity: AmbiguityConfig,
    /// The Kalman fit of the chosen tracks.
    pub fitting: FittingConfig,
    /// What is said of the settings.
    pub checks: ChecksConfig,
}

/// What is said of settings that work and do not look right.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChecksConfig {
    /// Warnings that are meant so.
    pub silenced: Vec<SettingsWarning>,
}

/// A warning of settings by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SettingsWarning {
    /// Finding ends tracks at a momentum from which seeding still makes seeds.
    FindingAboveSeeding,
}

/// What the stages work with: made once of a [`ChainConfig`] and a field, the same record on every engine.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Settings {
    /// Cells to measurements.
    pub clustering: ClusteringCuts,
    /// Triplets of space points.
    pub seeding: SeedingCuts,
    /// First track parameters from a seed.
    pub parameters: ParametersCuts,
    /// Transport through field and material, for finding and fitting.
    pub propagation: PropagationCuts,
    /// The combinatorial Kalman filter.
    pub finding: FindingCuts,
    /// Choice between tracks that share measurements.
    pub ambiguity: AmbiguityCuts,
    /// The Kalman fit of the chosen tracks.
    pub fitting: FittingCuts,
}
#[cfg(not(traccc_f64))]
const _: () = assert!(size_of::<Settings>() == 356);

impl ChainConfig {
    /// Finding without smoothing, greedy ambiguity resolution, Kalman fit. Tuned for prompt tracks from 0.9 GeV (seeds from 0.7 GeV)
    /// from within 250 mm of the origin along z; the shortest track follows the detector: set `finding.min_measurements`.
    pub fn full() -> Self {
        Self::default()
    }

    /// Finding with MBF smoothing and measurement voting, neither ambiguity resolution nor fit; fewer seeds than [`full`](Self::full).
    pub fn service() -> Self {
        let seeding = SeedingConfig {
            z_min: -3000.0,
            z_max: 3000.0,
            delta_r_max: 100.0,
            delta_z_max: 800.0,
            cot_theta_max: 27.2899,
            max_seeds_per_middle: 2,
            ..SeedingConfig::default()
        };
        let finding = FindingConfig {
            max_branches_per_seed: 3,
            min_measurements: 7,
            max_measurements: 20,
            max_tracks_per_measurement: 1,
            min_step_to_next_surface: 0.5,
            smoother: Smoother::Mbf,
            ..FindingConfig::default()
        };
        let propagation =
            PropagationConfig { overstep_tolerance: -0.3, ..PropagationConfig::default() };
        Self {
            seeding,
            finding,
            propagation,
            ambiguity: AmbiguityConfig { enabled: false, ..AmbiguityConfig::default() },
            fitting: FittingConfig { enabled: false, ..FittingConfig::default() },
            ..Self::default()
        }
    }

    /// Whether a stage is switched on.
    pub fn runs(&self, stage: Stage) -> bool {
        match stage {
            Stage::Ambiguity => self.ambiguity.enabled,
            Stage::Fitting => self.fitting.enabled,
            _ => true,
        }
    }

    /// Checks every setting against its range.
    ///
    /// # Errors
    /// [`Error::Config`] for the first setting that is out of range.
    pub fn validate(&self) -> Result<(), Error> {
        self.seeding.validate()?;
        self.parameters.validate()?;
        self.propagation.validate()?;
        self.finding.validate()?;
        self.ambiguity.validate()?;
        self.fitting.validate()
    }

    /// Checks every setting against its range, and what depends on the magnetic field of the setup.
    ///
    /// # Errors
    /// [`Error::Config`] for the first setting that is out of range, and for a field that does not bend tracks at the
    /// origin where seeding or parameters need it.
    pub fn validate_in(&self, field: &MagneticField) -> Result<(), Error> {
        self.settings(field).map(drop)
    }

    /// Checks every setting as [`validate_in`](Self::validate_in) does and derives what the stages work with.
    ///
    /// # Errors
    /// Those of [`validate_in`](Self::validate_in).
    pub fn settings(&self, field: &MagneticField) -> Result<Settings, Error> {
        self.validate()?;
        let seeding = self.seeding.cuts(field)?;
        self.parameters.validate_in(field)?;
        Ok(Settings {
            clustering: self.clustering.cuts(),
            seeding,
            parameters: self.parameters.cuts(),
            propagation: self.propagation.cuts(),
            finding: self.finding.cuts(),
            ambiguity: self.ambiguity.cuts(),
            fitting: self.fitting.cuts(&self.propagation),
        })
    }
}
