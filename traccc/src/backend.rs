use crate::error::Error;
use std::fmt;
use std::str::FromStr;

/// The engine that reconstructs, and where. As text: `auto`, `cpu`, `cuda` (device 0), `cuda:N`, `cuda:all`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// A GPU where there is one that can be used, else the processor.
    Auto,
    /// The processor, with the threads of the caller's rayon pool.
    #[default]
    Cpu,
    /// An NVIDIA GPU.
    Cuda {
        /// Number of the device.
        device: usize,
    },
    /// All NVIDIA GPUs that this process sees: chains are spread over them.
    CudaAll,
}

impl FromStr for Backend {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once(':') {
            None if text == "auto" => Some(Self::Auto),
            None if text == "cpu" => Some(Self::Cpu),
            None if text == "cuda" => Some(Self::Cuda { device: 0 }),
            Some(("cuda", "all")) => Some(Self::CudaAll),
            Some(("cuda", device)) => device.parse().ok().map(|device| Self::Cuda { device }),
            _ => None,
        }
        .ok_or_else(|| Error::UnknownBackend { found: text.to_owned() })
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda { device } => write!(f, "cuda:{device}"),
            Self::CudaAll => f.write_str("cuda:all"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_backend_is_read_back_from_its_text() {
        let cuda = |device| Backend::Cuda { device };
        for backend in [Backend::Auto, Backend::Cpu, Backend::CudaAll, cuda(0), cuda(3)] {
            assert_eq!(backend.to_string().parse::<Backend>().unwrap(), backend);
        }
        assert_eq!("cuda".parse::<Backend>().unwrap(), Backend::Cuda { device: 0 });
    }

    #[test]
    fn an_unknown_backend_names_the_choices() {
        for text in ["gpu", "cpu:0", "auto:1", "cuda:", "cuda:x", "CPU", ""] {
            let message = text.parse::<Backend>().unwrap_err().to_string();
            assert_eq!(
                message,
                format!(
                    "`{text}` is no backend, expected `auto`, `cpu`, `cuda`, `cuda:N` or `cuda:all`"
                )
            );
        }
    }
}
