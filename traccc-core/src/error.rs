use thiserror::Error;

/// What can be wrong with the input or the settings of a reconstruction.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A cell names a module that does not exist.
    #[error("cell of module {module}, but the detector has {modules} modules")]
    UnknownModule {
        /// Module number in the cell.
        module: u32,
        /// Number of modules.
        modules: usize,
    },
    /// A cell's channel lies outside its module's segmentation.
    #[error(
        "cell {row}: channel{axis} is {channel}, but the module has {channels} channels on that axis"
    )]
    ChannelOutside {
        /// Row of the cell.
        row: usize,
        /// 0 for local x, 1 for local y.
        axis: usize,
        /// Channel number in the cell.
        channel: u32,
        /// Number of channels.
        channels: u32,
    },
    /// A cell's activation is negative, infinite or not a number.
    #[error("cell {row}: activation is {value}, expected a finite number that is not negative")]
    Activation {
        /// Row of the cell.
        row: usize,
        /// The activation.
        value: f32,
    },
    /// Cells are not in ascending order of (module, channel1, channel0), or one occurs twice.
    #[error(
        "cell {row} is out of order or a duplicate: sort by module, channel1, channel0 and merge equal channels"
    )]
    CellOrder {
        /// Row of the first cell that breaks the order.
        row: usize,
    },
    /// The columns of an event's cells are not of one length.
    #[error(
        "columns of unequal length: {lengths:?} values of channel0, channel1, activation, time and module"
    )]
    CellColumns {
        /// Values of channel0, channel1, activation, time and module.
        lengths: [usize; 5],
    },
    /// Products of another engine that do not fit together.
    #[error("the event to resume with: {what} {row} names row {found} of {limit}")]
    Reference {
        /// The collection at fault.
        what: &'static str,
        /// Its row.
        row: usize,
        /// The row that it names.
        found: usize,
        /// How many rows there are.
        limit: usize,
    },
    /// Products of another engine that do not hold together.
    #[error("the event to resume with: {what} {rule}")]
    Product {
        /// The collection at fault.
        what: &'static str,
        /// What it should be.
        rule: &'static str,
    },
    /// A detector description that cannot be compiled.
    #[error("volume {volume}, surface {surface}: {reason}")]
    Geometry {
        /// Volume number in the description.
        volume: usize,
        /// Surface number within the volume.
        surface: usize,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// A setting outside its range.
    #[error("`{name}` is {value}, expected {expected}")]
    Config {
        /// Path of the setting in the configuration file.
        name: &'static str,
        /// The value found.
        value: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A sensor that has no segmentation.
    #[error(
        "surface {surface} (ACTS geometry id {geometry_id}) is sensitive but no digitization entry matches it"
    )]
    NoDesign {
        /// Surface number.
        surface: u32,
        /// Identifier of the surface in the experiment's numbering.
        geometry_id: u64,
    },
    /// A sensor that is not divided into channels.
    #[error(
        "surface {surface} (ACTS geometry id {geometry_id}) has one channel on both axes: a sensor must be divided on one at least"
    )]
    OneChannel {
        /// Surface number.
        surface: u32,
        /// Identifier of the surface in the experiment's numbering.
        geometry_id: u64,
    },
    /// The caller gave up between two stages.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// A reconstruction was given up between two stages because its caller asked for that.
#[derive(Clone, Copy, Debug, Default, Error, PartialEq, Eq)]
#[error("cancelled before the end of the reconstruction")]
pub struct Cancelled;

/// `Ok` when `sound`, else the setting's error.
pub(crate) fn check(
    sound: bool,
    name: &'static str,
    value: impl std::fmt::Display,
    expected: &'static str,
) -> Result<(), Error> {
    if sound { Ok(()) } else { Err(Error::Config { name, value: value.to_string(), expected }) }
}
