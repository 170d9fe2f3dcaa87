use crate::backend::Backend;
use crate::settings::SettingsError;
use std::path::PathBuf;
use traccc_core::Cancelled;

/// Why a chain could not be set up or did not reconstruct.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text that names no backend.
    #[error("`{found}` is no backend, expected `auto`, `cpu`, `cuda`, `cuda:N` or `cuda:all`")]
    UnknownBackend {
        /// The text.
        found: String,
    },
    /// An engine that cannot be started on this machine.
    #[error("the engine `{backend}` cannot be started")]
    NoEngine {
        /// What was asked for.
        backend: Backend,
        /// Why.
        source: Box<traccc_cuda::Error>,
    },
    /// What a GPU refuses.
    #[error(transparent)]
    Cuda(traccc_cuda::Error),
    /// An engine that has failed and cannot go on: its chains are lost.
    #[error("the engine `{backend}` has failed")]
    EngineFailed {
        /// The engine.
        backend: Backend,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An event that needs more memory than the engine has free. It may have more later.
    #[error(
        "the engine `{backend}` has {free} of {needed} bytes free that this needs: try again later"
    )]
    EngineFull {
        /// The engine.
        backend: Backend,
        /// How many bytes are needed.
        needed: u64,
        /// How many are free.
        free: u64,
    },
    /// A text that names no field.
    #[error(
        "`{found}` is no field, expected `constant:BX,BY,BZ` with three numbers in T or the path of a .cvf file"
    )]
    UnknownField {
        /// The text.
        found: String,
    },
    /// A settings file that cannot be read.
    #[error("`{path}` cannot be read")]
    ReadSettings {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A settings file that is no TOML, or has a key or value that no setting has. The cause names the line.
    #[error("`{path}` holds what is no setting of a chain")]
    Settings {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: SettingsError,
    },
    /// A field that does not bend tracks where seeds get their momentum from it.
    #[error("{field} cannot be used for seeds")]
    NoField {
        /// The field.
        field: String,
        /// The setting that needs it, and what was found.
        source: traccc_core::Error,
    },
    /// A map of Athena ids of another detector.
    #[error(
        "none of the {ids} ids in `{path}` is of one of the {sensors} sensors of {geometry}: name the map of that detector"
    )]
    ForeignIds {
        /// The map.
        path: PathBuf,
        /// The geometry file.
        geometry: String,
        /// Pairs in the map.
        ids: usize,
        /// Sensors of the detector.
        sensors: usize,
    },
    /// Files whose content does not make a detector.
    #[error("the detector in `{geometry}`")]
    Detector {
        /// The geometry file.
        geometry: PathBuf,
        /// Why.
        source: traccc_core::Error,
    },
    /// A digitization or conditions file that does not fit the detector.
    #[error("`{digitization}` with the detector in `{geometry}`")]
    Digitization {
        /// The digitization file.
        digitization: PathBuf,
        /// The geometry file.
        geometry: PathBuf,
        /// Why.
        source: Box<traccc_io::Error>,
    },
    /// Input or settings that the reconstruction refuses.
    #[error(transparent)]
    Core(#[from] traccc_core::Error),
    /// A file that cannot be used.
    #[error(transparent)]
    Io(#[from] traccc_io::Error),
}

impl Error {
    /// What a GPU refuses, as an error of the engine where it is one that others have, too.
    pub(crate) fn of(self, backend: Backend) -> Self {
        match self {
            Self::Cuda(traccc_cuda::Error::OutOfMemory { needed, free, .. }) => {
                Self::EngineFull { backend, needed: needed as u64, free: free as u64 }
            }
            Self::Cuda(error) if error.is_fatal() => {
                Self::EngineFailed { backend, source: Box::new(error) }
            }
            other => other,
        }
    }

    /// Whether the chain that gave this error is lost. Drop it; another one may be started.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::EngineFailed { .. } => true,
            Self::Cuda(error) => error.is_fatal(),
            _ => false,
        }
    }
}

impl From<traccc_cuda::Error> for Error {
    fn from(error: traccc_cuda::Error) -> Self {
        match error {
            traccc_cuda::Error::Core(error) => Self::Core(error),
            error => Self::Cuda(error),
        }
    }
}

impl From<Cancelled> for Error {
    fn from(cancelled: Cancelled) -> Self {
        Self::Core(cancelled.into())
    }
}
