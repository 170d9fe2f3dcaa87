use crate::error::{Error, check};
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
        Self { enabled: true, min_measurements: 3, max_shared_measurements: 1 }
    }
}

impl AmbiguityConfig {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let shared = self.max_shared_measurements;
        check(shared > 0, "ambiguity.max_shared_measurements", shared, "at least 1")
    }
}
