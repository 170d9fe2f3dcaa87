//! How good a reconstruction is, and whether two of them agree.
//!
//! * [`MeasurementTruth`] says which particles made each measurement; [`Matching`] assigns seeds and tracks to
//!   particles; [`Efficiency`] counts. Particles that count are chosen by [`TruthSelection`].
//! * [`Residuals`] collects fitted minus true parameters, [`ResolutionSummary`] says how wide they spread;
//!   [`Histogram`] counts any quantity in bins.
//! * [`ClusterResiduals`] measures the errors of clusters.
//! * [`compare`] and [`compare_tracks`] hold two results against each other within stated [`Tolerances`].
//! * [`conformance`] is the suite that every chain must pass, whatever engine it runs on.
//!
//! Everything that counts can be summed over events: sums first, ratios afterwards.
#![forbid(unsafe_code)]

mod calibration;
mod compare;
pub mod conformance;
mod efficiency;
mod histogram;
mod matching;
mod resolution;
mod selection;
mod spread;
mod truth;

pub use calibration::{ClusterResiduals, ErrorSource, ErrorTable, SizeResiduals, TooFewClusters};
pub use compare::{
    ColumnReport, Comparison, StageReport, Tolerance, Tolerances, Unit, compare, compare_tracks,
};
pub use efficiency::Efficiency;
pub use histogram::{Histogram, NoBins};
pub use matching::{MatchCriteria, Matching, TrackMatch};
pub use resolution::{ParameterSpreads, Residual, Residuals, ResolutionSummary, Unused};
pub use selection::TruthSelection;
pub use spread::Spread;
pub use truth::{MeasurementTruth, TruthError};
