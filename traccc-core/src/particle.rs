use crate::Scalar;
use serde::{Deserialize, Serialize};

/// The kind of particle that propagation assumes for energy loss and scattering.
///
/// The sign of the charge always follows the sign of q/p.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hypothesis {
    /// Electron or positron.
    Electron,
    /// Muon.
    Muon,
    /// Charged pion.
    #[default]
    Pion,
}

/// What propagation needs of a [`Hypothesis`], the same record on every engine.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Particle {
    /// Mass, in GeV.
    pub mass: Scalar,
    /// Whether it is an electron, which scatters by a formula of its own: 1, or 0.
    pub electron: u32,
}
#[cfg(not(traccc_f64))]
const _: () = assert!(size_of::<Particle>() == 8);

impl From<Hypothesis> for Particle {
    fn from(hypothesis: Hypothesis) -> Self {
        let electron = u32::from(hypothesis == Hypothesis::Electron);
        Self { mass: hypothesis.mass(), electron }
    }
}

impl Hypothesis {
    /// Mass, in GeV (Particle Data Group 2022).
    pub fn mass(self) -> Scalar {
        match self {
            Self::Electron => ELECTRON_MASS,
            Self::Muon => 0.105_658_376,
            Self::Pion => 0.139_570_39,
        }
    }

    /// The hypothesis of a PDG number, whatever its sign; `None` for particles that are not tracked.
    pub fn from_pdg(pdg: i32) -> Option<Self> {
        match pdg.abs() {
            11 => Some(Self::Electron),
            13 => Some(Self::Muon),
            211 => Some(Self::Pion),
            _ => None,
        }
    }

    /// The PDG number of the particle with the sign of `charge`.
    pub fn pdg(self, charge: Scalar) -> i32 {
        let negative_lepton = match self {
            Self::Electron => 11,
            Self::Muon => 13,
            Self::Pion => return if charge < 0.0 { -211 } else { 211 },
        };
        if charge < 0.0 { negative_lepton } else { -negative_lepton }
    }
}

/// Electron mass, in GeV (CODATA 2018).
pub(crate) const ELECTRON_MASS: Scalar = 0.000_510_998_95;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hypotheses_have_the_masses_and_numbers_of_the_particle_data_group() {
        assert!((Hypothesis::Muon.mass() - 0.105_658_376).abs() < 1e-9);
        assert!((Hypothesis::Electron.mass() - 0.000_510_999).abs() < 1e-9);
        // Leptons with a negative number of their own are the positive ones; pions are the other way round.
        assert_eq!((Hypothesis::Muon.pdg(-1.0), Hypothesis::Muon.pdg(1.0)), (13, -13));
        assert_eq!((Hypothesis::Pion.pdg(-1.0), Hypothesis::Pion.pdg(1.0)), (-211, 211));
        for pdg in [-211, -13, -11, 11, 13, 211] {
            let hypothesis = Hypothesis::from_pdg(pdg).expect("known");
            assert!(hypothesis.pdg(1.0) == pdg || hypothesis.pdg(-1.0) == pdg);
        }
        assert_eq!(Hypothesis::from_pdg(2212), None);
    }
}
