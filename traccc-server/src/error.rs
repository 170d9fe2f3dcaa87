use std::net::SocketAddr;
use std::path::PathBuf;
use traccc_service::ModelError;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A file or folder that cannot be read.
    #[error("`{path}` cannot be read")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A repository without a model.
    #[error("`{path}` has no model: expected a folder with a `config.pbtxt` for each")]
    NoModel {
        /// The repository.
        path: PathBuf,
    },
    /// A model's configuration that is not in protobuf's text format, or has fields that this server does not know.
    #[error("`{path}` is no model configuration")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What and where.
        source: Box<prost_reflect::text_format::ParseError>,
    },
    /// A model's configuration that this server cannot serve.
    #[error("`{path}`: {field} is `{found}`, expected {expected}")]
    Field {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// A model without a version that its policy serves.
    #[error("`{path}` has no version to serve: expected a folder with a number from 1 as its name")]
    NoVersion {
        /// The folder of the model.
        path: PathBuf,
    },
    /// A model that cannot be loaded.
    #[error("model `{name}`, version {version}")]
    Model {
        /// Its name.
        name: String,
        /// Its version.
        version: i64,
        /// Why.
        source: Box<ModelError>,
    },
    /// Instances on GPUs, for which this build has no engine.
    #[error(
        "instance group `{group}` is for GPUs (KIND_GPU), and this build has no engine for them: use KIND_CPU"
    )]
    NoGpu {
        /// The group.
        group: String,
    },
    /// A thread that cannot be started.
    #[error("a thread cannot be started")]
    Thread(#[source] std::io::Error),
    /// An address that is none.
    #[error(
        "`{address}` is no address to listen on: expected HOST:PORT, with a name or number of this machine"
    )]
    Address {
        /// The address.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// An address that cannot be taken.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A certificate or key that cannot be used.
    #[error("`{path}` cannot be used for TLS: {reason}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}
