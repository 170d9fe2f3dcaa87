use serde::{Deserialize, Serialize};
use std::iter::Sum;
use std::ops::{Add, AddAssign};

/// How many particles are found, and what else is. Sum over events first, then ask for ratios.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Efficiency {
    /// Particles that should be found.
    pub particles: u64,
    /// Of these, the ones with at least one matched track (or seed).
    pub matched: u64,
    /// Matched tracks of these beyond the first of each.
    pub duplicates: u64,
    /// Tracks that match no particle at all, selected or not.
    pub fakes: u64,
    /// All tracks.
    pub tracks: u64,
}

impl Efficiency {
    /// Matched particles per particle; `None` without particles.
    pub fn efficiency(&self) -> Option<f64> {
        ratio(self.matched, self.particles)
    }

    /// Duplicates per matched particle (upstream's duplicate rate); `None` when no particle is matched.
    pub fn duplicates_per_matched(&self) -> Option<f64> {
        ratio(self.duplicates, self.matched)
    }

    /// Fakes per particle that should be found (upstream's fake rate); `None` without particles.
    pub fn fakes_per_particle(&self) -> Option<f64> {
        ratio(self.fakes, self.particles)
    }

    /// Fakes per track; `None` without tracks.
    pub fn fakes_per_track(&self) -> Option<f64> {
        ratio(self.fakes, self.tracks)
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl AddAssign for Efficiency {
    fn add_assign(&mut self, other: Self) {
        self.particles += other.particles;
        self.matched += other.matched;
        self.duplicates += other.duplicates;
        self.fakes += other.fakes;
        self.tracks += other.tracks;
    }
}

impl Add for Efficiency {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl Sum for Efficiency {
    fn sum<I: Iterator<Item = Self>>(events: I) -> Self {
        events.fold(Self::default(), Self::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_of_the_sums() {
        let one = Efficiency { particles: 4, matched: 2, duplicates: 3, fakes: 1, tracks: 8 };
        let two = Efficiency { particles: 1, matched: 0, duplicates: 0, fakes: 1, tracks: 0 };
        let sum: Efficiency = [one, two].into_iter().sum();
        assert_eq!(sum.efficiency(), Some(0.4));
        assert_eq!(sum.duplicates_per_matched(), Some(1.5));
        assert_eq!(sum.fakes_per_particle(), Some(0.4));
        assert_eq!(sum.fakes_per_track(), Some(0.25));
    }

    #[test]
    fn nothing_has_no_ratio() {
        let nothing = Efficiency::default();
        assert_eq!(nothing.efficiency(), None);
        assert_eq!(nothing.duplicates_per_matched(), None);
        assert_eq!(nothing.fakes_per_particle(), None);
        assert_eq!(nothing.fakes_per_track(), None);
    }
}
