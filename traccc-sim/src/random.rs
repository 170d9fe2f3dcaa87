//! Random numbers that depend on the seed, the event and the purpose only.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};

/// What the numbers are for: each purpose has a sequence of its own, so that switching one effect off leaves the
/// others as they are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// Particles at their vertices.
    Gun,
    /// Energy loss and scattering of one particle.
    Transport,
    /// Electronic noise.
    Noise,
    /// Measurement errors.
    Smearing,
    /// The vertex of one collision.
    Vertex,
    /// The particles of one soft collision.
    SoftCollision,
    /// The hard collision.
    HardScatter,
    /// Decays, nuclear interactions and bremsstrahlung of one particle.
    Secondaries,
    /// What the charge of one hit is.
    Charge,
    /// Channels that fire without a particle.
    NoiseHits,
}

/// The generator for one `purpose` of one event; `item` tells the particles of an event apart.
///
/// ChaCha gives the same numbers on every platform.
pub(crate) fn generator(seed: u64, event: u64, purpose: Purpose, item: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (bytes, word) in key.chunks_exact_mut(8).zip([seed, event, purpose as u64, item]) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// How many events of a rate of 1 happen in a time of `mean`.
pub(crate) fn poisson(mean: f64, rng: &mut impl Rng) -> usize {
    let mut time: f64 = Exp1.sample(rng);
    let mut number = 0;
    while time < mean {
        number += 1;
        let wait: f64 = Exp1.sample(rng);
        time += wait;
    }
    number
}
