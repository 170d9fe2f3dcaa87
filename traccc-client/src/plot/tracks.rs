use super::{Area, Drawn, PlotError, tick, write};
use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::{BLUE, ChartBuilder, IntoLogRange, LabelAreaPosition, PathElement, Ranged};
use std::f32::consts::TAU;
use std::f64::consts::PI;
use std::path::{Path, PathBuf};
use traccc_protocol::ServedTrack;

/// Number of bins of a histogram, at most where a bin is a number or several.
const BINS: usize = 50;

/// Values further from the middle half than so many times its width are beyond the axis, but for a few all are on it.
const REACH: f64 = 5.0;

/// A quantity of tracks.
struct Quantity {
    file: &'static str,
    label: &'static str,
    axis: Axis,
    of: fn(&ServedTrack) -> f32,
}

/// What the horizontal axis of a histogram covers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Axis {
    /// All values that can be.
    Fixed(f64, f64),
    /// The values that occur, without those far away.
    Values,
    /// The same from 0 on; counts are drawn logarithmically.
    FromZero,
    /// Whole numbers that occur, without those far away.
    WholeNumbers,
}

const QUANTITIES: [Quantity; 7] = [
    Quantity { file: "chi2", label: "chi2", axis: Axis::FromZero, of: |t| t.chi2 },
    Quantity { file: "ndf", label: "degrees of freedom", axis: Axis::WholeNumbers, of: |t| t.ndf },
    Quantity {
        file: "loc0",
        label: "local position loc0 [mm]",
        axis: Axis::Values,
        of: |t| t.parameters[0],
    },
    Quantity {
        file: "loc1",
        label: "local position loc1 [mm]",
        axis: Axis::Values,
        of: |t| t.parameters[1],
    },
    Quantity {
        file: "phi",
        label: "azimuth phi [rad]",
        axis: Axis::Fixed(-PI, PI),
        of: |t| t.parameters[2],
    },
    Quantity {
        file: "theta",
        label: "polar angle theta [rad]",
        axis: Axis::Fixed(0.0, PI),
        of: |t| t.parameters[3],
    },
    Quantity {
        file: "q_over_p",
        label: "charge over momentum q/p [e/GeV]",
        axis: Axis::Values,
        of: |t| t.parameters[4],
    },
];

/// Draws the distributions of chi2, degrees of freedom, loc0, loc1, phi, theta and q/p, each as an SVG file in `directory`,
/// which is made if need be. Gives the files.
///
/// As in upstream's client only tracks with sane parameters count: angles up to 2 pi, positions within 1 m, and none of the
/// five exactly 0. The drawings say how many were left out, and how many lie beyond the axis.
///
/// # Errors
/// [`PlotError`], with the file.
pub fn plot_tracks(directory: &Path, tracks: &[ServedTrack]) -> Result<Vec<PathBuf>, PlotError> {
    std::fs::create_dir_all(directory)
        .map_err(|source| PlotError::Write { path: directory.to_owned(), source })?;
    let sane: Vec<&ServedTrack> = tracks.iter().filter(|track| is_sane(track)).collect();
    let left_out = tracks.len() - sane.len();
    let draw = |quantity: &Quantity| {
        let values: Vec<f64> = sane.iter().map(|track| f64::from((quantity.of)(track))).collect();
        let path = directory.join(format!("{}.svg", quantity.file));
        let histogram = Histogram::new(&values, quantity.axis);
        write(&path, (640, 480), |area| histogram.draw(area, quantity, left_out))?;
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

/// Counts in bins of equal width.
#[derive(Debug, PartialEq)]
struct Histogram {
    low: f64,
    high: f64,
    counts: Vec<u32>,
    below: u32,
    above: u32,
}

impl Histogram {
    fn new(values: &[f64], axis: Axis) -> Self {
        let (low, high, bins) = bins(values, axis);
        let mut histogram = Self { low, high, counts: vec![0; bins], below: 0, above: 0 };
        for &value in values {
            let bin = (value - low) / (high - low) * bins as f64;
            let count = match bin {
                _ if value < low => &mut histogram.below,
                _ if value > high => &mut histogram.above,
                _ => &mut histogram.counts[(bin as usize).min(bins - 1)],
            };
            *count += 1;
        }
        histogram
    }

    fn draw(&self, area: &Area<'_>, quantity: &Quantity, left_out: usize) -> Drawn {
        let highest = f64::from(self.counts.iter().copied().max().unwrap_or(0).max(1));
        let caption = self.caption(left_out);
        if quantity.axis == Axis::FromZero {
            let counts = (0.5..2.0 * highest).log_scale();
            self.draw_with(area, quantity, &caption, counts, highest)
        } else {
            self.draw_with(area, quantity, &caption, 0.0..1.1 * highest, highest)
        }
    }

    /// How many tracks there are, and how many of them are not to be seen.
    fn caption(&self, left_out: usize) -> String {
        let total = self.counts.iter().sum::<u32>() + self.below + self.above;
        let mut caption = match total {
            0 => "no tracks".to_owned(),
            1 => "1 track".to_owned(),
            _ => format!("{total} tracks"),
        };
        let hidden = [
            (self.below as usize, "below the axis"),
            (self.above as usize, "above the axis"),
            (left_out, "more left out: parameters not sane"),
        ];
        for (count, place) in hidden.iter().filter(|(count, _)| *count > 0) {
            caption += &format!(", {count} {place}");
        }
        caption
    }

    fn draw_with<Y>(
        &self,
        area: &Area<'_>,
        quantity: &Quantity,
        caption: &str,
        y: Y,
        highest: f64,
    ) -> Drawn
    where
        Y: plotters::coord::ranged1d::AsRangedCoord<Value = f64>,
        Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let width = self.high - self.low;
        let between = |value: f64| quantity.axis == Axis::WholeNumbers && value.fract() != 0.0;
        let label = |value: &f64| match between(*value) {
            true => String::new(),
            false => tick(*value, width),
        };
        let mut chart = ChartBuilder::on(area)
            .caption(caption, ("sans-serif", 16))
            .margin(12)
            .margin_right(24)
            .set_label_area_size(LabelAreaPosition::Left, 68)
            .set_label_area_size(LabelAreaPosition::Bottom, 48)
            .build_cartesian_2d(self.low..self.high, y)?;
        chart
            .configure_mesh()
            .disable_mesh()
            .x_desc(quantity.label)
            .y_desc("tracks per bin")
            .x_label_formatter(&label)
            .y_label_formatter(&|value| tick(*value, highest))
            // Counts are whole.
            .y_labels(highest.min(10.0) as usize + 1)
            .label_style(("sans-serif", 13))
            .axis_desc_style(("sans-serif", 15))
            .draw()?;
        chart.draw_series([PathElement::new(self.outline(), BLUE)])?;
        Ok(())
    }

    /// The steps from the left end to the right one.
    fn outline(&self) -> Vec<(f64, f64)> {
        let bins = self.counts.len() as f64;
        let edge = |i: usize| self.low + (self.high - self.low) * i as f64 / bins;
        let bins = self.counts.iter().enumerate();
        let tops = bins.flat_map(|(i, &n)| [(edge(i), f64::from(n)), (edge(i + 1), f64::from(n))]);
        [(self.low, 0.0)].into_iter().chain(tops).chain([(self.high, 0.0)]).collect()
    }
}

/// Lower end, upper end and number of the bins for some values.
fn bins(values: &[f64], axis: Axis) -> (f64, f64, usize) {
    if let Axis::Fixed(low, high) = axis {
        return (low, high, BINS);
    }
    let (mut low, mut high) = usual(values);
    if axis == Axis::WholeNumbers {
        // Each number is in the middle of its bin.
        let (first, last) = (low.round(), high.round());
        let of_bin = ((last - first + 1.0) / BINS as f64).ceil();
        let bins = ((last - first + 1.0) / of_bin).ceil();
        return (first - 0.5, first - 0.5 + bins * of_bin, bins as usize);
    }
    if axis == Axis::FromZero {
        low = low.min(0.0);
    }
    // A width that numbers of this size can have.
    let least = 1.0e-6 * low.abs().max(high.abs()).max(1.0e-3);
    if high - low < least {
        let middle = 0.5 * (low + high);
        (low, high) = (middle - 0.5 * least, middle + 0.5 * least);
    }
    (low, high, BINS)
}

/// The range of the values, without those that are far from most.
fn usual(values: &[f64]) -> (f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (Some(&least), Some(&largest)) = (sorted.first(), sorted.last()) else {
        return (0.0, 1.0);
    };
    let (lower, upper) = (sorted[sorted.len() / 4], sorted[sorted.len() * 3 / 4]);
    let reach = REACH * (upper - lower);
    if reach > 0.0 {
        (least.max(lower - reach), largest.min(upper + reach))
    } else {
        (least, largest)
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
        let says = "1 track, 10 more left out: parameters not sane";
        assert!(drawn(&tracks).iter().all(|text| text.contains(says)));
    }

    #[test]
    fn every_value_is_in_a_bin() {
        for axis in [Axis::Values, Axis::FromZero, Axis::WholeNumbers] {
            for values in
                [&[1.0, 2.0, 3.0][..], &[5.0; 4], &[0.0], &[1.0e30, 1.0e30], &[-1.0e-30, 0.0]]
            {
                if axis == Axis::WholeNumbers && values[0] > 1.0e9 {
                    continue;
                }
                let histogram = Histogram::new(values, axis);
                assert_eq!(histogram.counts.iter().sum::<u32>() as usize, values.len());
                assert!(histogram.low < histogram.high, "{histogram:?}");
            }
        }
        let histogram = Histogram::new(&[0.0, 0.5, 50.0, 49.5], Axis::Values);
        assert_eq!((histogram.counts[0], histogram.counts[49]), (2, 2));
    }

    #[test]
    fn a_whole_number_has_a_bin_of_its_own_where_there_is_room() {
        let histogram = Histogram::new(&[1.0, 3.0, 3.0, 5.0, 7.0], Axis::WholeNumbers);
        assert_eq!((histogram.low, histogram.high), (0.5, 7.5));
        assert_eq!(histogram.counts, [1, 0, 2, 0, 1, 0, 1]);
        let many: Vec<f64> = (0..120).map(f64::from).collect();
        let histogram = Histogram::new(&many, Axis::WholeNumbers);
        assert_eq!((histogram.counts.len(), histogram.counts[0]), (40, 3));
    }

    #[test]
    fn a_few_values_far_away_do_not_squeeze_the_others() {
        let mut values: Vec<f64> = (0..100).map(|i| f64::from(i) * 0.01).collect();
        values.extend([1.0e6, 2.0e6, -1.0e6]);
        let histogram = Histogram::new(&values, Axis::Values);
        assert!(histogram.low > -4.0 && histogram.high < 5.0, "{histogram:?}");
        assert_eq!((histogram.below, histogram.above), (1, 2));
        assert_eq!(histogram.caption(0), "103 tracks, 1 below the axis, 2 above the axis");
        // Angles have an axis that does not depend on the tracks.
        let angles = Histogram::new(&[0.1, 4.0], Axis::Fixed(0.0, PI));
        assert_eq!((angles.low, angles.high, angles.above), (0.0, PI, 1));
    }
}
