//! Writing a detector in detray's files.

use super::geometry::{END_OF_WORLD, shape_number};
use super::material_maps::map_axes;
use super::payload::{self, Document, Grid, GridData, Slab, TypedLink, VolumeGrids, material_id};
use super::{DetectorFiles, surface_grids};
use crate::error::{Error, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use traccc_core::detector::{
    AxisModel, DetectorModel, GridFrame, MaterialMapModel, MaterialModel, Placement, Shape,
    SurfaceModel, VolumeModel, VolumeShape, detray_barcode,
};
use traccc_core::{SurfaceIndex, VolumeIndex};

/// Writes a detector into `directory` as detray does: `NAME_geometry.json`, and where there is anything to write
/// `NAME_homogeneous_material.json`, `NAME_material_maps.json` and `NAME_surface_grids.json`. Existing files are
/// replaced. The files are the same bytes for the same detector: their date is empty.
///
/// # Errors
/// A file that cannot be written; [`Error::NotWritable`] for what would come back different: cylinders that are not
/// about the z axis, maps and grids whose axes the format does not have, a file of an earlier detector of this name that
/// this one does not replace.
pub fn write_detector(directory: impl AsRef<Path>, model: &DetectorModel) -> Result<DetectorFiles> {
    let directory = directory.as_ref();
    let write = |tag: &str| directory.join(format!("{}_{tag}.json", file_stem(&model.name)));
    let geometry = geometry(model)?;
    let (slabs, slab_data) = homogeneous_material(model);
    let (maps, map_data) = material_maps(model)?;
    let (grids, grid_data) = surface_grids(model)?;

    let mut files =
        DetectorFiles { geometry: write(payload::GEOMETRY), ..DetectorFiles::default() };
    for (count, tag) in [
        (slabs, payload::HOMOGENEOUS_MATERIAL),
        (maps, payload::MATERIAL_MAPS),
        (grids, payload::SURFACE_GRIDS),
    ] {
        let path = write(tag);
        if count == 0 && path.exists() {
            let what = format!("the detector beside `{}`", path.display());
            let reason = "that file would be read with it: remove it first";
            return Err(Error::NotWritable { what, reason });
        }
    }
    let surfaces = model.volumes.iter().map(|v| v.surfaces.len()).sum();
    let counters = [("volume_count", model.volumes.len()), ("surface_count", surfaces)];
    save(&files.geometry, model, payload::GEOMETRY, &counters, geometry)?;
    if slabs > 0 {
        let path = write(payload::HOMOGENEOUS_MATERIAL);
        let counters = [
            ("slab_count", slabs),
            ("rod_count", 0),
            ("slab_surface_count", slabs),
            ("rod_surface_count", 0),
        ];
        save(&path, model, payload::HOMOGENEOUS_MATERIAL, &counters, slab_data)?;
        files.homogeneous_material = Some(path);
    }
    if maps > 0 {
        let path = write(payload::MATERIAL_MAPS);
        save(&path, model, payload::MATERIAL_MAPS, &[("grid_count", maps)], map_data)?;
        files.material_maps = Some(path);
    }
    if grids > 0 {
        let path = write(payload::SURFACE_GRIDS);
        save(&path, model, payload::SURFACE_GRIDS, &[("grid_count", grids)], grid_data)?;
        files.surface_grids = Some(path);
    }
    Ok(files)
}

/// The detector name without what a file name cannot hold.
fn file_stem(name: &str) -> String {
    name.chars().map(|c| if std::path::is_separator(c) || c == '\0' { '_' } else { c }).collect()
}

fn save<D: Serialize>(
    path: &Path,
    model: &DetectorModel,
    tag: &str,
    counters: &[(&'static str, usize)],
    data: D,
) -> Result<()> {
    let common = payload::CommonHeader {
        version: "detray - 0.111.0".into(),
        detector: model.name.clone(),
        date: String::new(),
        tag: tag.into(),
    };
    let counters = counters.iter().copied().collect::<BTreeMap<_, _>>();
    let document = Document { header: payload::Header { common, counters }, data };
    crate::output::write_json(path, &document)
}

/// Counts the material of each kind, as the links of the geometry file do.
#[derive(Default)]
struct MaterialCounter(BTreeMap<u32, u64>);

impl MaterialCounter {
    fn link(&mut self, kind: u32) -> TypedLink {
        let next = self.0.entry(kind).or_default();
        let index = *next;
        *next += 1;
        TypedLink { kind, index }
    }
}

fn not_writable(volume: usize, surface: usize, reason: &'static str) -> Error {
    Error::NotWritable { what: format!("surface {surface} of volume {volume}"), reason }
}

fn geometry(model: &DetectorModel) -> Result<payload::GeometryData> {
    let mut first = 0;
    let mut materials = MaterialCounter::default();
    let mut volumes = Vec::with_capacity(model.volumes.len());
    for (v, volume) in model.volumes.iter().enumerate() {
        let mut surfaces = Vec::with_capacity(volume.surfaces.len());
        for (s, surface) in volume.surfaces.iter().enumerate() {
            let (volume, row) = (VolumeIndex::from(v), SurfaceIndex::from(first + s));
            let identifier = detray_barcode(volume, surface.kind, row);
            let written = write_surface(surface, s, identifier, &mut materials)
                .map_err(|reason| not_writable(v, s, reason))?;
            surfaces.push(written);
        }
        first += volume.surfaces.len();
        volumes.push(payload::Volume {
            name: volume.name.clone(),
            index: v as u64,
            kind: match volume.shape {
                VolumeShape::Cylinder => 0,
                VolumeShape::Cuboid => 4,
                VolumeShape::Other => 5,
            },
            transform: payload::Transform::from(&volume.placement),
            surfaces: Some(surfaces),
        });
    }
    Ok(payload::GeometryData { volumes: Some(volumes) })
}

fn write_surface(
    surface: &SurfaceModel,
    local: usize,
    identifier: u64,
    materials: &mut MaterialCounter,
) -> Result<payload::Surface, &'static str> {
    let shape = shape_number(surface.shape);
    if surface.shape == Shape::Cylinder {
        let [x, y, z] = surface.placement.translation;
        if surface.placement != Placement::at([0.0, 0.0, z]) || x != 0.0 || y != 0.0 {
            return Err("detray only reads cylinders about the z axis");
        }
    }
    let masks = surface.masks.iter().map(|mask| payload::Mask {
        shape,
        volume_link: mask.link.map_or(END_OF_WORLD, |link| link as u64),
        boundaries: Some(mask.bounds.clone()),
    });
    let material = match &surface.material {
        None => None,
        Some(MaterialModel::Slab(_)) => Some(materials.link(material_id::SLAB)),
        Some(MaterialModel::Map(_)) => Some(materials.link(map_kind(surface.shape))),
    };
    Ok(payload::Surface {
        identifier,
        kind: surface.kind.0.into(),
        source: surface.source,
        transform: payload::Transform::from(&surface.placement),
        mask: None,
        masks: Some(masks.collect()),
        material,
        index_in_coll: Some(local as u64),
    })
}

fn homogeneous_material(model: &DetectorModel) -> (usize, payload::MaterialData) {
    let mut count = 0;
    let mut volumes = Vec::with_capacity(model.volumes.len());
    for (v, volume) in model.volumes.iter().enumerate() {
        let mut slabs = Vec::new();
        for (s, surface) in volume.surfaces.iter().enumerate() {
            if let Some(MaterialModel::Slab(slab)) = &surface.material {
                slabs.push(Slab::new(slab, s as u64, Some(slabs.len() as u64)));
            }
        }
        count += slabs.len();
        let surface_material = (!slabs.is_empty()).then_some(slabs);
        volumes.push(payload::VolumeMaterial { volume_link: v as u64, surface_material });
    }
    (count, payload::MaterialData { volumes: Some(volumes) })
}

fn map_kind(shape: Shape) -> u32 {
    match shape {
        Shape::Ring | Shape::Annulus => material_id::DISC_MAP,
        Shape::Rectangle | Shape::Trapezoid => material_id::PLANE_MAP,
        Shape::Cylinder => material_id::CYLINDER_MAP,
        Shape::ConcentricCylinder => material_id::CONCENTRIC_CYLINDER_MAP,
    }
}

fn material_maps(model: &DetectorModel) -> Result<(usize, GridData<Slab>)> {
    let mut counter = MaterialCounter::default();
    let mut count = 0;
    let mut first = 0;
    let mut grids = Vec::new();
    for (v, volume) in model.volumes.iter().enumerate() {
        let mut maps = Vec::new();
        for (s, surface) in volume.surfaces.iter().enumerate() {
            if let Some(MaterialModel::Map(map)) = &surface.material {
                let link = counter.link(map_kind(surface.shape));
                let written = write_map(map, surface.shape, s, first + s, link)
                    .map_err(|reason| not_writable(v, s, reason))?;
                maps.push(written);
            }
        }
        first += volume.surfaces.len();
        count += maps.len();
        if !maps.is_empty() {
            grids.push(VolumeGrids { volume_link: v as u64, grid_data: Some(maps) });
        }
    }
    Ok((count, GridData { grids: Some(grids) }))
}

fn write_map(
    map: &MaterialMapModel,
    shape: Shape,
    local: usize,
    surface: usize,
    link: TypedLink,
) -> Result<Grid<Slab>, &'static str> {
    let axes = [payload::Axis::new(&map.axes[0], 0), payload::Axis::new(&map.axes[1], 1)];
    let read_back = map_axes(link.kind, shape, [&axes[0], &axes[1]]);
    if !read_back.is_ok_and(|back| (0..2).all(|a| alike(&back[a], &map.axes[a]))) {
        return Err("the axes of its material map are not those that detray gives its shape");
    }
    let content = |slab: &Option<_>| match slab {
        Some(slab) => Slab::new(slab, surface as u64, None),
        None => Slab::vacuum(surface as u64),
    };
    let bins = write_bins(&map.axes, map.slabs.iter().map(|slab| vec![content(slab)]))?;
    Ok(Grid {
        owner_link: local as u64,
        grid_link: link,
        axes: Some(axes.into()),
        bins: Some(bins),
    })
}

/// Whether two axes are the same but for the rounding of pi.
fn alike(a: &AxisModel, b: &AxisModel) -> bool {
    let near = |x: f64, y: f64| (x - y).abs() < 1.0e-6;
    a.bins == b.bins && a.circular == b.circular && near(a.min, b.min) && near(a.max, b.max)
}

fn surface_grids(model: &DetectorModel) -> Result<(usize, GridData<u64>)> {
    let mut indices: BTreeMap<u32, u64> = BTreeMap::new();
    let mut count = 0;
    let mut groups = Vec::new();
    for (v, volume) in model.volumes.iter().enumerate() {
        let grids = write_grids(volume, v, &mut indices).map_err(|reason| Error::NotWritable {
            what: format!("a grid of volume {v}"),
            reason,
        })?;
        count += grids.len();
        if !grids.is_empty() {
            groups.push(VolumeGrids { volume_link: v as u64, grid_data: Some(grids) });
        }
    }
    Ok((count, GridData { grids: Some(groups) }))
}

fn write_grids(
    volume: &VolumeModel,
    number: usize,
    indices: &mut BTreeMap<u32, u64>,
) -> Result<Vec<Grid<u64>>, &'static str> {
    let mut written = Vec::with_capacity(volume.grids.len());
    for grid in &volume.grids {
        let kind = match grid.frame {
            GridFrame::CYLINDER => surface_grids::CYLINDER_GRID,
            GridFrame::DISC => surface_grids::DISC_GRID,
            GridFrame::PLANE => surface_grids::PLANE_GRID,
            _ => return Err("the format does not have its frame"),
        };
        if grid.axes.map(|a| a.circular) != surface_grids::circular_axes(grid.frame) {
            return Err("exactly the azimuth must be circular");
        }
        let index = indices.entry(kind).or_default();
        let content = grid.bins.iter().map(|bin| bin.iter().map(|&s| u64::from(s)).collect());
        written.push(Grid {
            owner_link: number as u64,
            grid_link: TypedLink { kind, index: *index },
            axes: Some(vec![
                payload::Axis::new(&grid.axes[0], 0),
                payload::Axis::new(&grid.axes[1], 1),
            ]),
            bins: Some(write_bins(&grid.axes, content)?),
        });
        *index += 1;
    }
    Ok(written)
}

fn write_bins<C>(
    axes: &[AxisModel; 2],
    content: impl ExactSizeIterator<Item = Vec<C>>,
) -> Result<Vec<payload::Bin<C>>, &'static str> {
    if axes[0].bins.checked_mul(axes[1].bins) != Some(content.len()) {
        return Err("the number of bins is not that of its axes");
    }
    let bins = content.enumerate().map(|(serial, content)| payload::Bin {
        loc_index: [(serial % axes[0].bins) as u64, (serial / axes[0].bins) as u64],
        content: Some(content),
    });
    Ok(bins.collect())
}
