//! Particles as the files of an event name them: by one number, or by the five that ACTS packs into it.

use super::table::{Column, Row, Table};
use crate::error::{CsvProblem, Result};
use std::fmt;
use traccc_core::event::TruthHit;

/// Primary vertex, secondary vertex, particle, generation, sub-particle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ParticleKey([u32; 5]);

/// The columns of the five numbers.
pub(super) const COLUMNS: [&str; 5] = [
    "particle_id_pv",
    "particle_id_sv",
    "particle_id_part",
    "particle_id_gen",
    "particle_id_subpart",
];

/// How many bits of ACTS's packed identifier each of the numbers has.
const BITS: [u32; 5] = [12, 12, 16, 8, 16];

impl ParticleKey {
    /// The five numbers that ACTS packs into an identifier.
    pub(super) fn from_packed(id: u64) -> Self {
        let mut rest = id;
        let mut levels = [0; 5];
        for (level, bits) in levels.iter_mut().zip(BITS).rev() {
            *level = (rest & ((1 << bits) - 1)) as u32;
            rest >>= bits;
        }
        Self(levels)
    }

    /// The numbers as the last five columns of a line.
    pub(super) fn as_columns(self) -> String {
        self.0.map(|level| level.to_string()).join(",")
    }

    /// The identifier that ACTS packs the numbers into; `None` where one does not fit its bits, and for the identifier that
    /// stands for no particle.
    fn packed(self) -> Option<u64> {
        let mut id = 0;
        for (level, bits) in self.0.into_iter().zip(BITS) {
            if level >> bits != 0 {
                return None;
            }
            id = id << bits | u64::from(level);
        }
        (id != TruthHit::NO_PARTICLE).then_some(id)
    }
}

impl fmt::Display for ParticleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.packed() {
            Some(id) => write!(f, "{id}"),
            None => write!(f, "{}", self.0.map(|level| level.to_string()).join(".")),
        }
    }
}

/// The columns that name a particle.
pub(super) enum ParticleColumns {
    One(Column),
    Five([Column; 5]),
}

impl ParticleColumns {
    pub(super) fn find(table: &Table<'_>) -> Result<Self> {
        if table.has(COLUMNS[0]) && !table.has("particle_id") {
            let [a, b, c, d, e] = COLUMNS.map(|name| table.column(name));
            return Ok(Self::Five([a?, b?, c?, d?, e?]));
        }
        Ok(Self::One(table.column("particle_id")?))
    }

    pub(super) fn key(&self, row: &Row<'_>) -> Result<ParticleKey, CsvProblem> {
        match self {
            Self::One(column) => Ok(ParticleKey::from_packed(row.u64(*column)?)),
            Self::Five(columns) => {
                let [a, b, c, d, e] = columns.map(|column| row.u32(column));
                Ok(ParticleKey([a?, b?, c?, d?, e?]))
            }
        }
    }
}

/// The identifier of each particle of an event: ACTS's packed one, or where one of the particles has numbers beyond its bits,
/// 1, 2, 3 and so on. Keys and identifiers ascend together.
pub(super) struct ParticleIds {
    keys: Vec<ParticleKey>,
    are_packed: bool,
}

impl ParticleIds {
    /// `keys` ascend, each once.
    pub(super) fn new(keys: Vec<ParticleKey>) -> Self {
        let are_packed = keys.iter().all(|key| key.packed().is_some());
        Self { keys, are_packed }
    }

    /// The identifiers of all particles, ascending.
    pub(super) fn all(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.keys.len()).map(|row| self.of_row(row))
    }

    /// The identifier of a particle that is listed.
    pub(super) fn find(&self, key: &ParticleKey) -> Option<u64> {
        self.keys.binary_search(key).ok().map(|row| self.of_row(row))
    }

    fn of_row(&self, row: usize) -> u64 {
        let packed = if self.are_packed { self.keys[row].packed() } else { None };
        packed.unwrap_or(row as u64 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packing_is_reversible_and_keeps_the_order(a in any::<u64>(), b in any::<u64>()) {
            let [x, y] = [a, b].map(ParticleKey::from_packed);
            prop_assert_eq!(x.packed().unwrap_or(u64::MAX), a);
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
        }
    }

    #[test]
    fn identifiers_are_those_of_acts_where_all_fit() {
        let keys = vec![ParticleKey([1, 0, 2, 0, 0]), ParticleKey([2, 0, 1, 3, 0])];
        let ids = ParticleIds::new(keys.clone());
        let expected = [1 << 52 | 2 << 24, 2 << 52 | 1 << 24 | 3 << 16];
        assert_eq!(ids.all().collect::<Vec<_>>(), expected);
        assert_eq!(ids.find(&keys[1]), Some(expected[1]));
        assert_eq!(ids.find(&ParticleKey([1, 0, 1, 0, 0])), None);
        let far = ParticleKey([2, 0, 70_000, 0, 0]);
        let ids = ParticleIds::new([keys, vec![far]].concat());
        assert_eq!((ids.all().collect::<Vec<_>>(), ids.find(&far)), (vec![1, 2, 3], Some(3)));
        assert_eq!(far.to_string(), "2.0.70000.0.0");
    }
}
