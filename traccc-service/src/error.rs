use std::path::PathBuf;
use std::sync::Arc;
use traccc::{Cancelled, CoreError};
use traccc_protocol::{Numbering, RequestError};

/// Why a model cannot be loaded or an instance not started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A model parameter that does not exist.
    #[error("model parameter `{key}` does not exist: there are {known}")]
    UnknownParameter {
        /// The key.
        key: String,
        /// All keys.
        known: String,
    },
    /// A model parameter with a value that it cannot have.
    #[error("model parameter `{key}` is `{value}`, expected {expected}")]
    Parameter {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// What was expected.
        expected: String,
    },
    /// A model parameter that is needed.
    #[error("model parameter `{key}` is missing: {reason}")]
    MissingParameter {
        /// The key.
        key: &'static str,
        /// Why it is needed.
        reason: &'static str,
    },
    /// Two model parameters that exclude each other.
    #[error("model parameters `{first}` and `{second}` exclude each other")]
    Conflict {
        /// The one.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// An input or output of the configuration that is not in the contract.
    #[error(
        "the configuration has {kind} `{name}`, which this backend does not know: there are {known}"
    )]
    UnknownTensor {
        /// `input` or `output`.
        kind: &'static str,
        /// The name.
        name: String,
        /// All of that kind.
        known: String,
    },
    /// An input that the configuration lacks.
    #[error("the configuration lacks input `{name}`")]
    MissingInput {
        /// The name.
        name: &'static str,
    },
    /// An input or output of another type or shape.
    #[error("the configuration has `{name}` as {found}, expected {expected}")]
    Tensor {
        /// The name.
        name: String,
        /// Type and dims in the configuration.
        found: String,
        /// Type and dims of the contract.
        expected: String,
    },
    /// A configuration without outputs.
    #[error("the configuration lists no output")]
    NoOutput,
    /// Batches by a leading dimension.
    #[error(
        "the configuration has max_batch_size {found}, expected 0: an event has no batch dimension"
    )]
    BatchSize {
        /// The value.
        found: i64,
    },
    /// Settings of which no track state results.
    #[error(
        "these settings give tracks without states: set finding.smoother = \"mbf\" or fitting.enabled = true"
    )]
    NoStates,
    /// More threads than any machine can use.
    #[error(
        "{instances} instances with {threads} threads each are more than {limit} threads: use fewer"
    )]
    TooManyThreads {
        /// Threads of an instance.
        threads: usize,
        /// Instances.
        instances: usize,
        /// The most threads of all instances.
        limit: usize,
    },
    /// The number of threads could not be started.
    #[error("{threads} threads cannot be started: {reason}")]
    Threads {
        /// How many.
        threads: usize,
        /// Why.
        reason: String,
    },
    /// Files, settings or engine.
    #[error(transparent)]
    Traccc(#[from] traccc::Error),
    /// A file that names a detector's sensors.
    #[error("`{path}` cannot be used for Athena ids")]
    AthenaIds {
        /// The file.
        path: PathBuf,
        /// Why.
        source: traccc::io::Error,
    },
}

/// Why one request has no reply. The next request is not touched by it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The request is wrong.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The model has no identifiers in the numbering that the request asks for.
    #[error("this model has no {numbering}s: its parameter `athena_ids` names no file")]
    NoNumbering {
        /// The numbering.
        numbering: Numbering,
    },
    /// The client gave up.
    #[error("cancelled by the client")]
    Cancelled,
    /// The engine failed, at this event or with its whole batch.
    #[error(transparent)]
    Chain(Arc<traccc::Error>),
    /// A defect of this program.
    #[error("internal error: {message}")]
    Panicked {
        /// What the panic said.
        message: String,
    },
}

/// Who is at fault, for status codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The client: INVALID_ARGUMENT, 400.
    InvalidArgument,
    /// The client has gone: CANCELLED, 499.
    Cancelled,
    /// The server has no room for it now: UNAVAILABLE, 503.
    Unavailable,
    /// The server: INTERNAL, 500.
    Internal,
}

impl Failure {
    /// Who is at fault.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Request(_) | Self::NoNumbering { .. } => FailureKind::InvalidArgument,
            Self::Cancelled => FailureKind::Cancelled,
            Self::Chain(error) if matches!(**error, traccc::Error::EngineFull { .. }) => {
                FailureKind::Unavailable
            }
            Self::Chain(_) | Self::Panicked { .. } => FailureKind::Internal,
        }
    }
}

impl From<Arc<traccc::Error>> for Failure {
    fn from(error: Arc<traccc::Error>) -> Self {
        match *error {
            traccc::Error::Core(CoreError::Cancelled(_)) => Self::Cancelled,
            _ => Self::Chain(error),
        }
    }
}

impl From<Cancelled> for Failure {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}
