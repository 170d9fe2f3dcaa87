use super::{Grid, GridCompletion, Mask, MaterialMap, Slab, Surface, SurfaceKind};
use crate::Scalar;
use crate::index::{SurfaceIndex, VolumeIndex};

/// One volume: which surfaces to search.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Volume {
    /// Local x, y and z axes as global unit vectors.
    pub axes: [[Scalar; 3]; 3],
    /// Origin of the local frame in global coordinates, in mm.
    pub translation: [Scalar; 3],
    /// Surfaces of this volume: first and one past the last row of [`Detector::surfaces`].
    pub surfaces: [u32; 2],
    /// Surfaces that are always searched: first and one past the last row of [`Detector::searched`].
    pub searched: [u32; 2],
    /// Grids: first and one past the last row of [`Detector::grids`].
    pub grids: [u32; 2],
}
#[cfg(not(traccc_f64))]
const _: () = assert!(size_of::<Volume>() == 72);

/// The detector as flat tables, in the form that the CPU walks and a GPU copies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detector {
    /// Name from the description.
    pub name: String,
    /// All surfaces, volume by volume.
    pub surfaces: Vec<Surface>,
    /// Masks of surfaces with more than one, from their second on.
    pub further_masks: Vec<Mask>,
    /// All volumes.
    pub volumes: Vec<Volume>,
    /// Surfaces that are always searched (portals and passive ones; all, in volumes without grid), volume by volume.
    pub searched: Vec<SurfaceIndex>,
    /// Search grids, volume by volume.
    pub grids: Vec<Grid>,
    /// Where the entries of each bin of each grid begin in `bin_entries`; one row more than bins.
    pub bin_offsets: Vec<u32>,
    /// Surfaces in the bins of the grids, in each bin ascending.
    pub bin_entries: Vec<SurfaceIndex>,
    /// What each grid of the description lacked, grid by grid.
    pub completions: Vec<GridCompletion>,
    /// Homogeneous material.
    pub slabs: Vec<Slab>,
    /// Material maps.
    pub maps: Vec<MaterialMap>,
    /// Slabs in the bins of the material maps.
    pub map_slabs: Vec<Slab>,
    /// ACTS geometry id of each surface: its identifier in the experiment's numbering.
    pub geometry_ids: Vec<u64>,
    /// detray barcode of each surface: its identifier in detray's numbering.
    pub barcodes: Vec<u64>,
    /// (ACTS geometry id, surface) in ascending order.
    pub(super) by_geometry_id: Vec<(u64, SurfaceIndex)>,
}

impl Detector {
    /// Sensitive surfaces in ascending order.
    pub fn sensitive_surfaces(&self) -> impl Iterator<Item = SurfaceIndex> + '_ {
        let sensitive = |(_, s): &(usize, &Surface)| s.kind == SurfaceKind::SENSITIVE;
        self.surfaces.iter().enumerate().filter(sensitive).map(|(i, _)| SurfaceIndex::from(i))
    }

    /// The surface with this ACTS geometry id; the last one when several share it.
    pub fn surface_by_geometry_id(&self, id: u64) -> Option<SurfaceIndex> {
        let after = self.by_geometry_id.partition_point(|&(s, _)| s <= id);
        let (found, surface) = *self.by_geometry_id.get(after.checked_sub(1)?)?;
        (found == id).then_some(surface)
    }

    /// All surfaces with this ACTS geometry id, ascending.
    pub fn surfaces_by_geometry_id(&self, id: u64) -> impl Iterator<Item = SurfaceIndex> + '_ {
        let first = self.by_geometry_id.partition_point(|&(s, _)| s < id);
        self.by_geometry_id[first..].iter().take_while(move |&&(s, _)| s == id).map(|&(_, row)| row)
    }

    /// The surface with this detray barcode.
    pub fn surface_by_barcode(&self, barcode: u64) -> Option<SurfaceIndex> {
        let surface = SurfaceIndex((barcode >> 27) as u32 & 0x1f_ffff);
        (self.barcodes.get(surface.get()) == Some(&barcode)).then_some(surface)
    }

    /// All masks of a surface.
    pub fn masks<'a>(&'a self, surface: &'a Surface) -> impl Iterator<Item = &'a Mask> {
        std::iter::once(&surface.mask).chain(self.further_masks(surface))
    }

    /// The masks of a surface after its first.
    #[inline]
    pub fn further_masks(&self, surface: &Surface) -> &[Mask] {
        &self.further_masks[surface.first_further_mask as usize..][..surface.further_masks.into()]
    }

    /// The slab of a surface at local coordinates (loc0, loc1); `None` where there is no material.
    #[inline]
    pub fn slab_at(&self, surface: &Surface, local: [Scalar; 2]) -> Option<&Slab> {
        if let Some(row) = surface.material.as_slab() {
            return Some(&self.slabs[row]).filter(|s| s.is_some());
        }
        let map = &self.maps[surface.material.as_map()?];
        Some(&self.map_slabs[map.slab_at(local)]).filter(|s| s.is_some())
    }

    /// Surfaces in one bin of a grid.
    #[inline]
    pub fn bin(&self, grid: &Grid, bins: [u32; 2]) -> &[SurfaceIndex] {
        let bin = (grid.first_bin + bins[0] + grid.axes[0].bins * bins[1]) as usize;
        &self.bin_entries[self.bin_offsets[bin] as usize..self.bin_offsets[bin + 1] as usize]
    }
}

/// The detray barcode of a surface: volume (12 bits), kind (4), surface (21), transform (21), six ones.
pub fn detray_barcode(volume: VolumeIndex, kind: SurfaceKind, surface: SurfaceIndex) -> u64 {
    let (v, s) = (u64::from(volume.0), u64::from(surface.0));
    v << 52 | u64::from(kind.0) << 48 | s << 27 | (s + v + 1) << 6 | 0x3f
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The identifiers of the two-plane telescope in detray's format description.
    #[test]
    fn identifiers_match_the_worked_example() {
        let id = |kind, surface| detray_barcode(VolumeIndex(0), kind, SurfaceIndex(surface));
        assert_eq!(id(SurfaceKind::SENSITIVE, 0), 281_474_976_710_783);
        assert_eq!(id(SurfaceKind::SENSITIVE, 1), 281_475_110_928_575);
        assert_eq!(id(SurfaceKind::PORTAL, 7), 939_524_671);
    }
}
