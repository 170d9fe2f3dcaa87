use crate::error::{Error, check};
use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

/// Settings of the ambiguity resolution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AmbiguityConfig {
    /// Whether found tracks are resolved at all.
    pub enabled: bool,
    /// Shorter tracks are dropped first.
    pub min_measurements: u32,
    /// A track that shares as many measurements can be removed; at least 1.
    pub max_shared_measurements: u32,
}

impl Default for AmbiguityConfig {
    fn default() -> Self {
        Self { enabled: true, min_measurements: 3, max_shared_measurements: 2 }
    }
}

/// What the ambiguity resolution works with, the same record on every engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct AmbiguityCuts {
    /// Shorter tracks are dropped first.
    pub min_measurements: u32,
    /// A track that shares as many measurements can be removed.
    pub max_shared_measurements: u32,
}
const _: () = assert!(size_of::<AmbiguityCuts>() == 8);

impl AmbiguityConfig {
    /// The settings as the ambiguity resolution works with them.
    pub fn cuts(&self) -> AmbiguityCuts {
        AmbiguityCuts {
            min_measurements: self.min_measurements,
            max_shared_measurements: self.max_shared_measurements,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        let shared = self.max_shared_measurements;
        check(shared > 0, "ambiguity.max_shared_measurements", shared, "at least 1")
    }
}
