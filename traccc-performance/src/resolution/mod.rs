use crate::selection::{pseudorapidity, transverse_momentum};
use crate::{Matching, MeasurementTruth, Spread};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;
use std::ops::AddAssign;
use traccc_core::SurfaceIndex;
use traccc_core::detector::{Carrier, Detector, Surface};
use traccc_core::event::{BoundParameters, FitOutcome, Particle, Tracks, TruthEvent, TruthHit};
use traccc_core::math::Vector3;

/// Fitted minus true parameters of one track at its first measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Residual {
    /// Of (loc0, loc1, phi, theta, q/p), in mm (rad for polar angles), rad and e/GeV; angles within half a turn.
    pub residual: [f64; 5],
    /// `residual` over the fitted standard deviations; not finite where a variance is not positive.
    pub pull: [f64; 5],
    /// Of charge over transverse momentum, in e/GeV.
    pub q_over_pt: f64,
    /// Of charge over momentum along z, in e/GeV.
    pub q_over_pz: f64,
    /// Pseudorapidity of the particle at its vertex.
    pub eta: f64,
    /// Transverse momentum of the particle at its vertex, in GeV.
    pub pt: f64,
}

/// Tracks without a residual, by reason; the first reason that applies counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unused {
    /// The fit did not succeed.
    pub not_fitted: usize,
    /// The track matches no particle.
    pub fakes: usize,
    /// The particle is not listed, has no hit on the surface of the first measurement, or no momentum there.
    pub without_truth: usize,
}

/// Residuals of the events so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Residuals {
    /// One for each usable track.
    pub tracks: Vec<Residual>,
    /// The others.
    pub unused: Unused,
}

impl AddAssign for Residuals {
    fn add_assign(&mut self, other: Self) {
        self.tracks.extend(other.tracks);
        self.unused.not_fitted += other.unused.not_fitted;
        self.unused.fakes += other.unused.fakes;
        self.unused.without_truth += other.unused.without_truth;
    }
}

impl Residuals {
    /// Adds the tracks of an event whose fit succeeded and that match a particle.
    ///
    /// Truth is the hit of the majority particle on the surface of the first measurement (the nearest one, if it
    /// crosses twice): its position carried along a straight line onto the surface, and its momentum *after* the
    /// sensor's material, as the smoothed state is defined. Time is left out: nothing measures it.
    pub fn add_event(
        &mut self,
        event: &TruthEvent,
        truth: &MeasurementTruth,
        matching: &Matching,
        tracks: &Tracks,
        detector: &Detector,
    ) {
        let hits = HitIndex::new(event);
        for (track, assigned) in tracks.tracks.iter().zip(&matching.tracks) {
            if track.outcome != FitOutcome::SUCCESS {
                self.unused.not_fitted += 1;
                continue;
            }
            let Some(number) = assigned.majority.filter(|_| assigned.matched) else {
                self.unused.fakes += 1;
                continue;
            };
            let fitted = &track.parameters;
            let residual = detector.surfaces.get(fitted.surface.get()).and_then(|surface| {
                let particle = truth.particle(event, number)?;
                let place = Vector3::from(surface.to_global([fitted.vector[0], fitted.vector[1]]));
                let near = [place.x, place.y, place.z].map(f64::from);
                let hit = hits.nearest(particle.id, fitted.surface, near)?;
                Residual::new(fitted, surface, particle, hit)
            });
            match residual {
                Some(residual) => self.tracks.push(residual),
                None => self.unused.without_truth += 1,
            }
        }
    }

    /// Location and width of residuals and pulls.
    pub fn summary(&self) -> ResolutionSummary {
        let spread = |value: fn(&Residual) -> f64| Spread::of(self.tracks.iter().map(value));
        ResolutionSummary {
            tracks: self.tracks.len(),
            unused: self.unused,
            residuals: self.spreads(|t| t.residual),
            pulls: self.spreads(|t| t.pull),
            q_over_pt: spread(|t| t.q_over_pt),
            q_over_pz: spread(|t| t.q_over_pz),
        }
    }

    fn spreads(&self, values: fn(&Residual) -> [f64; 5]) -> ParameterSpreads {
        let column = |i: usize| Spread::of(self.tracks.iter().map(|track| values(track)[i]));
        ParameterSpreads {
            loc0: column(0),
            loc1: column(1),
            phi: column(2),
            theta: column(3),
            q_over_p: column(4),
        }
    }
}

impl Residual {
    fn new(
        fitted: &BoundParameters,
        surface: &Surface,
        particle: &Particle,
        hit: &TruthHit,
    ) -> Option<Self> {
        let before = hit.momentum.map(f64::from);
        let change = hit.momentum_change.map(f64::from);
        let momentum: [f64; 3] = std::array::from_fn(|i| before[i] + change[i]);
        let [px, py, pz] = momentum;
        let pt = px.hypot(py);
        let p = pt.hypot(pz);
        if !(p.is_finite() && p > 0.0) {
            return None;
        }
        let [loc0, loc1] = local_on(surface, hit.position.map(f64::from), momentum)?;
        let charge = f64::from(particle.charge);
        let true_vector = [loc0, loc1, py.atan2(px), pt.atan2(pz), charge / p];
        let fitted_vector = fitted.vector.map(f64::from);
        let mut residual: [f64; 5] = std::array::from_fn(|i| fitted_vector[i] - true_vector[i]);
        residual[2] = wrapped(residual[2]);
        if let Some(angle) = surface.shape.azimuth() {
            residual[angle] = wrapped(residual[angle]);
        }
        let variances = fitted.covariance.diagonal().map(f64::from);
        let pull = std::array::from_fn(|i| {
            if variances[i] > 0.0 { residual[i] / variances[i].sqrt() } else { f64::NAN }
        });
        let (sin, cos) = fitted_vector[3].sin_cos();
        Some(Self {
            residual,
            pull,
            q_over_pt: fitted_vector[4] / sin - charge / pt,
            q_over_pz: fitted_vector[4] / cos - charge / pz,
            eta: pseudorapidity(particle),
            pt: transverse_momentum(particle),
        })
    }
}

/// An angle within half a turn of zero, in rad.
pub(crate) fn wrapped(angle: f64) -> f64 {
    angle - (angle / (2.0 * PI)).round() * 2.0 * PI
}

/// Local coordinates of where a straight line through `position` along `direction` meets a flat surface; of the
/// position itself on a curved one. In double precision: residuals are 1e-5 of the global coordinates.
pub(crate) fn local_on(
    surface: &Surface,
    position: [f64; 3],
    direction: [f64; 3],
) -> Option<[f64; 2]> {
    match surface.shape.carrier() {
        Carrier::Plane => {}
        Carrier::Cylinder | Carrier::ConcentricCylinder => {
            let position = Vector3::from(position.map(|v| v as traccc_core::Scalar));
            return Some(surface.to_local(&position).map(f64::from));
        }
    }
    let along = |axis: usize, vector: [f64; 3]| -> f64 {
        (0..3).map(|i| f64::from(surface.axes[axis][i]) * vector[i]).sum()
    };
    let relative = std::array::from_fn(|i| position[i] - f64::from(surface.translation[i]));
    let (height, slope) = (along(2, relative), along(2, direction));
    if slope == 0.0 {
        return None;
    }
    let steps = -height / slope;
    let [x, y] = [0, 1].map(|axis| along(axis, relative) + steps * along(axis, direction));
    Some(if surface.shape.is_polar() { [x.hypot(y), y.atan2(x)] } else { [x, y] })
}

/// The hits of an event by particle and surface.
struct HitIndex<'a> {
    hits: Vec<&'a TruthHit>,
}

impl<'a> HitIndex<'a> {
    fn new(event: &'a TruthEvent) -> Self {
        let mut hits: Vec<&TruthHit> = event.hits.iter().collect();
        hits.sort_by_key(|hit| (hit.particle, hit.surface));
        Self { hits }
    }

    fn nearest(&self, particle: u64, surface: SurfaceIndex, to: [f64; 3]) -> Option<&'a TruthHit> {
        let key = (particle, surface);
        let first = self.hits.partition_point(|hit| (hit.particle, hit.surface) < key);
        let distance = |hit: &TruthHit| -> f64 {
            let squares = hit.position.iter().zip(to).map(|(&a, b)| (f64::from(a) - b).powi(2));
            squares.sum()
        };
        self.hits[first..]
            .iter()
            .take_while(|hit| (hit.particle, hit.surface) == key)
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
            .copied()
    }
}

/// One [`Spread`] for each bound parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ParameterSpreads {
    /// First local coordinate.
    pub loc0: Spread,
    /// Second local coordinate.
    pub loc1: Spread,
    /// Azimuth of the direction.
    pub phi: Spread,
    /// Polar angle of the direction.
    pub theta: Spread,
    /// Charge over momentum.
    pub q_over_p: Spread,
}

impl ParameterSpreads {
    /// The five in their order.
    pub fn each(&self) -> [(&'static str, &Spread); 5] {
        [
            ("loc0", &self.loc0),
            ("loc1", &self.loc1),
            ("phi", &self.phi),
            ("theta", &self.theta),
            ("q_over_p", &self.q_over_p),
        ]
    }
}

/// How well parameters and their covariances are fitted at the first measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResolutionSummary {
    /// Tracks that have a residual.
    pub tracks: usize,
    /// Tracks that have none.
    pub unused: Unused,
    /// In mm (rad for polar angles), rad and e/GeV.
    pub residuals: ParameterSpreads,
    /// No unit; of width 1 where the covariance tells the truth. Tracks with a variance that is not positive are left
    /// out: the counts tell.
    pub pulls: ParameterSpreads,
    /// Residuals of charge over transverse momentum, in e/GeV.
    pub q_over_pt: Spread,
    /// Residuals of charge over momentum along z, in e/GeV.
    pub q_over_pz: Spread,
}

#[cfg(test)]
mod tests;
