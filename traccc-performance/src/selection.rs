use crate::MeasurementTruth;
use serde::{Deserialize, Serialize};
use traccc_core::Hypothesis;
use traccc_core::event::{Particle, TruthEvent};

/// Which particles a reconstruction should find. All limits are inclusive; neutral particles never count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TruthSelection {
    /// Least transverse momentum at the vertex, in GeV.
    pub min_pt: f64,
    /// Largest absolute pseudorapidity at the vertex.
    pub max_abs_eta: f64,
    /// Range of the vertex along z, in mm.
    pub vertex_z: [f64; 2],
    /// Largest distance of the vertex from the z axis, in mm.
    pub max_vertex_r: f64,
    /// Least number of truth measurements; 0 acts as 1.
    pub min_measurements: u32,
    /// The only generation process that counts; all when absent.
    pub process: Option<i32>,
    /// Whether only electrons, muons and charged pions count.
    pub tracked_species: bool,
}

impl Default for TruthSelection {
    fn default() -> Self {
        Self::upstream()
    }
}

impl TruthSelection {
    /// Upstream's choice for tracks: pT from 0.5 GeV, |eta| up to 3, vertex within 500 mm along z and 200 mm across,
    /// at least 3 measurements, process 0 as its programs ask, a species that its finding knows.
    pub fn upstream() -> Self {
        Self { tracked_species: true, ..Self::upstream_seeds() }
    }

    /// Upstream's choice for seeds: as for tracks, of any species.
    pub fn upstream_seeds() -> Self {
        Self {
            min_pt: 0.5,
            max_abs_eta: 3.0,
            vertex_z: [-500.0, 500.0],
            max_vertex_r: 200.0,
            min_measurements: 3,
            process: Some(0),
            tracked_species: false,
        }
    }

    /// What users of tracking quote: pT from 0.9 GeV, |eta| up to 2.5, at least 7 measurements, born inside r = 24 mm.
    pub fn users() -> Self {
        Self {
            min_pt: 0.9,
            max_abs_eta: 2.5,
            vertex_z: [f64::MIN, f64::MAX],
            max_vertex_r: 24.0,
            min_measurements: 7,
            process: None,
            tracked_species: false,
        }
    }

    /// Whether a particle with this many truth measurements counts.
    pub fn accepts(&self, particle: &Particle, measurements: u32) -> bool {
        let [x, y, z] = particle.vertex.map(f64::from);
        particle.charge != 0.0
            && transverse_momentum(particle) >= self.min_pt
            && pseudorapidity(particle).abs() <= self.max_abs_eta
            && (self.vertex_z[0]..=self.vertex_z[1]).contains(&z)
            && x.hypot(y) <= self.max_vertex_r
            && measurements >= self.min_measurements.max(1)
            && self.process.is_none_or(|process| process == particle.process)
            && (!self.tracked_species || Hypothesis::from_pdg(particle.pdg).is_some())
    }

    /// The particle numbers of an event that count, in ascending order.
    pub fn select(&self, event: &TruthEvent, truth: &MeasurementTruth) -> Vec<u32> {
        let counts = |&number: &u32| {
            let measurements = truth.measurements[number as usize];
            truth.particle(event, number).is_some_and(|p| self.accepts(p, measurements))
        };
        (0..truth.ids.len() as u32).filter(counts).collect()
    }
}

/// Transverse momentum at the vertex, in GeV.
pub(crate) fn transverse_momentum(particle: &Particle) -> f64 {
    let [px, py, _] = particle.momentum.map(f64::from);
    px.hypot(py)
}

/// Pseudorapidity at the vertex; infinite along the z axis, not a number at rest.
pub(crate) fn pseudorapidity(particle: &Particle) -> f64 {
    (f64::from(particle.momentum[2]) / transverse_momentum(particle)).asinh()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pion() -> Particle {
        Particle { pdg: 211, charge: 1.0, momentum: [1.0, 0.0, 1.0], ..Particle::default() }
    }

    #[test]
    fn every_limit_is_inclusive_and_cuts() {
        let selection = TruthSelection::upstream();
        assert!(selection.accepts(&pion(), 3));
        assert!(!selection.accepts(&pion(), 2));
        let mut limits = pion();
        limits.momentum = [0.3, 0.4, 0.0];
        limits.vertex = [120.0, -160.0, 500.0];
        let inclusive =
            TruthSelection { min_pt: transverse_momentum(&limits), ..TruthSelection::upstream() };
        assert!(inclusive.accepts(&limits, 3));
        for broken in [
            Particle { charge: 0.0, ..pion() },
            Particle { momentum: [0.4, 0.2, 0.0], ..pion() },
            Particle { momentum: [1.0, 0.0, 10.1], ..pion() },
            Particle { vertex: [0.0, 0.0, 501.0], ..pion() },
            Particle { vertex: [160.0, 121.0, 0.0], ..pion() },
            Particle { process: 1, ..pion() },
            Particle { pdg: 2212, ..pion() },
            Particle { momentum: [0.0; 3], ..pion() },
        ] {
            assert!(!selection.accepts(&broken, 12), "{broken:?}");
        }
    }

    #[test]
    fn users_ask_for_long_tracks_of_any_charged_particle_from_inside_the_first_layer() {
        let users = TruthSelection::users();
        let proton = Particle { pdg: 2212, process: 4, ..pion() };
        assert!(users.accepts(&proton, 7) && !users.accepts(&proton, 6));
        assert!(!users.accepts(&Particle { vertex: [0.0, 25.0, 0.0], ..proton }, 9));
        assert!(!users.accepts(&Particle { momentum: [0.8, 0.0, 0.0], ..proton }, 9));
        assert!(!users.accepts(&Particle { momentum: [1.0, 0.0, 6.1], ..proton }, 9));
    }

    #[test]
    fn particles_that_are_not_listed_or_left_nothing_are_not_selected() {
        let event = TruthEvent {
            particles: vec![Particle { id: 5, ..pion() }, Particle { id: 8, ..pion() }],
            ..TruthEvent::default()
        };
        let truth = MeasurementTruth {
            ids: vec![2, 5, 8],
            listed: vec![None, Some(0), Some(1)],
            measurements: vec![9, 9, 0],
            ..MeasurementTruth::default()
        };
        let any = TruthSelection { min_measurements: 0, ..TruthSelection::upstream() };
        assert_eq!(any.select(&event, &truth), [1]);
    }
}
