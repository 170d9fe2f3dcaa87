//! Whether the pieces of a setup belong together.

use crate::error::Error;
use crate::field_source::FieldSource;
use crate::setup::{Setup, SetupFiles};
use crate::warning::{Misfit, Warning};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use traccc_core::detector::{Area, Detector, Modules, Shape, Surface};
use traccc_core::field::{FieldChoice, MagneticField};
use traccc_core::math::Vector3;
use traccc_core::{ChainConfig, ModuleIndex, Scalar, SettingsWarning, SurfaceIndex};
use traccc_io::AthenaIds;

/// Channels cover at least this part of their sensor.
const LEAST_COVER: Scalar = 0.9;
/// Channels span at most so many times their sensor: those of a volume's largest sensor may serve for smaller ones.
const MOST_SPAN: Scalar = 2.0;
/// In T, more than any tracker has.
const STRONGEST: Scalar = 20.0;
/// Relative difference between fields that are meant to be the same: upstream's constant is 0.14 % below its 2 T.
const SAME_FIELD: Scalar = 0.05;
/// The record that `traccc simulate` leaves beside its events.
const SIMULATION: &str = "simulation.toml";

impl Setup {
    /// Whether a chain with these settings works on this setup, and what is suspicious about them.
    ///
    /// What is suspicious about the setup by itself is in [`Self::warnings`].
    ///
    /// # Errors
    /// [`Error::NoField`] where seeding or parameters need a field at the origin and there is none, [`Error::Core`] for
    /// a setting out of range.
    pub fn check(&self, config: &ChainConfig) -> Result<Vec<Warning>, Error> {
        let names = self.names();
        config.validate_in(&self.field).map_err(|source| match source {
            traccc_core::Error::Config { name: "seeding.field" | "parameters.field", .. } => {
                Error::NoField { field: names.field(), source }
            }
            other => Error::Core(other),
        })?;
        let at_origin = self.field.along_z_at_origin();
        let mut warnings = Vec::new();
        for (setting, choice) in
            [("seeding.field", config.seeding.field), ("parameters.field", config.parameters.field)]
        {
            let FieldChoice::Constant(tesla) = choice else { continue };
            if (tesla - at_origin).abs() > SAME_FIELD * at_origin.abs() {
                let field = names.field();
                warnings.push(Warning::FieldOfSettings { setting, tesla, field, at_origin });
            }
        }
        let seeding = config.seeding.min_pt;
        let (min_pt, min_p) = (config.finding.min_pt, config.finding.min_p);
        let limits = [("finding.min_pt", min_pt), ("finding.min_p", min_p)];
        if !config.checks.silenced.contains(&SettingsWarning::FindingAboveSeeding) {
            let above = limits.into_iter().filter(|&(_, finding)| finding >= seeding);
            warnings.extend(above.map(|(setting, finding)| Warning::FindingAboveSeeding {
                setting,
                finding,
                seeding,
            }));
        }
        Ok(warnings)
    }

    /// What is suspicious about using this setup for the events in a folder: that `simulation.toml` there, the record of
    /// `traccc simulate`, names another field or detector. A folder without such a file is none of `simulate`.
    pub fn check_events(&self, folder: impl AsRef<Path>) -> Vec<Warning> {
        let record = folder.as_ref().join(SIMULATION);
        let text = std::fs::read_to_string(&record).unwrap_or_default();
        // A file of another program may have that name.
        let simulation: Simulation = toml::from_str(&text).unwrap_or_default();
        let (names, detector) = (self.names(), &self.detector.name);
        let mut warnings = Vec::new();
        if let Some(simulated) = simulation.detector.filter(|name| name != detector) {
            let (geometry, detector, record) = (names.geometry(), detector.clone(), record.clone());
            warnings.push(Warning::SimulatedDetector { record, simulated, geometry, detector });
        }
        if let Some(simulated) = simulation.field.filter(|field| !self.has_field(field)) {
            warnings.push(Warning::SimulatedField { record, simulated, field: names.field() });
        }
        warnings
    }

    /// Whether the field is the one that a text names, as far as that can be told: of maps only the name of the file.
    fn has_field(&self, text: &str) -> bool {
        let name = |path: &Path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.trim_end_matches(".gz").trim_end_matches(".zst").to_owned()
        };
        match (text.parse(), &*self.field, self.files.as_ref().map(|files| &files.field)) {
            (Ok(FieldSource::Constant(there)), MagneticField::Constant(here), _) => {
                (Vector3::from(there) - here).norm() <= 1.0e-3 * here.norm()
            }
            (
                Ok(FieldSource::File(there)),
                MagneticField::Map(_),
                Some(FieldSource::File(here)),
            ) => name(&there) == name(here),
            (Ok(FieldSource::File(_)), MagneticField::Map(_), _) | (Err(_), ..) => true,
            (Ok(_), ..) => false,
        }
    }

    /// Refuses a map of Athena ids that names no sensor of this detector.
    ///
    /// # Errors
    /// [`Error::ForeignIds`].
    pub fn check_athena_ids(&self, ids: &AthenaIds, path: &Path) -> Result<(), Error> {
        let identifiers = &self.detector.barcodes;
        let mut sensors = self.modules.surface.iter();
        if sensors.any(|surface| ids.athena(identifiers[surface.get()]).is_some()) {
            return Ok(());
        }
        let (path, geometry) = (path.to_owned(), self.names().geometry());
        Err(Error::ForeignIds { path, geometry, ids: ids.len(), sensors: self.modules.len() })
    }

    fn names(&self) -> Names<'_> {
        Names { detector: &self.detector.name, files: self.files.as_ref() }
    }
}

/// What of the record of a simulation is compared.
#[derive(Default, Deserialize)]
struct Simulation {
    detector: Option<String>,
    field: Option<String>,
}

/// What is suspicious about the pieces of a setup.
pub(crate) fn pieces(
    detector: &Detector,
    modules: &Modules,
    field: &MagneticField,
    files: Option<&SetupFiles>,
) -> Vec<Warning> {
    let names = Names { detector: &detector.name, files };
    let mut warnings = segmentation(detector, modules, &names);
    warnings.extend(grids(detector, &names));
    warnings.extend(field_strength(field, &names));
    warnings.extend(field_coverage(detector, modules, field, &names));
    warnings
}

/// How messages call the pieces.
struct Names<'a> {
    detector: &'a str,
    files: Option<&'a SetupFiles>,
}

impl Names<'_> {
    fn file(&self, of: impl Fn(&SetupFiles) -> Option<&PathBuf>, built: &str) -> String {
        let path = self.files.and_then(of);
        path.map_or_else(|| built.to_owned(), |path| format!("`{}`", path.display()))
    }

    fn geometry(&self) -> String {
        self.file(|files| Some(&files.detector.geometry), &format!("detector `{}`", self.detector))
    }

    fn digitization(&self) -> String {
        self.file(|files| Some(&files.digitization), "the segmentation")
    }

    fn grids(&self) -> String {
        self.file(|files| files.detector.surface_grids.as_ref(), "the detector")
    }

    fn field(&self) -> String {
        self.files.map_or_else(|| "the field".to_owned(), |files| format!("`{}`", files.field))
    }
}

/// The names and units of the local coordinates of a shape.
fn axes(shape: Shape) -> [(&'static str, &'static str); 2] {
    match shape {
        Shape::Annulus | Shape::Ring => [("r", "mm"), ("phi", "rad")],
        Shape::Cylinder => [("r phi", "mm"), ("z", "mm")],
        Shape::ConcentricCylinder => [("phi", "rad"), ("z", "mm")],
        Shape::Rectangle | Shape::Trapezoid => [("x", "mm"), ("y", "mm")],
    }
}

/// The smallest and largest local coordinates on all masks of a surface.
fn extent(detector: &Detector, surface: &Surface) -> [[Scalar; 2]; 2] {
    let areas = detector.masks(surface).map(|mask| mask.area(surface.shape));
    areas
        .reduce(Area::joined)
        .map_or_else(Default::default, |Area { low, high }| [[low[0], high[0]], [low[1], high[1]]])
}

/// Sensors whose channels do not fit them, one warning for each axis and kind.
fn segmentation(detector: &Detector, modules: &Modules, names: &Names<'_>) -> Vec<Warning> {
    let mut found: [Option<Warning>; 4] = Default::default();
    for (row, &index) in modules.surface.iter().enumerate() {
        let surface = &detector.surfaces[index.get()];
        let segmentation = modules.segmentation(ModuleIndex::from(row));
        for (number, sensor) in extent(detector, surface).into_iter().enumerate() {
            let edges = segmentation.edges[number];
            let channels = [edges[0], edges[edges.len() - 1]];
            let (axis, unit) = axes(surface.shape)[number];
            let Some(misfit) = misfit(channels, sensor, unit == "rad") else { continue };
            let slot = &mut found[2 * number + usize::from(misfit == Misfit::Long)];
            if let Some(Warning::Segmentation { sensors, .. }) = slot {
                *sensors += 1;
                continue;
            }
            *slot = Some(Warning::Segmentation {
                digitization: names.digitization(),
                geometry: names.geometry(),
                axis,
                misfit,
                sensors: 1,
                all: modules.len(),
                surface: index.0,
                geometry_id: detector.geometry_ids[index.get()],
                channels,
                sensor,
                unit,
            });
        }
    }
    found.into_iter().flatten().collect()
}

/// How channels do not fit a sensor on one axis.
fn misfit(channels: [Scalar; 2], sensor: [Scalar; 2], is_angle: bool) -> Option<Misfit> {
    let width = |[low, high]: [Scalar; 2]| high - low;
    if width(channels) > MOST_SPAN * width(sensor) {
        return Some(Misfit::Long);
    }
    // Angles that differ by turns are the same.
    let turn = std::f64::consts::TAU as Scalar;
    let middle = |[low, high]: [Scalar; 2]| 0.5 * (low + high);
    let turns = ((middle(sensor) - middle(channels)) / turn).round();
    let shift = if is_angle { turns * turn } else { 0.0 };
    let low = (channels[0] + shift).max(sensor[0]);
    let high = (channels[1] + shift).min(sensor[1]);
    (high - low < LEAST_COVER * width(sensor)).then_some(Misfit::Short)
}

/// Sensors that no search grid of their volume lists in the file; the compiled grids have them.
fn grids(detector: &Detector, names: &Names<'_>) -> Option<Warning> {
    let mut lacking = detector.completions.iter().filter(|grid| grid.unlisted > 0).peekable();
    let first = lacking.peek()?.volume;
    Some(Warning::SensorsInNoBin {
        grids: names.grids(),
        geometry: names.geometry(),
        sensors: lacking.map(|grid| grid.unlisted as usize).sum(),
        volume: first.0,
    })
}

fn field_strength(field: &MagneticField, names: &Names<'_>) -> Option<Warning> {
    let tesla = field.strongest();
    (tesla > STRONGEST).then(|| Warning::StrongField { field: names.field(), tesla })
}

/// Sensors that lie outside a field map, at least with a part.
fn field_coverage(
    detector: &Detector,
    modules: &Modules,
    field: &MagneticField,
    names: &Names<'_>,
) -> Option<Warning> {
    if matches!(field, MagneticField::Constant(_)) {
        return None;
    }
    let outside = |index: &&SurfaceIndex| {
        let surface = &detector.surfaces[index.get()];
        let [first, second] = extent(detector, surface);
        let [along_first, along_second] =
            if surface.shape.is_plane() && !surface.shape.is_polar() { [2, 2] } else { [5, 5] };
        let point = |[low, high]: [Scalar; 2], i: u32, points: u32| {
            low + (high - low) * i as Scalar / (points - 1) as Scalar
        };
        let inside = |i, k| {
            let local = [point(first, i, along_first), point(second, k, along_second)];
            field.covers(&surface.to_global(local))
        };
        !(0..along_first).all(|i| (0..along_second).all(|k| inside(i, k)))
    };
    let mut outside = modules.surface.iter().filter(outside);
    let first = *outside.next()?;
    Some(Warning::FieldMapTooSmall {
        field: names.field(),
        geometry: names.geometry(),
        sensors: 1 + outside.count(),
        all: modules.len(),
        surface: first.0,
        geometry_id: detector.geometry_ids[first.get()],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_cover_their_sensor_and_not_much_more() {
        let sensor = [-10.0, 10.0];
        for (channels, expected) in [
            ([-10.0, 10.0], None),
            ([-19.9, 19.9], None),
            ([-20.1, 20.1], Some(Misfit::Long)),
            ([-9.1, 9.1], None),
            ([-8.9, 8.9], Some(Misfit::Short)),
            // As long as the sensor, elsewhere.
            ([0.0, 20.0], Some(Misfit::Short)),
            ([100.0, 120.0], Some(Misfit::Short)),
        ] {
            assert_eq!(misfit(channels, sensor, false), expected, "{channels:?}");
        }
    }

    #[test]
    fn angles_are_compared_modulo_a_turn() {
        assert_eq!(misfit([3.0, 3.3], [-3.28, -2.98], true), None);
        assert_eq!(misfit([3.0, 3.3], [-3.28, -2.98], false), Some(Misfit::Short));
        assert_eq!(misfit([0.0, 0.3], [1.0, 1.3], true), Some(Misfit::Short));
    }
}
