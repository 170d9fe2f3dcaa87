use super::{Vector3, sin_cos};
use crate::{Scalar, consts};

/// The azimuth in \[-pi, pi) of the same direction, in rad.
#[inline]
pub fn wrap_phi(phi: Scalar) -> Scalar {
    if (-consts::PI..consts::PI).contains(&phi) {
        return phi;
    }
    let turns = ((phi + consts::PI) / (2.0 * consts::PI)).floor();
    let wrapped = phi - turns * 2.0 * consts::PI;
    // Rounding can leave the value on or just beyond an end.
    if wrapped >= consts::PI { -consts::PI } else { wrapped.max(-consts::PI) }
}

/// The length of a vector in the plane.
///
/// Unlike `hypot` without care for overflow: coordinates are far from it, and it is on every path of the propagation.
#[inline]
pub fn perp(x: Scalar, y: Scalar) -> Scalar {
    (x * x + y * y).sqrt()
}

/// The unit vector of azimuth `phi` and polar angle `theta`, both in rad.
#[inline]
pub fn direction(phi: Scalar, theta: Scalar) -> Vector3 {
    let (sin_phi, cos_phi) = sin_cos(phi);
    let (sin_theta, cos_theta) = sin_cos(theta);
    Vector3::new(cos_phi * sin_theta, sin_phi * sin_theta, cos_theta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn wrapping_keeps_the_direction_and_lands_in_the_interval(phi in -50.0_f32..50.0) {
            let phi = Scalar::from(phi);
            let wrapped = wrap_phi(phi);
            prop_assert!((-consts::PI..consts::PI).contains(&wrapped));
            prop_assert!((wrapped.sin() - phi.sin()).abs() < 2e-5 && (wrapped.cos() - phi.cos()).abs() < 2e-5);
        }
    }
}
