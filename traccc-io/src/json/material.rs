//! The homogeneous material file: one slab for a surface.

use super::{content, payload, read_detray};
use crate::error::{ContentProblem, Result};
use std::path::Path;
use traccc_core::detector::{DetectorModel, MaterialModel, VolumeModel};

/// Adds the slabs of a detray homogeneous material file to a detector.
///
/// If a slab of a volume has no surface number (2⁶⁴ - 1), all n slabs of the volume go to its last n surfaces, in the
/// order of `index_in_coll`. A surface that already has material keeps it, with a warning.
///
/// # Errors
/// A file that cannot be read, that is not a homogeneous material file, or whose content does not fit the detector.
pub fn with_homogeneous_material(
    mut model: DetectorModel,
    path: impl AsRef<Path>,
) -> Result<DetectorModel> {
    let path = path.as_ref();
    let file: payload::Document<payload::MaterialData> =
        read_detray(path, payload::HOMOGENEOUS_MATERIAL)?;
    let volumes = model.volumes.len();
    for (entry, volume) in file.data.volumes.unwrap_or_default().into_iter().enumerate() {
        let at = format!("data.volumes[{entry}]");
        let number =
            payload::volume(volume.volume_link, volumes, path, || format!("{at}.volume_link"))?;
        let slabs = volume.surface_material.unwrap_or_default();
        add_slabs(&mut model.volumes[number], number, &slabs, path, &at)?;
    }
    Ok(model)
}

fn add_slabs(
    volume: &mut VolumeModel,
    number: usize,
    slabs: &[payload::Slab],
    path: &Path,
    at: &str,
) -> Result<()> {
    let at = format!("{at}.surface_material");
    let mut order: Vec<usize> = (0..slabs.len()).collect();
    order.sort_by_key(|&i| slabs[i].index_in_coll);
    let surfaces = volume.surfaces.len();
    let positional = slabs.iter().any(|s| s.surface_idx == u64::MAX);
    if positional {
        check_positional(&order, slabs, surfaces).map_err(|p| content(path, at.as_str(), p))?;
    }
    for (rank, &i) in order.iter().enumerate() {
        let slab = &slabs[i];
        let fail = |key: &str, problem| content(path, format!("{at}[{i}]{key}"), problem);
        let local = if positional {
            surfaces - slabs.len() + rank
        } else {
            usize::try_from(slab.surface_idx).ok().filter(|&s| s < surfaces).ok_or_else(|| {
                let (found, existing) = (slab.surface_idx, surfaces);
                fail(".surface_idx", ContentProblem::Unknown { what: "surface", found, existing })
            })?
        };
        let Some(layer) = slab.model().map_err(|p| fail("", p))? else { continue };
        let material = &mut volume.surfaces[local].material;
        if material.is_some() {
            tracing::warn!(
                volume = number,
                surface = local,
                "the surface already has material and keeps it"
            );
        } else {
            *material = Some(MaterialModel::Slab(layer));
        }
    }
    Ok(())
}

/// Where the order alone says which slab is whose, it must be beyond doubt.
fn check_positional(
    order: &[usize],
    slabs: &[payload::Slab],
    surfaces: usize,
) -> Result<(), ContentProblem> {
    if slabs.len() > surfaces {
        let what = "slabs for the last surfaces of a volume";
        return Err(ContentProblem::Count { what, found: slabs.len(), expected: surfaces });
    }
    let numbered = slabs.iter().any(|s| s.index_in_coll.is_some());
    let complete = order.iter().zip(0..).all(|(&i, rank)| slabs[i].index_in_coll == Some(rank));
    if numbered && !complete {
        return Err(ContentProblem::IndexInCollection { last: slabs.len() - 1 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::json::read_geometry;
    use serde_json::{Value, json};

    fn slab(surface: u64, thickness: f64) -> Value {
        json!({"type": 6, "surface_idx": surface, "thickness": thickness,
               "material": {"params": [95.7, 465.2, 28.03, 14.0, 1.3e21, 0, 0]}})
    }

    /// The telescope (eight surfaces, no material yet) with these slabs.
    fn read(volume: u64, slabs: &Value) -> Result<DetectorModel> {
        let file = json!({"header": {"common": {"version": "", "detector": "d", "date": "", "tag": "homogeneous_material"}},
            "data": {"volumes": [{"volume_link": volume, "material_slabs": slabs}]}});
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.json");
        std::fs::write(&path, file.to_string()).unwrap();
        let model = read_geometry(testdata::path("telescope/telescope_detector_geometry.json"))?;
        with_homogeneous_material(model, path)
    }

    fn thicknesses(model: &DetectorModel) -> Vec<Option<f64>> {
        let thickness = |m: &MaterialModel| match m {
            MaterialModel::Slab(s) => s.thickness,
            MaterialModel::Map(_) => f64::NAN,
        };
        model.volumes[0].surfaces.iter().map(|s| s.material.as_ref().map(thickness)).collect()
    }

    #[test]
    fn slabs_without_surface_go_to_the_last_surfaces() {
        let mut slabs = json!([slab(u64::MAX, 1.0), slab(0, 2.0)]);
        assert_eq!(thicknesses(&read(0, &slabs).unwrap())[5..], [None, Some(1.0), Some(2.0)]);
        slabs[0]["index_in_coll"] = json!(1);
        slabs[1]["index_in_coll"] = json!(0);
        assert_eq!(thicknesses(&read(0, &slabs).unwrap())[5..], [None, Some(2.0), Some(1.0)]);
        slabs[0]["index_in_coll"] = json!(2);
        assert!(matches!(
            read(0, &slabs),
            Err(Error::Content { problem: ContentProblem::IndexInCollection { last: 1 }, .. })
        ));
        let many = Value::Array(vec![slab(u64::MAX, 1.0); 9]);
        assert!(matches!(
            read(0, &many),
            Err(Error::Content {
                problem: ContentProblem::Count { found: 9, expected: 8, .. },
                ..
            })
        ));
    }

    #[test]
    fn a_surface_keeps_its_first_material() {
        let slabs = json!([slab(3, 1.0), slab(3, 2.0), slab(4, 0.0)]);
        let read = thicknesses(&read(0, &slabs).unwrap());
        assert_eq!((read[3], read[4]), (Some(1.0), None));
    }

    #[test]
    fn unknown_volumes_surfaces_and_rods_are_refused() {
        let at = |result: Result<DetectorModel>| match result {
            Err(Error::Content { at, problem, .. }) => format!("{at}: {problem}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            at(read(1, &json!([]))),
            "data.volumes[0].volume_link: there is no volume 1: there are 1"
        );
        assert_eq!(
            at(read(0, &json!([slab(2, 1.0), slab(8, 1.0)]))),
            "data.volumes[0].surface_material[1].surface_idx: there is no surface 8: there are 8"
        );
        let mut rod = slab(0, 1.0);
        rod["type"] = json!(7);
        assert_eq!(
            at(read(0, &json!([rod]))),
            "data.volumes[0].surface_material[0]: material of the kind rod (7) is not supported"
        );
    }
}
