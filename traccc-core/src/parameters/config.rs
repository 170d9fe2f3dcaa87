use crate::error::{Error, check};
use crate::field::{FieldChoice, MagneticField};
use crate::math::{Vector3, norm};
use crate::{Scalar, units};
use serde::{Deserialize, Serialize};

/// Settings of the parameter estimation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ParametersConfig {
    /// The field that bends the circle through a seed's three space points; that of the setup counts at the bottom one.
    pub field: FieldChoice,
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
            field: FieldChoice::Setup,
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

/// What parameter estimation works with, the same record on every engine.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct ParametersCuts {
    /// The field along z in place of that of the setup, in T.
    pub field: Scalar,
    /// Whether `field` counts: 1, or 0.
    pub field_is_constant: u32,
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
#[cfg(not(traccc_f64))]
const _: () = assert!(size_of::<ParametersCuts>() == 64);

impl ParametersConfig {
    /// The settings as parameter estimation works with them.
    pub fn cuts(&self) -> ParametersCuts {
        let (field, field_is_constant) = match self.field {
            FieldChoice::Setup => (0.0, 0),
            FieldChoice::Constant(tesla) => (tesla, 1),
        };
        ParametersCuts {
            field,
            field_is_constant,
            sigma_loc: self.sigma_loc,
            sigma_phi: self.sigma_phi,
            sigma_theta: self.sigma_theta,
            sigma_q_over_p: self.sigma_q_over_p,
            sigma_time: self.sigma_time,
            sigma_q_over_pt: self.sigma_q_over_pt,
            sigma_pt_relative: self.sigma_pt_relative,
            inflation: self.inflation,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        // The squares are used: they must be representable, too.
        let variance =
            |sigma: Scalar| Some(sigma * sigma).filter(|v| sigma >= 0.0 && v.is_finite());
        for (name, sigma) in [
            ("parameters.sigma_loc", self.sigma_loc[0]),
            ("parameters.sigma_loc", self.sigma_loc[1]),
            ("parameters.sigma_phi", self.sigma_phi),
            ("parameters.sigma_theta", self.sigma_theta),
            ("parameters.sigma_time", self.sigma_time),
        ] {
            let sound = variance(sigma).is_some_and(|v| v > 0.0);
            check(sound, name, sigma, "a positive number with a finite square above zero")?;
        }
        for factor in self.inflation {
            let sound = factor.is_finite() && factor > 0.0;
            check(sound, "parameters.inflation", factor, "six positive finite numbers")?;
        }
        let mut curvature = 0.0;
        for (name, sigma) in [
            ("parameters.sigma_q_over_p", self.sigma_q_over_p),
            ("parameters.sigma_q_over_pt", self.sigma_q_over_pt),
            ("parameters.sigma_pt_relative", self.sigma_pt_relative),
        ] {
            let expected = "a number that is not negative, with a finite square";
            check(variance(sigma).is_some(), name, sigma, expected)?;
            curvature += sigma * sigma;
        }
        check(
            curvature > 0.0,
            "parameters.sigma_q_over_p",
            self.sigma_q_over_p,
            "at least one of the three sigmas of q/p to be positive",
        )?;
        if let FieldChoice::Constant(tesla) = self.field {
            let bends = tesla.is_finite() && tesla != 0.0;
            check(
                bends,
                "parameters.field",
                tesla,
                "a field in T that is not zero: it gives seeds their momentum",
            )?;
        }
        Ok(())
    }

    /// Checks that seeds get a momentum from the field of a setup.
    pub(crate) fn validate_in(&self, field: &MagneticField) -> Result<(), Error> {
        if let FieldChoice::Constant(_) = self.field {
            return Ok(());
        }
        let tesla = norm(&field.at(&Vector3::zeros()));
        let found = format_args!("\"setup\", which has {tesla} T at the origin");
        let expected = "a field in T that is not zero: it gives seeds their momentum";
        check(tesla.is_finite() && tesla > 0.0, "parameters.field", found, expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_must_be_finite_and_of_the_right_sign() {
        type Setting = fn(&mut ParametersConfig) -> &mut Scalar;
        let positive: [(&str, Setting); 7] = [
            ("parameters.sigma_loc", |c| &mut c.sigma_loc[0]),
            ("parameters.sigma_loc", |c| &mut c.sigma_loc[1]),
            ("parameters.sigma_phi", |c| &mut c.sigma_phi),
            ("parameters.sigma_theta", |c| &mut c.sigma_theta),
            ("parameters.sigma_time", |c| &mut c.sigma_time),
            ("parameters.inflation", |c| &mut c.inflation[0]),
            ("parameters.inflation", |c| &mut c.inflation[5]),
        ];
        let not_negative: [(&str, Setting); 3] = [
            ("parameters.sigma_q_over_p", |c| &mut c.sigma_q_over_p),
            ("parameters.sigma_q_over_pt", |c| &mut c.sigma_q_over_pt),
            ("parameters.sigma_pt_relative", |c| &mut c.sigma_pt_relative),
        ];
        let refused = |name: &str, setting: Setting, value: Scalar| {
            let mut config = ParametersConfig::default();
            *setting(&mut config) = value;
            match config.validate() {
                Err(Error::Config { name: found, .. }) => found == name,
                _ => false,
            }
        };
        for (name, setting) in positive.into_iter().chain(not_negative) {
            for value in [Scalar::NAN, Scalar::INFINITY, -1.0] {
                assert!(refused(name, setting, value), "{name} = {value}");
            }
        }
        for (name, setting) in positive {
            assert!(refused(name, setting, 0.0), "{name} = 0");
        }
        // Finite numbers whose squares are not.
        assert!(refused("parameters.sigma_phi", |c| &mut c.sigma_phi, Scalar::MAX));
        assert!(refused("parameters.sigma_loc", |c| &mut c.sigma_loc[1], Scalar::MIN_POSITIVE));
    }

    #[test]
    fn one_of_the_sigmas_of_q_over_p_must_be_positive() {
        let none =
            ParametersConfig { sigma_q_over_pt: 0.0, sigma_pt_relative: 0.0, ..Default::default() };
        assert!(none.validate().is_err());
        let one = ParametersConfig { sigma_q_over_p: 0.01, ..none };
        assert_eq!(one.validate(), Ok(()));
        assert_eq!(ParametersConfig::default().validate(), Ok(()));
    }
}
