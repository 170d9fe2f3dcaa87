use super::{Cell, Cells};
use crate::index::ModuleIndex;
use crate::storage::soa;

soa! {
    /// Fired channels as files and messages have them: sensors by their identifier, in any order, channels repeated.
    RawCells in Vec of
    /// One fired channel.
    RawCell {
        /// The sensor, in the numbering of the source.
        geometry_id: u64,
        /// Channel number along local x.
        channel0: u32,
        /// Channel number along local y; 0 for strips.
        channel1: u32,
        /// Signal, in the unit of the source.
        activation: f32,
        /// Time as c·t, in mm.
        time: f32,
    }
}

/// What to do with several cells of one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duplicates {
    /// Add their activations; the time of the first counts.
    #[default]
    Merge,
    /// Report the first as an error.
    Refuse,
}

/// Cells in the order that [`Cells`] promises.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arranged {
    /// The cells.
    pub cells: Cells,
    /// How many rows were added to a row before them.
    pub merged_duplicates: usize,
}

/// Why cells cannot be arranged.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ArrangeError {
    /// A second cell of a channel, where that is refused.
    #[error("row {row} is a second cell of its channel")]
    Twice {
        /// The row, before sorting.
        row: usize,
        /// The cell.
        cell: Cell,
    },
    /// Merged activations exceed the range of numbers.
    #[error("row {row} brings the activation of its channel to {sum}")]
    Overflow {
        /// The row, before sorting.
        row: usize,
        /// The sum.
        sum: f32,
    },
}

impl Cells {
    /// Whether cells are in ascending order of module, channel1, channel0, each channel once.
    pub fn is_arranged(&self) -> bool {
        let key = |cell: Cell| (cell.module, cell.channel1, cell.channel0);
        self.iter().map(key).is_sorted_by(|a, b| a < b)
    }

    /// Sorts cells by module, channel1, channel0 and merges those of one channel. `modules` is the number of modules.
    ///
    /// # Errors
    /// [`ArrangeError`], with the row at fault.
    ///
    /// # Panics
    /// If a cell's module is not less than `modules`.
    pub fn arrange(
        mut self,
        modules: usize,
        duplicates: Duplicates,
    ) -> Result<Arranged, ArrangeError> {
        if self.sort_within_modules() {
            return Ok(Arranged { cells: self, merged_duplicates: 0 });
        }
        // Most sensors have fewer channels: half the memory to sort.
        let small = |channels: &[u32]| channels.iter().fold(0, |all, c| all | c) < 1 << 16;
        if small(&self.channel0) && small(&self.channel1) {
            let pack = |row: usize| {
                let channels = self.channel1[row] << 16 | self.channel0[row];
                u64::from(channels) << 32 | row as u64
            };
            let unpack = |key: u64| ((key >> 48) as u32, (key >> 32) as u32 & 0xffff, key as u32);
            return self.in_order(modules, duplicates, pack, unpack);
        }
        let pack = |row: usize| (self.channel1[row], self.channel0[row], row as u32);
        self.in_order(modules, duplicates, pack, |key| key)
    }

    /// The cells in the order of module and key, which holds channel 1, channel 0 and row.
    fn in_order<K: Copy + Default + Ord>(
        &self,
        modules: usize,
        duplicates: Duplicates,
        pack: impl Fn(usize) -> K,
        unpack: impl Fn(K) -> (u32, u32, u32),
    ) -> Result<Arranged, ArrangeError> {
        let mut keys = vec![K::default(); self.len()];
        let mut module = Vec::with_capacity(self.len());
        // A counting sort, as modules are dense numbers, leaves few cells to sort in each.
        let ends = by_module(&self.module, modules, |row, place| keys[place] = pack(row));
        for (index, end) in ends.into_iter().enumerate() {
            keys[module.len()..end as usize].sort_unstable();
            module.resize(end as usize, ModuleIndex::from(index));
        }
        let row = |key: K| unpack(key).2 as usize;
        let cells = Self {
            channel0: keys.iter().map(|&key| unpack(key).1).collect(),
            channel1: keys.iter().map(|&key| unpack(key).0).collect(),
            activation: keys.iter().map(|&key| self.activation[row(key)]).collect(),
            time: keys.iter().map(|&key| self.time[row(key)]).collect(),
            module,
        };
        if cells.is_arranged() {
            return Ok(Arranged { cells, merged_duplicates: 0 });
        }
        let key = |cell: Cell| (cell.module, cell.channel1, cell.channel0);
        let mut merged = Self::with_capacity(cells.len());
        let mut previous = None;
        for (cell, row) in cells.iter().zip(keys.into_iter().map(row)) {
            if previous != Some(key(cell)) {
                merged.push(cell);
                previous = Some(key(cell));
                continue;
            }
            if duplicates == Duplicates::Refuse {
                return Err(ArrangeError::Twice { row, cell });
            }
            if let Some(sum) = merged.activation.last_mut() {
                *sum += cell.activation;
                if !sum.is_finite() {
                    return Err(ArrangeError::Overflow { row, sum: *sum });
                }
            }
        }
        let merged_duplicates = cells.len() - merged.len();
        Ok(Arranged { cells: merged, merged_duplicates })
    }

    /// Sorts cells that come module by module, as those of files do, in place. `false` when they do not, or when a channel
    /// occurs twice; the cells of the module with such a channel, and of those after it, are then as they were.
    fn sort_within_modules(&mut self) -> bool {
        if !self.module.is_sorted() {
            return false;
        }
        let mut keyed: Vec<(u64, f32, f32)> = Vec::new();
        let mut begin = 0;
        while begin < self.len() {
            let module = self.module[begin];
            let length = self.module[begin..].iter().take_while(|&&m| m == module).count();
            let rows = begin..begin + length;
            begin = rows.end;
            if rows.clone().is_sorted_by(|&a, &b| self.channels(a) < self.channels(b)) {
                continue;
            }
            keyed.clear();
            keyed
                .extend(rows.clone().map(|i| (self.channels(i), self.activation[i], self.time[i])));
            keyed.sort_unstable_by_key(|cell| cell.0);
            if keyed.windows(2).any(|pair| pair[0].0 == pair[1].0) {
                return false;
            }
            for (row, &(channels, activation, time)) in rows.zip(&keyed) {
                self.channel1[row] = (channels >> 32) as u32;
                self.channel0[row] = channels as u32;
                self.activation[row] = activation;
                self.time[row] = time;
            }
        }
        true
    }

    /// Both channels of a row as one number that sorts like (channel1, channel0).
    #[inline]
    fn channels(&self, row: usize) -> u64 {
        u64::from(self.channel1[row]) << 32 | u64::from(self.channel0[row])
    }
}

/// Calls `put` with each row and its place when rows are sorted by module; gives where the rows of each module end.
fn by_module(
    module: &[ModuleIndex],
    modules: usize,
    mut put: impl FnMut(usize, usize),
) -> Vec<u32> {
    let mut next = vec![0_u32; modules + 1];
    for module in module {
        next[module.get() + 1] += 1;
    }
    for i in 0..modules {
        next[i + 1] += next[i];
    }
    for (row, module) in module.iter().enumerate() {
        let place = &mut next[module.get()];
        put(row, *place as usize);
        *place += 1;
    }
    // What was the beginning of each module is its end by now.
    next.truncate(modules);
    next
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Channels from 0 on, from close to 65536 on, and up to the largest number.
    fn cells() -> impl Strategy<Value = Cells> {
        let first = prop::sample::select(vec![0, 65534, u32::MAX - 3]);
        (first.clone(), first).prop_flat_map(|(first0, first1)| cells_from(first0, first1))
    }

    fn cells_from(first0: u32, first1: u32) -> impl Strategy<Value = Cells> {
        let cell =
            (0_u32..5, 0_u32..4, 0_u32..4, 0_u32..100).prop_map(move |(m, c1, c0, a)| Cell {
                channel0: first0 + c0,
                channel1: first1 + c1,
                activation: a as f32,
                time: a as f32,
                module: ModuleIndex(m),
            });
        prop::collection::vec(cell, 0..60).prop_map(|rows| rows.into_iter().collect())
    }

    proptest! {
        #[test]
        fn arranged_cells_are_those_of_an_ordered_map(cells in cells()) {
            let mut expected = BTreeMap::new();
            for cell in cells.iter() {
                let key = (cell.module, cell.channel1, cell.channel0);
                expected.entry(key).or_insert((0.0, cell.time)).0 += cell.activation;
            }
            let rows = cells.len();
            let arranged = cells.arrange(5, Duplicates::Merge).unwrap();
            prop_assert!(arranged.cells.is_arranged());
            prop_assert_eq!(arranged.merged_duplicates, rows - expected.len());
            let found: Vec<_> = arranged
                .cells
                .iter()
                .map(|c| ((c.module, c.channel1, c.channel0), (c.activation, c.time)))
                .collect();
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_refused_duplicate_and_an_overflow_name_their_row() {
        let cell = |channel0, activation| Cell {
            channel0,
            activation,
            module: ModuleIndex(0),
            ..Cell::default()
        };
        let twice: Cells = [cell(3, 1.0), cell(1, 1.0), cell(3, 1.0)].into_iter().collect();
        let error = ArrangeError::Twice { row: 2, cell: cell(3, 1.0) };
        assert_eq!(twice.arrange(1, Duplicates::Refuse), Err(error));
        let huge: Cells =
            [cell(3, f32::MAX), cell(1, 1.0), cell(3, f32::MAX)].into_iter().collect();
        let error = huge.arrange(1, Duplicates::Merge);
        assert_eq!(error, Err(ArrangeError::Overflow { row: 2, sum: f32::INFINITY }));
    }
}
