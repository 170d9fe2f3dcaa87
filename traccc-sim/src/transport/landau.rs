//! Landau's distribution, by the method of Chambers, Mallows and Stuck for stable laws.

use rand::Rng;
use rand_distr::{Distribution, Exp1, Open01};
use std::f64::consts::PI;

/// Where the density of the Landau distribution is largest.
#[cfg(test)]
pub(crate) const MOST_PROBABLE: f64 = -0.222_782_98;

/// One number λ from Landau's distribution, with the density (1/π) ∫ exp(-t ln t - λ t) sin(π t) dt, t from 0 to ∞.
///
/// This is the stable law of index 1 and skewness 1 whose characteristic function is
/// exp(-π|t|/2 - i t ln|t|): the general formula for such laws, scaled by π/2, becomes one line in x = V + π/2.
pub(crate) fn landau(rng: &mut impl Rng) -> f64 {
    let x = PI * Distribution::<f64>::sample(&Open01, rng);
    let w: f64 = Exp1.sample(rng);
    let (sin, cos) = libm::sincos(x);
    -x * cos / sin - libm::log(w * sin / x)
}

/// Euler's constant γ, with which means of Landau's distribution are written.
const EULER: f64 = 0.577_215_664_901_532_9;

/// The largest λ to accept so that the mean of what is accepted is `mean`, a number of at least -0.45.
///
/// The tail of the distribution has no mean: it continues beyond what a collision can transfer. As its density becomes
/// λ⁻², the mean below a cut L approaches ln L + γ - 1. Before that the polynomial is a fit to the mean of the cut
/// distribution, which was integrated numerically. The mean is met within 0.03.
pub(crate) fn largest_for_mean(mean: f64) -> f64 {
    if mean > 10.0 {
        return libm::exp(mean + 1.0 - EULER);
    }
    let x = 1.0 / (mean + 2.0);
    let excess =
        0.684_122 + x * (-6.590_214 + x * (46.802_166 + x * (-84.953_192 + x * 50.271_241)));
    libm::exp(mean + excess) - 3.0
}

/// The mean λ of energy losses whose mean is Bethe's: ξ over the largest transfer of a collision is `kappa`.
pub(crate) fn mean_for(kappa: f64, beta_squared: f64) -> f64 {
    -libm::log(kappa) - beta_squared - (1.0 - EULER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, generator};

    /// The distribution function by quadrature: the density integrated over λ' below λ under the integral over t.
    ///
    /// P(λ' > λ) = (1/π) ∫ exp(-t ln t - λ t) sin(π t) / t dt.
    fn cumulative(lambda: f64) -> f64 {
        let integrand = |t: f64| (-t * t.ln() - lambda * t).exp() * (PI * t).sin() / (PI * t);
        let (steps, end) = (400_000, 60.0);
        let h = end / f64::from(steps);
        1.0 - (0..steps).map(|i| integrand((f64::from(i) + 0.5) * h)).sum::<f64>() * h
    }

    #[test]
    fn samples_follow_the_distribution_function() {
        let mut rng = generator(11, 0, Purpose::Transport, 0);
        let samples = 400_000;
        let mut values: Vec<f64> = (0..samples).map(|_| landau(&mut rng)).collect();
        values.sort_unstable_by(f64::total_cmp);
        for lambda in [-2.0, -1.0, MOST_PROBABLE, 0.5, 1.355_78, 3.0, 6.0, 15.0, 50.0] {
            let expected = cumulative(lambda);
            let found = values.partition_point(|v| *v < lambda) as f64 / f64::from(samples);
            let error = (expected * (1.0 - expected) / f64::from(samples)).sqrt();
            assert!((found - expected).abs() < 4.0 * error, "{lambda}: {found} {expected}");
        }
        // The median is published as 1.35578.
        assert!((cumulative(1.355_78) - 0.5).abs() < 1e-5);
        assert!(values[0] > -4.0);
    }

    #[test]
    fn truncation_sets_the_mean() {
        let mut rng = generator(12, 0, Purpose::Transport, 0);
        let n = 1_000_000;
        for mean in [-0.4, 0.0, 1.0, 3.0, 6.0, 8.0] {
            let largest = largest_for_mean(mean);
            let accepted: Vec<f64> =
                (0..n).map(|_| landau(&mut rng)).filter(|l| *l <= largest).collect();
            let found = accepted.iter().sum::<f64>() / accepted.len() as f64;
            // The variance of a distribution with a tail as λ⁻² up to the cut is about the cut.
            let error = ((largest + 4.0) / accepted.len() as f64).sqrt();
            assert!((found - mean).abs() < 0.03 + 3.0 * error, "{mean}: {found}");
        }
    }
    /// The mean below a cut L by quadrature: -3 + ∫ P(λ' > λ) dλ from -3 to L, less L times what lies above.
    ///
    /// Below -3 lies a part of 2e-5 of the distribution.
    fn mean_below(cut: f64) -> f64 {
        let (low, high, steps) = (-45.0_f64, 60.0_f64.ln(), 400_000);
        let h = (high - low) / f64::from(steps);
        let (mut sum, mut above) = (0.0, 0.0);
        for i in 0..steps {
            let t = (low + (f64::from(i) + 0.5) * h).exp();
            let weight = (-t * t.ln()).exp() * (PI * t).sin() / PI * h;
            sum += weight * ((3.0 * t).exp() - (-cut * t).exp()) / t;
            above += weight * (-cut * t).exp();
        }
        (-3.0 + sum - cut * above) / (1.0 - above)
    }

    #[test]
    fn the_cut_gives_the_mean_from_thick_to_the_thinnest_layers() {
        for tenth in -4..300 {
            let mean = 0.1 * f64::from(tenth);
            let found = mean_below(largest_for_mean(mean));
            assert!((found - mean).abs() < 0.03, "{mean}: {found}");
        }
    }
}
