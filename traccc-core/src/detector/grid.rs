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

    /// The bins of all values from `low` to `high`, each once; values outside are wrapped or clamped.
    pub fn range(&self, low: f64, high: f64) -> impl Iterator<Item = u32> + use<> {
        let (bins, circular) = (i64::from(self.bins), self.circular != 0);
        let bin = |value: f64| {
            let bin =
                ((value - f64::from(self.min)) * f64::from(self.bins_per_unit)).floor() as i64;
            if circular { bin } else { bin.clamp(0, bins - 1) }
        };
        let first = bin(low);
        let last = bin(high).min(first.saturating_add(bins - 1));
        (first..=last).map(move |b| b.rem_euclid(bins) as u32)
    }
}

/// A search grid over the surfaces of one volume.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Grid {
    /// What the axes mean.
    pub frame: GridFrame,
    /// Where the surface is on which a track is looked up, in the middle of the sensors, in mm: the radius of a cylinder
    /// about the z axis, or the local z of a plane in the volume's frame.
    pub reference: Scalar,
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
    fn a_circular_range_visits_each_bin_once() {
        let axis = Axis { min: -1.0, bins_per_unit: 2.0, bins: 4, circular: 1 };
        let bins = |low, high| axis.range(low, high).collect::<Vec<_>>();
        assert_eq!(bins(-1.1, -0.1), [3, 0, 1]);
        assert_eq!(bins(0.9, 1.1), [3, 0]);
        assert_eq!(bins(-9.0, 9.0).len(), 4);
        assert_eq!((axis.bin(-1.1), axis.bin(0.99), axis.bin(1.0)), (3, 3, 0));
    }

    #[test]
    fn a_closed_range_stops_at_the_ends() {
        let axis = Axis { min: 0.0, bins_per_unit: 1.0, bins: 5, circular: 0 };
        let bins = |low, high| axis.range(low, high).collect::<Vec<_>>();
        assert_eq!(bins(-3.0, 1.5), [0, 1]);
        assert_eq!(bins(3.0, 9.0), [3, 4]);
        assert_eq!(bins(7.0, 9.0), [4]);
        assert_eq!((axis.bin(-3.0), axis.bin(4.5), axis.bin(9.0)), (0, 4, 4));
    }
}
