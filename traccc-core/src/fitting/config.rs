use crate::error::{Error, check};
use crate::propagation::{Limits, Particle, PropagationConfig};
use crate::{Hypothesis, Scalar};
use serde::{Deserialize, Serialize};

/// Settings of the Kalman fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FittingConfig {
    /// Whether tracks are fitted at all.
    pub enabled: bool,
    /// How often the fit is made, each time from the result of the one before. The first takes multiple scattering with the
    /// momentum of the seed, which is far off at high momentum.
    pub iterations: u32,
    /// Factor on the variances of the starting parameters; their correlations are dropped.
    pub covariance_inflation: Scalar,
    /// Smallest momentum, in GeV. Found tracks have passed the limits of finding: these only stop a fit gone astray.
    pub min_p: Scalar,
    /// Smallest transverse momentum, in GeV.
    pub min_pt: Scalar,
    /// Propagation steps between two sensors at most.
    pub max_steps_to_next_surface: u32,
    /// The kind of particle assumed.
    pub hypothesis: Hypothesis,
}

impl Default for FittingConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            iterations: 2,
            covariance_inflation: 1.0e3,
            min_p: 0.1,
            min_pt: 0.1,
            max_steps_to_next_surface: 100,
            hypothesis: Hypothesis::Pion,
        }
    }
}

/// What the fit works with, the same record on every engine.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct FittingCuts {
    /// When the propagation of a track gives up.
    pub limits: Limits,
    /// The particle assumed.
    pub particle: Particle,
    /// How often the fit is repeated.
    pub iterations: u32,
    /// Factor on the variances of the starting parameters.
    pub covariance_inflation: Scalar,
}
#[cfg(not(traccc_f64))]
const _: () = assert!(size_of::<FittingCuts>() == 36);

impl FittingConfig {
    /// The settings as the fit works with them. The longest path is that of the propagation settings.
    pub fn cuts(&self, propagation: &PropagationConfig) -> FittingCuts {
        FittingCuts {
            limits: Limits {
                min_p: self.min_p,
                min_pt: self.min_pt,
                min_step_to_next_surface: 0.0,
                max_steps: self.max_steps_to_next_surface,
                max_path: propagation.path_limit,
            },
            particle: self.hypothesis.into(),
            iterations: self.iterations,
            covariance_inflation: self.covariance_inflation,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        check(self.iterations > 0, "fitting.iterations", self.iterations, "at least 1")?;
        check(self.min_p >= 0.0, "fitting.min_p", self.min_p, "not negative")?;
        check(self.min_pt >= 0.0, "fitting.min_pt", self.min_pt, "not negative")?;
        let inflation = self.covariance_inflation;
        check(inflation > 0.0, "fitting.covariance_inflation", inflation, "a positive factor")
    }
}
