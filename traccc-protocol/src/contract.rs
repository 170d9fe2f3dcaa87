//! The tensors by name.

use crate::tensor::{DataType, TensorSpec};

/// Version of the contract. It grows when an addition changes; upstream's tensors stay as they are.
pub const VERSION: i64 = 1;

/// The input tensors.
pub mod input {
    use super::{DataType, TensorSpec};

    /// Upstream's first input. The measurement id is ignored.
    pub const CELL_POSITIONS: TensorSpec = TensorSpec {
        name: "CELL_POSITIONS",
        data_type: DataType::Int64,
        dims: &[-1, 4],
        meaning: "geometry id, measurement id (ignored), channel0, channel1 of each cell",
    };
    /// Upstream's second input.
    pub const CELL_PROPERTIES: TensorSpec = TensorSpec {
        name: "CELL_PROPERTIES",
        data_type: DataType::Fp32,
        dims: &[-1, 2],
        meaning: "time (c·t in mm), activation of each cell",
    };
    /// Cells sensor by sensor: which sensors.
    pub const COMPACT_MODULES: TensorSpec = TensorSpec {
        name: "COMPACT_MODULES",
        data_type: DataType::Int64,
        dims: &[-1, 2],
        meaning: "geometry id, number of cells of each sensor that fired",
    };
    /// Cells sensor by sensor: 8 bytes a cell, 12 with time.
    pub const COMPACT_CELLS: TensorSpec = TensorSpec {
        name: "COMPACT_CELLS",
        data_type: DataType::Uint32,
        dims: &[-1, -1],
        meaning: "channel0 + 65536 channel1, bits of the FP32 activation and, if there is a third column, of the FP32 time",
    };

    /// All inputs. A request has the first two or the last two.
    pub const ALL: [TensorSpec; 4] =
        [CELL_POSITIONS, CELL_PROPERTIES, COMPACT_MODULES, COMPACT_CELLS];
}

/// An output tensor. T is the number of tracks, M that of all their measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Output {
    /// Upstream's `TRK_PARAMS`, FP32 \[T, 8\].
    TrackParameters,
    /// Upstream's `MEASUREMENTS`, FP32 \[M, 6\].
    Measurements,
    /// Upstream's `COVARIANCES`, FP32 \[M, 25\].
    Covariances,
    /// Upstream's `GEOMETRY_IDS`, INT64 \[M + T - 1\]: a 0 between tracks.
    GeometryIds,
    /// `TRACK_OFFSETS`, INT64 \[T + 1\].
    TrackOffsets,
    /// `TRACK_QUALITY`, FP32 \[T, 4\].
    TrackQuality,
    /// `STATE_QUALITY`, FP32 \[M, 4\].
    StateQuality,
    /// `MEASUREMENT_INDICES`, INT64 \[M\].
    MeasurementIndices,
    /// `PACKED_COVARIANCES`, FP32 \[M, 15\].
    PackedCovariances,
}

impl Output {
    /// All outputs: upstream's four first, in its order.
    pub const ALL: [Self; 9] = [
        Self::TrackParameters,
        Self::Measurements,
        Self::Covariances,
        Self::GeometryIds,
        Self::TrackOffsets,
        Self::TrackQuality,
        Self::StateQuality,
        Self::MeasurementIndices,
        Self::PackedCovariances,
    ];
    /// Upstream's outputs.
    pub const UPSTREAM: [Self; 4] =
        [Self::TrackParameters, Self::Measurements, Self::Covariances, Self::GeometryIds];

    /// The output of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|output| output.spec().name == name)
    }

    /// Name, type and shape.
    pub fn spec(self) -> TensorSpec {
        let (name, data_type, dims, meaning): (_, _, &'static [i64], _) = match self {
            Self::TrackParameters => (
                "TRK_PARAMS",
                DataType::Fp32,
                &[-1, 8],
                "chi2, ndf, loc0, loc1 (mm), phi, theta (rad), q/p (e/GeV), time (c·t in mm) of each track",
            ),
            Self::Measurements => (
                "MEASUREMENTS",
                DataType::Fp32,
                &[-1, 6],
                "measured loc0, loc1 (mm), smoothed phi, theta (rad), q/p (e/GeV), time (c·t in mm) of each state",
            ),
            Self::Covariances => (
                "COVARIANCES",
                DataType::Fp32,
                &[-1, 25],
                "smoothed covariance of (loc0, loc1, phi, theta, q/p) of each state, row by row",
            ),
            Self::GeometryIds => (
                "GEOMETRY_IDS",
                DataType::Int64,
                &[-1],
                "geometry id of each state, with a 0 between tracks",
            ),
            Self::TrackOffsets => (
                "TRACK_OFFSETS",
                DataType::Int64,
                &[-1],
                "the first state of each track, and at the end the number of states",
            ),
            Self::TrackQuality => (
                "TRACK_QUALITY",
                DataType::Fp32,
                &[-1, 4],
                "p-value, holes, charge, number of measurements of each track",
            ),
            Self::StateQuality => (
                "STATE_QUALITY",
                DataType::Fp32,
                &[-1, 4],
                "variances of measured loc0, loc1 (mm²), filtered chi2, smoothed chi2 of each state",
            ),
            Self::MeasurementIndices => (
                "MEASUREMENT_INDICES",
                DataType::Int64,
                &[-1],
                "which measurement of the event each state has: equal numbers are shared ones",
            ),
            Self::PackedCovariances => (
                "PACKED_COVARIANCES",
                DataType::Fp32,
                &[-1, 15],
                "lower triangle of each state's covariance, row by row",
            ),
        };
        TensorSpec { name, data_type, dims, meaning }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_found_by_its_name() {
        for output in Output::ALL {
            assert_eq!(Output::from_name(output.spec().name), Some(output));
        }
        assert_eq!(Output::from_name("trk_params"), None);
    }
}
