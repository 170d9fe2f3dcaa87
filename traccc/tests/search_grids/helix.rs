//! The helices that search grids are complete for, in closed form.

use traccc::detector::{Grid, GridFrame, Surface, Volume};
use traccc::math::Vector3;

/// Of the field along z, in T.
pub(crate) const TESLA: f64 = 2.0;

/// A helix about an axis along z, from its point of closest approach to the z axis.
pub(crate) struct Helix {
    start: [f64; 3],
    phi: f64,
    /// Change of the azimuth of the direction per path across the field, in 1/mm.
    turn: f64,
    pub(crate) cot_theta: f64,
    pub(crate) q_over_p: f64,
}

impl Helix {
    /// From numbers between 0 and 1, over all that the grids promise: pT from 0.15 GeV on, |d0| up to 20 mm, |z0| up to
    /// 300 mm.
    pub(crate) fn of_class(u: [f64; 6]) -> Self {
        let pt = 0.15 * (100.0_f64).powf(u[0] * u[0]);
        let charge = if u[1] < 0.5 { -1.0 } else { 1.0 };
        let phi = std::f64::consts::TAU * u[2] - std::f64::consts::PI;
        let d0 = 40.0 * u[3] - 20.0;
        let cot_theta = (8.0 * u[4] - 4.0).sinh();
        let (sin, cos) = phi.sin_cos();
        Self {
            start: [-d0 * sin, d0 * cos, 600.0 * u[5] - 300.0],
            phi,
            turn: -charge / pt * 0.000_299_792_458 * TESLA,
            cot_theta,
            q_over_p: charge / (pt * (1.0 + cot_theta * cot_theta).sqrt()),
        }
    }

    /// Path across the field to the farthest point from the axis.
    pub(crate) fn way_out(&self) -> f64 {
        std::f64::consts::PI / self.turn.abs()
    }

    /// Position and direction after a path across the field.
    pub(crate) fn at(&self, path: f64) -> ([f64; 3], [f64; 3]) {
        let phi = self.phi + self.turn * path;
        let (sin, cos) = phi.sin_cos();
        // The chord, without the cancellation of a difference of sines.
        let half = 0.5 * self.turn * path;
        let chord = if half == 0.0 { path } else { path * half.sin() / half };
        let (sin_middle, cos_middle) = (self.phi + half).sin_cos();
        let [x, y, z] = self.start;
        let slope = (1.0 + self.cot_theta * self.cot_theta).sqrt();
        (
            [x + chord * cos_middle, y + chord * sin_middle, z + self.cot_theta * path],
            [cos / slope, sin / slope, self.cot_theta / slope],
        )
    }

    /// The path at which `f` of the position changes sign between two paths where it does.
    pub(crate) fn root(&self, mut low: f64, mut high: f64, f: impl Fn([f64; 3]) -> f64) -> f64 {
        let below = f(self.at(low).0) < 0.0;
        while high - low > 1.0e-7 {
            let middle = 0.5 * (low + high);
            if (f(self.at(middle).0) < 0.0) == below { low = middle } else { high = middle }
        }
        low
    }

    /// Where, on its way out, the helix crosses the reference surface of a grid at up to 75 degrees from the normal.
    pub(crate) fn crossing(&self, grid: &Grid, volume: &Volume) -> Option<f64> {
        let end = self.way_out();
        let cylinder = grid.frame == GridFrame::CYLINDER;
        let reference = if cylinder {
            f64::from(grid.reference)
        } else {
            f64::from(volume.translation[2] + volume.axes[2][2] * grid.reference)
        };
        let off = |[x, y, z]: [f64; 3]| if cylinder { x.hypot(y) } else { z } - reference;
        let cosine = |path: f64| {
            let ([x, y, _], [u, v, w]) = self.at(path);
            if cylinder { (x * u + y * v) / x.hypot(y) } else { w }
        };
        if (off(self.at(0.0).0) < 0.0) == (off(self.at(end).0) < 0.0) {
            return None;
        }
        let path = self.root(0.0, end, off);
        // 75 degrees, less the rounding of this computation.
        (cosine(path).abs() > 0.2589).then_some(path)
    }

    /// Where, on its way out, the helix crosses the plane of a surface within `reach` of `path`.
    pub(crate) fn planes(&self, surface: &Surface, path: f64, reach: f64) -> Vec<f64> {
        const STEPS: u32 = 16;
        let (origin, normal) = (surface.translation.map(f64::from), surface.axes[2].map(f64::from));
        let height = |p: [f64; 3]| (0..3).map(|i| normal[i] * (p[i] - origin[i])).sum::<f64>();
        let (from, to) = ((path - reach).max(0.0), (path + reach).min(self.way_out()));
        let at = |step: u32| from + (to - from) * f64::from(step) / f64::from(STEPS);
        let crosses = |step: &u32| {
            (height(self.at(at(*step)).0) < 0.0) != (height(self.at(at(*step + 1)).0) < 0.0)
        };
        (0..STEPS).filter(crosses).map(|s| self.root(at(s), at(s + 1), height)).collect()
    }
}

/// Coordinates of a position in a surface's Cartesian frame; double precision until the end.
pub(crate) fn local(surface: &Surface, position: [f64; 3]) -> Vector3 {
    let from = |i: usize| position[i] - f64::from(surface.translation[i]);
    let along = |a: usize| (0..3).map(|i| f64::from(surface.axes[a][i]) * from(i)).sum::<f64>();
    Vector3::new(along(0) as f32, along(1) as f32, along(2) as f32)
}
