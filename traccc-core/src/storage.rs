//! Where the columns of a collection live, and the macro that declares collections once for all places.

/// A place for columns: [`Host`] here, device memory in `traccc-cuda`.
pub trait Storage {
    /// One column of `T` in this place.
    type Column<T: Copy + 'static>;
}

/// Main memory: a column is a `Vec`.
#[derive(Clone, Copy, Debug)]
pub struct Host;

impl Storage for Host {
    type Column<T: Copy + 'static> = Vec<T>;
}

/// Declares a collection of columns (structure of arrays) and its row type.
///
/// The collection has a public column for each field. On the host it also has `with_capacity`, `push`, `get`,
/// `len`, `is_empty`, `iter` and `clear`; all columns have equal length.
macro_rules! soa {
    ($(#[$doc:meta])* $Collection:ident of $(#[$row_doc:meta])* $Row:ident {
        $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
    }) => {
        $(#[$doc])*
        pub struct $Collection<S: $crate::storage::Storage = $crate::storage::Host> {
            $($(#[$field_doc])* pub $field: S::Column<$type>,)*
        }

        $(#[$row_doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub struct $Row {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $Collection {
            /// An empty collection.
            pub fn new() -> Self {
                Self { $($field: Vec::new(),)* }
            }

            /// An empty collection with room for `rows` rows.
            pub fn with_capacity(rows: usize) -> Self {
                Self { $($field: Vec::with_capacity(rows),)* }
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
                let lengths = [$(self.$field.len(),)*];
                debug_assert!(lengths.iter().all(|&l| l == lengths[0]), "columns of unequal length");
                lengths[0]
            }

            /// Whether there is no row.
            #[inline]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
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

        impl Default for $Collection {
            fn default() -> Self {
                Self::new()
            }
        }

        impl Clone for $Collection {
            fn clone(&self) -> Self {
                Self { $($field: self.$field.clone(),)* }
            }
        }

        impl PartialEq for $Collection {
            fn eq(&self, other: &Self) -> bool {
                $(self.$field == other.$field)&&*
            }
        }

        impl std::fmt::Debug for $Collection {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_list().entries(self.iter()).finish()
            }
        }

        impl FromIterator<$Row> for $Collection {
            fn from_iter<I: IntoIterator<Item = $Row>>(rows: I) -> Self {
                let rows = rows.into_iter();
                let mut collection = Self::with_capacity(rows.size_hint().0);
                rows.for_each(|row| collection.push(row));
                collection
            }
        }
    };
}
pub(crate) use soa;

/// Rows of varying length: row `i` is `values[offsets[i]..offsets[i + 1]]`.
pub struct Ragged<T: Copy + 'static, S: Storage = Host> {
    /// Where each row begins, and at the end the number of values: one entry more than rows.
    pub offsets: S::Column<u32>,
    /// The values of all rows, row after row.
    pub values: S::Column<T>,
}

impl<T: Copy + 'static> Ragged<T> {
    /// No rows.
    pub fn new() -> Self {
        Self { offsets: vec![0], values: Vec::new() }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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

impl<T: Copy + 'static> Default for Ragged<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy + 'static> Clone for Ragged<T> {
    fn clone(&self) -> Self {
        Self { offsets: self.offsets.clone(), values: self.values.clone() }
    }
}

impl<T: Copy + PartialEq + 'static> PartialEq for Ragged<T> {
    fn eq(&self, other: &Self) -> bool {
        self.offsets == other.offsets && self.values == other.values
    }
}

impl<T: Copy + std::fmt::Debug + 'static> std::fmt::Debug for Ragged<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
