use std::path::PathBuf;
use std::time::Duration;
use tokio_rustls::rustls;
use tonic::{Code, Status, TimeoutExpired};
use traccc_protocol::{RequestError, ResponseError};

/// Why a call gave no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// An address that is none.
    #[error("`{url}` is no address of a server, expected http://HOST:PORT or https://HOST:PORT")]
    Url {
        /// The address.
        url: String,
    },
    /// Certificates or a key for an address without encryption.
    #[error("certificates are given, but `{url}` is not encrypted: use https://")]
    NotEncrypted {
        /// The address.
        url: String,
    },
    /// Certificates or a key that cannot be used.
    #[error("the certificates or the key for `{url}` cannot be used: {reason}")]
    Certificate {
        /// The address.
        url: String,
        /// Why, and where in the chain of causes.
        reason: String,
    },
    /// No connection, or one that broke before the response was complete.
    #[error("no response from `{url}` in {attempts} attempts: {reason}")]
    Transport {
        /// The address.
        url: String,
        /// How often it was tried.
        attempts: usize,
        /// What happened last.
        reason: String,
    },
    /// The server answered with an error.
    #[error("the server answered {}: {message}{}", code_name(*code), tried(*attempts))]
    Status {
        /// The gRPC code.
        code: Code,
        /// The server's words.
        message: String,
        /// How often it was tried.
        attempts: usize,
    },
    /// The time for the call is over.
    #[error("no response within {deadline:?}{}: allow more time", tried(*attempts))]
    Deadline {
        /// The time that was allowed.
        deadline: Duration,
        /// How often it was tried.
        attempts: usize,
    },
    /// Cells that the chosen form cannot hold.
    #[error("the cells cannot be sent: {0}")]
    Cells(#[from] RequestError),
    /// A response that breaks the contract.
    #[error(transparent)]
    Response(#[from] ResponseError),
    /// A response with another number of tensors than contents.
    #[error("the response describes {outputs} tensors, but has the contents of {contents}")]
    Contents {
        /// Tensors.
        outputs: usize,
        /// Contents.
        contents: usize,
    },
    /// Shared memory that cannot be made, written or read.
    #[error("shared memory `{}` cannot be {action}", path.display())]
    SharedMemory {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// A region for outputs that does not hold them.
    #[error(
        "tensor `{output}` needs {needed} bytes of the region for outputs, which has {available} for it: make the region \
         at least {region} bytes"
    )]
    RegionTooSmall {
        /// The tensor.
        output: &'static str,
        /// Bytes that it needs.
        needed: usize,
        /// Bytes that are there for it.
        available: usize,
        /// A size of the region that is enough for this tensor, and for the others in proportion.
        region: usize,
    },
}

impl ClientError {
    /// What was wrong, in one word, for counting: the name of a gRPC code in capitals, or a word in lower case.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Status { code, .. } => code_name(*code),
            Self::Deadline { .. } => code_name(Code::DeadlineExceeded),
            Self::Transport { .. } => "transport",
            Self::Response(_) | Self::Contents { .. } => "response",
            Self::Cells(_) => "cells",
            Self::SharedMemory { .. } | Self::RegionTooSmall { .. } => "shared memory",
            Self::Url { .. } | Self::NotEncrypted { .. } | Self::Certificate { .. } => "connection",
        }
    }

    /// How often the call was tried again.
    pub(crate) fn retries(&self) -> usize {
        match self {
            Self::Transport { attempts, .. }
            | Self::Status { attempts, .. }
            | Self::Deadline { attempts, .. } => attempts.saturating_sub(1),
            _ => 0,
        }
    }
}

fn tried(attempts: usize) -> String {
    if attempts > 1 { format!(" (tried {attempts} times)") } else { String::new() }
}

/// The name of a gRPC code as the protocol writes it.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// What a status means for the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The server could not take the request: it may later.
    Unavailable,
    /// The connection failed: a new one may not.
    Broken,
    /// One of both sides does not trust the other, which no repetition changes.
    Untrusted,
    /// The server says that the time is over.
    TimeOver,
    /// The time is over, and the server has said nothing.
    Silence,
    /// An answer.
    Answer,
}

pub(crate) fn meaning(status: &Status) -> Meaning {
    // A status that the server sent has no source.
    let Some(source) = std::error::Error::source(status) else {
        return match status.code() {
            Code::Unavailable => Meaning::Unavailable,
            Code::DeadlineExceeded => Meaning::TimeOver,
            _ => Meaning::Answer,
        };
    };
    let mut cause = Some(source);
    while let Some(error) = cause {
        if error.is::<TimeoutExpired>() {
            return Meaning::Silence;
        }
        if is_tls(error) {
            return Meaning::Untrusted;
        }
        cause = error.source();
    }
    Meaning::Broken
}

/// Whether an error is one of the encryption: certificates, or a server without it.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    // The source of an I/O error is that of what it wraps.
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || wrapped.is_some_and(|wrapped| wrapped.is::<rustls::Error>())
}

/// An error and its causes, each said once.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text += ": ";
            text += &message;
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_the_server_is_no_broken_connection() {
        assert_eq!(meaning(&Status::unavailable("draining")), Meaning::Unavailable);
        assert_eq!(meaning(&Status::internal("engine")), Meaning::Answer);
        assert_eq!(meaning(&Status::deadline_exceeded("")), Meaning::TimeOver);
        let broken = std::io::Error::other("connection reset");
        assert_eq!(meaning(&Status::from_error(Box::new(broken))), Meaning::Broken);
        let late = Status::from_error(Box::new(TimeoutExpired(())));
        assert_eq!(meaning(&late), Meaning::Silence);
        let stranger = std::io::Error::other(rustls::Error::NoCertificatesPresented);
        assert_eq!(meaning(&Status::from_error(Box::new(stranger))), Meaning::Untrusted);
    }

    #[test]
    fn messages_name_code_and_attempts() {
        let error = ClientError::Status {
            code: Code::Unavailable,
            message: "draining".into(),
            attempts: 3,
        };
        assert_eq!(error.to_string(), "the server answered UNAVAILABLE: draining (tried 3 times)");
        assert_eq!(error.class(), "UNAVAILABLE");
    }
}
