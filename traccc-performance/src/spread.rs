use serde::{Deserialize, Serialize};

/// Where the middle half-width of a Gaussian ends: 68.27 % lie within one standard deviation.
const LOWER: f64 = 0.158_655_253_931_457;
/// Values within this many widths of the mean belong to the core.
const CORE: f64 = 2.0;
/// Standard deviation of a unit Gaussian cut at plus and minus [`CORE`].
const CORE_DEVIATION: f64 = 0.879_625_7;
const CORE_ITERATIONS: usize = 100;

/// Location and width of a sample, in the unit of its values.
///
/// Three widths, because residuals have tails: they agree for a Gaussian.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Number of values.
    pub count: usize,
    /// Mean; `None` without values.
    pub mean: Option<f64>,
    /// Sample standard deviation; `None` for fewer than two values.
    pub width: Option<f64>,
    /// Median; `None` without values.
    pub median: Option<f64>,
    /// Half of the range of the middle 68.27 %; `None` for fewer than two values.
    pub robust_width: Option<f64>,
    /// Mean of the Gaussian that describes the values within two of its widths; `None` where there is none.
    pub core_mean: Option<f64>,
    /// Width of that Gaussian; `None` where there is none.
    pub core_width: Option<f64>,
}

impl Spread {
    /// Of these values; what is not finite is left out.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
        values.sort_unstable_by(f64::total_cmp);
        if values.is_empty() {
            return Self::default();
        }
        let mean = mean_of(&values);
        let several = values.len() > 1;
        let width = several.then(|| {
            let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
            (squares / (values.len() - 1) as f64).sqrt()
        });
        let median = quantile(&values, 0.5);
        let robust_width =
            several.then(|| 0.5 * (quantile(&values, 1.0 - LOWER) - quantile(&values, LOWER)));
        let core = robust_width.and_then(|start| core_of(&values, median, start));
        Self {
            count: values.len(),
            mean: Some(mean),
            width,
            median: Some(median),
            robust_width,
            core_mean: core.map(|(mean, _)| mean),
            core_width: core.map(|(_, width)| width),
        }
    }
}

fn mean_of(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Linear between the two nearest of the ascending values.
fn quantile(values: &[f64], part: f64) -> f64 {
    let place = part * (values.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(values.len() - 1);
    values[below] + (values[above] - values[below]) * (place - below as f64)
}

/// Mean and deviation of the values inside the window give the next window, until they reproduce themselves.
fn core_of(values: &[f64], mut mean: f64, mut width: f64) -> Option<(f64, f64)> {
    for _ in 0..CORE_ITERATIONS {
        let first = values.partition_point(|&v| v < mean - CORE * width);
        let end = values.partition_point(|&v| v <= mean + CORE * width);
        let inside = values.get(first..end).filter(|inside| inside.len() > 1)?;
        let next_mean = mean_of(inside);
        let variance = inside.iter().map(|v| (v - next_mean) * (v - next_mean)).sum::<f64>()
            / (inside.len() - 1) as f64;
        let next_width = variance.sqrt() / CORE_DEVIATION;
        let change = (next_mean - mean).abs() + (next_width - width).abs();
        (mean, width) = (next_mean, next_width);
        if change <= 1.0e-9 * width {
            break;
        }
    }
    Some((mean, width))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rand_distr::StandardNormal;

    fn gaussian(count: usize, mean: f64, width: f64) -> Vec<f64> {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        (0..count).map(|_| mean + width * random.sample::<f64, _>(StandardNormal)).collect()
    }

    #[test]
    fn the_three_widths_agree_for_a_gaussian() {
        let spread = Spread::of(gaussian(20_000, 0.3, 2.0));
        // Statistical uncertainties of a width and a mean.
        let (error, mean_error) = (2.0 / 40_000.0_f64.sqrt(), 2.0 / 20_000.0_f64.sqrt());
        for width in [spread.width, spread.robust_width, spread.core_width] {
            assert!((width.unwrap() - 2.0).abs() < 5.0 * error, "{spread:?}");
        }
        for mean in [spread.mean, spread.median, spread.core_mean] {
            assert!((mean.unwrap() - 0.3).abs() < 5.0 * mean_error, "{spread:?}");
        }
    }

    #[test]
    fn tails_widen_the_standard_deviation_but_not_the_core() {
        let mut values = gaussian(5_000, 0.0, 1.0);
        values.extend((0..100).map(|i| 100.0 + f64::from(i)));
        let spread = Spread::of(values);
        assert!(spread.width.unwrap() > 10.0);
        assert!((spread.core_width.unwrap() - 1.0).abs() < 0.05, "{spread:?}");
        assert!((spread.robust_width.unwrap() - 1.0).abs() < 0.1, "{spread:?}");
    }

    #[test]
    fn small_samples_have_no_width() {
        assert_eq!(Spread::of([]), Spread::default());
        let one = Spread::of([4.0, f64::NAN, f64::INFINITY]);
        assert_eq!((one.count, one.mean, one.median), (1, Some(4.0), Some(4.0)));
        assert_eq!((one.width, one.robust_width, one.core_width), (None, None, None));
        let two = Spread::of([1.0, 3.0]);
        assert_eq!(two.width, Some(2.0_f64.sqrt()));
    }

    #[test]
    fn equal_values_have_width_zero() {
        let spread = Spread::of([2.5; 9]);
        assert_eq!((spread.width, spread.robust_width), (Some(0.0), Some(0.0)));
        assert_eq!(spread.core_width, Some(0.0));
    }

    #[test]
    fn the_median_of_an_even_sample_lies_between() {
        assert_eq!(Spread::of([4.0, 1.0, 3.0, 2.0]).median, Some(2.5));
    }
}
