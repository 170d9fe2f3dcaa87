//! Clustering.
use crate::detector::Modules;
use crate::event::{Cells, Measurements};
use crate::index::MeasurementIndex;

/// Measurements, and which one each cell went into.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clusters {
    /// One measurement per cluster.
    pub measurements: Measurements,
    /// For each cell the measurement of its cluster.
    pub labels: Vec<MeasurementIndex>,
}

/// Groups cells.
pub fn cluster(_cells: &Cells, _modules: &Modules) -> Clusters {
    todo!()
}
