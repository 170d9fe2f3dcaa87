use crate::Scalar;
use crate::detector::LARGEST_MASK_TOLERANCE;
use crate::error::Error;
use crate::error::check;
use serde::{Deserialize, Serialize};

/// Settings of the propagation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PropagationConfig {
    /// Smallest step, in mm.
    pub min_step: Scalar,
    /// Largest step, in mm.
    pub max_step: Scalar,
    /// Error of one step, in mm: larger is faster, smaller more precise.
    pub step_tolerance: Scalar,
    /// Trials of the step size for one step at most. Each shrinks the step by a sixth or more: upstream's limit, never met.
    pub max_step_trials: u32,
    /// Longest path of a fit, in mm. Finding has no limit, as upstream.
    pub path_limit: Scalar,
    /// A surface within this path is reached, in mm.
    pub path_tolerance: Scalar,
    /// Surfaces this far behind are still considered after a step, in mm; not positive.
    pub overstep_tolerance: Scalar,
    /// Smallest distance outside a sensor's border that is still inside, in mm.
    pub min_mask_tolerance: Scalar,
    /// Largest distance outside a sensor's border that is still inside, in mm; at most what search grids allow for
    /// ([`LARGEST_MASK_TOLERANCE`]).
    pub max_mask_tolerance: Scalar,
    /// Distance outside a sensor's border that is still inside, per mm of path to it.
    pub mask_tolerance_per_path: Scalar,
}

impl Default for PropagationConfig {
    fn default() -> Self {
        Self {
            min_step: 1.0e-4,
            max_step: 1.0e4,
            step_tolerance: 1.0e-4,
            max_step_trials: 10_000,
            path_limit: 5.0e3,
            path_tolerance: 1.0e-3,
            overstep_tolerance: -1.0,
            min_mask_tolerance: 1.0e-5,
            max_mask_tolerance: 3.0,
            mask_tolerance_per_path: 0.05,
        }
    }
}

/// What propagation works with, the same record on every engine.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct PropagationCuts {
    /// Smallest step, in mm.
    pub min_step: Scalar,
    /// Largest step, in mm.
    pub max_step: Scalar,
    /// Error of one step aimed at, in mm.
    pub step_tolerance: Scalar,
    /// A surface within this path is reached, in mm.
    pub path_tolerance: Scalar,
    /// Surfaces this far behind are still considered after a step, in mm; not positive.
    pub overstep_tolerance: Scalar,
    /// Smallest distance outside a sensor's border that is still inside, in mm.
    pub min_mask_tolerance: Scalar,
    /// Largest distance outside a sensor's border that is still inside, in mm.
    pub max_mask_tolerance: Scalar,
    /// Distance outside a sensor's border that is still inside, per mm of path to it.
    pub mask_tolerance_per_path: Scalar,
    /// Longest path of a fit, in mm.
    pub path_limit: Scalar,
    /// Trials of the step size for one step at most.
    pub max_step_trials: u32,
}
#[cfg(not(traccc_f64))]
const _: () = assert!(size_of::<PropagationCuts>() == 40);

impl PropagationConfig {
    /// The settings as propagation works with them.
    pub fn cuts(&self) -> PropagationCuts {
        PropagationCuts {
            min_step: self.min_step,
            max_step: self.max_step,
            step_tolerance: self.step_tolerance,
            path_tolerance: self.path_tolerance,
            overstep_tolerance: self.overstep_tolerance,
            min_mask_tolerance: self.min_mask_tolerance,
            max_mask_tolerance: self.max_mask_tolerance,
            mask_tolerance_per_path: self.mask_tolerance_per_path,
            path_limit: self.path_limit,
            max_step_trials: self.max_step_trials,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        check(
            self.min_step > 0.0,
            "propagation.min_step",
            self.min_step,
            "a positive length in mm",
        )?;
        check(
            self.max_step > self.min_step,
            "propagation.max_step",
            self.max_step,
            "more than `propagation.min_step`",
        )?;
        let tolerance = self.step_tolerance;
        check(tolerance > 0.0, "propagation.step_tolerance", tolerance, "a positive length in mm")?;
        check(
            self.path_tolerance > 0.0,
            "propagation.path_tolerance",
            self.path_tolerance,
            "a positive length in mm",
        )?;
        let overstep = self.overstep_tolerance;
        check(
            overstep <= 0.0,
            "propagation.overstep_tolerance",
            overstep,
            "zero or a negative length in mm",
        )?;
        let tolerance = self.max_mask_tolerance;
        check(
            tolerance >= self.min_mask_tolerance && tolerance <= LARGEST_MASK_TOLERANCE,
            "propagation.max_mask_tolerance",
            tolerance,
            "from `propagation.min_mask_tolerance` to 3 mm, which the search grids allow for",
        )?;
        check(
            self.path_limit > 0.0,
            "propagation.path_limit",
            self.path_limit,
            "a positive length in mm",
        )
    }
}
