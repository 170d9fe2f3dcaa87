use crate::Scalar;
use bytemuck::{Pod, Zeroable};

/// What the axes of a search grid mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub struct GridFrame(pub u32);

impl GridFrame {
    /// Azimuth and z on a cylinder about the global z axis.
    pub const CYLINDER: Self = Self(0);
    /// Radius and azimuth in the volume's local xy plane.
    pub const DISC: Self = Self(1);
    /// x and y in the volume's local xy plane.
    pub const PLANE: Self = Self(2);
}

/// A regular axis of a search grid or material map.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Axis {
    /// Lower end, in mm or rad.
    pub min: Scalar,
    /// Bins per mm or rad.
    pub bins_per_unit: Scalar,
    /// Number of bins.
    pub bins: u32,
    /// 1 when the ends meet, else 0: values outside fall into the first or last bin.
    pub circular: u32,
}
#[cfg(not(traccc_f64))]
const _: () = assert!(size_of::<Axis>() == 16);

impl Axis {
    /// The bin of a value; values outside are wrapped or clamped.
    #[inline]
    pub fn bin(&self, value: Scalar) -> u32 {
        let bin = ((value - self.min) * self.bins_per_unit).floor() as i32;
        let bins = self.bins as i32;
        if self.circular != 0 { bin.rem_euclid(bins) as u32 } else { bin.clamp(0, bins - 1) as u32 }
    }

    /// The bins from `below` below to `above` above `bin`, each once, in ascending steps.
    pub fn window(&self, bin: u32, below: u32, above: u32) -> impl Iterator<Item = u32> + use<> {
        let (bins, circular) = (self.bins, self.circular != 0);
        let first = if circular {
            i64::from(bin) - i64::from(below)
        } else {
            i64::from(bin.saturating_sub(below))
        };
        let last = if circular {
            i64::from(bin) + i64::from(above)
        } else {
            i64::from(bin.saturating_add(above).min(bins - 1))
        };
        let last = last.min(first + i64::from(bins) - 1);
        (first..=last).map(move |b| b.rem_euclid(i64::from(bins)) as u32)
    }
}

/// A search grid over the surfaces of one volume.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Grid {
    /// What the axes mean.
    pub frame: GridFrame,
    /// Radius of the cylinder on which a track is looked up, in mm; 0 for other frames.
    pub radius: Scalar,
    /// The axes; the bin of axis 0 runs fastest.
    pub axes: [Axis; 2],
    /// First row of [`Detector::bin_offsets`](super::Detector::bin_offsets) of this grid.
    pub first_bin: u32,
}
#[cfg(not(traccc_f64))]
const _: () = assert!(size_of::<Grid>() == 44);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circular_window_visits_each_bin_once() {
        let axis = Axis { min: -1.0, bins_per_unit: 2.0, bins: 4, circular: 1 };
        assert_eq!(axis.window(0, 1, 1).collect::<Vec<_>>(), [3, 0, 1]);
        assert_eq!(axis.window(3, 3, 3).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!((axis.bin(-1.1), axis.bin(0.99), axis.bin(1.0)), (3, 3, 0));
    }

    #[test]
    fn a_closed_window_stops_at_the_ends() {
        let axis = Axis { min: 0.0, bins_per_unit: 1.0, bins: 5, circular: 0 };
        assert_eq!(axis.window(0, 2, 1).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(axis.window(4, 1, 3).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(axis.window(2, u32::MAX, u32::MAX).count(), 5);
        assert_eq!((axis.bin(-3.0), axis.bin(4.5), axis.bin(9.0)), (0, 4, 4));
    }
}
