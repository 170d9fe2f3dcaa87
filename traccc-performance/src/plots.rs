use crate::efficiency::ratio;
use crate::selection::{azimuth, pseudorapidity, transverse_momentum};
use crate::{Axis, Histogram, Matching, MeasurementTruth};
use serde::{Deserialize, Serialize};
use traccc_core::event::{Tracks, TruthEvent};

const ETA: Axis = Axis::new(40, -4.0, 4.0);
const PHI: Axis = Axis::new(100, -3.15, 3.15);
const PT: Axis = Axis::new(40, 0.0, 100.0);

/// Efficiency, duplicates and fakes against one property of the particles that should be found.
///
/// Particles outside the axis are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EfficiencyPlot {
    /// The bins.
    pub axis: Axis,
    /// Particles in each bin.
    pub particles: Vec<u64>,
    /// Matched particles in each bin.
    pub matched: Vec<u64>,
    /// Matched tracks beyond the first of each particle, in the bin of the particle.
    pub duplicates: Vec<u64>,
    /// Fakes that the particles of each bin contribute to; a fake counts once for each of them.
    pub fakes: Vec<u64>,
}

impl EfficiencyPlot {
    fn new(axis: Axis) -> Self {
        let empty = || vec![0; axis.bins];
        Self { axis, particles: empty(), matched: empty(), duplicates: empty(), fakes: empty() }
    }

    /// The efficiency in each bin; `None` where there are no particles.
    pub fn efficiency(&self) -> Vec<Option<f64>> {
        self.matched.iter().zip(&self.particles).map(|(&m, &p)| ratio(m, p)).collect()
    }

    fn fill(&mut self, value: f64, matches: u32, fakes: u32) {
        let Some(bin) = self.axis.bin(value) else { return };
        self.particles[bin] += 1;
        self.matched[bin] += u64::from(matches > 0);
        self.duplicates[bin] += u64::from(matches.saturating_sub(1));
        self.fakes[bin] += u64::from(fakes);
    }
}

/// [`EfficiencyPlot`]s of the events so far, with upstream's bins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EfficiencyPlots {
    /// Against the pseudorapidity at the vertex.
    pub eta: EfficiencyPlot,
    /// Against the azimuth at the vertex, in rad.
    pub phi: EfficiencyPlot,
    /// Against the transverse momentum at the vertex, in GeV.
    pub pt: EfficiencyPlot,
}

impl Default for EfficiencyPlots {
    fn default() -> Self {
        Self {
            eta: EfficiencyPlot::new(ETA),
            phi: EfficiencyPlot::new(PHI),
            pt: EfficiencyPlot::new(PT),
        }
    }
}

impl EfficiencyPlots {
    /// Adds the selected particles of an event.
    pub fn fill(
        &mut self,
        event: &TruthEvent,
        truth: &MeasurementTruth,
        matching: &Matching,
        selected: &[u32],
    ) {
        for &number in selected {
            let Some(particle) = truth.particle(event, number) else { continue };
            let (matches, fakes) =
                (matching.matches[number as usize], matching.fakes[number as usize]);
            self.eta.fill(pseudorapidity(particle), matches, fakes);
            self.phi.fill(azimuth(particle), matches, fakes);
            self.pt.fill(transverse_momentum(particle), matches, fakes);
        }
    }
}

/// Histograms of what tracks are like, over the events so far, with upstream's bins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackPlots {
    /// Part of a track's measurements that its majority particle contributes to.
    pub purity: Histogram,
    /// Part of the majority particle's measurements that the track has.
    pub completeness: Histogram,
    /// Measurements per track.
    pub measurements: Histogram,
    /// Degrees of freedom.
    pub ndf: Histogram,
    /// chi2.
    pub chi2: Histogram,
    /// chi2 per degree of freedom, of tracks that have any.
    pub reduced_chi2: Histogram,
    /// Probability of a larger chi2.
    pub p_value: Histogram,
}

impl Default for TrackPlots {
    fn default() -> Self {
        let histogram = |bins, min, max| Histogram::new(Axis::new(bins, min, max));
        // A purity of exactly one belongs into the last bin.
        let part = || histogram(20, 0.0, 1.0 + 1.0e-9);
        Self {
            purity: part(),
            completeness: part(),
            measurements: histogram(30, -0.5, 29.5),
            ndf: histogram(35, -5.0, 30.0),
            chi2: histogram(100, 0.0, 50.0),
            reduced_chi2: histogram(100, 0.0, 10.0),
            p_value: histogram(50, 0.0, 1.0 + 1.0e-9),
        }
    }
}

impl TrackPlots {
    /// Adds the tracks of an event and their assignment.
    pub fn fill(&mut self, tracks: &Tracks, matching: &Matching) {
        for (track, assigned) in tracks.tracks.iter().zip(&matching.tracks) {
            if let Some(purity) = assigned.purity() {
                self.purity.fill(purity);
            }
            if let Some(completeness) = assigned.completeness() {
                self.completeness.fill(completeness);
            }
            self.measurements.fill(f64::from(assigned.measurements));
            let chi2 = f64::from(track.chi2);
            self.ndf.fill(f64::from(track.ndf));
            self.chi2.fill(chi2);
            if track.ndf > 0 {
                self.reduced_chi2.fill(chi2 / f64::from(track.ndf));
            }
            self.p_value.fill(f64::from(track.p_value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TrackMatch;
    use traccc_core::event::{Particle, Track};

    #[test]
    fn particles_fall_into_the_bins_of_their_direction_and_momentum() {
        let event = TruthEvent {
            particles: vec![
                Particle { id: 1, momentum: [0.0, 6.0, 0.0], ..Particle::default() },
                Particle { id: 2, momentum: [-1.0, 0.0, -3.0], ..Particle::default() },
            ],
            ..TruthEvent::default()
        };
        let truth = MeasurementTruth {
            ids: vec![1, 2],
            listed: vec![Some(0), Some(1)],
            measurements: vec![5, 5],
            ..MeasurementTruth::default()
        };
        let matching = Matching { matches: vec![3, 0], fakes: vec![0, 4], ..Matching::default() };
        let mut plots = EfficiencyPlots::default();
        plots.fill(&event, &truth, &matching, &[0, 1]);
        plots.fill(&event, &truth, &matching, &[0]);
        assert_eq!(plots.pt.efficiency()[2], Some(1.0));
        assert_eq!(plots.pt.efficiency()[0], Some(0.0));
        assert_eq!(plots.pt.efficiency()[1], None);
        assert_eq!((plots.pt.duplicates[2], plots.pt.fakes[0]), (4, 4));
        assert_eq!(plots.eta.particles[ETA.bin((-3.0_f64).asinh()).unwrap()], 1);
        assert_eq!(plots.phi.particles[PHI.bin(std::f64::consts::FRAC_PI_2).unwrap()], 2);
    }

    #[test]
    fn a_pure_track_lies_in_the_last_bin() {
        let mut tracks = Tracks::new();
        tracks.tracks.push(Track { chi2: 12.0, ndf: 6, p_value: 1.0, ..Track::default() });
        tracks.tracks.push(Track { chi2: 1.0, ndf: -1, ..Track::default() });
        let pure = TrackMatch { shared: 4, measurements: 4, ..TrackMatch::default() };
        let matching = Matching { tracks: vec![pure, pure], ..Matching::default() };
        let mut plots = TrackPlots::default();
        plots.fill(&tracks, &matching);
        assert_eq!(plots.purity.counts[19], 2);
        assert_eq!(plots.completeness.entries(), 0);
        assert_eq!((plots.reduced_chi2.counts[20], plots.reduced_chi2.entries()), (1, 1));
        assert_eq!((plots.p_value.counts[49], plots.p_value.counts[0]), (1, 1));
    }
}
