use crate::Scalar;
use crate::math::{Vector3, asin, cross, dot, norm};

/// A helix through three points, at the first of them.
///
/// Members are NaN or infinite when the points do not determine it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Helix {
    /// Unit vector of flight at the first point.
    pub direction: Vector3,
    /// Inverse radius of the circle across the field, in 1/mm: positive when a positive charge flies it.
    pub curvature: Scalar,
    /// Sine of the angle between the direction and the field.
    pub sine_to_field: Scalar,
}

impl Helix {
    /// The helix from `bottom` through `middle` to `top`, in mm, about the unit vector `axis` of the field.
    ///
    /// The circle comes from the points' cross product (four times the triangle's area over the product of its sides),
    /// which stays exact for straight tracks, where the conformal mapping divides by the vanishing offset of a line.
    #[inline]
    pub(super) fn through(bottom: Vector3, middle: Vector3, top: Vector3, axis: Vector3) -> Self {
        let to_middle = middle - bottom;
        let to_top = top - bottom;
        // Right-handed frame: x along the first chord across the field, z along the field.
        let across = cross(&axis, &to_middle);
        let chord = norm(&across);
        let y_axis = across / chord;
        let x_axis = cross(&y_axis, &axis);
        let top_y = dot(&y_axis, &to_top);
        let top_z = dot(&axis, &to_top);

        let reach = norm(&cross(&axis, &to_top));
        // From the points, not from their frame: two points at one place must give exactly 0.
        let last_chord = norm(&cross(&axis, &(top - middle)));
        let curvature = -2.0 * top_y / (reach * last_chord);
        // The tangent leaves the chord by half the angle of the arc, towards the outside of the bend.
        let sine = (0.5 * chord * curvature).clamp(-1.0, 1.0);
        let cosine = (1.0 - sine * sine).sqrt();
        let slope = top_z / (reach * arc_over_chord(0.5 * reach * curvature));

        let length = (1.0 + slope * slope).sqrt();
        let direction = (x_axis * cosine + y_axis * sine + axis * slope) / length;
        Self { direction, curvature, sine_to_field: 1.0 / length }
    }
}

/// Length of an arc over that of its chord, from the sine of half the angle of the arc.
#[inline]
fn arc_over_chord(sine: Scalar) -> Scalar {
    let sine = sine.abs().min(1.0);
    if sine < 1e-2 { 1.0 + sine * sine / 6.0 } else { asin(sine) / sine }
}
