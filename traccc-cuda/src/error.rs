use thiserror::Error;
use traccc_core::Cancelled;

/// What can go wrong with a CUDA engine.
#[derive(Debug, Error, Clone)]
#[non_exhaustive]
pub enum Error {
    /// An event or a setting.
    #[error(transparent)]
    Core(#[from] traccc_core::Error),
    /// The driver refused something.
    #[error("{what}: {code}")]
    Driver {
        /// What was asked for.
        what: String,
        /// The driver's words.
        code: String,
    },
    /// A kernel has failed, or the card: nothing in this process works on it any more.
    #[error("the card is lost to this process, restart it to use the card again: {what}: {code}")]
    CardLost {
        /// What was asked for when it was noticed.
        what: String,
        /// The driver's words.
        code: String,
    },
    /// A kernel does not compile.
    #[error("{file} does not compile:\n{log}")]
    Compile {
        /// The source file.
        file: String,
        /// The compiler's words.
        log: String,
    },
    /// Something that has to be there is missing.
    #[error("{what} not found: {advice}")]
    Missing {
        /// What.
        what: &'static str,
        /// What to do.
        advice: String,
    },
    /// No room on the device.
    #[error("the batch needs {needed} bytes on the device, of which {free} are free of {all}")]
    OutOfMemory {
        /// Bytes needed.
        needed: usize,
        /// Bytes free.
        free: usize,
        /// Bytes of the device.
        all: usize,
    },
}

impl Error {
    /// Whether the chain that gave this error is lost, and with it all chains of its card: a kernel or the driver has failed.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Driver { .. } | Self::CardLost { .. })
    }
}

impl From<Cancelled> for Error {
    fn from(cancelled: Cancelled) -> Self {
        Self::Core(cancelled.into())
    }
}
