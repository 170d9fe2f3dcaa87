use std::fmt;
use std::path::PathBuf;
use traccc_core::Scalar;

/// Pieces of a setup that do not look as if they belong together, or a piece that does not look right by itself.
///
/// Each text names the files (or what was built in code), how much is concerned, and the first example.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// Channels that do not span their sensors, or far more.
    #[error(
        "{digitization} does not fit {geometry}: along {axis} the channels of {sensors} of {all} sensors {misfit}; \
         the first is surface {surface} (ACTS geometry id {geometry_id}), channels from {} to {}, sensor from {} to {} {unit}",
        .channels[0], .channels[1], .sensor[0], .sensor[1]
    )]
    Segmentation {
        /// The digitization file.
        digitization: String,
        /// The geometry file.
        geometry: String,
        /// The local coordinate: x, y, r, phi or z.
        axis: &'static str,
        /// What is wrong.
        misfit: Misfit,
        /// How many sensors are concerned.
        sensors: usize,
        /// How many there are.
        all: usize,
        /// The first of them.
        surface: u32,
        /// Its identifier in the experiment's numbering.
        geometry_id: u64,
        /// First and last boundary of its channels, in `unit`.
        channels: [Scalar; 2],
        /// First and last value on its area, in `unit`.
        sensor: [Scalar; 2],
        /// mm or rad.
        unit: &'static str,
    },
    /// Sensors that no bin of their volume's search grids lists.
    #[error(
        "{grids}: {sensors} sensors are in no bin of the search grids of their volumes, the first of volume {volume}: are \
         the grids those of {geometry}?"
    )]
    SensorsInNoBin {
        /// The file of the search grids.
        grids: String,
        /// The geometry file.
        geometry: String,
        /// How many sensors.
        sensors: usize,
        /// The volume of the first.
        volume: u32,
    },
    /// A field stronger than any tracker's.
    #[error(
        "{field} reaches {tesla} T: is the map in T? covfie files of upstream are in GeV/(e mm)"
    )]
    StrongField {
        /// The field.
        field: String,
        /// Its largest magnitude, in T.
        tesla: Scalar,
    },
    /// A field map that ends within the detector: beyond its borders their values count.
    #[error(
        "{field} does not cover {sensors} of {all} sensors of {geometry}, the first of which is surface {surface} (ACTS geometry id \
         {geometry_id}): is the map in mm?"
    )]
    FieldMapTooSmall {
        /// The field map.
        field: String,
        /// The geometry file.
        geometry: String,
        /// How many sensors lie outside, at least with a part.
        sensors: usize,
        /// How many there are.
        all: usize,
        /// The first of them.
        surface: u32,
        /// Its identifier in the experiment's numbering.
        geometry_id: u64,
    },
    /// A field in the settings that is another than that of the setup.
    #[error(
        "`{setting}` is {tesla} T, but {field} has {at_origin} T along z at the origin: remove the setting if that is the \
         field"
    )]
    FieldOfSettings {
        /// The setting.
        setting: &'static str,
        /// Its value, in T.
        tesla: Scalar,
        /// The field of the setup.
        field: String,
        /// Its component along z at the origin, in T.
        at_origin: Scalar,
    },
    /// Finding ends tracks at a momentum from which seeding still makes seeds.
    #[error(
        "`{setting}` is {finding} GeV, not below `seeding.min_pt` of {seeding} GeV: tracks that cross it in flight are cut short and \
         look like fakes; lower it, or write `silenced = [\"finding_above_seeding\"]` under `[checks]` if it is meant so"
    )]
    FindingAboveSeeding {
        /// The setting.
        setting: &'static str,
        /// Its value, in GeV.
        finding: Scalar,
        /// The smallest transverse momentum of seeds, in GeV.
        seeding: Scalar,
    },
    /// Events that were simulated in another field.
    #[error("`{}` was made in the field {simulated}, but the setup has {field}", .record.display())]
    SimulatedField {
        /// The simulation's own record beside the events.
        record: PathBuf,
        /// The field in it.
        simulated: String,
        /// The field of the setup.
        field: String,
    },
    /// Events that were simulated in another detector.
    #[error(
        "`{}` was made with the detector `{simulated}`, but {geometry} is of `{detector}`", .record.display()
    )]
    SimulatedDetector {
        /// The simulation's own record beside the events.
        record: PathBuf,
        /// The detector in it.
        simulated: String,
        /// The geometry file.
        geometry: String,
        /// Its detector.
        detector: String,
    },
}

/// How the channels of a sensor do not fit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// They cover less than 0.9 of it.
    Short,
    /// They span more than twice as much.
    Long,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "cover less than 0.9 of the sensor",
            Self::Long => "span more than 2 times the sensor",
        })
    }
}
