use crate::Scalar;
use crate::index::SurfaceIndex;
use crate::math::{Symmetric5, sin_cos};

/// Track parameters bound to a surface, with their covariance.
///
/// Time is carried along: nothing measures it and no stage correlates it with the other parameters, so it has a
/// variance of its own instead of a row of the matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct BoundParameters {
    /// (loc0, loc1, phi, theta, q/p): local position in mm (rad for polar angles), azimuth in \[-pi, pi) and polar
    /// angle in (0, pi) of the global direction in rad, charge over momentum in e/GeV.
    pub vector: [Scalar; 5],
    /// Time as c·t, in mm.
    pub time: Scalar,
    /// Covariance of `vector`.
    pub covariance: Symmetric5,
    /// Variance of `time`, in mm².
    pub time_variance: Scalar,
    /// The surface whose frame (loc0, loc1) refer to.
    pub surface: SurfaceIndex,
}
#[cfg(not(traccc_f64))]
const _: () = assert!(size_of::<BoundParameters>() == 92);

impl BoundParameters {
    /// Azimuth of the direction, in rad.
    #[inline]
    pub fn phi(&self) -> Scalar {
        self.vector[2]
    }

    /// Polar angle of the direction, in rad.
    #[inline]
    pub fn theta(&self) -> Scalar {
        self.vector[3]
    }

    /// Charge over momentum, in e/GeV.
    #[inline]
    pub fn q_over_p(&self) -> Scalar {
        self.vector[4]
    }

    /// Transverse momentum of a particle of unit charge, in GeV.
    pub fn transverse_momentum(&self) -> Scalar {
        (sin_cos(self.theta()).0 / self.q_over_p()).abs()
    }
}
