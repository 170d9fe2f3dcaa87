//! Finding the files of a detector in a folder, by what is in them.

use super::{
    Kind, payload, peek, read_geometry, with_homogeneous_material, with_material_maps,
    with_surface_grids,
};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};
use traccc_core::detector::DetectorModel;

/// The files that describe one detector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DetectorFiles {
    /// Volumes and surfaces.
    pub geometry: PathBuf,
    /// Search grids; without them every surface of a volume is always searched.
    pub surface_grids: Option<PathBuf>,
    /// A slab for each surface.
    pub homogeneous_material: Option<PathBuf>,
    /// Material that depends on the place on the surface.
    pub material_maps: Option<PathBuf>,
    /// All ACTS digitization files found, in ascending order of their names.
    pub digitization: Vec<PathBuf>,
}

impl DetectorFiles {
    /// Looks through the JSON files of a folder (plain, .gz or .zst): detray files are recognised by the `tag` of their
    /// header, digitization files by their key `acts-geometry-hierarchy-map`. Only the beginning of each file is read.
    ///
    /// # Errors
    /// A folder or file that cannot be read, a file that is not JSON at its beginning, no geometry file, or two files
    /// with one tag. (Fill in this structure yourself when a folder holds several detectors.)
    pub fn find(directory: impl AsRef<Path>) -> Result<Self> {
        let directory = directory.as_ref();
        let mut found: [Vec<PathBuf>; 4] = Default::default();
        let mut digitization = Vec::new();
        for path in json_files(directory)? {
            match peek(crate::input::open(&path)?, &path)? {
                Kind::Detray(header) => {
                    if let Some(slot) = TAGS.iter().position(|&tag| tag == header.common.tag) {
                        found[slot].push(path);
                    }
                }
                Kind::HierarchyMap => digitization.push(path),
                Kind::Other => {}
            }
        }
        let mut single = [const { None }; 4];
        for (slot, candidates) in found.into_iter().enumerate() {
            single[slot] = match candidates.len() {
                0 | 1 => candidates.into_iter().next(),
                _ => return Err(Error::Ambiguous { tag: TAGS[slot], candidates }),
            };
        }
        let [geometry, surface_grids, homogeneous_material, material_maps] = single;
        let geometry =
            geometry.ok_or_else(|| Error::NoGeometry { directory: directory.to_owned() })?;
        Ok(Self { geometry, surface_grids, homogeneous_material, material_maps, digitization })
    }

    /// The one digitization file.
    ///
    /// # Errors
    /// [`Error::NoDigitization`] when there is none, [`Error::Ambiguous`] with the candidates when there are several.
    pub fn digitization(&self) -> Result<&Path> {
        match self.digitization.as_slice() {
            [only] => Ok(only),
            [] => Err(Error::NoDigitization { geometry: self.geometry.clone() }),
            _ => Err(Error::Ambiguous {
                tag: "acts-geometry-hierarchy-map",
                candidates: self.digitization.clone(),
            }),
        }
    }
}

const TAGS: [&str; 4] = [
    payload::GEOMETRY,
    payload::SURFACE_GRIDS,
    payload::HOMOGENEOUS_MATERIAL,
    payload::MATERIAL_MAPS,
];

/// The JSON files of a folder, in ascending order of their names.
fn json_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let fail = |source| Error::Read { path: directory.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if crate::input::SUFFIXES.iter().any(|s| name.ends_with(&format!(".json{s}")))
            && path.is_file()
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads a detector with all its files except the digitization.
///
/// Where a surface has both a map and a slab, the map counts.
///
/// # Errors
/// As [`read_geometry`], [`with_surface_grids`], [`with_material_maps`] and [`with_homogeneous_material`];
/// [`Error::OtherDetector`] for a file whose header names another detector than that of the geometry file.
pub fn read_detector(files: &DetectorFiles) -> Result<DetectorModel> {
    let mut model = read_geometry(&files.geometry)?;
    let others = [&files.surface_grids, &files.material_maps, &files.homogeneous_material];
    for path in others.into_iter().flatten() {
        check_detector(path, &files.geometry, &model.name)?;
    }
    if let Some(path) = &files.surface_grids {
        model = with_surface_grids(model, path)?;
    }
    if let Some(path) = &files.material_maps {
        model = with_material_maps(model, path)?;
    }
    if let Some(path) = &files.homogeneous_material {
        model = with_homogeneous_material(model, path)?;
    }
    Ok(model)
}

/// Refuses a file whose header names another detector than that of the geometry file. A file of another kind has no such
/// header: its reader says so.
fn check_detector(path: &Path, geometry: &Path, expected: &str) -> Result<()> {
    match peek(crate::input::open(path)?, path)? {
        Kind::Detray(header) if header.common.detector != expected => Err(Error::OtherDetector {
            path: path.to_owned(),
            geometry: geometry.to_owned(),
            detectors: Box::new([header.common.detector, expected.to_owned()]),
        }),
        _ => Ok(()),
    }
}
