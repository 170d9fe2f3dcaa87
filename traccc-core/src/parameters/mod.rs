//! Seeds to first track parameters: a helix through the three space points of each seed.

mod config;
mod helix;

use crate::detector::Detector;
use crate::event::{BoundParameters, Measurements, Seed, Spacepoints};
use crate::field::MagneticField;
use crate::index::{SpacepointIndex, SurfaceIndex};
use crate::math::{Symmetric5, Vector3, atan2, norm, perp, sin_cos, wrap_phi};
use crate::{Scalar, consts, units};
use helix::Helix;
use rayon::prelude::*;

pub use config::{ParametersConfig, ParametersCuts};

/// Seeds that one task handles, at least.
const SEEDS_PER_TASK: usize = 1024;

/// Estimates the parameters of each seed at its bottom space point, in the order of the seeds.
///
/// They lie on the sensor of the bottom point's first measurement. The coordinates that it measures are taken over digit for
/// digit; one that it leaves open (of a strip) is that of the space point. Direction and curvature are those of the
/// circle through the three points, seen along the field; the slope along the field is that from bottom to top.
/// The covariance is diagonal and follows from the settings alone.
///
/// A seed is left out when its points determine no helix of finite momentum: two of them coincide across the field, all
/// three lie on a straight line, the track runs along z, or there is no field. The azimuth lies in \[-pi, pi).
///
/// # Panics
/// If a seed names a space point, a space point a measurement, or a measurement a surface that does not exist.
pub fn estimate_parameters(
    measurements: &Measurements,
    spacepoints: &Spacepoints,
    seeds: &[Seed],
    detector: &Detector,
    field: &MagneticField,
    cuts: &ParametersCuts,
) -> Vec<BoundParameters> {
    seeds
        .par_iter()
        .with_min_len(SEEDS_PER_TASK)
        .filter_map(|seed| estimate(measurements, spacepoints, seed, detector, field, cuts))
        .collect()
}

fn estimate(
    measurements: &Measurements,
    spacepoints: &Spacepoints,
    seed: &Seed,
    detector: &Detector,
    field: &MagneticField,
    cuts: &ParametersCuts,
) -> Option<BoundParameters> {
    let position = |row: SpacepointIndex| {
        let row = row.get();
        Vector3::new(spacepoints.x[row], spacepoints.y[row], spacepoints.z[row])
    };
    let bottom = position(seed.bottom);
    let field = if cuts.field_is_constant == 0 {
        field.at(&bottom)
    } else {
        Vector3::new(0.0, 0.0, cuts.field)
    };
    let strength = norm(&field);
    let helix = Helix::through(bottom, position(seed.middle), position(seed.top), field / strength);

    let direction = helix.direction;
    let transverse = perp(direction.x, direction.y);
    let phi = wrap_phi(atan2(direction.y, direction.x));
    let theta = atan2(transverse, direction.z);
    let q_over_p = helix.curvature / (strength * units::CURVATURE_PER_TESLA) * helix.sine_to_field;
    // Degenerate points give NaN, a straight line q/p = 0, a track along z one of the poles.
    let usable = phi.is_finite() && q_over_p.is_finite() && q_over_p != 0.0;
    if !(usable && theta > 0.0 && theta < consts::PI) {
        return None;
    }
    let first = spacepoints.measurements[seed.bottom.get()][0].get();
    let (surface, [loc0, loc1]) = start(measurements, first, detector, &bottom);
    let (covariance, time_variance) = uncertainty(theta, q_over_p, cuts);
    Some(BoundParameters {
        vector: [loc0, loc1, phi, theta, q_over_p],
        time: 0.0,
        covariance,
        time_variance,
        surface,
    })
}

/// The sensor of a measurement and the local coordinates of a space point of it.
fn start(
    measurements: &Measurements,
    measurement: usize,
    detector: &Detector,
    point: &Vector3,
) -> (SurfaceIndex, [Scalar; 2]) {
    let (surface, mut local) = (measurements.surface[measurement], measurements.local[measurement]);
    let subspace = measurements.subspace[measurement];
    if subspace.dimensions() < 2 {
        let of_point = detector.surfaces[surface.get()].to_local(point);
        for axis in (0..2).filter(|&axis| !subspace.measures(axis)) {
            local[axis] = of_point[axis];
        }
    }
    (surface, local)
}

/// The diagonal covariance and the variance of the time.
fn uncertainty(theta: Scalar, q_over_p: Scalar, cuts: &ParametersCuts) -> (Symmetric5, Scalar) {
    let square = |v: Scalar| v * v;
    let inflation = &cuts.inflation;
    let theta_variance = square(cuts.sigma_theta) * inflation[3];
    let (sin_theta, cos_theta) = sin_cos(theta);
    // q/p = sin(theta) q/pT: the errors of q/pT, of pT and of theta add up.
    let curvature_variance = square(cuts.sigma_q_over_p)
        + square(cuts.sigma_q_over_pt * sin_theta)
        + square(cuts.sigma_pt_relative * q_over_p)
        + theta_variance * square(q_over_p * cos_theta / sin_theta);
    let covariance = Symmetric5::from_diagonal([
        square(cuts.sigma_loc[0]) * inflation[0],
        square(cuts.sigma_loc[1]) * inflation[1],
        square(cuts.sigma_phi) * inflation[2],
        theta_variance,
        curvature_variance * inflation[4],
    ]);
    (covariance, square(cuts.sigma_time) * inflation[5])
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "copied and exactly computed values")]
mod tests;
