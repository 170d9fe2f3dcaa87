//! From the description to the tables.

use super::completion::complete;
use super::model::{
    AxisModel, DetectorModel, MaskModel, MaterialMapModel, MaterialModel, Placement, SurfaceModel,
    VolumeModel,
};
use super::{
    Axis, Carrier, Detector, Grid, Mask, MaterialMap, MaterialRef, Slab, Surface, SurfaceKind,
    Volume, detray_barcode,
};
use crate::Scalar;
use crate::error::Error;
use crate::index::{SurfaceIndex, VolumeIndex};
use crate::math::dot;

impl Detector {
    /// Compiles a description into tables.
    ///
    /// Each bin of a search grid then lists, ascending, what the description lists and every sensor that can be met from it:
    /// those whose mask, grown by [`LARGEST_MASK_TOLERANCE`](super::LARGEST_MASK_TOLERANCE), is met by a helix that
    /// crosses the grid's reference surface in the bin, at up to 75 degrees from its normal, with a transverse
    /// momentum of at least 0.15 GeV in up to 4 T, |d0| up to 20 mm and |z0| up to 300 mm, on its way out (before the
    /// circle leads back to the axis). `completions` says what was added.
    ///
    /// Cylinders about the z axis are made concentric: their z shift moves into the bounds, and x, y and rotation
    /// are dropped, as detray does on reading.
    ///
    /// # Errors
    /// [`Error::Geometry`] for masks with too few or impossible bounds, links to volumes that do not exist, grids and
    /// maps whose bins do not match their axes or that name unknown surfaces.
    pub fn compile(model: &DetectorModel) -> Result<Self, Error> {
        let mut detector =
            Self { name: model.name.clone(), bin_offsets: vec![0], ..Self::default() };
        for (number, volume) in model.volumes.iter().enumerate() {
            detector.push_volume(number, volume, model.volumes.len())?;
        }
        detector.by_geometry_id = detector
            .geometry_ids
            .iter()
            .enumerate()
            .map(|(i, &source)| (source, SurfaceIndex::from(i)))
            .collect();
        detector.by_geometry_id.sort_unstable();
        detector.share_portal_material();
        Ok(detector)
    }

    /// Gives bare portals the material of the coincident portal of the volume behind.
    ///
    /// Both volumes at a border have a portal of their own there. A transport crosses the one of the volume it leaves, so
    /// that material on both counts once; with this, material on one of them counts in both directions.
    fn share_portal_material(&mut self) {
        for row in 0..self.surfaces.len() {
            let portal = &self.surfaces[row];
            let bare = portal.kind == SurfaceKind::PORTAL && !portal.material.is_some();
            if !bare || !portal.mask.link.is_some() || !self.further_masks(portal).is_empty() {
                continue;
            }
            let [first, last] = self.volumes[portal.mask.link.get()].surfaces.map(|s| s as usize);
            let behind = |twin: &&Surface| {
                let leads_back = self.masks(twin).any(|mask| mask.link == portal.volume);
                twin.kind == SurfaceKind::PORTAL
                    && twin.material.is_some()
                    && leads_back
                    && coincide(portal, twin)
            };
            if let Some(material) =
                self.surfaces[first..last].iter().find(behind).map(|twin| twin.material)
            {
                self.surfaces[row].material = material;
            }
        }
    }

    fn push_volume(
        &mut self,
        number: usize,
        volume: &VolumeModel,
        volumes: usize,
    ) -> Result<(), Error> {
        let first_surface = self.surfaces.len();
        let first_searched = self.searched.len();
        let first_grid = self.grids.len();
        let index = VolumeIndex::from(number);
        for (position, surface) in volume.surfaces.iter().enumerate() {
            let fail = |reason| Error::Geometry { volume: number, surface: position, reason };
            let row = SurfaceIndex::from(self.surfaces.len());
            let compiled = self.surface(surface, index, volumes).map_err(fail)?;
            self.surfaces.push(compiled);
            self.geometry_ids.push(surface.source);
            self.barcodes.push(detray_barcode(index, surface.kind, row));
            if volume.grids.is_empty() || surface.kind != SurfaceKind::SENSITIVE {
                self.searched.push(row);
            }
        }
        for grid in 0..volume.grids.len() {
            let fail = |reason| Error::Geometry { volume: number, surface: 0, reason };
            self.push_grid(grid, volume, index, first_surface).map_err(fail)?;
        }
        self.volumes.push(Volume {
            axes: to_scalar(volume.placement.axes),
            translation: volume.placement.translation.map(|v| v as Scalar),
            surfaces: [first_surface as u32, self.surfaces.len() as u32],
            searched: [first_searched as u32, self.searched.len() as u32],
            grids: [first_grid as u32, self.grids.len() as u32],
        });
        Ok(())
    }

    fn surface(
        &mut self,
        model: &SurfaceModel,
        volume: VolumeIndex,
        volumes: usize,
    ) -> Result<Surface, String> {
        let (placement, masks) = concentric(model);
        let mut compiled = Vec::with_capacity(masks.len());
        for mask in &masks {
            model.shape.check_bounds(&mask.bounds)?;
            let mut bounds = [0.0; 7];
            for (to, from) in bounds.iter_mut().zip(&mask.bounds) {
                *to = *from as Scalar;
            }
            let link = mask.link.map_or(VolumeIndex::NONE, VolumeIndex::from);
            if mask.link.is_some_and(|l| l >= volumes) {
                return Err(format!("links to volume {}, but there are {volumes} volumes", link.0));
            }
            compiled.push(Mask { bounds, link });
        }
        let (&mask, further) = compiled.split_first().ok_or("has no mask")?;
        let further_masks = u16::try_from(further.len())
            .map_err(|_| format!("has {} masks, expected at most 65536", masks.len()))?;
        let first_further_mask = self.further_masks.len() as u32;
        self.further_masks.extend_from_slice(further);
        let material = match &model.material {
            None => MaterialRef::NONE,
            Some(MaterialModel::Slab(slab)) => {
                self.slabs.push(Slab::new(slab));
                MaterialRef::slab(self.slabs.len() - 1)
            }
            Some(MaterialModel::Map(map)) => self.push_map(map)?,
        };
        Ok(Surface {
            axes: to_scalar(placement.axes),
            translation: placement.translation.map(|v| v as Scalar),
            mask,
            volume,
            material,
            first_further_mask,
            further_masks,
            shape: model.shape,
            kind: model.kind,
        })
    }

    fn push_map(&mut self, map: &MaterialMapModel) -> Result<MaterialRef, String> {
        check_bins("material map", &map.axes, map.slabs.len())?;
        let first_slab = self.map_slabs.len() as u32;
        self.map_slabs.extend(
            map.slabs.iter().map(|slab| slab.as_ref().map_or_else(Slab::default, Slab::new)),
        );
        self.maps.push(MaterialMap { axes: map.axes.map(axis), first_slab });
        Ok(MaterialRef::map(self.maps.len() - 1))
    }

    fn push_grid(
        &mut self,
        number: usize,
        volume: &VolumeModel,
        index: VolumeIndex,
        first_surface: usize,
    ) -> Result<(), String> {
        let grid = &volume.grids[number];
        check_bins("surface grid", &grid.axes, grid.bins.len())?;
        let mut surfaces = volume.grids.iter().flat_map(|grid| &grid.bins).flatten();
        if let Some(unknown) = surfaces.find(|&&s| s as usize >= volume.surfaces.len()) {
            return Err(format!(
                "grid names surface {unknown}, but the volume has {}",
                volume.surfaces.len()
            ));
        }
        let (axes, first_bin) = (grid.axes.map(axis), self.bin_offsets.len() as u32 - 1);
        let completed = complete(volume, index, number, &axes);
        for bin in completed.bins {
            let global = |local| SurfaceIndex::from(first_surface + local as usize);
            self.bin_entries.extend(bin.into_iter().map(global));
            self.bin_offsets.push(self.bin_entries.len() as u32);
        }
        self.completions.push(completed.report);
        let reference = completed.reference as Scalar;
        self.grids.push(Grid { frame: grid.frame, reference, axes, first_bin });
        Ok(())
    }
}

/// Whether two portals lie on the same plane or cylinder, up to rounding.
fn coincide(a: &Surface, b: &Surface) -> bool {
    const NEAR: Scalar = 1.0e-3;
    if a.shape != b.shape {
        return false;
    }
    match a.shape.carrier() {
        Carrier::Plane => {
            let parallel = dot(&a.axis(2), &b.axis(2)).abs() > 1.0 - 1.0e-5;
            parallel && dot(&a.axis(2), &(b.origin() - a.origin())).abs() < NEAR
        }
        Carrier::Cylinder => false,
        Carrier::ConcentricCylinder => (a.mask.bounds[0] - b.mask.bounds[0]).abs() < NEAR,
    }
}

fn concentric(model: &SurfaceModel) -> (Placement, Vec<MaskModel>) {
    let mut masks = model.masks.clone();
    if model.shape.carrier() != Carrier::ConcentricCylinder {
        return (model.placement, masks);
    }
    for mask in &mut masks {
        for bound in mask.bounds.iter_mut().skip(1) {
            *bound += model.placement.translation[2];
        }
    }
    (Placement::IDENTITY, masks)
}

fn check_bins(what: &str, axes: &[AxisModel; 2], bins: usize) -> Result<(), String> {
    for axis in axes {
        if axis.bins == 0 || axis.min.partial_cmp(&axis.max) != Some(std::cmp::Ordering::Less) {
            return Err(format!(
                "{what}: axis from {} to {} in {} bins is empty",
                axis.min, axis.max, axis.bins
            ));
        }
    }
    // The product of two file-supplied numbers may overflow.
    let expected = axes[0].bins.checked_mul(axes[1].bins);
    if expected == Some(bins) {
        return Ok(());
    }
    Err(format!("{what}: {} x {} bins announced, {bins} found", axes[0].bins, axes[1].bins))
}

fn axis(model: AxisModel) -> Axis {
    Axis {
        min: model.min as Scalar,
        bins_per_unit: (model.bins as f64 / (model.max - model.min)) as Scalar,
        bins: model.bins as u32,
        circular: u32::from(model.circular),
    }
}

fn to_scalar(axes: [[f64; 3]; 3]) -> [[Scalar; 3]; 3] {
    axes.map(|axis| axis.map(|v| v as Scalar))
}
