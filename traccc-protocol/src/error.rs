use crate::tensor::DataType;
use traccc_core::detector::SensorError;

/// What is wrong with a request. Rows are those of the named tensor, counted from 0.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// A tensor that the request needs.
    #[error(
        "tensor `{tensor}` is missing: send CELL_POSITIONS and CELL_PROPERTIES, or COMPACT_MODULES and COMPACT_CELLS"
    )]
    Missing {
        /// The tensor.
        tensor: &'static str,
    },
    /// A tensor that the contract does not have.
    #[error("tensor `{tensor}` is no input of this model")]
    Unknown {
        /// Its name.
        tensor: String,
    },
    /// A tensor that occurs twice.
    #[error("tensor `{tensor}` is sent twice")]
    Twice {
        /// The tensor.
        tensor: &'static str,
    },
    /// Cells in both forms at once.
    #[error(
        "cells are sent in two forms: send CELL_POSITIONS and CELL_PROPERTIES, or COMPACT_MODULES and COMPACT_CELLS"
    )]
    TwoForms,
    /// Elements of another type.
    #[error("tensor `{tensor}` has type {found}, expected {expected}")]
    DataType {
        /// The tensor.
        tensor: &'static str,
        /// The type that was sent.
        found: String,
        /// The type of the contract.
        expected: DataType,
    },
    /// Another number or extent of dimensions.
    #[error("tensor `{tensor}` has shape {found:?}, expected {expected:?} (-1: any)")]
    Shape {
        /// The tensor.
        tensor: &'static str,
        /// The shape that was sent.
        found: Vec<i64>,
        /// The shape of the contract.
        expected: &'static [i64],
    },
    /// A content that does not fill the shape, or more than fills it.
    #[error("tensor `{tensor}` has {found} bytes, but its shape and type take {expected}")]
    Length {
        /// The tensor.
        tensor: &'static str,
        /// Bytes that were sent.
        found: usize,
        /// Bytes that the shape takes.
        expected: usize,
    },
    /// Two tensors of unequal numbers of rows.
    #[error("tensor `{tensor}` has {found} rows, but `{other}` has {expected}")]
    Rows {
        /// The tensor.
        tensor: &'static str,
        /// Its rows.
        found: usize,
        /// The other tensor.
        other: &'static str,
        /// The other's rows, or what it says they are.
        expected: usize,
    },
    /// More cells than one event may have.
    #[error("tensor `{tensor}` has {found} rows, at most {limit} are possible")]
    TooManyRows {
        /// The tensor.
        tensor: &'static str,
        /// Its rows.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A count that is negative or larger than the tensor it counts in.
    #[error("tensor `{tensor}`, row {row}: {value} cells, but {left} are left")]
    Count {
        /// The tensor.
        tensor: &'static str,
        /// The row.
        row: usize,
        /// The count.
        value: i64,
        /// How many cells are left for it.
        left: usize,
    },
    /// An identifier that means no sensor.
    #[error("tensor `{tensor}`, row {row}: {problem}")]
    Sensor {
        /// The tensor.
        tensor: &'static str,
        /// The row.
        row: usize,
        /// Why there is none.
        problem: SensorError,
    },
    /// A channel that the sensor does not have.
    #[error(
        "tensor `{tensor}`, row {row}: channel{axis} is {value}, but the sensor has channels 0 to {last}"
    )]
    Channel {
        /// The tensor.
        tensor: &'static str,
        /// The row.
        row: usize,
        /// 0 along local x, 1 along local y.
        axis: usize,
        /// The channel.
        value: i64,
        /// The sensor's last channel on that axis.
        last: u32,
    },
    /// A signal that is negative or no number.
    #[error(
        "tensor `{tensor}`, row {row}: the activation is {value}, expected a finite number that is not negative"
    )]
    Activation {
        /// The tensor.
        tensor: &'static str,
        /// The row.
        row: usize,
        /// The signal; the sum for merged cells.
        value: f32,
    },
    /// A time that is no number.
    #[error("tensor `{tensor}`, row {row}: the time is {value}, expected a finite number")]
    Time {
        /// The tensor.
        tensor: &'static str,
        /// The row.
        row: usize,
        /// The time.
        value: f32,
    },
    /// A second cell of a channel, where the request refuses that.
    #[error(
        "tensor `{tensor}`, row {row}: a second cell of its channel (parameter `traccc_duplicates` is `refuse`)"
    )]
    Duplicate {
        /// The tensor.
        tensor: &'static str,
        /// The row.
        row: usize,
    },
    /// A request parameter of ours that does not exist or has a wrong value.
    #[error("request parameter `{name}` is `{value}`, expected {expected}")]
    Parameter {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
        /// What was expected.
        expected: &'static str,
    },
    /// An output that the model does not make.
    #[error("`{name}` is no output of this model")]
    UnknownOutput {
        /// Its name.
        name: String,
    },
}

/// What is wrong with a response.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// A tensor that was asked for and did not come.
    #[error("the response has no tensor `{tensor}`")]
    Missing {
        /// The tensor.
        tensor: &'static str,
    },
    /// A tensor that the contract does not have, or that came before.
    #[error("in the response: tensor `{tensor}` is unknown or comes twice")]
    Unexpected {
        /// Its name.
        tensor: String,
    },
    /// A tensor of another type, shape or length.
    #[error("in the response: {0}")]
    Tensor(#[from] RequestError),
    /// Tensors that contradict each other.
    #[error(
        "in the response: `{tensor}` has {found} rows or entries, expected {expected} from the other tensors"
    )]
    Rows {
        /// The tensor.
        tensor: &'static str,
        /// What it has.
        found: usize,
        /// What the others say.
        expected: usize,
    },
    /// Offsets that do not ascend from 0 to the number of measurements.
    #[error(
        "in the response: TRACK_OFFSETS[{entry}] is {value}, expected an ascending sequence from 0 to {measurements}"
    )]
    Offsets {
        /// The entry.
        entry: usize,
        /// Its value.
        value: i64,
        /// Number of measurements.
        measurements: usize,
    },
}
