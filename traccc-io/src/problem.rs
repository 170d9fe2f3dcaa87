//! What is wrong with the content of a file.

use std::fmt;
use thiserror::Error;
use traccc_core::detector::SensorError;

/// What is wrong with the content of a JSON file.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum ContentProblem {
    /// Another kind of file.
    #[error("the tag is `{found}`, expected `{expected}`")]
    Tag {
        /// The tag in the header.
        found: String,
        /// The tag of the kind of file asked for.
        expected: &'static str,
    },
    /// No ACTS hierarchy map.
    #[error(
        "there is no key `acts-geometry-hierarchy-map`: not an ACTS digitization or conditions file"
    )]
    NoHierarchyMap,
    /// A number that stands for nothing.
    #[error("{found} is no {what}")]
    Enumeration {
        /// What the number should stand for.
        what: &'static str,
        /// The number found.
        found: u64,
    },
    /// A shape of surface that propagation cannot handle.
    #[error("surfaces of the shape {name} ({id}) are not supported")]
    UnsupportedShape {
        /// The shape number of the file format.
        id: u32,
        /// Its name.
        name: &'static str,
    },
    /// A kind of material that propagation cannot handle.
    #[error("material of the kind {name} ({id}) is not supported")]
    UnsupportedMaterial {
        /// The material number of the file format.
        id: u32,
        /// Its name.
        name: &'static str,
    },
    /// A material map for another shape than the surface has.
    #[error("a material map of the kind {name} ({id}) does not fit a {shape}")]
    MaterialShape {
        /// The material number of the file format.
        id: u32,
        /// Its name.
        name: &'static str,
        /// The shape of the surface.
        shape: &'static str,
    },
    /// Masks of different shapes on one surface.
    #[error("the shape is {found}, but the first mask has the shape {first}")]
    MixedShapes {
        /// The shape number of the first mask.
        first: u32,
        /// The shape number found.
        found: u32,
    },
    /// A surface without mask.
    #[error("there is neither `masks` nor `mask`")]
    NoMask,
    /// A list of the wrong length.
    #[error("{found} {what} found, expected {expected}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are needed.
        expected: usize,
    },
    /// Surface or material numbers that do not count from 0 without gap.
    #[error(
        "the values of `index_in_coll` must be all of 0 to {last}, each once, or absent everywhere"
    )]
    IndexInCollection {
        /// The largest number allowed.
        last: usize,
    },
    /// A link to something that does not exist.
    #[error("there is no {what} {found}: there are {existing}")]
    Unknown {
        /// Kind of thing.
        what: &'static str,
        /// Its number.
        found: u64,
        /// How many there are.
        existing: usize,
    },
    /// A number outside its range.
    #[error("{what} is {found}, expected {expected}")]
    Value {
        /// Which number.
        what: &'static str,
        /// The number.
        found: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// A number that single precision cannot hold.
    #[error("{what} is {found:e}, expected a number that single precision can hold")]
    NotFinite {
        /// Which number.
        what: &'static str,
        /// The number.
        found: f64,
    },
    /// Local axes that are not orthogonal unit vectors.
    #[error("the product of the axes {} and {} is {found}, expected {}", .axes[0], .axes[1],
        if .axes[0] == .axes[1] { 1 } else { 0 })]
    NotOrthonormal {
        /// Two of the axes 0 (x), 1 (y) and 2 (z), or one twice.
        axes: [usize; 2],
        /// Their scalar product.
        found: f64,
    },
    /// Local axes that are the mirror image of a rotation.
    #[error(
        "the local axes x, y and z are left-handed (determinant {determinant}), expected z = x × y: a mirror is no rotation"
    )]
    LeftHanded {
        /// The determinant of the matrix.
        determinant: f64,
    },
    /// A bin that a grid has already.
    #[error("a second entry for bin {} {}", .bin[0], .bin[1])]
    DuplicateBin {
        /// Its numbers on the two axes.
        bin: [u64; 2],
    },
    /// Two numbers that must agree.
    #[error("{what} is {found}, expected {expected}")]
    Mismatch {
        /// Which number.
        what: &'static str,
        /// The number.
        found: u64,
        /// What it must be.
        expected: u64,
    },
    /// A digitization axis of a type that is not known, without edges.
    #[error("the axis type is `{found}`, expected `equidistant`, or another with `edges`")]
    AxisType {
        /// The type.
        found: String,
    },
    /// An axis that the grid type does not have.
    #[error("axis {axis} must be {expected}")]
    Axis {
        /// 0 or 1.
        axis: usize,
        /// Bounds and binning that it must have.
        expected: &'static str,
    },
    /// Two entries with the same identifier.
    #[error("a second entry for the same volume, layer, sensitive and extra number")]
    DuplicateEntry,
    /// A key beside the levels of a geometry id.
    #[error(
        "the key `{key}` is not known: sensors are chosen by volume, boundary, layer, approach, sensitive and extra"
    )]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// A choice that is not supported.
    #[error("`{found}` is not supported, expected {expected}")]
    Setting {
        /// The choice.
        found: String,
        /// What is supported.
        expected: &'static str,
    },
}

/// The columns of a file that lacks one, with a guess why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    wanted: &'static str,
    found: Vec<String>,
}

impl Columns {
    /// The columns `found` where one named `wanted` is needed.
    pub(crate) fn new(wanted: &'static str, found: Vec<String>) -> Self {
        Self { wanted, found }
    }

    /// The character that separates the columns, where it is not the comma.
    fn separator(&self) -> Option<&'static str> {
        let [only] = &self.found[..] else { return None };
        let candidates = [(';', "`;`"), ('\t', "a tabulator"), ('|', "`|`"), (' ', "a blank")];
        candidates.into_iter().find(|(sign, _)| only.contains(*sign)).map(|(_, name)| name)
    }
}

/// Columns that a message names, and half the characters of each.
const SHOWN: usize = 30;

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.found.iter().take(SHOWN);
        let shown =
            names.map(|name| format!("`{}`", name.chars().take(2 * SHOWN).collect::<String>()));
        let shown = shown.collect::<Vec<_>>().join(", ");
        write!(f, "there is no column `{}`; the columns found are {shown}", self.wanted)?;
        if self.found.len() > SHOWN {
            write!(f, " and {} more", self.found.len() - SHOWN)?;
        }
        if let Some(separator) = self.separator() {
            write!(f, "; is the separator {separator} instead of a comma?")?;
        } else if let Some(name) = self.found.iter().find(|n| n.eq_ignore_ascii_case(self.wanted)) {
            write!(f, "; names are in lower case, `{name}` is not `{}`", self.wanted)?;
        }
        Ok(())
    }
}

/// What is wrong with a line of a CSV file.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum CsvProblem {
    /// An empty file.
    #[error("there is no header")]
    NoHeader,
    /// An id map without a pair.
    #[error("there is no pair of ids, expected lines of `ATHENA,DETRAY`")]
    NoPairs,
    /// Text that cannot be taken apart into lines and fields.
    #[error("{reason}")]
    Unreadable {
        /// What the CSV reader says.
        reason: String,
    },
    /// A column that is needed is not there.
    #[error("{0}")]
    NoColumn(Columns),
    /// A column name occurs twice.
    #[error("there are two columns `{column}`")]
    TwoColumns {
        /// Its name.
        column: &'static str,
    },
    /// More or fewer fields than the header has.
    #[error("{found} fields found, expected {expected}")]
    Fields {
        /// Fields in the line.
        found: usize,
        /// Fields in the header.
        expected: usize,
    },
    /// A field that is not a number of the right kind.
    #[error("`{column}` is `{found}`, expected {expected}")]
    Number {
        /// The column.
        column: &'static str,
        /// The text.
        found: String,
        /// The kind of number.
        expected: &'static str,
    },
    /// A geometry id that means no sensor.
    #[error(transparent)]
    Sensor(#[from] SensorError),
    /// A channel that its sensor does not have.
    #[error(
        "`channel{axis}` is {channel}, but the sensor of geometry id {id} has {channels} channels on that axis: is it the right digitization file?"
    )]
    ChannelOutside {
        /// 0 for local x, 1 for local y.
        axis: usize,
        /// The channel.
        channel: u32,
        /// Number of channels.
        channels: u32,
        /// Geometry id of the sensor.
        id: u64,
    },
    /// An activation that is negative, infinite or not a number.
    #[error("`value` is {value}, expected a finite number that is not negative")]
    Activation {
        /// The activation; the sum where cells were merged.
        value: f32,
    },
    /// A second cell of the same channel where that is not allowed.
    #[error("a second cell of channel {channel0}, {channel1} of geometry id {id}")]
    DuplicateCell {
        /// Channel along local x.
        channel0: u32,
        /// Channel along local y.
        channel1: u32,
        /// Geometry id of the sensor.
        id: u64,
    },
    /// A particle that is listed twice.
    #[error("a second particle {id}")]
    DuplicateParticle {
        /// Its identifier, or the numbers of the five columns joined by points.
        id: String,
    },
    /// An identifier that occurs twice.
    #[error("a second {what} {id}")]
    DuplicateId {
        /// What it identifies.
        what: &'static str,
        /// The identifier.
        id: u64,
    },
    /// A hit that is twice in one measurement.
    #[error("a second line for hit {hit} in measurement {measurement}")]
    DuplicateLink {
        /// The measurement's id.
        measurement: u64,
        /// Row of the hit.
        hit: u32,
    },
    /// A link to something that does not exist.
    #[error("there is no {what} {id}")]
    UnknownId {
        /// What it identifies.
        what: &'static str,
        /// The identifier.
        id: u64,
    },
    /// Measured coordinates that make no measurement.
    #[error("`local_key` is {key}, expected a key with bit 1 (loc0) or bit 2 (loc1)")]
    LocalKey {
        /// The key.
        key: u32,
    },
}

/// What is wrong with a covfie file.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum FieldProblem {
    /// Too few or too many bytes.
    #[error("{found} bytes found, expected {expected}")]
    Length {
        /// Size of the file.
        found: u64,
        /// Size announced by its header, or the least possible size.
        expected: u64,
    },
    /// Another structure than affine, linear, strided, array.
    #[error(
        "{found:#010x} ({name}) at byte {offset}, expected {expected:#010x}: only a field of the layers affine, linear, strided and array can be read"
    )]
    Magic {
        /// Where.
        offset: usize,
        /// The number found.
        found: u32,
        /// What it stands for.
        name: &'static str,
        /// The number expected.
        expected: u32,
    },
    /// Width of the values.
    #[error("values of {found} bytes, expected 4 or 8")]
    Width {
        /// The width in the file.
        found: u32,
    },
    /// The grid does not have as many nodes as there are values, or none.
    #[error("{found} values for a grid of {} x {} x {} nodes", .nodes[0], .nodes[1], .nodes[2])]
    Nodes {
        /// Nodes along x, y and z.
        nodes: [u64; 3],
        /// Number of values announced.
        found: u64,
    },
    /// A number that is infinite or not a number.
    #[error("the {what} has an element that is not finite")]
    NotFinite {
        /// The affine map, or a field vector.
        what: &'static str,
    },
}
