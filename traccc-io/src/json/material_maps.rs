//! The material map file: a slab for each bin of a surface's local coordinates.

use super::payload::{self, material_id};
use super::{content, read_detray};
use crate::error::{ContentProblem, Result};
use std::f64::consts::{PI, TAU};
use std::path::Path;
use traccc_core::detector::{
    AxisModel, DetectorModel, MaterialMapModel, MaterialModel, Shape, SlabModel,
};

/// Adds the maps of a detray material map file to a detector.
///
/// As in detray the kind of surface decides what the axes mean, and the file only gives bins and ends:
///
/// | surface | axis 0 | axis 1 |
/// |---|---|---|
/// | ring | r, ends from the file | phi, all around |
/// | annulus | r, ends from the file | phi, ends from the file |
/// | concentric cylinder | phi, all around | z, ends from the file |
/// | rectangle, trapezoid | x, the upper end is half the length | y, the upper end is half the length |
///
/// Bins that the file does not list, or fills with a slab of no thickness, have no material. A surface that already has
/// material keeps it, with a warning.
///
/// # Errors
/// A file that cannot be read, that is not a material map file, or whose content does not fit the detector: unknown
/// volumes or surfaces, maps for another shape, bins outside the axes.
pub fn with_material_maps(
    mut model: DetectorModel,
    path: impl AsRef<Path>,
) -> Result<DetectorModel> {
    let path = path.as_ref();
    let file: payload::Document<payload::GridData<payload::Slab>> =
        read_detray(path, payload::MATERIAL_MAPS)?;
    let volumes = model.volumes.len();
    for (entry, group) in file.data.grids.unwrap_or_default().iter().enumerate() {
        let at = format!("data.grids[{entry}]");
        let number =
            payload::volume(group.volume_link, volumes, path, || format!("{at}.volume_link"))?;
        let surfaces = &mut model.volumes[number].surfaces;
        for (g, grid) in group.grid_data.as_deref().unwrap_or_default().iter().enumerate() {
            let fail = |key: String, p| content(path, format!("{at}.grid_data[{g}].{key}"), p);
            let existing = surfaces.len();
            let local = usize::try_from(grid.owner_link).ok().filter(|&s| s < existing);
            let surface = local.and_then(|s| surfaces.get_mut(s)).ok_or_else(|| {
                let found = grid.owner_link;
                let problem = ContentProblem::Unknown { what: "surface", found, existing };
                fail("owner_link".into(), problem)
            })?;
            let map = read_map(grid, surface.shape).map_err(|(key, p)| fail(key, p))?;
            if surface.material.is_some() {
                let surface = grid.owner_link;
                tracing::warn!(
                    volume = number,
                    surface,
                    "the surface already has material and keeps it"
                );
            } else {
                surface.material = Some(MaterialModel::Map(map));
            }
        }
    }
    Ok(model)
}

fn read_map(
    grid: &payload::Grid<payload::Slab>,
    shape: Shape,
) -> Result<MaterialMapModel, (String, ContentProblem)> {
    let (axes, bins) = payload::axes_and_bins(grid).map_err(|(key, p)| (key.to_owned(), p))?;
    let axes = map_axes(grid.grid_link.kind, shape, axes)?;
    let mut slabs: Vec<Option<SlabModel>> = vec![None; bins[0] * bins[1]];
    let mut seen = vec![false; slabs.len()];
    for (b, bin) in grid.bins.as_deref().unwrap_or_default().iter().enumerate() {
        let serial = bin.serial(bins).map_err(|p| (format!("bins[{b}].loc_index"), p))?;
        if std::mem::replace(&mut seen[serial], true) {
            let problem = ContentProblem::DuplicateBin { bin: bin.loc_index };
            return Err((format!("bins[{b}].loc_index"), problem));
        }
        let fail = |p| (format!("bins[{b}].content"), p);
        slabs[serial] = match bin.content.as_deref().unwrap_or_default() {
            [] => None,
            [slab] => slab.model().map_err(fail)?,
            several => {
                let (found, expected) = (several.len(), 1);
                return Err(fail(ContentProblem::Count { what: "slabs", found, expected }));
            }
        };
    }
    Ok(MaterialMapModel { axes, slabs })
}

/// The axes of the map of a surface.
pub(super) fn map_axes(
    kind: u32,
    shape: Shape,
    axes: [&payload::Axis; 2],
) -> Result<[AxisModel; 2], (String, ContentProblem)> {
    if !fits(kind, shape) {
        let name = payload::material_name(kind);
        let problem = ContentProblem::MaterialShape { id: kind, name, shape: shape.name() };
        return Err(("grid_link.type".into(), problem));
    }
    let around = [-PI, PI];
    let span = |axis: usize| -> Result<[f64; 2], (String, ContentProblem)> {
        axes[axis].span().map_err(|p| (format!("axes[{axis}].edges"), p))
    };
    let symmetric = |axis: usize| span(axis).map(|[_, half]| [-half, half]);
    let spans = match shape {
        Shape::Ring => [span(0)?, around],
        Shape::Annulus => [span(0)?, span(1)?],
        Shape::Rectangle | Shape::Trapezoid => [symmetric(0)?, symmetric(1)?],
        Shape::Cylinder | Shape::ConcentricCylinder => [around, span(1)?],
    };
    let mut models = [AxisModel { bins: 0, min: 0.0, max: 0.0, circular: false }; 2];
    for (axis, model) in models.iter_mut().enumerate() {
        let [min, max] = spans[axis];
        if min.partial_cmp(&max) != Some(std::cmp::Ordering::Less) {
            let (what, expected) = ("the upper end", "more than the lower end");
            let problem = ContentProblem::Value { what, found: max, expected };
            return Err((format!("axes[{axis}].edges"), problem));
        }
        // A sector has two ends: beyond them the nearest bin is right, not the one at the other end.
        let circular = shape.azimuth() == Some(axis) && max - min > TAU - 1.0e-5;
        *model = AxisModel { bins: axes[axis].bins as usize, min, max, circular };
    }
    Ok(models)
}

/// Whether a map of this number can lie on a surface of this shape. Cylinders are read as concentric ones, so their
/// maps are too.
fn fits(kind: u32, shape: Shape) -> bool {
    match shape {
        Shape::Ring | Shape::Annulus => kind == material_id::DISC_MAP,
        Shape::Rectangle | Shape::Trapezoid => kind == material_id::PLANE_MAP,
        Shape::ConcentricCylinder => {
            kind == material_id::CONCENTRIC_CYLINDER_MAP || kind == material_id::CYLINDER_MAP
        }
        Shape::Cylinder => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(bins: u64, edges: &[f64]) -> payload::Axis {
        payload::Axis { label: 0, bounds: 1, binning: 0, bins, edges: Some(edges.to_vec()) }
    }

    fn spans(kind: u32, shape: Shape) -> Option<[(f64, f64, bool); 2]> {
        let (first, second) = (axis(2, &[1.0, 2.0]), axis(3, &[-0.5, 0.0, 0.5]));
        let axes = map_axes(kind, shape, [&first, &second]).ok()?;
        Some(axes.map(|a| (a.min, a.max, a.circular)))
    }

    #[test]
    fn the_shape_decides_what_the_axes_mean() {
        let around = (-PI, PI, true);
        assert_eq!(spans(0, Shape::Ring), Some([(1.0, 2.0, false), around]));
        assert_eq!(spans(0, Shape::Annulus), Some([(1.0, 2.0, false), (-0.5, 0.5, false)]));
        assert_eq!(spans(1, Shape::Rectangle), Some([(-2.0, 2.0, false), (-0.5, 0.5, false)]));
        assert_eq!(spans(1, Shape::Trapezoid), spans(1, Shape::Rectangle));
        assert_eq!(spans(3, Shape::ConcentricCylinder), Some([around, (-0.5, 0.5, false)]));
    }

    #[test]
    fn a_map_for_another_shape_is_refused() {
        for (kind, shape) in [
            (0, Shape::Rectangle),
            (1, Shape::Ring),
            (3, Shape::Annulus),
            (2, Shape::Ring),
            (6, Shape::Ring),
        ] {
            assert_eq!(spans(kind, shape), None, "{kind} on {}", shape.name());
        }
    }

    #[test]
    fn empty_axes_are_refused() {
        let (good, empty, turned) = (axis(2, &[1.0, 2.0]), axis(2, &[]), axis(2, &[2.0, 1.0]));
        assert!(map_axes(0, Shape::Ring, [&good, &good]).is_ok());
        assert!(map_axes(0, Shape::Ring, [&empty, &good]).is_err());
        assert!(map_axes(0, Shape::Ring, [&turned, &good]).is_err());
    }
}
