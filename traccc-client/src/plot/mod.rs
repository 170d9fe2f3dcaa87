//! Drawings as SVG files.

mod load;
mod tracks;

pub use load::{LoadPoint, plot_load};
pub use tracks::plot_tracks;

use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea, SVGBackend, WHITE};
use std::path::{Path, PathBuf};

/// Why there is no drawing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// A file that cannot be written.
    #[error("`{}` cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Numbers that cannot be drawn.
    #[error("`{}` cannot be drawn: {reason}", path.display())]
    Draw {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Draws and writes a file.
fn write(
    path: &Path,
    size: (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Drawn,
) -> Result<(), PlotError> {
    let mut text = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        let filled = area.fill(&WHITE).map_err(Into::into);
        filled.and_then(|()| draw(&area)).and_then(|()| area.present().map_err(Into::into))
    };
    drawn.map_err(|error| PlotError::Draw { path: path.to_owned(), reason: error.to_string() })?;
    std::fs::write(path, text).map_err(|source| PlotError::Write { path: path.to_owned(), source })
}

/// A number beside an axis of this width: as many digits as tell it from its neighbours, and no zeros at their end.
fn tick(value: f64, width: f64) -> String {
    let digits = (2.0 - width.log10().floor()).clamp(0.0, 12.0) as usize;
    let text = format!("{value:.digits$}");
    let short = if digits > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::tick;

    #[test]
    fn numbers_at_an_axis_are_short_and_differ() {
        assert_eq!(
            [tick(300.0, 330.0), tick(-0.0, 1.0), tick(0.1 + 0.2, 2.0)],
            ["300", "0", "0.3"]
        );
        assert_eq!([tick(20_000.0, 1.0e5), tick(2.5e-4, 1.0e-3)], ["20000", "0.00025"]);
    }
}
