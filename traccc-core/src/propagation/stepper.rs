use super::PropagationCuts;
use crate::Scalar;
use crate::field::MagneticField;
use crate::math::{Vector3, cross, norm, perp, unit};
use crate::units::CURVATURE_PER_TESLA;

/// A particle on its way, with the derivatives of position and direction with respect to where it started.
///
/// Equation of motion along the path s: dt/ds = (q/p) c (t x B), with c the curvature of a unit charge of 1 GeV in
/// 1 T. Only the derivatives by (phi, theta, q/p) change on the way: those by the local position stay what they were
/// (the field gradient is neglected, as it is upstream by default).
#[derive(Clone, Copy, Debug)]
pub(super) struct Stepper {
    /// Global position, in mm.
    pub(super) position: Vector3,
    /// Global direction, a unit vector.
    pub(super) direction: Vector3,
    /// Charge over momentum, in e/GeV.
    pub(super) q_over_p: Scalar,
    /// Path since the start, in mm.
    pub(super) path: Scalar,
    /// Change of the direction per path at the present position, in 1/mm.
    pub(super) curvature: Vector3,
    /// Derivatives of the position by the starting loc0 and loc1.
    pub(super) position_by_local: [Vector3; 2],
    /// Derivatives of the position by the starting phi, theta and q/p.
    pub(super) position_by: [Vector3; 3],
    /// Derivatives of the direction by the starting phi, theta and q/p.
    pub(super) direction_by: [Vector3; 3],
    /// The step size that the last error suggests, in mm.
    next_step: Scalar,
}

/// The stages of one Runge-Kutta-Nyström step: directions, fields and their cross products.
struct Stages {
    /// t x B at the four stages.
    turn: [Vector3; 4],
    /// Field at the first, the two middle and the last stage, in T.
    field: [Vector3; 3],
    error: Scalar,
}

impl Stepper {
    /// Starts at a position and direction; the derivatives are those of a frame with the tangent vectors `tangents`.
    #[inline]
    pub(super) fn new(
        position: Vector3,
        direction: Vector3,
        q_over_p: Scalar,
        tangents: [Vector3; 2],
        field: &MagneticField,
    ) -> Self {
        let mut stepper = Self {
            position,
            direction,
            q_over_p,
            path: 0.0,
            curvature: cross(&direction, &field.at(&position)) * (q_over_p * CURVATURE_PER_TESLA),
            position_by_local: tangents,
            position_by: [Vector3::zeros(); 3],
            direction_by: [Vector3::zeros(); 3],
            next_step: Scalar::MAX,
        };
        stepper.restart_derivatives(tangents);
        stepper
    }

    /// Forgets the start: from here on derivatives refer to the present place.
    #[inline]
    pub(super) fn restart_derivatives(&mut self, tangents: [Vector3; 2]) {
        let t = &self.direction;
        let transverse = perp(t.x, t.y);
        self.position_by_local = tangents;
        self.position_by = [Vector3::zeros(); 3];
        self.direction_by = [
            Vector3::new(-t.y, t.x, 0.0),
            Vector3::new(t.z * t.x / transverse, t.z * t.y / transverse, -transverse),
            Vector3::zeros(),
        ];
    }

    /// Moves towards a place `distance` mm ahead (behind, if negative), as far as the error allows.
    ///
    /// Adaptive Runge-Kutta-Nyström step (E. Lund et al., JINST 4 P04001 (2009)): the step is repeated with a smaller
    /// size until the error estimate is below four times `step_tolerance`.
    #[inline]
    pub(super) fn step(&mut self, distance: Scalar, field: &MagneticField, cuts: &PropagationCuts) {
        let mut h = if distance < 0.0 {
            distance.max(-self.next_step).max(-cuts.max_step)
        } else {
            distance.min(self.next_step).min(cuts.max_step)
        };
        let qc = self.q_over_p * CURVATURE_PER_TESLA;
        let field_here = field.at(&self.position);
        let mut stages = self.stages(h, qc, field_here, field);
        let mut trials = 1;
        while stages.error > 4.0 * cuts.step_tolerance
            && h.abs() > cuts.min_step
            && trials < cuts.max_step_trials
        {
            h *= scale(stages.error, cuts.step_tolerance);
            stages = self.stages(h, qc, field_here, field);
            trials += 1;
        }
        self.next_step = (h.abs() * scale(stages.error, cuts.step_tolerance)).max(cuts.min_step);
        self.advance(h, qc, &stages);
    }

    /// Lets the next step try the whole distance again.
    #[inline]
    pub(super) fn reset_step(&mut self) {
        self.next_step = Scalar::MAX;
    }

    #[inline]
    fn stages(&self, h: Scalar, qc: Scalar, field_here: Vector3, field: &MagneticField) -> Stages {
        let (p, t) = (&self.position, &self.direction);
        let turn1 = cross(t, &field_here);
        let k1 = turn1 * qc;
        let field_middle = field.at(&(p + t * (0.5 * h) + k1 * (0.125 * h * h)));
        let turn2 = cross(&(t + k1 * (0.5 * h)), &field_middle);
        let k2 = turn2 * qc;
        let turn3 = cross(&(t + k2 * (0.5 * h)), &field_middle);
        let k3 = turn3 * qc;
        let field_end = field.at(&(p + t * h + k3 * (0.5 * h * h)));
        let turn4 = cross(&(t + k3 * h), &field_end);
        let error = norm(&(k1 - k2 - k3 + turn4 * qc)) * (h * h / 6.0);
        Stages {
            turn: [turn1, turn2, turn3, turn4],
            field: [field_here, field_middle, field_end],
            error: error.max(1.0e-20),
        }
    }

    #[inline]
    fn advance(&mut self, h: Scalar, qc: Scalar, stages: &Stages) {
        let [b1, b2, b4] = &stages.field;
        let k = stages.turn.map(|turn| turn * qc);
        self.position += (self.direction + (k[0] + k[1] + k[2]) * (h / 6.0)) * h;
        self.direction = unit(&(self.direction + (k[0] + (k[1] + k[2]) * 2.0 + k[3]) * (h / 6.0)));
        self.path += h;
        self.curvature = k[3];
        for column in 0..3 {
            let start = self.direction_by[column];
            // Only the last column changes q/p, by one unit.
            let by_charge = if column == 2 { CURVATURE_PER_TESLA } else { 0.0 };
            let d1 = cross(&start, b1) * qc + stages.turn[0] * by_charge;
            let d2 = cross(&(start + d1 * (0.5 * h)), b2) * qc + stages.turn[1] * by_charge;
            let d3 = cross(&(start + d2 * (0.5 * h)), b2) * qc + stages.turn[2] * by_charge;
            let d4 = cross(&(start + d3 * h), b4) * qc + stages.turn[3] * by_charge;
            self.position_by[column] += (start + (d1 + d2 + d3) * (h / 6.0)) * h;
            self.direction_by[column] = start + (d1 + (d2 + d3) * 2.0 + d4) * (h / 6.0);
        }
    }

    /// Moves by a distance so short, in mm, that the third order of the path does not matter.
    #[inline]
    pub(super) fn parabolic_step(&mut self, h: Scalar, field: &MagneticField) {
        let qc = self.q_over_p * CURVATURE_PER_TESLA;
        let b = field.at(&self.position);
        let turn = cross(&self.direction, &b);
        let k = turn * qc;
        for column in 0..3 {
            let by_charge = if column == 2 { CURVATURE_PER_TESLA } else { 0.0 };
            let d = cross(&self.direction_by[column], &b) * qc + turn * by_charge;
            self.position_by[column] += (self.direction_by[column] + d * (0.5 * h)) * h;
            self.direction_by[column] += d * h;
        }
        self.position += (self.direction + k * (0.5 * h)) * h;
        self.direction = unit(&(self.direction + k * h));
        self.path += h;
        self.curvature = cross(&self.direction, &b) * qc;
    }
}

#[inline]
fn scale(error: Scalar, tolerance: Scalar) -> Scalar {
    (tolerance / error).sqrt().sqrt().clamp(0.25, 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::direction;
    use crate::propagation::PropagationConfig;

    fn fly(start: &Stepper, distance: Scalar, field: &MagneticField) -> Stepper {
        let (mut stepper, cuts) = (*start, PropagationConfig::default().cuts());
        while distance - stepper.path > 1e-3 {
            stepper.step(distance - stepper.path, field, &cuts);
        }
        stepper.parabolic_step(distance - stepper.path, field);
        stepper
    }

    fn start(phi: Scalar, theta: Scalar, q_over_p: Scalar, field: &MagneticField) -> Stepper {
        let tangents = [Vector3::x(), Vector3::y()];
        Stepper::new(Vector3::new(1.0, -2.0, 3.0), direction(phi, theta), q_over_p, tangents, field)
    }

    /// The analytic helix about z through the same start.
    fn helix(stepper: &Stepper, tesla: Scalar, path: Scalar) -> Vector3 {
        let omega = stepper.q_over_p * CURVATURE_PER_TESLA * tesla;
        let (t, angle) = (stepper.direction, omega * path);
        // dt/ds = omega t x z turns the direction clockwise for a positive charge.
        let (sin, cos) = angle.sin_cos();
        let x = (t.x * sin + t.y * (1.0 - cos)) / omega;
        let y = (t.y * sin - t.x * (1.0 - cos)) / omega;
        stepper.position + Vector3::new(x, y, t.z * path)
    }

    #[test]
    fn steps_follow_the_analytic_helix() {
        let field = MagneticField::along_z(2.0);
        for (phi, theta, q_over_p) in [(0.3, 1.2, 1.0), (-2.8, 0.4, -1.6), (3.0, 2.5, 0.1)] {
            let stepper = start(phi, theta, q_over_p, &field);
            let end = fly(&stepper, 800.0, &field);
            let expected = helix(&stepper, 2.0, 800.0);
            let away = (end.position - expected).norm();
            assert!(away < 5e-3, "{away} mm off after 800 mm at q/p {q_over_p}");
            assert!((end.direction.norm() - 1.0).abs() < 1e-6);
        }
    }

    /// Central differences need double precision to be worth anything.
    #[cfg(traccc_f64)]
    #[test]
    fn derivatives_agree_with_finite_differences() {
        let field = MagneticField::Constant(Vector3::new(0.2, -0.3, 1.9));
        let (parameters, path, eps) = ([0.7, 1.1, -0.8], 350.0, 1e-6);
        let end = fly(&start(parameters[0], parameters[1], parameters[2], &field), path, &field);
        for column in 0..3 {
            let shifted = |sign: Scalar| {
                let mut p = parameters;
                p[column] += sign * eps;
                fly(&start(p[0], p[1], p[2], &field), path, &field)
            };
            let (up, down) = (shifted(1.0), shifted(-1.0));
            let position = (up.position - down.position) / (2.0 * eps);
            let direction = (up.direction - down.direction) / (2.0 * eps);
            let scale = 1.0 + position.norm();
            assert!((position - end.position_by[column]).norm() / scale < 1e-5, "column {column}");
            assert!((direction - end.direction_by[column]).norm() < 1e-5, "column {column}");
        }
    }
}
