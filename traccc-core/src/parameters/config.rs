use crate::config::check;
use crate::error::Error;
use crate::{Scalar, units};
use serde::{Deserialize, Serialize};

/// Which field bends the circle through a seed's three space points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldSource {
    /// The magnetic field at the bottom space point.
    #[default]
    Map,
    /// A constant along z, in T: upstream's CPU chain uses `seeding.bz` here.
    Constant(Scalar),
}

/// Settings of the parameter estimation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ParametersConfig {
    /// The field used.
    pub field: FieldSource,
    /// Standard deviation of loc0 and loc1, in mm.
    pub sigma_loc: [Scalar; 2],
    /// Standard deviation of phi, in rad.
    pub sigma_phi: Scalar,
    /// Standard deviation of theta, in rad.
    pub sigma_theta: Scalar,
    /// Standard deviation of q/p, in e/GeV.
    pub sigma_q_over_p: Scalar,
    /// Standard deviation of time as c·t, in mm.
    pub sigma_time: Scalar,
    /// Further standard deviation of q/pT, in e/GeV.
    pub sigma_q_over_pt: Scalar,
    /// Further standard deviation of pT, relative.
    pub sigma_pt_relative: Scalar,
    /// Factors on the variances of (loc0, loc1, phi, theta, q/p, time).
    pub inflation: [Scalar; 6],
}

impl Default for ParametersConfig {
    fn default() -> Self {
        Self {
            field: FieldSource::Map,
            sigma_loc: [1.0, 1.0],
            sigma_phi: units::DEGREE,
            sigma_theta: units::DEGREE,
            sigma_q_over_p: 0.0,
            sigma_time: units::NANOSECOND,
            sigma_q_over_pt: 0.1,
            sigma_pt_relative: 0.1,
            inflation: [1.0, 1.0, 1.0, 1.0, 1.0, 100.0],
        }
    }
}

impl ParametersConfig {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        for (name, value) in [
            ("parameters.sigma_loc", self.sigma_loc[0].min(self.sigma_loc[1])),
            ("parameters.sigma_phi", self.sigma_phi),
            ("parameters.sigma_theta", self.sigma_theta),
            ("parameters.sigma_time", self.sigma_time),
            ("parameters.inflation", self.inflation.iter().copied().fold(Scalar::MAX, Scalar::min)),
        ] {
            check(value > 0.0, name, value, "a positive number")?;
        }
        if let FieldSource::Constant(tesla) = self.field {
            let bends = tesla.is_finite() && tesla != 0.0;
            check(
                bends,
                "parameters.field",
                tesla,
                "a field in T that is not zero: it gives seeds their momentum",
            )?;
        }
        let curvature = self.sigma_q_over_p + self.sigma_q_over_pt + self.sigma_pt_relative;
        check(
            curvature > 0.0,
            "parameters.sigma_q_over_p",
            curvature,
            "a positive sum of the three sigmas of q/p",
        )
    }
}
