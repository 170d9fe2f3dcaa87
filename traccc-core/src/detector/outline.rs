//! Points all over a mask.

use super::model::{Placement, SurfaceModel};
use super::{Shape, model::MaskModel};
use std::f64::consts::TAU;

/// Points on each side of the middle of a mask, on both axes.
const HALF: i32 = 2;
/// Points around a ring or tube.
const AROUND: i32 = 16;

/// Global points that span all masks of a surface, each grown by `tolerance` mm: the corners, and some between.
pub(super) fn outline(surface: &SurfaceModel, tolerance: f64) -> Vec<[f64; 3]> {
    let place = |p: [f64; 3]| to_global(&surface.placement, p);
    let of_mask = |mask: &MaskModel| local_points(surface.shape, &mask.bounds, tolerance);
    surface.masks.iter().flat_map(of_mask).map(place).collect()
}

/// Points of a mask in the surface's Cartesian frame.
fn local_points(shape: Shape, b: &[f64], t: f64) -> Vec<[f64; 3]> {
    let unit = || (-HALF..=HALF).map(|i| f64::from(i) / f64::from(HALF));
    let pairs = || unit().flat_map(|v| unit().map(move |u| (u, v)));
    let circle = |radius: f64, z: f64| {
        // A polygon around the circle, not within it.
        let radius = radius / libm::cos(0.5 * TAU / f64::from(AROUND));
        (0..AROUND).map(move |i| {
            let (sin, cos) = libm::sincos(TAU * f64::from(i) / f64::from(AROUND));
            [radius * cos, radius * sin, z]
        })
    };
    match shape {
        Shape::Rectangle => pairs().map(|(u, v)| [u * (b[0] + t), v * (b[1] + t), 0.0]).collect(),
        Shape::Trapezoid => pairs()
            .map(|(u, v)| {
                let y = v * (b[2] + t);
                let half_x = b[0] + (b[2] + y) * b[3] * (b[1] - b[0]);
                [u * (half_x + t), y, 0.0]
            })
            .collect(),
        Shape::Annulus => pairs().map(|(u, v)| annulus_point(b, t, u, v)).collect(),
        Shape::Ring => circle(b[1] + t, 0.0).chain(circle((b[0] - t).max(0.0), 0.0)).collect(),
        // Tubes.
        Shape::Cylinder | Shape::ConcentricCylinder => unit()
            .flat_map(|v| {
                let z = 0.5 * (b[1] + b[2]) + v * (0.5 * (b[2] - b[1]) + t);
                circle(b[0], z)
            })
            .collect(),
    }
}

/// A point of an annulus from its coordinates between -1 and 1: the angle about the focus and the radius about the beam.
fn annulus_point(b: &[f64], t: f64, u: f64, v: f64) -> [f64; 3] {
    let beam = [b[5], b[6]];
    let radius = (0.5 * (b[0] + b[1]) + v * (0.5 * (b[1] - b[0]) + t)).max(0.0);
    let from_focus = |angle: f64| {
        let (sin, cos) = libm::sincos(angle);
        let along = cos * beam[0] + sin * beam[1];
        let off2 = beam[0] * beam[0] + beam[1] * beam[1] - along * along;
        (along + (radius * radius - off2).max(0.0).sqrt()).max(0.0)
    };
    let middle = 0.5 * (b[2] + b[3]);
    let edge = middle + u * 0.5 * (b[3] - b[2]);
    let angle = edge + u * t / from_focus(edge).max(t);
    let focal = from_focus(angle);
    let (sin, cos) = libm::sincos(angle + b[4]);
    [focal * cos, focal * sin, 0.0]
}

fn to_global(placement: &Placement, [x, y, z]: [f64; 3]) -> [f64; 3] {
    let axes = &placement.axes;
    std::array::from_fn(|i| {
        placement.translation[i] + axes[0][i] * x + axes[1][i] * y + axes[2][i] * z
    })
}
