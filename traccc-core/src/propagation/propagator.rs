use super::PropagationCuts;
use super::interaction::{after_loss, interact};
use super::intersection::Parabola;
use super::navigation::{Candidate, Candidates, Navigator};
use super::stepper::Stepper;
use crate::Scalar;
use crate::detector::{Detector, LocalFrame, Surface, SurfaceKind};
use crate::field::MagneticField;
use crate::index::{SurfaceIndex, VolumeIndex};
use crate::math::{Matrix5, Symmetric5, atan2, direction, dot, perp, product};
use crate::particle::Particle;

/// What tracks move through, and how closely they are followed. Finding and fitting share it.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The apparatus.
    pub detector: &'a Detector,
    /// The field.
    pub field: &'a MagneticField,
    /// Step sizes and tolerances.
    pub cuts: &'a PropagationCuts,
}

/// Carries track parameters from sensor to sensor.
#[derive(Clone, Copy, Debug)]
pub struct Propagator<'a> {
    /// Where.
    pub scene: Scene<'a>,
    /// The particle assumed.
    pub particle: Particle,
    /// When to give up.
    pub limits: Limits,
}

/// When to give up, and when a sensor counts.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
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
#[cfg(not(traccc_f64))]
const _: () = assert!(size_of::<Limits>() == 20);

/// Parameters at the next sensor, before any of its measurements is used but after its material.
#[derive(Clone, Copy, Debug)]
pub struct PropagatedState {
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

/// How a propagation ends.
#[derive(Clone, Copy, Debug)]
pub enum PropagationResult {
    /// At a sensor.
    Sensor(PropagatedState),
    /// Outside the detector.
    LeftDetector,
    /// Given up: momentum, steps or path beyond the limits, or no surface ahead.
    Aborted,
}

/// Below this distance the third order of the path is under a tenth of a micrometre even at 30 mm radius, in mm.
const PARABOLIC: Scalar = 0.3;

/// A propagation under way.
struct Propagation<'a> {
    propagator: &'a Propagator<'a>,
    navigator: Navigator<'a>,
    stepper: Stepper,
    /// The volume of the last surface reached.
    volume: VolumeIndex,
    /// Jacobian from the start to the last material, where the stepper's derivatives start anew.
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
    ) -> PropagationResult {
        let start = &self.scene.detector.surfaces[surface.get()];
        let local = [vector[0], vector[1]];
        let tangents = start.frame(local).tangents;
        let stepper = Stepper::new(
            start.to_global(local),
            direction(vector[2], vector[3]),
            vector[4],
            tangents,
            self.scene.field,
        );
        let mut propagation = Propagation {
            propagator: self,
            navigator: Navigator { detector: self.scene.detector, cuts: self.scene.cuts, expected },
            stepper,
            volume: start.volume,
            jacobian: None,
            noise: Symmetric5::default(),
            steps: 0,
        };
        if !propagation.has_momentum() {
            return PropagationResult::Aborted;
        }
        propagation.run(surface)
    }
}

impl Propagation<'_> {
    fn run(&mut self, start: SurfaceIndex) -> PropagationResult {
        let mut candidates = self.navigator.search(self.volume, &self.parabola(), 0.0, start);
        let mut searches = 0;
        // The stepper as it was before a look through a portal, and whether it may look.
        let (mut before, mut look) = (None, true);
        loop {
            self.steps += 1;
            if self.steps > self.propagator.limits.max_steps {
                return PropagationResult::Aborted;
            }
            let Some(target) = candidates.target() else {
                if let Some(stepper) = before.take() {
                    // The surfaces seen from afar were missed: go back and step to the portal instead.
                    (self.stepper, look) = (stepper, false);
                    candidates = self.search(self.volume, 0.0);
                    continue;
                }
                // All candidates were missed: look again from here, but not for ever.
                searches += 1;
                candidates = self.search(self.volume, 0.0);
                if searches > MAX_SEARCHES || candidates.target().is_none() {
                    return PropagationResult::Aborted;
                }
                continue;
            };
            let surface = &self.propagator.scene.detector.surfaces[target.surface.get()];
            if look && self.sees_through(target, surface) {
                if !target.link.is_some() {
                    return PropagationResult::LeftDetector;
                }
                before.get_or_insert(self.stepper);
                candidates = self.search(target.link, target.path);
                continue;
            }
            let reached = match self.approach(target, surface) {
                Approach::Reached(link) => link,
                Approach::Missed => {
                    self.next_target(&mut candidates);
                    continue;
                }
                Approach::GivenUp => return PropagationResult::Aborted,
            };
            self.volume = surface.volume;
            (before, look, searches) = (None, true, 0);
            if surface.kind == SurfaceKind::SENSITIVE
                && self.stepper.path > self.propagator.limits.min_step_to_next_surface
            {
                return self
                    .arrive(target.surface, surface)
                    .map_or(PropagationResult::Aborted, PropagationResult::Sensor);
            }
            if surface.material.is_some() && !self.cross_material(surface) {
                return PropagationResult::Aborted;
            }
            if surface.kind == SurfaceKind::PORTAL {
                if !reached.is_some() {
                    return PropagationResult::LeftDetector;
                }
                self.volume = reached;
                candidates = self.search(self.volume, 0.0);
            } else {
                self.next_target(&mut candidates);
            }
            self.stepper.reset_step();
        }
    }

    fn search(&self, volume: VolumeIndex, entry: Scalar) -> Candidates {
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
                * dot(&self.stepper.curvature, &self.stepper.curvature)
                < 6.0 * SEE_THROUGH
    }

    /// Steps to a surface until it is reached or turns out to be missed.
    #[inline]
    fn approach(&mut self, target: Candidate, surface: &Surface) -> Approach {
        let Propagator { scene: Scene { field, cuts, .. }, limits, .. } = *self.propagator;
        let mut candidate = target;
        while candidate.path.abs() > PARABOLIC {
            self.stepper.step(candidate.path, field, cuts);
            self.steps += 1;
            if self.steps > limits.max_steps || self.stepper.path > limits.max_path {
                return Approach::GivenUp;
            }
            let Some(nearer) = self.meet(target.surface, surface) else { return Approach::Missed };
            candidate = nearer;
        }
        self.stepper.parabolic_step(candidate.path, field);
        Approach::Reached(candidate.link)
    }

    /// The surface from where the stepper is now, also a little behind.
    #[inline]
    fn meet(&self, index: SurfaceIndex, surface: &Surface) -> Option<Candidate> {
        self.navigator.meet(
            &self.parabola(),
            index,
            surface,
            self.propagator.scene.cuts.overstep_tolerance,
        )
    }

    /// Drops the target and those after it that are no longer met.
    fn next_target(&self, candidates: &mut Candidates) {
        candidates.advance();
        while let Some(next) = candidates.target() {
            let surface = &self.propagator.scene.detector.surfaces[next.surface.get()];
            if let Some(updated) = self.meet(next.surface, surface) {
                candidates.update(updated);
                return;
            }
            candidates.advance();
        }
    }

    #[inline]
    fn parabola(&self) -> Parabola {
        Parabola {
            position: self.stepper.position,
            direction: self.stepper.direction,
            curvature: self.stepper.curvature,
        }
    }

    fn has_momentum(&self) -> bool {
        let Limits { min_p, min_pt, .. } = self.propagator.limits;
        let direction = &self.stepper.direction;
        let p = 1.0 / self.stepper.q_over_p.abs();
        p > min_p && p * perp(direction.x, direction.y) > min_pt
    }

    /// Adds the material at the present place to `noise`, whose frame is `frame`; false when the particle stops.
    #[inline]
    fn add_material(&mut self, surface: &Surface, local: [Scalar; 2], normal: Scalar) -> bool {
        let Some(slab) = self.propagator.scene.detector.slab_at(surface, local) else {
            return true;
        };
        let (stepper, particle) = (&mut self.stepper, self.propagator.particle);
        let effect = interact(slab, normal, stepper.q_over_p, particle);
        let Some(q_over_p) = after_loss(stepper.q_over_p, effect.mean_loss, particle) else {
            return false;
        };
        let direction = &stepper.direction;
        let transverse2 = direction.x * direction.x + direction.y * direction.y;
        let angle2 = effect.scattering_angle * effect.scattering_angle;
        self.noise[(2, 2)] += angle2 / transverse2;
        self.noise[(3, 3)] += angle2;
        self.noise[(4, 4)] += effect.sigma_q_over_p * effect.sigma_q_over_p;
        stepper.curvature *= q_over_p / stepper.q_over_p;
        stepper.q_over_p = q_over_p;
        self.has_momentum()
    }

    /// Crosses the material of a surface that does not measure: in the curvilinear frame, whatever its shape.
    fn cross_material(&mut self, surface: &Surface) -> bool {
        let local = surface.to_local(&self.stepper.position);
        if self.propagator.scene.detector.slab_at(surface, local).is_none() {
            return true;
        }
        let normal = dot(&surface.normal(local), &self.stepper.direction);
        let frame = LocalFrame::curvilinear(&self.stepper.direction);
        self.carry_to(&frame);
        self.stepper.restart_derivatives(frame.tangents);
        self.add_material(surface, local, normal)
    }

    /// Brings the Jacobian and the noise to a frame at the present place.
    #[inline]
    fn carry_to(&mut self, frame: &LocalFrame) {
        let here = frame.jacobian(&self.stepper);
        self.jacobian = Some(match &self.jacobian {
            None => here,
            Some(before) => {
                self.noise = self.noise.transported(&here);
                product(&here, before)
            }
        });
    }

    #[inline]
    fn arrive(&mut self, index: SurfaceIndex, surface: &Surface) -> Option<PropagatedState> {
        let local = surface.to_local(&self.stepper.position);
        let frame = surface.frame(local);
        self.carry_to(&frame);
        let normal = dot(&frame.normal, &self.stepper.direction);
        if !(self.has_momentum() && self.add_material(surface, local, normal)) {
            return None;
        }
        let direction = &self.stepper.direction;
        let (phi, theta) =
            (atan2(direction.y, direction.x), atan2(perp(direction.x, direction.y), direction.z));
        Some(PropagatedState {
            surface: index,
            vector: [local[0], local[1], phi, theta, self.stepper.q_over_p],
            jacobian: self.jacobian?,
            noise: self.noise,
            path: self.stepper.path,
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
