//! The surface grid file: which sensors of a volume a track can meet from where.

use super::{content, payload, read_detray};
use crate::error::{ContentProblem, Result};
use std::path::Path;
use traccc_core::detector::{AxisModel, DetectorModel, GridFrame, GridModel};

/// Kinds of search structure of the file format.
pub(super) const PLANE_GRID: u32 = 1;
pub(super) const DISC_GRID: u32 = 3;
pub(super) const CYLINDER_GRID: u32 = 4;
const LOCAL_CYLINDER_GRID: u32 = 5;

/// Adds the search grids of a detray surface grid file to a detector.
///
/// Axes must be regular; a cylinder grid has a circular azimuth and a closed z, a disc grid a closed radius and a
/// circular azimuth, a plane grid two closed axes.
///
/// # Errors
/// A file that cannot be read, that is not a surface grid file, or whose content does not fit the detector: unknown
/// volumes or surfaces, other kinds of grid or axis, bins outside the axes.
pub fn with_surface_grids(
    mut model: DetectorModel,
    path: impl AsRef<Path>,
) -> Result<DetectorModel> {
    let path = path.as_ref();
    let file: payload::Document<payload::GridData<u64>> =
        read_detray(path, payload::SURFACE_GRIDS)?;
    let volumes = model.volumes.len();
    for (entry, group) in file.data.grids.unwrap_or_default().iter().enumerate() {
        let at = format!("data.grids[{entry}]");
        for (g, grid) in group.grid_data.as_deref().unwrap_or_default().iter().enumerate() {
            let at = format!("{at}.grid_data[{g}]");
            let number =
                payload::volume(grid.owner_link, volumes, path, || format!("{at}.owner_link"))?;
            if grid.owner_link != group.volume_link {
                let (what, found, expected) = ("the owner", grid.owner_link, group.volume_link);
                let problem = ContentProblem::Mismatch { what, found, expected };
                return Err(content(path, format!("{at}.owner_link"), problem));
            }
            let volume = &mut model.volumes[number];
            let grid = read_grid(grid, volume.surfaces.len())
                .map_err(|(key, problem)| content(path, format!("{at}.{key}"), problem))?;
            volume.grids.push(grid);
        }
    }
    Ok(model)
}

fn read_grid(
    grid: &payload::Grid<u64>,
    surfaces: usize,
) -> Result<GridModel, (String, ContentProblem)> {
    let (axes, bins) = payload::axes_and_bins(grid).map_err(|(key, p)| (key.to_owned(), p))?;
    let frame = match grid.grid_link.kind {
        PLANE_GRID => GridFrame::PLANE,
        DISC_GRID => GridFrame::DISC,
        CYLINDER_GRID | LOCAL_CYLINDER_GRID => GridFrame::CYLINDER,
        found => {
            let what = "supported kind of surface grid";
            let problem = ContentProblem::Enumeration { what, found: found.into() };
            return Err(("grid_link.type".into(), problem));
        }
    };
    let mut models = [AxisModel { bins: 0, min: 0.0, max: 0.0, circular: false }; 2];
    for (axis, model) in models.iter_mut().enumerate() {
        *model = read_axis(axes[axis], axis, circular_axes(frame)[axis])
            .map_err(|problem| (format!("axes[{axis}]"), problem))?;
    }
    let mut content = vec![Vec::new(); bins[0] * bins[1]];
    let mut seen = vec![false; content.len()];
    for (b, bin) in grid.bins.as_deref().unwrap_or_default().iter().enumerate() {
        let serial = bin.serial(bins).map_err(|p| (format!("bins[{b}].loc_index"), p))?;
        if std::mem::replace(&mut seen[serial], true) {
            let problem = ContentProblem::DuplicateBin { bin: bin.loc_index };
            return Err((format!("bins[{b}].loc_index"), problem));
        }
        for &surface in bin.content.as_deref().unwrap_or_default() {
            let known = u32::try_from(surface).ok().filter(|&s| (s as usize) < surfaces);
            content[serial].push(known.ok_or_else(|| {
                let what = "surface";
                let problem = ContentProblem::Unknown { what, found: surface, existing: surfaces };
                (format!("bins[{b}].content"), problem)
            })?);
        }
    }
    Ok(GridModel { frame, axes: models, bins: content })
}

/// Which axes of a grid close on themselves.
pub(super) fn circular_axes(frame: GridFrame) -> [bool; 2] {
    [frame == GridFrame::CYLINDER, frame == GridFrame::DISC]
}

fn read_axis(
    axis: &payload::Axis,
    number: usize,
    circular: bool,
) -> Result<AxisModel, ContentProblem> {
    let bounds = if circular { payload::CIRCULAR } else { payload::CLOSED };
    if axis.bounds != bounds || axis.binning != payload::REGULAR {
        let expected =
            if circular { "circular (2) and regular (0)" } else { "closed (1) and regular (0)" };
        return Err(ContentProblem::Axis { axis: number, expected });
    }
    let [min, max] = axis.span()?;
    if min.partial_cmp(&max) != Some(std::cmp::Ordering::Less) {
        let expected = "more than the lower end";
        return Err(ContentProblem::Value { what: "the upper end", found: max, expected });
    }
    Ok(AxisModel { bins: axis.bins as usize, min, max, circular })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn grid(
        kind: u32,
        bounds: [u32; 2],
        binning: u32,
        bins: &serde_json::Value,
    ) -> payload::Grid<u64> {
        let axis = |b: u32, n: u32| json!({"label": 0, "bounds": b, "binning": binning, "bins": n, "edges": [0.0, 1.0]});
        let text = json!({"owner_link": 0, "grid_link": {"type": kind, "index": 0},
            "axes": [axis(bounds[0], 2), axis(bounds[1], 3)], "bins": bins});
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn bins_are_serial_with_axis_0_fastest() {
        let bins = json!([{"loc_index": [1, 2], "content": [4, 0]}, {"loc_index": [0, 1], "content": null}]);
        let read = read_grid(&grid(4, [2, 1], 0, &bins), 5).unwrap();
        assert_eq!(read.frame, GridFrame::CYLINDER);
        assert_eq!(read.bins[5], [4, 0]);
        assert_eq!(read.bins.iter().map(Vec::len).sum::<usize>(), 2);
        assert_eq!(read.axes.map(|a| a.circular), [true, false]);
    }

    #[test]
    fn other_grids_are_refused_with_the_place() {
        let place = |g: &payload::Grid<u64>| read_grid(g, 5).map_err(|(at, _)| at).unwrap_err();
        assert_eq!(place(&grid(2, [1, 1], 0, &json!([]))), "grid_link.type");
        assert_eq!(place(&grid(3, [2, 1], 0, &json!([]))), "axes[0]");
        assert_eq!(place(&grid(3, [1, 2], 1, &json!([]))), "axes[0]");
        let outside = json!([{"loc_index": [2, 0], "content": [1]}]);
        assert_eq!(place(&grid(3, [1, 2], 0, &outside)), "bins[0].loc_index");
        let bin = json!({"loc_index": [1, 0], "content": [1]});
        assert_eq!(place(&grid(3, [1, 2], 0, &json!([bin, bin]))), "bins[1].loc_index");
        let unknown = json!([{"loc_index": [1, 0], "content": [1, 5]}]);
        assert_eq!(place(&grid(3, [1, 2], 0, &unknown)), "bins[0].content");
    }
}
