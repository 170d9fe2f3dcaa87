//! The geometry file: volumes, surfaces, masks.

use super::{content, payload, read_detray};
use crate::error::{ContentProblem, Result};
use std::path::Path;
use traccc_core::detector::{
    DetectorModel, MaskModel, Placement, Shape, SurfaceKind, SurfaceModel, VolumeModel, VolumeShape,
};

/// Shape numbers of the file format.
pub(super) const ANNULUS: u32 = 0;
pub(super) const CYLINDER: u32 = 2;
pub(super) const CONCENTRIC_CYLINDER: u32 = 4;
pub(super) const RECTANGLE: u32 = 5;
pub(super) const RING: u32 = 6;
pub(super) const TRAPEZOID: u32 = 7;
/// The volume link that leads out of the world.
pub(super) const END_OF_WORLD: u64 = 65535;

/// Reads the volumes and surfaces of a detector from a detray geometry file, without material and grids.
///
/// Surfaces come in the order that detray gives them: by `index_in_coll` where that is given, else portals before
/// others, each by shape number, each in the order of the file. Cylinders (shape 2) are read as concentric cylinders
/// (shape 4), as detray does. Lists may be `null`; `mask` and `barcode` are accepted for `masks` and `identifier`.
/// Links of 65535, 2³² - 1 and 2⁶⁴ - 1 lead out of the world.
///
/// # Errors
/// A file that cannot be read, that is not a geometry file, or whose content is not sound, with the place in it.
pub fn read_geometry(path: impl AsRef<Path>) -> Result<DetectorModel> {
    let path = path.as_ref();
    let file: payload::Document<payload::GeometryData> = read_detray(path, payload::GEOMETRY)?;
    let volumes = file.data.volumes.unwrap_or_default();
    let count = volumes.len();
    let volumes = volumes
        .into_iter()
        .enumerate()
        .map(|(v, volume)| read_volume(volume, Place { path, volume: v, volumes: count }))
        .collect::<Result<_>>()?;
    Ok(DetectorModel { name: file.header.common.detector, volumes })
}

#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a Path,
    volume: usize,
    volumes: usize,
}

fn read_volume(volume: payload::Volume, place: Place<'_>) -> Result<VolumeModel> {
    let shape = match volume.kind {
        0 => VolumeShape::Cylinder,
        4 => VolumeShape::Cuboid,
        1..=5 => VolumeShape::Other,
        kind => {
            let problem = ContentProblem::Enumeration { what: "volume type", found: kind.into() };
            return Err(content(
                place.path,
                format!("data.volumes[{}].type", place.volume),
                problem,
            ));
        }
    };
    if volume.index != place.volume as u64 {
        let (what, found, expected) = ("the number", volume.index, place.volume as u64);
        let problem = ContentProblem::Mismatch { what, found, expected };
        return Err(content(place.path, format!("data.volumes[{}].index", place.volume), problem));
    }
    let mut surfaces = Vec::new();
    for (s, surface) in volume.surfaces.unwrap_or_default().iter().enumerate() {
        let at = format!("data.volumes[{}].surfaces[{s}]", place.volume);
        surfaces.push(read_surface(surface, place, &at)?);
    }
    Ok(VolumeModel {
        name: volume.name,
        shape,
        placement: placement(&volume.transform, place.path, || {
            format!("data.volumes[{}]", place.volume)
        })?,
        surfaces: in_local_order(surfaces, place)?,
        grids: Vec::new(),
    })
}

fn placement(
    transform: &payload::Transform,
    path: &Path,
    at: impl FnOnce() -> String,
) -> Result<Placement> {
    transform
        .placement()
        .map_err(|(key, problem)| content(path, format!("{}.transform.{key}", at()), problem))
}

/// A surface with what decides its place in the volume.
struct Numbered {
    index: Option<u64>,
    /// The order of detray's factories: portals first, then ascending shape number.
    factory: (bool, u32),
    surface: SurfaceModel,
}

fn in_local_order(mut surfaces: Vec<Numbered>, place: Place<'_>) -> Result<Vec<SurfaceModel>> {
    if surfaces.iter().any(|s| s.index.is_some()) {
        surfaces.sort_by_key(|s| s.index);
        if surfaces.iter().zip(0..).any(|(s, expected)| s.index != Some(expected)) {
            let problem = ContentProblem::IndexInCollection { last: surfaces.len() - 1 };
            let at = format!("data.volumes[{}].surfaces", place.volume);
            return Err(content(place.path, at, problem));
        }
    } else {
        surfaces.sort_by_key(|s| s.factory);
    }
    Ok(surfaces.into_iter().map(|s| s.surface).collect())
}

fn read_surface(surface: &payload::Surface, place: Place<'_>, at: &str) -> Result<Numbered> {
    let fail = |key: &str, problem| content(place.path, format!("{at}{key}"), problem);
    let kind = match surface.kind {
        0 => SurfaceKind::PORTAL,
        1 => SurfaceKind::SENSITIVE,
        2 => SurfaceKind::PASSIVE,
        found => {
            let problem = ContentProblem::Enumeration { what: "surface type", found: found.into() };
            return Err(fail(".type", problem));
        }
    };
    let single = surface.mask.as_ref().map(std::slice::from_ref);
    let (masks, key) = match single {
        Some(mask) => (mask, ".mask"),
        None => (surface.masks.as_deref().unwrap_or_default(), ".masks"),
    };
    let first = masks.first().ok_or_else(|| fail("", ContentProblem::NoMask))?;
    let mut models = Vec::with_capacity(masks.len());
    for (m, mask) in masks.iter().enumerate() {
        let entry = if single.is_some() { key.to_owned() } else { format!("{key}[{m}]") };
        models.push(
            read_mask(mask, first.shape, place)
                .map_err(|(key, problem)| fail(&format!("{entry}.{key}"), problem))?,
        );
    }
    let (shape, number) = shape_of(first.shape).map_err(|p| fail(key, p))?;
    let surface_model = SurfaceModel {
        kind,
        source: surface.source,
        placement: placement(&surface.transform, place.path, || at.to_owned())?,
        shape,
        masks: models,
        material: None,
    };
    let factory = (kind != SurfaceKind::PORTAL, number);
    Ok(Numbered { index: surface.index_in_coll, factory, surface: surface_model })
}

fn read_mask(
    mask: &payload::Mask,
    first: u32,
    place: Place<'_>,
) -> Result<MaskModel, (&'static str, ContentProblem)> {
    if mask.shape != first {
        return Err(("shape", ContentProblem::MixedShapes { first, found: mask.shape }));
    }
    let (shape, _) = shape_of(mask.shape).map_err(|problem| ("shape", problem))?;
    let bounds = mask.boundaries.clone().unwrap_or_default();
    if bounds.len() != shape.bounds() {
        let (found, expected) = (bounds.len(), shape.bounds());
        return Err(("boundaries", ContentProblem::Count { what: "boundaries", found, expected }));
    }
    let link = match mask.volume_link {
        END_OF_WORLD | 0xffff_ffff | u64::MAX => None,
        link => match usize::try_from(link) {
            Ok(volume) if volume < place.volumes => Some(volume),
            _ => {
                let what = "volume";
                let problem =
                    ContentProblem::Unknown { what, found: link, existing: place.volumes };
                return Err(("volume_link", problem));
            }
        },
    };
    Ok(MaskModel { bounds, link })
}

/// The shape of a number of the file format, and the number by which detray sorts it.
fn shape_of(id: u32) -> Result<(Shape, u32), ContentProblem> {
    let name = match id {
        ANNULUS => return Ok((Shape::Annulus, id)),
        // detray reads every cylinder as a concentric one, "until intersectors are fixed".
        CYLINDER | CONCENTRIC_CYLINDER => {
            return Ok((Shape::ConcentricCylinder, CONCENTRIC_CYLINDER));
        }
        RECTANGLE => return Ok((Shape::Rectangle, id)),
        RING => return Ok((Shape::Ring, id)),
        TRAPEZOID => return Ok((Shape::Trapezoid, id)),
        1 => "cuboid",
        3 => "cylinder volume",
        8 => "drift cell",
        9 => "straw tube",
        10..=12 => "single coordinate",
        _ => return Err(ContentProblem::Enumeration { what: "shape", found: id.into() }),
    };
    Err(ContentProblem::UnsupportedShape { id, name })
}

/// The number of a shape in the file format.
pub(super) fn shape_number(shape: Shape) -> u32 {
    match shape {
        Shape::Annulus => ANNULUS,
        Shape::Cylinder => CYLINDER,
        Shape::ConcentricCylinder => CONCENTRIC_CYLINDER,
        Shape::Rectangle => RECTANGLE,
        Shape::Ring => RING,
        Shape::Trapezoid => TRAPEZOID,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use serde_json::{Value, json};

    fn surface(kind: u32, shape: u32, bounds: &[f64]) -> Value {
        json!({"type": kind, "source": 7, "transform": {"translation": [0, 0, 1], "rotation": [1, 0, 0, 0, 1, 0, 0, 0, 1]},
               "masks": [{"shape": shape, "volume_link": 0, "boundaries": bounds}]})
    }

    fn read(surfaces: &Value) -> Result<DetectorModel> {
        let file = json!({"header": {"common": {"version": "", "detector": "d", "date": "", "tag": "geometry"}},
            "data": {"volumes": [{"name": "v", "index": 0, "type": 4,
                "transform": {"translation": [0, 0, 0], "rotation": [1, 0, 0, 0, 1, 0, 0, 0, 1]}, "surfaces": surfaces}]}});
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("g.json");
        std::fs::write(&path, file.to_string()).unwrap();
        read_geometry(path)
    }

    fn fails_at(surfaces: &Value) -> (String, ContentProblem) {
        match read(surfaces) {
            Err(Error::Content { at, problem, .. }) => (at, problem),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_numbers_portals_come_first_then_shapes_ascend() {
        let list = json!([
            surface(1, 7, &[1.0, 2.0, 3.0, 1.0 / 6.0]),
            surface(1, 5, &[1.0, 2.0]),
            surface(0, 6, &[1.0, 2.0]),
            surface(2, 2, &[5.0, -1.0, 2.0]),
            surface(0, 4, &[1.0, -2.0, 2.0]),
            surface(1, 0, &[1.0, 2.0, -0.1, 0.1, 0.0, 0.0, 0.0]),
        ]);
        let model = read(&list).unwrap();
        let order: Vec<_> = model.volumes[0].surfaces.iter().map(|s| (s.kind, s.shape)).collect();
        assert_eq!(
            order,
            [
                (SurfaceKind::PORTAL, Shape::ConcentricCylinder),
                (SurfaceKind::PORTAL, Shape::Ring),
                (SurfaceKind::SENSITIVE, Shape::Annulus),
                (SurfaceKind::PASSIVE, Shape::ConcentricCylinder),
                (SurfaceKind::SENSITIVE, Shape::Rectangle),
                (SurfaceKind::SENSITIVE, Shape::Trapezoid),
            ]
        );
    }

    #[test]
    fn index_in_coll_orders_and_must_be_a_permutation() {
        let mut list = json!([surface(1, 5, &[1.0, 2.0]), surface(0, 5, &[3.0, 4.0])]);
        list[0]["index_in_coll"] = json!(1);
        list[1]["index_in_coll"] = json!(0);
        let model = read(&list).unwrap();
        assert_eq!(model.volumes[0].surfaces[0].masks[0].bounds, [3.0, 4.0]);
        for wrong in [json!(1), json!(2), Value::Null] {
            list[1]["index_in_coll"] = wrong;
            let problem = ContentProblem::IndexInCollection { last: 1 };
            assert_eq!(fails_at(&list), ("data.volumes[0].surfaces".into(), problem));
        }
    }

    #[test]
    fn legacy_keys_and_null_lists_are_accepted() {
        let mut old = surface(1, 5, &[1.0, 2.0]);
        old["barcode"] = json!(12);
        old["mask"] = old["masks"][0].take();
        old["masks"] = Value::Null;
        assert_eq!(read(&json!([old])).unwrap().volumes[0].surfaces[0].masks.len(), 1);
        assert!(read(&Value::Null).unwrap().volumes[0].surfaces.is_empty());
    }

    #[test]
    fn all_forms_of_the_end_of_the_world_are_none() {
        for link in [END_OF_WORLD, u64::from(u32::MAX), u64::MAX] {
            let mut portal = surface(0, 5, &[1.0, 2.0]);
            portal["masks"][0]["volume_link"] = json!(link);
            assert_eq!(read(&json!([portal])).unwrap().volumes[0].surfaces[0].masks[0].link, None);
        }
    }

    #[test]
    fn errors_name_the_place_in_the_document() {
        let good = || surface(1, 5, &[1.0, 2.0]);
        let short = json!([good(), surface(1, 7, &[1.0, 2.0])]);
        let problem = ContentProblem::Count { what: "boundaries", found: 2, expected: 4 };
        assert_eq!(
            fails_at(&short),
            ("data.volumes[0].surfaces[1].masks[0].boundaries".into(), problem)
        );

        let straw = json!([surface(1, 9, &[1.0, 2.0])]);
        let problem = ContentProblem::UnsupportedShape { id: 9, name: "straw tube" };
        assert_eq!(
            fails_at(&straw),
            ("data.volumes[0].surfaces[0].masks[0].shape".into(), problem)
        );

        let mut mixed = good();
        mixed["masks"] = json!([good()["masks"][0], surface(1, 6, &[1.0, 2.0])["masks"][0]]);
        let problem = ContentProblem::MixedShapes { first: 5, found: 6 };
        assert_eq!(
            fails_at(&json!([mixed])),
            ("data.volumes[0].surfaces[0].masks[1].shape".into(), problem)
        );

        let mut lost = good();
        lost["masks"][0]["volume_link"] = json!(1);
        let problem = ContentProblem::Unknown { what: "volume", found: 1, existing: 1 };
        assert_eq!(fails_at(&json!([lost])).1, problem);

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("g.json");
        let transform = &good()["transform"];
        let volume =
            json!({"name": "v", "index": 1, "type": 4, "transform": transform, "surfaces": []});
        let header = json!({"common": {"detector": "d", "tag": "geometry"}});
        let file = json!({"header": header, "data": {"volumes": [volume]}});
        std::fs::write(&path, file.to_string()).unwrap();
        let message = read_geometry(&path).unwrap_err().to_string();
        assert!(
            message.ends_with("at `data.volumes[0].index`: the number is 1, expected 0"),
            "{message}"
        );

        let mut none = good();
        none["masks"] = json!([]);
        assert_eq!(
            fails_at(&json!([none])),
            ("data.volumes[0].surfaces[0]".into(), ContentProblem::NoMask)
        );

        for (key, element, wrong) in
            [("rotation", 1, 0.01), ("rotation", 4, 1.001), ("translation", 2, 1e39)]
        {
            let mut skewed = good();
            skewed["transform"][key][element] = json!(wrong);
            let at = format!("data.volumes[0].surfaces[0].transform.{key}");
            assert_eq!(fails_at(&json!([skewed])).0, at);
        }

        let mut mirrored = good();
        mirrored["transform"]["rotation"][4] = json!(-1);
        let (at, problem) = fails_at(&json!([good(), mirrored]));
        assert_eq!(at, "data.volumes[0].surfaces[1].transform.rotation");
        assert_eq!(problem, ContentProblem::LeftHanded { determinant: -1.0 });

        let mut text = good();
        text["masks"][0]["boundaries"][1] = json!("wide");
        match read(&json!([text])) {
            Err(Error::Json { at, .. }) => {
                assert_eq!(at, "data.volumes[0].surfaces[0].masks[0].boundaries[1]");
            }
            other => panic!("{other:?}"),
        }
    }
}
