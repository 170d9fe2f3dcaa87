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
        "surface {surface} (source id {source_id}) is sensitive but no digitization entry matches it"
    )]
    NoDesign {
        /// Surface number.
        surface: u32,
        /// Identifier of the surface in the experiment's numbering.
        source_id: u64,
    },
    /// A sensor that is not divided into channels.
    #[error(
        "surface {surface} (source id {source_id}) has one channel on both axes: a sensor must be divided on one at least"
    )]
    OneChannel {
        /// Surface number.
        surface: u32,
        /// Identifier of the surface in the experiment's numbering.
        source_id: u64,
    },
    /// The caller gave up between two stages.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// A reconstruction was given up between two stages because its caller asked for that.
#[derive(Clone, Copy, Debug, Default, Error, PartialEq, Eq)]
#[error("cancelled before the end of the reconstruction")]
pub struct Cancelled;
