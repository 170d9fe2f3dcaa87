use crate::Scalar;
use crate::index::SurfaceIndex;
use crate::storage::{Column, soa};
use bytemuck::{Pod, Zeroable};

/// Which local coordinates of its surface a measurement constrains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub struct Subspace(pub u32);

impl Subspace {
    /// The first local coordinate only.
    pub const LOC0: Self = Self(1);
    /// The second local coordinate only (the angle of an annulus strip).
    pub const LOC1: Self = Self(2);
    /// Both local coordinates.
    pub const BOTH: Self = Self(3);

    /// Number of coordinates: 1 or 2.
    #[inline]
    pub fn dimensions(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether local coordinate `axis` (0 or 1) is measured.
    #[inline]
    pub fn measures(self, axis: usize) -> bool {
        self.0 >> axis & 1 == 1
    }
}

impl Default for Subspace {
    fn default() -> Self {
        Self::BOTH
    }
}

soa! {
    /// Measurements of one event in ascending order of `surface`; on one surface in the order of their first cells.
    Measurements in Column of
    /// One measurement: the centre of a cluster in the frame of its sensor.
    Measurement {
        /// Local coordinates (loc0, loc1) of the surface's frame, in mm (rad for the angle of a polar frame).
        /// A coordinate outside `subspace` is informative only.
        local: [Scalar; 2],
        /// Variances of `local`, in mm² (rad²).
        variance: [Scalar; 2],
        /// Time as c·t, in mm; 0 when made from cells.
        time: Scalar,
        /// The coordinates that are measured.
        subspace: Subspace,
        /// The sensor.
        surface: SurfaceIndex,
        /// Number of cells; 0 when read from a file of measurements.
        cells: u32,
        /// Channels from the lowest to the highest of the cluster along each axis of the segmentation (the axes of
        /// `local`), both included; 0 when not made from cells. 1 along a strip.
        size: [u32; 2],
        /// Distance between the outer edges of these channels along the same axes, in mm (rad for the angle of a polar
        /// frame); 0 when not made from cells. The length of the strip along it.
        width: [Scalar; 2],
    }
}

impl Measurements {
    /// Where the measurements of each of the `surfaces` surfaces begin: row `s` to row `s + 1` of the answer.
    pub fn offsets_by_surface(&self, surfaces: usize) -> Vec<u32> {
        let mut offsets = vec![0_u32; surfaces + 1];
        for surface in &self.surface {
            offsets[surface.get() + 1] += 1;
        }
        for i in 0..surfaces {
            offsets[i + 1] += offsets[i];
        }
        offsets
    }
}
