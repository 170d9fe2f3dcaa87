//! What a layer of material does to a charged particle.

use super::landau;
use nalgebra::Vector3;
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use traccc_core::detector::Slab;

const ELECTRON_MASS: f64 = 0.000_510_998_950_69;
/// Layers whose mean λ is lower are so thick that losses are nearly Gaussian; the fit of the cut ends there, too.
const SMALLEST_MEAN: f64 = -0.422_784_335;

/// A particle of charge ±1 in a layer: the quantities of the energy loss and scattering formulae.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passage {
    momentum: f64,
    beta_squared: f64,
    /// Landau's scale ξ, in GeV: the distribution of the energy loss is 4.02 ξ wide at half of its height.
    scale: f64,
    /// Mean energy loss by ionisation, in GeV.
    mean: f64,
    /// Largest energy loss in one collision, in GeV.
    max_transfer: f64,
    thickness_in_x0: f64,
    electron: bool,
}

impl Passage {
    /// A particle of `mass` and `momentum` in GeV on a straight path whose cosine to the normal is `cosine`.
    pub(crate) fn new(slab: &Slab, cosine: f64, mass: f64, momentum: f64) -> Self {
        let (thickness, excitation) =
            (f64::from(slab.thickness), f64::from(slab.excitation_energy));
        let beta_gamma = momentum / mass;
        let beta_squared = 1.0 / (1.0 + (mass / momentum) * (mass / momentum));
        let gamma = (1.0 + beta_gamma * beta_gamma).sqrt();
        let ratio = ELECTRON_MASS / mass;
        let doubled = 2.0 * ELECTRON_MASS * beta_gamma * beta_gamma;
        let max_transfer = doubled / (1.0 + 2.0 * gamma * ratio + ratio * ratio);
        let scale = f64::from(slab.loss_scale) * thickness / cosine / beta_squared;
        let log = 0.5 * libm::log(doubled * max_transfer / (excitation * excitation));
        let half_density_effect = if beta_gamma < 10.0 {
            0.0
        } else {
            (libm::log(beta_gamma * f64::from(slab.plasma_energy) / excitation) - 0.5).max(0.0)
        };
        let mean = if scale > 0.0 {
            (2.0 * scale * (log - beta_squared - half_density_effect)).max(0.0)
        } else {
            0.0
        };
        Self {
            momentum,
            beta_squared,
            scale,
            mean,
            max_transfer,
            thickness_in_x0: f64::from(slab.thickness_in_x0) / cosine,
            electron: (mass - ELECTRON_MASS).abs() < 1.0e-6,
        }
    }

    /// Mean energy loss by ionisation (Bethe), in GeV.
    pub(crate) fn mean_energy_loss(&self) -> f64 {
        self.mean
    }

    /// One energy loss from Landau's distribution, in GeV.
    ///
    /// The most probable loss and the width (4.02 ξ at half height) are Landau's; the tail ends where the mean of
    /// the distribution is Bethe's.
    pub(crate) fn sample_energy_loss(&self, rng: &mut impl Rng) -> f64 {
        if self.mean <= 0.0 {
            return 0.0;
        }
        let mean = self.mean_lambda().max(SMALLEST_MEAN);
        let largest = landau::largest_for_mean(mean);
        let lambda = loop {
            let lambda = landau::landau(rng);
            if lambda <= largest {
                break lambda;
            }
        };
        (self.mean + self.scale * (lambda - mean)).max(0.0)
    }

    /// The mean of Landau's λ for this layer.
    fn mean_lambda(&self) -> f64 {
        landau::mean_for(self.scale / self.max_transfer, self.beta_squared)
    }

    /// Width of the distribution of the scattering angle projected on a plane, in rad.
    ///
    /// Highland's formula; for electrons that of Rossi and Greisen.
    pub(crate) fn scattering_width(&self) -> f64 {
        if self.thickness_in_x0 <= 0.0 {
            return 0.0;
        }
        let t = (self.thickness_in_x0 / self.beta_squared).sqrt();
        let width = if self.electron {
            17.5e-3 * t * (1.0 + 0.125 * libm::log10(10.0 * self.thickness_in_x0))
        } else {
            13.6e-3 * t * (1.0 + 0.038 * 2.0 * libm::log(t))
        };
        (width / self.momentum).max(0.0)
    }

    /// The direction after scattering by independent Gaussian angles in two planes.
    pub(crate) fn scatter(&self, direction: &Vector3<f64>, rng: &mut impl Rng) -> Vector3<f64> {
        let width = self.scattering_width();
        let first: f64 = StandardNormal.sample(rng);
        let second: f64 = StandardNormal.sample(rng);
        let (first, second) = (first * width, second * width);
        let angle = libm::hypot(first, second);
        if angle == 0.0 {
            return *direction;
        }
        // Any two vectors that complete a frame will do: the distribution is round.
        let axis = if direction.z.abs() < 0.9 { Vector3::z() } else { Vector3::x() };
        let u = axis.cross(direction).normalize();
        let v = direction.cross(&u);
        let (sin, cos) = libm::sincos(angle);
        (direction * cos + (u * first + v * second) * (sin / angle)).normalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::{SILICON, SILICON_TML};
    use crate::random::{Purpose, generator};
    use traccc_core::detector::SlabModel;

    const MUON: f64 = 0.105_658_375_5;
    const PION: f64 = 0.139_570_39;

    fn silicon(thickness: f64) -> Slab {
        Slab::new(&SlabModel { thickness, material: SILICON_TML })
    }

    #[test]
    fn bethe_loss_matches_the_published_stopping_powers() {
        // Muons in silicon, MeV cm²/g (Particle Data Group).
        for (momentum, expected) in
            [(0.1003, 2.608), (1.101, 1.803), (10.11, 2.177), (100.1, 2.451)]
        {
            let slab = Slab::new(&SlabModel { thickness: 10.0, material: SILICON });
            let loss = Passage::new(&slab, 1.0, MUON, momentum).mean_energy_loss();
            let stopping = loss * 1e3 / 2.329;
            assert!((stopping / expected - 1.0).abs() < 0.05, "{momentum}: {stopping}");
        }
    }

    /// The worked example of detray's description: a pion of 1 GeV in 0.5 mm of silicon.
    #[test]
    fn the_worked_example_is_reproduced() {
        let passage = Passage::new(&silicon(0.5), 1.0, PION, 1.0);
        assert!((passage.mean_energy_loss() / 2.107_836e-4 - 1.0).abs() < 1e-5);
        assert!((passage.scale / 9.068_93e-6 - 1.0).abs() < 1e-5);
        assert!((passage.scattering_width() / 7.951_082e-4 - 1.0).abs() < 1e-5);
        let most_probable =
            passage.mean + passage.scale * (landau::MOST_PROBABLE - passage.mean_lambda());
        // The published 0.2 of the most probable loss is rounded from 0.200005.
        assert!((most_probable / 1.433_968e-4 - 1.0).abs() < 1e-4, "{most_probable}");
    }

    #[test]
    fn sampled_losses_have_the_mean_the_peak_and_the_width_of_the_formulae() {
        let mut rng = generator(3, 0, Purpose::Transport, 0);
        for (thickness, momentum) in
            [(0.11, 1.0), (1.5, 10.0), (0.8, 0.3), (0.11, 100.0), (0.01, 1.0e4)]
        {
            let passage = Passage::new(&silicon(thickness), 1.0, MUON, momentum);
            let n = 1_000_000;
            let losses: Vec<f64> = (0..n).map(|_| passage.sample_energy_loss(&mut rng)).collect();
            let mean = losses.iter().sum::<f64>() / f64::from(n);
            let expected = passage.mean_energy_loss();
            // Above, a rare loss is as large as all of the others: `landau` integrates the mean instead.
            if momentum < 50.0 {
                assert!((mean / expected - 1.0).abs() < 0.03, "mean {mean} {expected}");
            }
            // Histogram in units of the scale around the peak of Landau's formula.
            let kappa = passage.scale / passage.max_transfer;
            let lambda_mean = -kappa.ln() - passage.beta_squared - 1.0 + 0.577_215_665;
            let mut bins = [0_u32; 80];
            for loss in losses {
                let lambda = (loss - expected) / passage.scale + lambda_mean;
                let bin = (lambda + 4.0) / 0.2;
                if (0.0..80.0).contains(&bin) {
                    bins[bin as usize] += 1;
                }
            }
            let (peak, &height) = bins.iter().enumerate().max_by_key(|(_, n)| **n).unwrap();
            let centre = -4.0 + 0.2 * (peak as f64 + 0.5);
            assert!((centre - landau::MOST_PROBABLE).abs() < 0.35, "peak at {centre}");
            let above = bins.iter().filter(|n| **n * 2 > height).count() as f64 * 0.2;
            assert!((above - 4.02).abs() < 0.35, "width {above}");
        }
    }

    #[test]
    fn scattering_is_round_and_as_wide_as_highland_says() {
        let mut rng = generator(4, 0, Purpose::Transport, 0);
        let passage = Passage::new(&silicon(1.0), 0.5, MUON, 0.7);
        let start = Vector3::new(0.3, -0.2, 0.93).normalize();
        let across =
            [start.cross(&Vector3::x()).normalize(), start.cross(&Vector3::y()).normalize()];
        let n = 40_000;
        let mut variance = [0.0; 2];
        for _ in 0..n {
            let scattered = passage.scatter(&start, &mut rng);
            assert!((scattered.norm() - 1.0).abs() < 1e-12);
            for (sum, axis) in variance.iter_mut().zip(&across) {
                *sum += scattered.dot(axis).powi(2) / f64::from(n);
            }
        }
        let expected = 13.6e-3 / 0.7;
        let beta = 0.7 / 0.7_f64.hypot(MUON);
        let x = 2.0 / 95.7;
        let highland = expected / beta * f64::sqrt(x) * (1.0 + 0.038 * (x / (beta * beta)).ln());
        assert!((passage.scattering_width() / highland - 1.0).abs() < 1e-6);
        for v in variance {
            assert!((v.sqrt() / highland - 1.0).abs() < 0.02, "{} {highland}", v.sqrt());
        }
    }

    #[test]
    fn nothing_happens_in_nothing() {
        let passage = Passage::new(&Slab::default(), 1.0, MUON, 1.0);
        let mut rng = generator(5, 0, Purpose::Transport, 0);
        assert!(passage.sample_energy_loss(&mut rng) <= 0.0);
        assert_eq!(passage.scatter(&Vector3::z(), &mut rng), Vector3::z());
    }
}
