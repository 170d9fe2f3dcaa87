use serde::ser::{Serialize, SerializeMap, Serializer};
use std::ops::{Index, IndexMut};

/// Declares the stages with the name that each has everywhere.
macro_rules! stages {
    ($($(#[$doc:meta])* $stage:ident: $name:literal,)*) => {
        /// A stage of the reconstruction. The order of the variants is the order in which they run.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Stage {
            $($(#[$doc])* $stage,)*
        }

        impl Stage {
            /// All stages in their order.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$stage),*];

            /// The name in timings, metrics, spans and summaries.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$stage => $name,)*
                }
            }

            /// A span of that name, for whoever works on the stage.
            pub fn span(self) -> tracing::Span {
                match self {
                    $(Self::$stage => tracing::info_span!($name),)*
                }
            }
        }
    };
}

stages! {
    /// Cells to measurements.
    Clustering: "clustering",
    /// Measurements to space points.
    Spacepoints: "spacepoints",
    /// Space points to seeds.
    Seeding: "seeding",
    /// Seeds to parameters.
    Parameters: "parameters",
    /// Parameters to found tracks.
    Finding: "finding",
    /// Found to resolved tracks.
    Ambiguity: "ambiguity",
    /// Resolved (found, where there is no resolution) to fitted tracks.
    Fitting: "fitting",
}

/// Time spent in each stage, in ms; 0 for a stage that did not run or was not measured.
///
/// Serialised as a map from the names of the stages.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StageTimings([f64; Stage::ALL.len()]);

impl StageTimings {
    /// The times that `ms` gives.
    pub fn from_fn(ms: impl FnMut(Stage) -> f64) -> Self {
        Self(Stage::ALL.map(ms))
    }

    /// All stages together, in ms.
    pub fn total(&self) -> f64 {
        self.0.iter().sum()
    }
}

impl Index<Stage> for StageTimings {
    type Output = f64;

    fn index(&self, stage: Stage) -> &f64 {
        &self.0[stage as usize]
    }
}

impl IndexMut<Stage> for StageTimings {
    fn index_mut(&mut self, stage: Stage) -> &mut f64 {
        &mut self.0[stage as usize]
    }
}

impl Serialize for StageTimings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Stage::ALL.len()))?;
        for stage in Stage::ALL {
            map.serialize_entry(stage.name(), &self[stage])?;
        }
        map.end()
    }
}
