//! Columns, the macro that declares collections of them, and rows of varying length.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A column of a result: values of its own, or values that stay in the memory of the engine that made them.
///
/// Reads like a slice. A column in foreign memory keeps that memory alive until its last clone is dropped, and becomes a copy of
/// its own before anything in it is changed.
pub struct Column<T>(Place<T>);

#[derive(Clone)]
enum Place<T> {
    Own(Vec<T>),
    Foreign(Arc<dyn AsRef<[T]> + Send + Sync>),
}

impl<T> Column<T> {
    /// An empty column.
    pub const fn new() -> Self {
        Self(Place::Own(Vec::new()))
    }

    /// An empty column with room for `rows` values.
    pub fn with_capacity(rows: usize) -> Self {
        Self(Place::Own(Vec::with_capacity(rows)))
    }

    /// The values of somebody else's memory, such as the pinned memory of a GPU engine; nothing is copied.
    pub fn foreign(memory: Arc<dyn AsRef<[T]> + Send + Sync>) -> Self {
        Self(Place::Foreign(memory))
    }
}

impl<T: Clone> Column<T> {
    /// The column's own values, copied from foreign memory if need be.
    fn own(&mut self) -> &mut Vec<T> {
        if let Place::Foreign(memory) = &self.0 {
            self.0 = Place::Own((**memory).as_ref().to_vec());
        }
        match &mut self.0 {
            Place::Own(values) => values,
            Place::Foreign(_) => unreachable!("copied above"),
        }
    }

    /// Appends a value.
    #[inline]
    pub fn push(&mut self, value: T) {
        self.own().push(value);
    }

    /// Appends values.
    pub fn extend_from_slice(&mut self, values: &[T]) {
        self.own().extend_from_slice(values);
    }

    /// Makes the column `rows` long, with copies of `value` where it was shorter.
    pub fn resize(&mut self, rows: usize, value: T) {
        self.own().resize(rows, value);
    }

    /// Makes the column at most `rows` long.
    pub fn truncate(&mut self, rows: usize) {
        self.own().truncate(rows);
    }

    /// Removes all values; keeps memory of its own.
    pub fn clear(&mut self) {
        match &mut self.0 {
            Place::Own(values) => values.clear(),
            Place::Foreign(_) => *self = Self::new(),
        }
    }
}

impl<T> Deref for Column<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match &self.0 {
            Place::Own(values) => values,
            Place::Foreign(memory) => (**memory).as_ref(),
        }
    }
}

impl<T: Clone> DerefMut for Column<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        self.own()
    }
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Clone> Clone for Column<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: PartialEq> PartialEq for Column<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: PartialEq, const N: usize> PartialEq<[T; N]> for Column<T> {
    fn eq(&self, other: &[T; N]) -> bool {
        **self == *other
    }
}

impl<T: PartialEq> PartialEq<Vec<T>> for Column<T> {
    fn eq(&self, other: &Vec<T>) -> bool {
        **self == **other
    }
}

impl<T: fmt::Debug> fmt::Debug for Column<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T> From<Vec<T>> for Column<T> {
    fn from(values: Vec<T>) -> Self {
        Self(Place::Own(values))
    }
}

impl<T> FromIterator<T> for Column<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(Place::Own(values.into_iter().collect()))
    }
}

impl<T: Clone> Extend<T> for Column<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        self.own().extend(values);
    }
}

impl<'a, T> IntoIterator for &'a Column<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Declares a collection of columns (structure of arrays) and its row type.
///
/// The collection has a public column for each field, a `Vec` or a [`Column`] as `in` says, and `with_capacity`, `from_rows`, `push`,
/// `get`, `len`, `is_empty`, `iter` and `clear`; all columns have equal length.
macro_rules! soa {
    ($(#[$doc:meta])* $Collection:ident in $Column:ident of $(#[$row_doc:meta])* $Row:ident {
        $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq)]
        pub struct $Collection {
            $($(#[$field_doc])* pub $field: $Column<$type>,)*
        }

        $(#[$row_doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub struct $Row {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $Collection {
            /// An empty collection.
            pub fn new() -> Self {
                Self::default()
            }

            /// An empty collection with room for `rows` rows.
            pub fn with_capacity(rows: usize) -> Self {
                Self { $($field: $Column::with_capacity(rows),)* }
            }

            /// The columns of these rows: faster than [`Self::push`] for each.
            pub fn from_rows(rows: &[$Row]) -> Self {
                Self { $($field: rows.iter().map(|row| row.$field).collect(),)* }
            }

            /// Appends one row.
            #[inline]
            pub fn push(&mut self, row: $Row) {
                $(self.$field.push(row.$field);)*
            }

            /// Copies row `i` out of the columns.
            ///
            /// # Panics
            /// If `i` is not less than [`Self::len`].
            #[inline]
            pub fn get(&self, i: usize) -> $Row {
                $Row { $($field: self.$field[i],)* }
            }

            /// Number of rows.
            #[inline]
            pub fn len(&self) -> usize {
                debug_assert!(self.is_even(), "columns of unequal length");
                let lengths = [$(self.$field.len(),)*];
                lengths[0]
            }

            /// Whether all columns have the same length, as they must.
            #[inline]
            pub fn is_even(&self) -> bool {
                let lengths = [$(self.$field.len(),)*];
                lengths.iter().all(|&length| length == lengths[0])
            }

            /// Whether there is no row.
            #[inline]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Names and bytes of the columns: two collections are the same to the bit when these are equal.
            pub fn bytes(&self) -> Vec<(&'static str, &[u8])> {
                vec![$((stringify!($field), bytemuck::cast_slice(&self.$field)),)*]
            }

            /// All rows in order.
            pub fn iter(&self) -> impl ExactSizeIterator<Item = $Row> + '_ {
                (0..self.len()).map(|i| self.get(i))
            }

            /// Removes all rows, keeps the memory.
            pub fn clear(&mut self) {
                $(self.$field.clear();)*
            }
        }

        impl std::fmt::Debug for $Collection {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_list().entries(self.iter()).finish()
            }
        }

        impl FromIterator<$Row> for $Collection {
            fn from_iter<I: IntoIterator<Item = $Row>>(rows: I) -> Self {
                Self::from_rows(&rows.into_iter().collect::<Vec<_>>())
            }
        }
    };
}
pub(crate) use soa;

/// Rows of varying length: row `i` is `values[offsets[i]..offsets[i + 1]]`.
#[derive(Clone, PartialEq)]
pub struct Ragged<T> {
    /// Where each row begins, and at the end the number of values: one entry more than rows.
    pub offsets: Column<u32>,
    /// The values of all rows, row after row.
    pub values: Column<T>,
}

impl<T: Copy> Ragged<T> {
    /// No rows.
    pub fn new() -> Self {
        Self { offsets: vec![0].into(), values: Column::new() }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the offsets cut all values into rows, as they must.
    pub fn is_whole(&self) -> bool {
        self.offsets.first() == Some(&0)
            && self.offsets.is_sorted()
            && self.offsets.last() == Some(&(self.values.len() as u32))
    }

    /// The values of row `i`.
    ///
    /// # Panics
    /// If `i` is not less than [`Self::len`].
    #[inline]
    pub fn row(&self, i: usize) -> &[T] {
        &self.values[self.range(i)]
    }

    /// Where row `i` lies in `values`.
    ///
    /// # Panics
    /// If `i` is not less than [`Self::len`].
    #[inline]
    pub fn range(&self, i: usize) -> std::ops::Range<usize> {
        self.offsets[i] as usize..self.offsets[i + 1] as usize
    }

    /// Appends a row.
    pub fn push(&mut self, row: impl IntoIterator<Item = T>) {
        self.values.extend(row);
        self.offsets.push(self.values.len() as u32);
    }

    /// All rows in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[T]> + '_ {
        (0..self.len()).map(|i| self.row(i))
    }
}

impl<T: Copy> Default for Ragged<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy + fmt::Debug> fmt::Debug for Ragged<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An engine's memory.
    struct Arena(Vec<u32>);

    impl AsRef<[u32]> for Arena {
        fn as_ref(&self) -> &[u32] {
            &self.0
        }
    }

    #[test]
    fn a_column_in_foreign_memory_is_read_in_place_and_given_back_when_dropped() {
        let arena = Arc::new(Arena(vec![3, 1, 2]));
        let column = Column::foreign(arena.clone());
        let clone = column.clone();
        assert!(std::ptr::eq(&raw const column[0], &raw const arena.0[0]));
        assert_eq!(column, Column::from(vec![3, 1, 2]));
        drop(column);
        assert_eq!((clone.len(), Arc::strong_count(&arena)), (3, 2));
        drop(clone);
        assert_eq!(Arc::strong_count(&arena), 1);
    }

    #[test]
    fn a_column_in_foreign_memory_is_copied_before_it_changes() {
        let arena = Arc::new(Arena(vec![3, 1]));
        let (mut changed, mut longer, mut cleared) = (
            Column::foreign(arena.clone()),
            Column::foreign(arena.clone()),
            Column::foreign(arena.clone()),
        );
        changed[0] = 7;
        longer.push(5);
        cleared.clear();
        assert_eq!(
            (&changed[..], &longer[..], &cleared[..]),
            (&[7, 1][..], &[3, 1, 5][..], &[][..])
        );
        assert_eq!((&arena.0[..], Arc::strong_count(&arena)), (&[3, 1][..], 1));
    }
}
