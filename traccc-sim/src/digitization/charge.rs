//! What makes signals differ from the path of a particle: fluctuations of the charge, noise, dead channels.

use super::{Deposit, DigitizationConfig, NO_HIT};
use crate::detectors::SILICON;
use crate::random::{Purpose, generator, poisson};
use crate::transport::Passage;
use nalgebra::Vector3;
use rand::Rng;
use rand_distr::{Distribution, Exp1};
use traccc_core::ModuleIndex;
use traccc_core::detector::{Modules, Slab, SlabModel, Surface};
use traccc_core::event::TruthHit;

const PION: f64 = 0.139_570_39;
/// The smallest cosine to the normal, as in the flight.
const MIN_COSINE: f64 = 0.01;

/// The charge of a hit over its mean: an energy loss in silicon of this thickness, as of a pion, over Bethe's mean.
pub(super) fn fluctuation(
    surface: &Surface,
    hit: &TruthHit,
    thickness: f64,
    rng: &mut impl Rng,
) -> f64 {
    let momentum = Vector3::from(hit.momentum).map(f64::from);
    let magnitude = momentum.norm();
    let normal = Vector3::from(surface.axes[2]).map(f64::from);
    let cosine = (normal.dot(&momentum) / magnitude).abs().max(MIN_COSINE);
    let slab = Slab::new(&SlabModel { thickness, material: SILICON });
    let passage = Passage::new(&slab, cosine, PION, magnitude);
    let mean = passage.mean_energy_loss();
    if mean > 0.0 { passage.sample_energy_loss(rng) / mean } else { 1.0 }
}

/// Adds channels that fire without a particle, anywhere with the same probability, at the threshold or up to a few tenths more.
pub(super) fn add_noise<'a>(
    modules: &Modules,
    config_of: &impl Fn(ModuleIndex) -> &'a DigitizationConfig,
    seed: u64,
    event: u64,
    deposits: &mut Vec<Deposit>,
) {
    let mut rng = generator(seed, event, Purpose::NoiseHits, 0);
    for module in (0..modules.len()).map(ModuleIndex::from) {
        let config = config_of(module);
        if config.noise_occupancy <= 0.0 {
            continue;
        }
        let [width, height] = modules.channels(module);
        let mean = config.noise_occupancy * f64::from(width) * f64::from(height);
        for _ in 0..poisson(mean, &mut rng) {
            let channel0 = rng.random_range(0..width);
            let channel1 = rng.random_range(0..height);
            let excess: f64 = Exp1.sample(&mut rng);
            let length = config.threshold.max(0.01 * config.thickness) * (1.0 + 0.1 * excess);
            deposits.push(Deposit { module, channel1, channel0, hit: NO_HIT, length });
        }
    }
}

/// A number from 0 to 1 for a channel, the same in all events.
pub(super) fn lot(seed: u64, channel: &Deposit) -> f64 {
    let place = u64::from(channel.channel0) << 32 | u64::from(channel.channel1);
    let mut hash = seed;
    for word in [u64::from(channel.module.0), place] {
        // SplitMix64.
        hash = (hash ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^= hash >> 31;
    }
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}
