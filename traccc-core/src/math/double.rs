//! The functions of [`super::elementary`] in double precision, for numerical studies: the standard library's.
#![expect(clippy::disallowed_methods, reason = "studies compare numbers, not bits")]

/// Sine and cosine of an angle in rad.
pub fn sin_cos(x: f64) -> (f64, f64) {
    x.sin_cos()
}

/// The angle of the point (x, y) from the x axis, in rad.
pub fn atan2(y: f64, x: f64) -> f64 {
    y.atan2(x)
}

/// The angle of which `x` is the sine, in rad.
pub fn asin(x: f64) -> f64 {
    x.asin()
}

/// The natural logarithm.
pub fn ln(x: f64) -> f64 {
    x.ln()
}
