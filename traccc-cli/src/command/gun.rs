use clap::Args;
use std::f64::consts::PI;
use traccc_sim::{Gun, Inclination, Momentum};

/// The particles of simulated events.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Particles")]
pub(crate) struct GunArguments {
    /// Particles per event
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) particles: usize,
    /// PDG number: 11, 13 or 211, or the negative of one; the sign of the charge is drawn
    #[arg(long, default_value_t = 13, allow_negative_numbers = true)]
    pub(crate) pdg: i32,
    /// Transverse momentum, in GeV: one number or the ends of a range
    #[arg(long, value_name = "LOW,HIGH", value_parser = range, default_value = "1,10", conflicts_with = "p")]
    pub(crate) pt: [f64; 2],
    /// Momentum instead, in GeV
    #[arg(long, value_name = "LOW,HIGH", value_parser = range)]
    pub(crate) p: Option<[f64; 2]>,
    /// Pseudorapidity [default: -0.1,0.1 in a telescope, else -2,2]
    #[arg(long, value_name = "LOW,HIGH", value_parser = range, conflicts_with = "theta", allow_hyphen_values = true)]
    pub(crate) eta: Option<[f64; 2]>,
    /// Polar angle instead, in rad
    #[arg(long, value_name = "LOW,HIGH", value_parser = range)]
    pub(crate) theta: Option<[f64; 2]>,
    /// Azimuth, in rad [default: -0.1,0.1 in a telescope, else all around]
    #[arg(long, value_name = "LOW,HIGH", value_parser = range, allow_hyphen_values = true)]
    pub(crate) phi: Option<[f64; 2]>,
    /// Seed of the random numbers: the same seed gives the same events on every machine
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

impl GunArguments {
    /// The gun; `eta` and `phi` hold where the command line does not name them.
    fn gun(&self, eta: [f64; 2], phi: [f64; 2]) -> Gun {
        let inclination = match (self.theta, self.eta) {
            (Some(theta), _) => Inclination::Theta(theta),
            (None, named) => Inclination::Eta(named.unwrap_or(eta)),
        };
        Gun {
            particles: self.particles,
            pdg: self.pdg,
            random_charge: true,
            momentum: self.p.map_or(Momentum::Transverse(self.pt), Momentum::Total),
            inclination,
            phi: self.phi.unwrap_or(phi),
            ..Gun::default()
        }
    }

    /// The gun for detectors around the beam.
    pub(crate) fn around(&self) -> Gun {
        self.gun([-2.0, 2.0], [-PI, PI])
    }

    /// The gun for a telescope along the global x axis.
    pub(crate) fn along_x(&self) -> Gun {
        self.gun([-0.1, 0.1], [-0.1, 0.1])
    }
}

/// `LOW,HIGH`, or one number for both.
fn range(text: &str) -> Result<[f64; 2], String> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|n| n.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[value]) => Ok([value, value]),
        Some(&[low, high]) => Ok([low, high]),
        _ => Err("expected one number, or two with a comma between".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "numbers are read as they are written")]
    fn a_range_is_one_number_or_two() {
        assert_eq!(range("1.5").unwrap(), [1.5, 1.5]);
        assert_eq!(range("-2, 2").unwrap(), [-2.0, 2.0]);
        for text in ["", "1,2,3", "1;2", "low,high"] {
            assert!(range(text).is_err(), "{text}");
        }
    }
}
