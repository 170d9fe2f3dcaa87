//! Index newtypes: a row number that knows which table it belongs to.

use bytemuck::{Pod, Zeroable};

macro_rules! index_type {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
        #[repr(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// No row.
            pub const NONE: Self = Self(u32::MAX);

            /// The row number for slices.
            #[inline]
            pub fn get(self) -> usize {
                self.0 as usize
            }

            /// Whether this is not [`Self::NONE`].
            #[inline]
            pub fn is_some(self) -> bool {
                self.0 != u32::MAX
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::NONE
            }
        }

        impl From<usize> for $name {
            #[inline]
            fn from(row: usize) -> Self {
                debug_assert!(row < u32::MAX as usize, "table too long for a 32-bit index");
                Self(row as u32)
            }
        }
    )*};
}

index_type! {
    /// A row of [`Detector::surfaces`](crate::detector::Detector::surfaces).
    SurfaceIndex;
    /// A row of [`Detector::volumes`](crate::detector::Detector::volumes); [`Self::NONE`] is outside the world.
    VolumeIndex;
    /// A row of [`Modules`](crate::detector::Modules): sensors in ascending surface order.
    ModuleIndex;
    /// A row of [`Measurements`](crate::event::Measurements).
    MeasurementIndex;
    /// A row of [`Spacepoints`](crate::event::Spacepoints).
    SpacepointIndex;
}
