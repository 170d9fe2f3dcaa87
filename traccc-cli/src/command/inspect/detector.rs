//! What describes the apparatus: geometry, segmentation, field.

use crate::report::{Align, Table};
use anyhow::Result;
use std::path::Path;
use traccc::detector::{
    Detector, DetectorModel, GridCompletion, MaterialModel, SurfaceKind, VolumeModel,
};
use traccc::field::FieldMap;
use traccc::io::{self, AxisBinning, DetectorFiles, Digitization, EntrySegmentation};

/// The files of a detector and what they give together.
pub(super) fn folder(files: &DetectorFiles) -> Result<String> {
    let mut report = String::new();
    let mut name = |what: &str, path: &Path| report += &format!("{what}: {}\n", path.display());
    name("geometry", &files.geometry);
    for (what, path) in [
        ("search grids", &files.surface_grids),
        ("homogeneous material", &files.homogeneous_material),
        ("material maps", &files.material_maps),
    ] {
        path.iter().for_each(|path| name(what, path));
    }
    files.digitization.iter().for_each(|path| name("digitization", path));
    let model = io::read_detector(files)?;
    Ok(format!("{report}\n{}\n", volumes(&model)?))
}

/// The volumes that have sensors, and the detector as a whole.
pub(super) fn volumes(model: &DetectorModel) -> Result<String> {
    // Compiling checks the description.
    let detector = Detector::compile(model)?;
    let of_kind = |volume: &VolumeModel, kind| {
        volume.surfaces.iter().filter(|surface| surface.kind == kind).count()
    };
    let count = |kind| model.volumes.iter().map(|volume| of_kind(volume, kind)).sum::<usize>();
    let surfaces = || model.volumes.iter().flat_map(|volume| &volume.surfaces);
    let slabs = surfaces().filter(|s| matches!(s.material, Some(MaterialModel::Slab(_)))).count();
    let maps = surfaces().filter(|s| matches!(s.material, Some(MaterialModel::Map(_)))).count();
    let mut report = format!(
        "{}: {} volumes, {} surfaces ({} sensors, {} portals, {} passive), {} search grids\n\
         material: {slabs} slabs, {maps} maps\n",
        detector.name,
        model.volumes.len(),
        detector.surfaces.len(),
        count(SurfaceKind::SENSITIVE),
        count(SurfaceKind::PORTAL),
        count(SurfaceKind::PASSIVE),
        detector.grids.len(),
    );
    report += &search_grids(&detector);
    let mut table = Table::new([
        ("volume", Align::Right),
        ("name", Align::Left),
        ("sensors", Align::Right),
        ("shape", Align::Left),
        ("r/mm", Align::Right),
        ("z/mm", Align::Right),
    ]);
    for (number, volume) in model.volumes.iter().enumerate() {
        let sensors = of_kind(volume, SurfaceKind::SENSITIVE);
        if sensors > 0 {
            let [radii, z] = extent(volume);
            let shapes = shapes(volume);
            table.row([
                number.to_string(),
                volume.name.clone(),
                sensors.to_string(),
                shapes,
                radii,
                z,
            ]);
        }
    }
    report += &table.to_string();
    Ok(report)
}

/// How many sensors the search grids have in a bin, and what they lacked.
fn search_grids(detector: &Detector) -> String {
    let bins = detector.bin_offsets.len() - 1;
    if bins == 0 {
        return "\n".to_owned();
    }
    let most = detector.bin_offsets.windows(2).map(|bin| bin[1] - bin[0]).max().unwrap_or_default();
    let mean = detector.bin_entries.len() as f64 / bins as f64;
    let sum = |count: fn(&GridCompletion) -> u32| -> u64 {
        detector.completions.iter().map(|grid| u64::from(count(grid))).sum()
    };
    let mut report = format!(
        "search grids: {bins} bins, {mean:.2} sensors in a bin, {most} at most; {} bins completed with {} entries\n",
        sum(|grid| grid.bins),
        sum(|grid| grid.entries),
    );
    let unlisted = sum(|grid| grid.unlisted);
    if unlisted > 0 {
        report += &format!("search grids: {unlisted} sensors were in no bin\n");
    }
    report + "\n"
}

fn shapes(volume: &VolumeModel) -> String {
    let sensors = volume.surfaces.iter().filter(|s| s.kind == SurfaceKind::SENSITIVE);
    let mut names: Vec<&str> = sensors.map(|surface| surface.shape.name()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

/// Where the centres of the sensors of a volume lie: radii and z.
fn extent(volume: &VolumeModel) -> [String; 2] {
    let centres = || {
        let sensors = volume.surfaces.iter().filter(|s| s.kind == SurfaceKind::SENSITIVE);
        sensors.map(|surface| surface.placement.translation)
    };
    let range = |value: fn([f64; 3]) -> f64| {
        let start = (f64::INFINITY, f64::NEG_INFINITY);
        let (low, high) = centres().map(value).fold(start, |(a, b), v| (a.min(v), b.max(v)));
        format!("{low:.1} to {high:.1}")
    };
    [range(|[x, y, _]| x.hypot(y)), range(|[_, _, z]| z)]
}

/// The entries of a digitization file.
pub(super) fn digitization(file: &Digitization) -> String {
    let right = Align::Right;
    let mut table = Table::new([
        ("volume", right),
        ("layer", right),
        ("sensitive", right),
        ("extra", right),
        ("channels", right),
        ("x/mm (r)", right),
        ("y/mm (phi)", right),
        ("shift/mm", right),
        ("errors by size", right),
    ]);
    for entry in &file.entries {
        let [channels, x, y] = match &entry.segmentation {
            EntrySegmentation::Channels(axes) => {
                let [(nx, x), (ny, y)] = [0, 1].map(|axis| binning(&axes[axis]));
                [format!("{nx} x {ny}"), x, y]
            }
            EntrySegmentation::Axes(axes) => [format!("{axes} axes"), "-".into(), "-".into()],
            _ => ["smearing".into(), "-".into(), "-".into()],
        };
        let key = &entry.key;
        let any = |number: u64| if number == 0 { "all".to_owned() } else { number.to_string() };
        table.row([
            any(key.volume.into()),
            any(key.layer.into()),
            any(key.sensitive.into()),
            any(key.extra.into()),
            channels,
            x,
            y,
            format!("{}, {}", entry.shift[0], entry.shift[1]),
            format!("{}, {}", entry.errors[0].len(), entry.errors[1].len()),
        ]);
    }
    format!("ACTS digitization: {} entries\n\n{table}", file.entries.len())
}

fn binning(axis: &AxisBinning) -> (usize, String) {
    match axis {
        AxisBinning::Equidistant { bins, min, max } => (*bins, format!("{min} to {max}")),
        AxisBinning::Variable { edges } => {
            let end = |edge: Option<&f64>| edge.map_or_else(String::new, f64::to_string);
            (
                edges.len().saturating_sub(1),
                format!("{} to {}, variable", end(edges.first()), end(edges.last())),
            )
        }
    }
}

/// A field map: its grid and how strong it is.
pub(super) fn field(map: &FieldMap) -> String {
    let strength = |[x, y, z]: &[f32; 3]| x.hypot(*y).hypot(*z);
    let start = (f32::INFINITY, 0.0_f32);
    let fold = |(low, high): (f32, f32), b: f32| (low.min(b), high.max(b));
    let (low, high) = map.values.iter().map(strength).fold(start, fold);
    let [nx, ny, nz] = map.grid.nodes;
    let at_origin = map.at(&traccc::math::Vector3::zeros());
    format!(
        "field map: {nx} x {ny} x {nz} nodes, {low} to {high} T; at the origin ({}, {}, {}) T\n\
         position in mm to node: {:?}\n",
        at_origin.x, at_origin.y, at_origin.z, map.grid.to_node,
    )
}
