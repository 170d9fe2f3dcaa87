//! Points all over a mask.

use super::model::{MaskModel, Placement, SurfaceModel};
use std::f64::consts::TAU;

/// Points on each side of the middle of a mask, on both axes.
const HALF: i32 = 2;
/// Points around a ring or tube.
const AROUND: i32 = 16;

/// Global points that span all masks of a surface, each grown by `tolerance` mm: the corners, and some between.
pub(super) fn outline(surface: &SurfaceModel, tolerance: f64) -> Vec<[f64; 3]> {
    let place = |p: [f64; 3]| to_global(&surface.placement, p);
    let of_mask = |mask: &MaskModel| surface.shape.outline(&mask.bounds, tolerance);
    surface.masks.iter().flat_map(of_mask).map(place).collect()
}

/// Numbers from -1 to 1.
pub(super) fn unit() -> impl Iterator<Item = f64> {
    (-HALF..=HALF).map(|i| f64::from(i) / f64::from(HALF))
}

/// Pairs of numbers from -1 to 1.
pub(super) fn pairs() -> impl Iterator<Item = (f64, f64)> {
    unit().flat_map(|v| unit().map(move |u| (u, v)))
}

/// Points around a circle about the z axis: a polygon around it, not within it.
pub(super) fn circle(radius: f64, z: f64) -> impl Iterator<Item = [f64; 3]> {
    let radius = radius / libm::cos(0.5 * TAU / f64::from(AROUND));
    (0..AROUND).map(move |i| {
        let (sin, cos) = libm::sincos(TAU * f64::from(i) / f64::from(AROUND));
        [radius * cos, radius * sin, z]
    })
}

fn to_global(placement: &Placement, [x, y, z]: [f64; 3]) -> [f64; 3] {
    let axes = &placement.axes;
    std::array::from_fn(|i| {
        placement.translation[i] + axes[0][i] * x + axes[1][i] * y + axes[2][i] * z
    })
}
