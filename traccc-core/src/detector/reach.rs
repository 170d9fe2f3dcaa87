//! Where on the reference surface of a search grid a helix crosses that can meet a sensor.
//!
//! The helices are those of particles from the collisions: a curvature radius of at least [`MIN_RADIUS`], |d0| up to
//! [`MAX_D0`], |z0| up to [`MAX_Z0`], on the way from the point of closest approach to the farthest point of their circle,
//! crossing the reference surface at up to 75 degrees from its normal. A point at some distance from the reference
//! surface is then met from an interval of crossings, and a sensor from the smallest rectangle in the coordinates of
//! the grid that holds the intervals of its points.

use super::GridFrame;
use super::model::Placement;
use crate::Scalar;
use std::f64::consts::{FRAC_PI_2, PI};

/// Smallest curvature radius in the plane across the field, in mm: a transverse momentum of 0.15 GeV in 4 T, or of 0.075 GeV
/// in 2 T.
const MIN_RADIUS: f64 = 125.0;
/// Largest distance of closest approach to the z axis, in mm.
const MAX_D0: f64 = 20.0;
/// Largest z at the closest approach, in mm.
const MAX_Z0: f64 = 300.0;
/// Cosine and tangent of the largest angle to the normal of the reference surface, 75 degrees.
const MIN_COS: f64 = 0.258_819_045;
const MAX_TAN: f64 = 3.732_050_808;
/// Added on all sides: more than the rounding of a crossing in single precision, in mm.
const PAD: f64 = 0.05;

/// A rectangle in the coordinates of a grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Patch {
    pub(super) low: [f64; 2],
    pub(super) high: [f64; 2],
}

/// The geometry of one grid.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reach {
    /// A cylinder about the z axis, of this radius; how far helices get on either side of it.
    Cylinder { radius: f64, inside: Travel, outside: Travel },
    /// A plane at this height in the volume's frame; `coaxial` says that it is perpendicular to the z axis and centred on it.
    Plane { frame: GridFrame, placement: Placement, height: f64, coaxial: bool },
}

/// The longest ways of a helix between the reference cylinder and a point, for each mm that the point is off it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Travel {
    /// Change of azimuth, in rad/mm.
    azimuth: f64,
    /// Path across the field, in mm/mm.
    arc: f64,
    /// Path along z at the largest angle to the normal, in mm/mm.
    along: f64,
}

impl Reach {
    /// For a grid whose sensors have these points: the reference surface lies in the middle of them.
    pub(super) fn new<'a>(
        frame: GridFrame,
        placement: &Placement,
        points: impl Iterator<Item = &'a [f64; 3]>,
    ) -> Self {
        let cylinder = frame == GridFrame::CYLINDER;
        let value = |p: &[f64; 3]| {
            if cylinder { libm::hypot(p[0], p[1]) } else { to_local(placement, p)[2] }
        };
        let (low, high) = points
            .map(value)
            .fold((f64::MAX, f64::MIN), |(low, high), v| (v.min(low), v.max(high)));
        // As the navigator has it.
        let middle = if low > high { 0.0 } else { f64::from((0.5 * (low + high)) as Scalar) };
        if cylinder {
            let [inside, outside] = [low, high].map(|r| Travel::between(middle, r));
            return Self::Cylinder { radius: middle, inside, outside };
        }
        let [x, y, _] = placement.translation;
        let coaxial = libm::hypot(x, y) < 1.0e-3 && placement.axes[2][2].abs() > 1.0 - 1.0e-9;
        Self::Plane { frame, placement: *placement, height: middle, coaxial }
    }

    /// Where the reference surface is: the radius of a cylinder, the height of a plane in the volume's frame, in mm.
    pub(super) fn reference(&self) -> f64 {
        match self {
            Self::Cylinder { radius, .. } => *radius,
            Self::Plane { height, .. } => *height,
        }
    }

    /// The crossings of the helices that meet one of these points, which are those of one sensor.
    pub(super) fn patch(&self, points: &[[f64; 3]]) -> Patch {
        let mut span = Span::new();
        match self {
            Self::Cylinder { radius, inside, outside } => {
                let centre = mean_azimuth(points);
                for point in points {
                    let r = libm::hypot(point[0], point[1]);
                    let travel = if r < *radius { inside } else { outside };
                    span.add_on_cylinder(point, r, *radius, travel, centre);
                }
            }
            Self::Plane { frame, placement, height: plane, coaxial } => {
                let mut local: Vec<_> = points.iter().map(|p| to_local(placement, p)).collect();
                local.iter_mut().for_each(|p| p[2] -= plane);
                if *frame != GridFrame::DISC {
                    for &[x, y, height] in &local {
                        let reach = reach_in_plane(height.abs()) + PAD;
                        span.add([x - reach, y - reach], [x + reach, y + reach]);
                    }
                    return span.patch;
                }
                let centre = mean_azimuth(&local);
                let normal = placement.axes[2][2];
                let axis = coaxial.then(|| (placement.translation[2] + normal * plane, normal));
                for point in &local {
                    span.add_on_disc(point, axis, centre);
                }
            }
        }
        span.patch
    }
}

/// A patch that grows.
struct Span {
    patch: Patch,
}

impl Span {
    fn new() -> Self {
        Self { patch: Patch { low: [f64::MAX; 2], high: [f64::MIN; 2] } }
    }

    fn add(&mut self, low: [f64; 2], high: [f64; 2]) {
        for axis in 0..2 {
            self.patch.low[axis] = self.patch.low[axis].min(low[axis]);
            self.patch.high[axis] = self.patch.high[axis].max(high[axis]);
        }
    }

    /// Azimuths from `centre`: a sensor that reaches around the axis has all of them.
    fn azimuth(point: &[f64; 3], centre: f64, change: f64) -> [f64; 2] {
        let from_centre = wrap(libm::atan2(point[1], point[0]) - centre);
        if from_centre.abs() > FRAC_PI_2 || change > FRAC_PI_2 {
            return [centre - PI, centre + PI];
        }
        [centre + from_centre - change, centre + from_centre + change]
    }

    fn add_on_cylinder(
        &mut self,
        point: &[f64; 3],
        r: f64,
        radius: f64,
        travel: &Travel,
        centre: f64,
    ) {
        let off = (r - radius).abs();
        let [low, high] = Self::azimuth(point, centre, travel.azimuth * off + PAD / radius);
        // The slope dz over path across the field, from the path since the closest approach.
        let path = (r.min(radius) - MAX_D0).max(1.0);
        let z = point[2];
        let rise = |slope: f64| (slope.max(0.0) * travel.arc).min(travel.along) * off + PAD;
        let (rise, fall) = (rise((z + MAX_Z0) / path), rise((MAX_Z0 - z) / path));
        let (below, above) = if r > radius { (rise, fall) } else { (fall, rise) };
        self.add([low, z - below], [high, z + above]);
    }

    /// `axis` is the plane's z and the z component of its normal, if it is perpendicular to the z axis and centred.
    fn add_on_disc(&mut self, point: &[f64; 3], axis: Option<(f64, f64)>, centre: f64) {
        let (r, height) = (libm::hypot(point[0], point[1]), point[2]);
        let mut path = reach_in_plane(height.abs());
        let (mut inward, mut outward, mut sine) = (path, path, 1.0);
        if let Some((z, normal)) = axis {
            // The angle to the z axis is conserved.
            path = height.abs() * MAX_TAN;
            if z.abs() > MAX_Z0 {
                let steepest = FRAC_PI_2 * (r + path + MAX_D0) / (z.abs() - MAX_Z0);
                path = path.min(height.abs() * steepest);
            }
            // On the way out r grows with the distance from the origin.
            let beyond = height * normal * z;
            (inward, outward) = (path, path);
            if z.abs() > MAX_Z0 && beyond > 0.0 {
                outward = 0.0;
            } else if z.abs() > MAX_Z0 {
                inward = 0.0;
            }
            let circle = MIN_RADIUS.max(0.5 * (r - path - MAX_D0));
            let to_radial = |r: f64| r / (2.0 * circle) + MAX_D0 / r.max(1.0);
            sine = to_radial(r + path).max(to_radial(r - path)) + path / (2.0 * circle);
        }
        let change = if r - path > PAD {
            libm::atan2(path * sine.min(1.0), r - path) + PAD / (r - path)
        } else {
            PI
        };
        let [low, high] = Self::azimuth(point, centre, change);
        self.add([r - inward - PAD, low], [r + outward + PAD, high]);
    }
}

impl Travel {
    /// By trying out helices that cross the cylinder and reach a radius between it and `extreme`.
    fn between(radius: f64, extreme: f64) -> Self {
        const FRACTIONS: [f64; 4] = [0.25, 0.5, 0.75, 1.0];
        const CURVATURES: u32 = 32;
        /// Covers what lies between the helices tried.
        const SLACK: f64 = 1.05;
        let mut most = Self::default();
        let off = (extreme - radius).abs();
        if radius <= MAX_D0 {
            // Crossed from any direction.
            return Self { azimuth: PI, arc: MAX_TAN, along: MAX_TAN };
        }
        if off < 1.0e-6 {
            return most;
        }
        for fraction in FRACTIONS {
            let r = radius + (extreme - radius) * fraction;
            let strongest = 1.0 / MIN_RADIUS.max(0.5 * (radius.max(r) - MAX_D0));
            for step in 0..=CURVATURES {
                let curvature = strongest * f64::from(step) / f64::from(CURVATURES);
                let circle = 1.0 / curvature.max(1.0e-5);
                // Sine of the angle to the radial direction at the largest and smallest d0.
                let sine = |centre: f64| {
                    (radius * radius + circle * circle - centre * centre) / (2.0 * radius * circle)
                };
                let limit = (1.0 - MIN_COS * MIN_COS).sqrt();
                let [high, low] =
                    [-MAX_D0, MAX_D0].map(|d0| sine(circle + d0).clamp(-limit, limit));
                for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
                    let sine = low + (high - low) * part;
                    most.include(sine, circle, radius, r, SLACK / (off * fraction));
                }
            }
        }
        most
    }

    /// The helix of radius `circle` that crosses the cylinder at this angle, on its way to or from the radius `r`.
    fn include(&mut self, sine: f64, circle: f64, radius: f64, r: f64, per_mm: f64) {
        let centre = (radius * radius + circle * circle - 2.0 * radius * circle * sine).sqrt();
        if (centre - circle).abs() > MAX_D0 + 1.0e-6 {
            return;
        }
        // Azimuth from the centre of the circle as seen from the axis, and the turn as seen from the centre.
        let azimuth = |x: f64| (x * x + centre * centre - circle * circle) / (2.0 * x * centre);
        let turn = |x: f64| (centre * centre + circle * circle - x * x) / (2.0 * centre * circle);
        if azimuth(r).abs() > 1.0 || turn(r).abs() > 1.0 {
            return;
        }
        let change = (libm::acos(azimuth(r)) - libm::acos(azimuth(radius))).abs();
        let arc = circle * (libm::acos(turn(r)) - libm::acos(turn(radius))).abs();
        // The angle to the normal has the cosine cos(psi) sin(theta).
        let steepest = ((1.0 - sine * sine) / (MIN_COS * MIN_COS) - 1.0).max(0.0).sqrt();
        self.azimuth = self.azimuth.max(change * per_mm);
        self.arc = self.arc.max(arc * per_mm);
        self.along = self.along.max(arc * steepest * per_mm);
    }
}

/// How far from its crossing of a plane a helix can be at this height, whatever the direction of the field.
fn reach_in_plane(height: f64) -> f64 {
    // On the circle of the smallest radius, at up to 75 degrees, until it is parallel to the plane.
    let sine = |cosine: f64| (1.0 - cosine * cosine).max(0.0).sqrt();
    let start = sine(MIN_COS).min(1.0 - height / MIN_RADIUS);
    if start < 0.0 {
        return MIN_RADIUS.max(height * MAX_TAN);
    }
    let end = (start + height / MIN_RADIUS).min(1.0);
    (MIN_RADIUS * (sine(start) - sine(end))).max(height * MAX_TAN)
}

fn to_local(placement: &Placement, point: &[f64; 3]) -> [f64; 3] {
    let from = |i: usize| point[i] - placement.translation[i];
    placement.axes.map(|axis| axis[0] * from(0) + axis[1] * from(1) + axis[2] * from(2))
}

fn mean_azimuth(points: &[[f64; 3]]) -> f64 {
    let sum = |i: usize| points.iter().map(|p| p[i]).sum::<f64>();
    libm::atan2(sum(1), sum(0))
}

fn wrap(angle: f64) -> f64 {
    angle - 2.0 * PI * (angle / (2.0 * PI)).round()
}
