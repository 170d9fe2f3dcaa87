use super::flight::{Flight, StepLimits};
use super::interaction::{after_loss, interact};
use super::intersection::Parabola;
use super::navigation::{Candidate, Navigator, Route};
use super::{LocalFrame, PropagationConfig};
use crate::detector::{Detector, Surface, SurfaceKind};
use crate::field::MagneticField;
use crate::index::{SurfaceIndex, VolumeIndex};
use crate::math::{Matrix5, Symmetric5, atan2, direction, dot, perp, product};
use crate::{Hypothesis, Scalar};

/// Carries track parameters from sensor to sensor.
#[derive(Clone, Copy, Debug)]
pub struct Propagator<'a> {
    /// The apparatus.
    pub detector: &'a Detector,
    /// The field.
    pub field: &'a MagneticField,
    /// Step sizes and tolerances.
    pub config: &'a PropagationConfig,
    /// The kind of particle assumed.
    pub hypothesis: Hypothesis,
    /// When to give up.
    pub limits: Limits,
}

/// When to give up, and when a sensor counts.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Smallest momentum, in GeV.
    pub min_p: Scalar,
    /// Smallest transverse momentum, in GeV.
    pub min_pt: Scalar,
    /// Path after which the next sensor counts, in mm.
    pub min_step_to_next_surface: Scalar,
    /// Steps and surfaces looked at between two sensors at most.
    pub max_steps: u32,
    /// Longest path between two sensors, in mm.
    pub max_path: Scalar,
}

/// Parameters arrived at the next sensor, before any of its measurements is used but after its material.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The sensor.
    pub surface: SurfaceIndex,
    /// (loc0, loc1, phi, theta, q/p) there.
    pub vector: [Scalar; 5],
    /// Derivatives of `vector` by the starting vector; q/p counts as conserved, as it is up to fluctuations.
    pub jacobian: Matrix5,
    /// Covariance gained in the material on the way and of the sensor.
    pub noise: Symmetric5,
    /// Path from the start, in mm.
    pub path: Scalar,
}

/// How a transport ends.
#[derive(Clone, Copy, Debug)]
pub enum Stop {
    /// At a sensor.
    Sensor(Arrival),
    /// Outside the detector.
    Left,
    /// Given up: momentum, steps or path beyond the limits, or no surface ahead.
    Lost,
}

/// Below this distance the third order of the path is under a tenth of a micrometre even at 30 mm radius, in mm.
const NUDGE: Scalar = 0.3;

/// A transport under way.
struct Journey<'a> {
    propagator: &'a Propagator<'a>,
    navigator: Navigator<'a>,
    flight: Flight,
    /// The volume of the last surface reached.
    volume: VolumeIndex,
    /// Jacobian from the start to the last material, where the flight's derivatives start anew.
    jacobian: Option<Matrix5>,
    noise: Symmetric5,
    steps: u32,
}

impl Propagator<'_> {
    /// Carries (loc0, loc1, phi, theta, q/p) on a surface to the next sensor that is met.
    ///
    /// `expected` names a sensor known to have been hit, which may then be missed by as much as the largest tolerance.
    pub fn to_next_sensor(
        &self,
        vector: &[Scalar; 5],
        surface: SurfaceIndex,
        expected: Option<SurfaceIndex>,
    ) -> Stop {
        let start = &self.detector.surfaces[surface.get()];
        let local = [vector[0], vector[1]];
        let tangents = LocalFrame::of_surface(start, local).tangents;
        let flight = Flight::new(
            start.to_global(local),
            direction(vector[2], vector[3]),
            vector[4],
            tangents,
            self.field,
        );
        let mut journey = Journey {
            propagator: self,
            navigator: Navigator { detector: self.detector, config: self.config, expected },
            flight,
            volume: start.volume,
            jacobian: None,
            noise: Symmetric5::default(),
            steps: 0,
        };
        if !journey.has_momentum() {
            return Stop::Lost;
        }
        journey.run(surface)
    }
}

impl Journey<'_> {
    fn run(&mut self, start: SurfaceIndex) -> Stop {
        let mut route = self.navigator.search(self.volume, &self.parabola(), 0.0, start);
        let mut searches = 0;
        // The flight before it looked through a portal, and whether it may.
        let (mut before, mut look) = (None, true);
        loop {
            self.steps += 1;
            if self.steps > self.propagator.limits.max_steps {
                return Stop::Lost;
            }
            let Some(target) = route.target() else {
                if let Some(flight) = before.take() {
                    // The surfaces seen from afar were missed: go back and step to the portal instead.
                    (self.flight, look) = (flight, false);
                    route = self.search(self.volume, 0.0);
                    continue;
                }
                // All candidates were missed: look again from here, but not for ever.
                searches += 1;
                route = self.search(self.volume, 0.0);
                if searches > MAX_SEARCHES || route.target().is_none() {
                    return Stop::Lost;
                }
                continue;
            };
            let surface = &self.propagator.detector.surfaces[target.surface.get()];
            if look && self.sees_through(target, surface) {
                if !target.link.is_some() {
                    return Stop::Left;
                }
                before.get_or_insert(self.flight);
                route = self.search(target.link, target.path);
                continue;
            }
            let reached = match self.approach(target, surface) {
                Approach::Reached(link) => link,
                Approach::Missed => {
                    self.next_target(&mut route);
                    continue;
                }
                Approach::GivenUp => return Stop::Lost,
            };
            self.volume = surface.volume;
            (before, look, searches) = (None, true, 0);
            if surface.kind == SurfaceKind::SENSITIVE
                && self.flight.path > self.propagator.limits.min_step_to_next_surface
            {
                return self.arrive(target.surface, surface).map_or(Stop::Lost, Stop::Sensor);
            }
            if surface.material.is_some() && !self.cross_material(surface) {
                return Stop::Lost;
            }
            if surface.kind == SurfaceKind::PORTAL {
                if !reached.is_some() {
                    return Stop::Left;
                }
                self.volume = reached;
                route = self.search(self.volume, 0.0);
            } else {
                self.next_target(&mut route);
            }
            self.flight.reset_step();
        }
    }

    fn search(&self, volume: VolumeIndex, entry: Scalar) -> Route {
        self.navigator.search(volume, &self.parabola(), entry, SurfaceIndex::NONE)
    }

    /// Whether a portal need not be stepped to: it is bare, and so near that the parabola is good behind it, too.
    #[inline]
    fn sees_through(&self, target: Candidate, surface: &Surface) -> bool {
        surface.kind == SurfaceKind::PORTAL
            && !surface.material.is_some()
            && target.path > 0.0
            && target.path
                * target.path
                * target.path
                * dot(&self.flight.curvature, &self.flight.curvature)
                < 6.0 * SEE_THROUGH
    }

    /// Steps to a surface until it is reached or turns out to be missed.
    #[inline]
    fn approach(&mut self, target: Candidate, surface: &Surface) -> Approach {
        let Propagator { field, config, limits, .. } = *self.propagator;
        let step_limits = StepLimits {
            min_step: config.min_step,
            max_step: config.max_step,
            tolerance: config.step_tolerance,
            max_trials: config.max_step_trials,
        };
        let mut candidate = target;
        while candidate.path.abs() > NUDGE {
            self.flight.step(candidate.path, field, &step_limits);
            self.steps += 1;
            if self.steps > limits.max_steps || self.flight.path > limits.max_path {
                return Approach::GivenUp;
            }
            let Some(nearer) = self.meet(target.surface, surface) else { return Approach::Missed };
            candidate = nearer;
        }
        self.flight.nudge(candidate.path, field);
        Approach::Reached(candidate.link)
    }

    /// The surface from where the flight is now, also a little behind.
    #[inline]
    fn meet(&self, index: SurfaceIndex, surface: &Surface) -> Option<Candidate> {
        self.navigator.meet(
            &self.parabola(),
            index,
            surface,
            self.propagator.config.overstep_tolerance,
        )
    }

    /// Drops the target and those after it that are no longer met.
    fn next_target(&self, route: &mut Route) {
        route.advance();
        while let Some(next) = route.target() {
            let surface = &self.propagator.detector.surfaces[next.surface.get()];
            if let Some(updated) = self.meet(next.surface, surface) {
                route.update(updated);
                return;
            }
            route.advance();
        }
    }

    #[inline]
    fn parabola(&self) -> Parabola {
        Parabola {
            position: self.flight.position,
            direction: self.flight.direction,
            curvature: self.flight.curvature,
        }
    }

    fn has_momentum(&self) -> bool {
        let Limits { min_p, min_pt, .. } = self.propagator.limits;
        let direction = &self.flight.direction;
        let p = 1.0 / self.flight.q_over_p.abs();
        p > min_p && p * perp(direction.x, direction.y) > min_pt
    }

    /// Adds the material at the present place to `noise`, whose frame is `frame`; false when the particle stops.
    #[inline]
    fn add_material(&mut self, surface: &Surface, local: [Scalar; 2], normal: Scalar) -> bool {
        let Some(slab) = self.propagator.detector.slab_at(surface, local) else { return true };
        let (flight, hypothesis) = (&mut self.flight, self.propagator.hypothesis);
        let effect = interact(slab, normal, flight.q_over_p, hypothesis);
        let Some(q_over_p) = after_loss(flight.q_over_p, effect.mean_loss, hypothesis) else {
            return false;
        };
        let direction = &flight.direction;
        let transverse2 = direction.x * direction.x + direction.y * direction.y;
        let angle2 = effect.scattering_angle * effect.scattering_angle;
        self.noise[(2, 2)] += angle2 / transverse2;
        self.noise[(3, 3)] += angle2;
        self.noise[(4, 4)] += effect.sigma_q_over_p * effect.sigma_q_over_p;
        flight.curvature *= q_over_p / flight.q_over_p;
        flight.q_over_p = q_over_p;
        self.has_momentum()
    }

    /// Crosses the material of a surface that does not measure: in the curvilinear frame, whatever its shape.
    fn cross_material(&mut self, surface: &Surface) -> bool {
        let local = surface.to_local(&self.flight.position);
        if self.propagator.detector.slab_at(surface, local).is_none() {
            return true;
        }
        let normal = dot(&surface.normal(local), &self.flight.direction);
        let frame = LocalFrame::curvilinear(&self.flight.direction);
        self.carry_to(&frame);
        self.flight.restart_derivatives(frame.tangents);
        self.add_material(surface, local, normal)
    }

    /// Brings the Jacobian and the noise to a frame at the present place.
    #[inline]
    fn carry_to(&mut self, frame: &LocalFrame) {
        let here = frame.jacobian(&self.flight);
        self.jacobian = Some(match &self.jacobian {
            None => here,
            Some(before) => {
                self.noise = self.noise.transported(&here);
                product(&here, before)
            }
        });
    }

    #[inline]
    fn arrive(&mut self, index: SurfaceIndex, surface: &Surface) -> Option<Arrival> {
        let local = surface.to_local(&self.flight.position);
        let frame = LocalFrame::of_surface(surface, local);
        self.carry_to(&frame);
        let normal = dot(&frame.normal, &self.flight.direction);
        if !(self.has_momentum() && self.add_material(surface, local, normal)) {
            return None;
        }
        let direction = &self.flight.direction;
        let (phi, theta) =
            (atan2(direction.y, direction.x), atan2(perp(direction.x, direction.y), direction.z));
        Some(Arrival {
            surface: index,
            vector: [local[0], local[1], phi, theta, self.flight.q_over_p],
            jacobian: self.jacobian?,
            noise: self.noise,
            path: self.flight.path,
        })
    }
}

enum Approach {
    /// At the surface; the volume behind the mask.
    Reached(VolumeIndex),
    Missed,
    GivenUp,
}

/// Error of the parabola up to which volumes are searched from afar, in mm.
const SEE_THROUGH: Scalar = 0.05;
/// Searches of one volume without reaching anything.
const MAX_SEARCHES: u32 = 3;
