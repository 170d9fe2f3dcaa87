use super::{Area, Drawn, PlotError, write};
use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::{
    BLACK, BLUE, ChartBuilder, IntoLogRange, IntoTextStyle, LabelAreaPosition, PathElement, Ranged,
    Text,
};
use std::f32::consts::TAU;
use std::path::{Path, PathBuf};
use traccc_protocol::ServedTrack;

/// Number of bins of a histogram.
const BINS: usize = 50;

/// A quantity of tracks.
struct Quantity {
    file: &'static str,
    label: &'static str,
    logarithmic: bool,
    of: fn(&ServedTrack) -> f32,
}

const QUANTITIES: [Quantity; 7] = [
    Quantity { file: "chi2", label: "chi2", logarithmic: true, of: |track| track.chi2 },
    Quantity {
        file: "ndf",
        label: "degrees of freedom",
        logarithmic: false,
        of: |track| track.ndf,
    },
    Quantity { file: "loc0", label: "loc0 [mm]", logarithmic: false, of: |t| t.parameters[0] },
    Quantity { file: "loc1", label: "loc1 [mm]", logarithmic: false, of: |t| t.parameters[1] },
    Quantity { file: "phi", label: "phi [rad]", logarithmic: false, of: |t| t.parameters[2] },
    Quantity { file: "theta", label: "theta [rad]", logarithmic: false, of: |t| t.parameters[3] },
    Quantity {
        file: "q_over_p",
        label: "q/p [e/GeV]",
        logarithmic: false,
        of: |t| t.parameters[4],
    },
];

/// Draws the distributions of chi2, degrees of freedom, loc0, loc1, phi, theta and q/p, each as an SVG file in `directory`,
/// which is made if need be. Gives the files.
///
/// As in upstream's client only tracks with sane parameters count: angles up to 2 pi, positions within 1 m, and none of the
/// five exactly 0.
///
/// # Errors
/// [`PlotError`], with the file.
pub fn plot_tracks(directory: &Path, tracks: &[ServedTrack]) -> Result<Vec<PathBuf>, PlotError> {
    std::fs::create_dir_all(directory)
        .map_err(|source| PlotError::Write { path: directory.to_owned(), source })?;
    let sane: Vec<&ServedTrack> = tracks.iter().filter(|track| is_sane(track)).collect();
    let draw = |quantity: &Quantity| {
        let values: Vec<f64> = sane.iter().map(|track| f64::from((quantity.of)(track))).collect();
        let path = directory.join(format!("{}.svg", quantity.file));
        let histogram = Histogram::new(&values);
        write(&path, (640, 480), |area| histogram.draw(area, quantity))?;
        Ok(path)
    };
    QUANTITIES.iter().map(draw).collect()
}

fn is_sane(track: &ServedTrack) -> bool {
    let [loc0, loc1, phi, theta, _] = track.parameters;
    let finite = [track.chi2, track.ndf].iter().chain(&track.parameters).all(|v| v.is_finite());
    finite
        && theta.abs() <= TAU
        && phi.abs() <= TAU
        && loc0.abs() < 1000.0
        && loc1.abs() < 1000.0
        && track.parameters.iter().all(|value| value.abs() > 0.0)
}

/// Counts in bins of equal width from the least to the largest value.
#[derive(Debug, PartialEq)]
struct Histogram {
    low: f64,
    high: f64,
    counts: Vec<u32>,
}

impl Histogram {
    fn new(values: &[f64]) -> Self {
        let mut low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let mut high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut counts = vec![0; BINS];
        if values.is_empty() {
            return Self { low: 0.0, high: 1.0, counts };
        }
        // A width that numbers of this size can have.
        let least = 1.0e-6 * low.abs().max(high.abs()).max(1.0e-3);
        if high - low < least {
            let middle = 0.5 * (low + high);
            (low, high) = (middle - 0.5 * least, middle + 0.5 * least);
        }
        for value in values {
            let bin = (value - low) / (high - low) * BINS as f64;
            counts[(bin as usize).min(BINS - 1)] += 1;
        }
        Self { low, high, counts }
    }

    fn draw(&self, area: &Area<'_>, quantity: &Quantity) -> Drawn {
        let total: u32 = self.counts.iter().sum();
        let highest = f64::from(self.counts.iter().copied().max().unwrap_or(0).max(1));
        let caption = if total == 0 { "no tracks".to_owned() } else { format!("{total} tracks") };
        if quantity.logarithmic {
            let counts = (0.5..2.0 * highest).log_scale();
            self.draw_with(area, quantity.label, &caption, counts)
        } else {
            self.draw_with(area, quantity.label, &caption, 0.0..1.1 * highest)
        }
    }

    fn draw_with<Y>(&self, area: &Area<'_>, label: &str, caption: &str, y: Y) -> Drawn
    where
        Y: plotters::coord::ranged1d::AsRangedCoord<Value = f64>,
        Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .set_label_area_size(LabelAreaPosition::Left, 60)
            .set_label_area_size(LabelAreaPosition::Bottom, 44)
            .build_cartesian_2d(self.low..self.high, y)?;
        chart.configure_mesh().disable_mesh().x_desc(label).y_desc("tracks").draw()?;
        chart.draw_series([PathElement::new(self.outline(), BLUE)])?;
        area.draw(&Text::new(
            caption.to_owned(),
            (540, 16),
            ("sans-serif", 14).into_text_style(area).color(&BLACK),
        ))?;
        Ok(())
    }

    /// The steps from the left end to the right one.
    fn outline(&self) -> Vec<(f64, f64)> {
        let edge = |i: usize| self.low + (self.high - self.low) * i as f64 / BINS as f64;
        let bins = self.counts.iter().enumerate();
        let tops = bins.flat_map(|(i, &n)| [(edge(i), f64::from(n)), (edge(i + 1), f64::from(n))]);
        [(self.low, 0.0)].into_iter().chain(tops).chain([(self.high, 0.0)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(parameters: [f32; 5], chi2: f32) -> ServedTrack {
        ServedTrack { parameters, chi2, ndf: 12.0, ..ServedTrack::default() }
    }

    fn drawn(tracks: &[ServedTrack]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let files = plot_tracks(&folder.path().join("new"), tracks).unwrap();
        assert_eq!(files.len(), 7);
        files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
    }

    #[test]
    fn no_tracks_and_equal_tracks_are_drawn() {
        for text in drawn(&[]) {
            assert!(text.contains("no tracks") && !text.contains("NaN"), "{text}");
        }
        let equal = track([1.0, 2.0, 0.3, 1.5, -0.7], 9.0);
        for text in drawn(&vec![equal; 3]) {
            assert!(text.contains("3 tracks") && !text.contains("NaN"), "{text}");
        }
    }

    #[test]
    fn only_sane_tracks_count() {
        let sane = [1.0, 2.0, 0.3, 1.5, -0.7];
        let with = |i: usize, value| {
            let mut parameters = sane;
            parameters[i] = value;
            track(parameters, 9.0)
        };
        let mut tracks: Vec<_> = (0..5).map(|i| with(i, 0.0)).collect();
        tracks.extend([with(0, 1000.0), with(1, -1000.0), with(2, 7.0), with(3, f32::NAN)]);
        tracks.push(track(sane, f32::INFINITY));
        assert!(tracks.iter().all(|track| !is_sane(track)));
        tracks.push(track(sane, 9.0));
        assert!(drawn(&tracks).iter().all(|text| text.contains("1 tracks")));
    }

    #[test]
    fn every_value_is_in_a_bin() {
        for values in [&[1.0, 2.0, 3.0][..], &[5.0; 4], &[0.0], &[1.0e30, 1.0e30], &[-1.0e-30, 0.0]]
        {
            let histogram = Histogram::new(values);
            assert_eq!(histogram.counts.iter().sum::<u32>() as usize, values.len());
            assert!(histogram.low < histogram.high, "{histogram:?}");
        }
        let histogram = Histogram::new(&[0.0, 0.5, 50.0, 49.5]);
        assert_eq!((histogram.counts[0], histogram.counts[49]), (2, 2));
    }
}
