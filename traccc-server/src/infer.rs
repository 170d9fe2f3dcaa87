//! A request and its reply, as both protocols mean them.

use crate::shared_memory::{SharedMemory, SharedMemoryError, Window};
use crate::statistics::Reason;
use crate::ticket::Reservation;
use bytes::Bytes;
use serde_json::{Map, Value};
use traccc_protocol::{Output, PREFIX, RequestError, RequestParameters};
use traccc_service::{Failure, FailureKind};

/// The most entries of a list in a request, but for the content of a tensor; the contract has 4 inputs and 9 outputs.
pub(crate) const ENTRIES: usize = 64;
/// The most bytes of what is not the content of a tensor: names, shapes and parameters of a request, and other messages.
pub(crate) const SMALL: usize = 64 << 10;

/// Parameters of a request or of a tensor.
pub(crate) type Parameters = Map<String, Value>;

/// A request for one event.
#[derive(Debug)]
pub(crate) struct InferRequest {
    /// The input tensors.
    pub(crate) inputs: Vec<Input>,
    /// The outputs that the client wants; none: all of the model.
    pub(crate) outputs: Vec<RequestedOutput>,
    /// How the reply is to be.
    pub(crate) parameters: RequestParameters,
    /// For the memory of the inputs.
    pub(crate) memory: Reservation,
}

/// An input tensor.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) data_type: String,
    pub(crate) shape: Vec<i64>,
    pub(crate) content: Content,
}

/// Where the content of an input is.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// In the request.
    Inline(Bytes),
    /// In shared memory.
    Shared(Window),
}

/// An output that the client wants.
#[derive(Clone, Debug)]
pub(crate) struct RequestedOutput {
    pub(crate) output: Output,
    /// Where it is written; `None`: into the reply.
    pub(crate) target: Option<Window>,
}

/// The reply to a request.
#[derive(Debug)]
pub(crate) struct InferReply {
    /// In the order of the request.
    pub(crate) outputs: Vec<OutputTensor>,
    /// Parameters of the response.
    pub(crate) parameters: [(&'static str, i64); 6],
}

/// An output tensor.
#[derive(Debug)]
pub(crate) struct OutputTensor {
    pub(crate) output: Output,
    pub(crate) shape: Vec<i64>,
    /// `None` if it was written to shared memory.
    pub(crate) bytes: Option<Bytes>,
}

/// Why a request is not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("there is no model `{name}`")]
    UnknownModel { name: String },
    #[error("model `{name}` has no version `{version}`: served are {served}")]
    UnknownVersion { name: String, version: String, served: String },
    #[error(transparent)]
    Failure(#[from] Failure),
    #[error(transparent)]
    SharedMemory(#[from] SharedMemoryError),
    #[error("`{output}` is requested twice")]
    OutputTwice { output: &'static str },
    #[error("tensor `{tensor}`: parameter `{parameter}` is {found}, expected {expected}")]
    TensorParameter {
        tensor: String,
        parameter: &'static str,
        found: String,
        expected: &'static str,
    },
    #[error("tensor `{tensor}` has no content")]
    NoContent { tensor: String },
    #[error("tensor `{tensor}` has both {first} and {second}: send one of them")]
    TwoContents { tensor: String, first: &'static str, second: &'static str },
    #[error("{left} {unit} are left after the last input tensor")]
    Left { left: usize, unit: &'static str },
    #[error("tensor `{tensor}`: binary_data_size is {size}, but {left} bytes are left")]
    BinarySize { tensor: String, size: u64, left: usize },
    #[error("the JSON of the request: {source}")]
    Json { source: serde_json::Error },
    #[error("the JSON of the request: parameters of {owner}: {reason}")]
    JsonParameters { owner: String, reason: String },
    #[error("tensor `{tensor}`: data: {reason}")]
    JsonData { tensor: &'static str, reason: String },
    #[error("header `{name}` is `{value}`, expected {expected}")]
    Header { name: &'static str, value: String, expected: &'static str },
    #[error("the body of the request cannot be read: {reason}")]
    Body { reason: String },
    #[error("the body of the request stood still for too long")]
    StoodStill,
    #[error("the request is larger than {limit} bytes, the limit of this server")]
    TooLarge { limit: usize },
    #[error("the request is no ModelInferRequest in protobuf's form")]
    NoMessage,
    #[error("the request has more than {limit} entries of `{field}`")]
    TooManyEntries { field: &'static str, limit: usize },
    #[error("the request has more than {limit} bytes beside the contents of its tensors")]
    TooMuchBeside { limit: usize },
    #[error("the requests on their way take {limit} bytes, the limit: try again later")]
    Busy { limit: usize },
    #[error("model `{model}` has {limit} requests waiting, the limit: try again later")]
    QueueFull { model: String, limit: usize },
    #[error("{limit} requests are being answered, the limit: try again later")]
    TooManyRequests { limit: usize },
    #[error("the server is shutting down")]
    ShuttingDown,
    #[error("`{path}` is no path of this server")]
    NoPath { path: String },
    #[error("`{method}` is no call of this server")]
    NoCall { method: String },
    #[error(
        "`{output}`: parameter `classification` is {found}, expected 0 or nothing: tracks have no classes"
    )]
    Classification { output: &'static str, found: String },
}

/// What kind of failure, for status codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidArgument,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    Unsupported,
    TooLarge,
    TimedOut,
    Unavailable,
    Cancelled,
    Internal,
}

impl From<RequestError> for ServeError {
    fn from(error: RequestError) -> Self {
        Self::Failure(error.into())
    }
}

/// The longest message that a client gets, in bytes: parts of it may be the client's own.
const MESSAGE: usize = 1 << 10;

/// A message as a client gets it.
pub(crate) fn shortened(mut text: String) -> String {
    if text.len() > MESSAGE {
        text.truncate(text.floor_char_boundary(MESSAGE));
        text.push_str("...");
    }
    text
}

impl ServeError {
    /// For the client.
    pub(crate) fn message(&self) -> String {
        shortened(self.to_string())
    }

    /// The kind.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::UnknownModel { .. } | Self::UnknownVersion { .. } | Self::NoPath { .. } => {
                Code::NotFound
            }
            Self::NoCall { .. } | Self::SharedMemory(SharedMemoryError::Cuda) => Code::Unsupported,
            Self::Failure(failure) => match failure.kind() {
                FailureKind::InvalidArgument => Code::InvalidArgument,
                FailureKind::Cancelled => Code::Cancelled,
                FailureKind::Unavailable => Code::Unavailable,
                FailureKind::Internal => Code::Internal,
            },
            Self::SharedMemory(SharedMemoryError::Off) => Code::PermissionDenied,
            Self::SharedMemory(SharedMemoryError::Exists { .. }) => Code::AlreadyExists,
            Self::SharedMemory(SharedMemoryError::TooMany)
            | Self::QueueFull { .. }
            | Self::TooManyRequests { .. }
            | Self::Busy { .. }
            | Self::ShuttingDown => Code::Unavailable,
            Self::TooLarge { .. } => Code::TooLarge,
            Self::StoodStill => Code::TimedOut,
            _ => Code::InvalidArgument,
        }
    }
}

impl ServeError {
    /// The reason in statistics.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Failure(failure) => Reason::of(failure),
            _ if self.code() == Code::Unavailable => Reason::Rejected,
            _ => Reason::Other,
        }
    }
}

/// The parameters of a request that are ours.
pub(crate) fn request_parameters(parameters: &Parameters) -> Result<RequestParameters, ServeError> {
    let mut ours = RequestParameters::default();
    for (name, value) in parameters.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        match value {
            Value::String(text) => ours.set(name, text)?,
            other => ours.set(name, &other.to_string())?,
        }
    }
    Ok(ours)
}

/// The shared memory that the parameters of a tensor name; `limit` is the most that may be read at once.
pub(crate) fn window(
    memory: &SharedMemory,
    tensor: &str,
    parameters: &Parameters,
    limit: usize,
) -> Result<Option<Window>, ServeError> {
    let wrong = |parameter, found: &Value, expected| ServeError::TensorParameter {
        tensor: tensor.to_owned(),
        parameter,
        found: found.to_string(),
        expected,
    };
    let name = match parameters.get("shared_memory_region") {
        None => return Ok(None),
        Some(Value::String(name)) => name,
        Some(other) => return Err(wrong("shared_memory_region", other, "a text")),
    };
    let number = |parameter, left_out| match parameters.get(parameter).unwrap_or(&left_out) {
        value if value.is_u64() => Ok(value.as_u64().unwrap_or_default()),
        value => Err(wrong(parameter, value, "a whole number from 0")),
    };
    let offset = number("shared_memory_offset", Value::from(0))?;
    let byte_size = number("shared_memory_byte_size", Value::Null)?;
    let window = memory.window(name, offset, byte_size)?;
    if window.byte_size() > limit {
        return Err(ServeError::TooLarge { limit });
    }
    Ok(Some(window))
}

/// The output of a name with its parameters, unless it is among `requested` already.
pub(crate) fn requested_output(
    memory: &SharedMemory,
    name: &str,
    parameters: &Parameters,
    requested: &[RequestedOutput],
) -> Result<RequestedOutput, ServeError> {
    let unknown = || RequestError::UnknownOutput { name: name.to_owned() };
    let output = Output::from_name(name).ok_or_else(unknown)?;
    if requested.iter().any(|other| other.output == output) {
        return Err(ServeError::OutputTwice { output: output.spec().name });
    }
    if let Some(classes) = parameters.get("classification").filter(|classes| **classes != 0) {
        let found = classes.to_string();
        return Err(ServeError::Classification { output: output.spec().name, found });
    }
    Ok(RequestedOutput { output, target: window(memory, name, parameters, usize::MAX)? })
}
