use crate::Scalar;
use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

/// Settings of clustering.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusteringConfig {
    /// Where the errors of measurements come from: "table", "pitch" or "upstream".
    pub errors: ClusterErrors,
}

/// Where the error of a cluster's position comes from, on each axis by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClusterErrors {
    /// The sensor's table by the size of the cluster ([`ModuleDesign::errors`](crate::detector::ModuleDesign::errors));
    /// as [`Pitch`](Self::Pitch) where the sensor has none on the axis.
    #[default]
    Table,
    /// Average pitch / √12 for a cluster of one channel, half of it for a larger one: particles that share their charge
    /// between channels pass near the border of two.
    Pitch,
    /// The weighted variance of the channel centres plus (average pitch)² / 12, as upstream computes it: 1 to 2 times the
    /// true error for one channel, 2 to 12 times for more.
    Upstream,
}

/// What clustering works with, the same record on every engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct ClusteringCuts {
    /// [`ClusterErrors`] as its number, in the order of its variants.
    pub errors: u32,
}
const _: () = assert!(size_of::<ClusteringCuts>() == 4);

impl ClusteringConfig {
    /// The settings as clustering works with them.
    pub fn cuts(&self) -> ClusteringCuts {
        ClusteringCuts { errors: self.errors as u32 }
    }
}

impl ClusteringCuts {
    const TABLE: u32 = ClusterErrors::Table as u32;
    const UPSTREAM: u32 = ClusterErrors::Upstream as u32;

    /// The variance along an axis, in mm² (rad²), of a cluster of `size` channels that is `width` mm (rad) wide and whose
    /// channel centres have the weighted variance `spread`; `table` are the errors of its sensor by size.
    #[inline]
    pub(super) fn variance(
        self,
        table: &[Scalar],
        size: u32,
        width: Scalar,
        spread: Scalar,
    ) -> Scalar {
        let pitch = width / size as Scalar;
        match (self.errors, table) {
            (Self::UPSTREAM, _) => spread + pitch * pitch / 12.0,
            (Self::TABLE, [.., largest]) => {
                let error = table.get(size as usize - 1).unwrap_or(largest);
                error * error
            }
            _ if size == 1 => pitch * pitch / 12.0,
            _ => pitch * pitch / 48.0,
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the same operations on the same numbers")]
mod tests {
    use super::*;

    fn cuts(errors: ClusterErrors) -> ClusteringCuts {
        ClusteringConfig { errors }.cuts()
    }

    #[test]
    fn the_table_is_read_by_size_and_its_last_entry_holds_for_larger_clusters() {
        let table = [0.5, 0.25];
        let variance = |size| cuts(ClusterErrors::Table).variance(&table, size, 3.0, 7.0);
        assert_eq!([1, 2, 3, 1000].map(variance), [0.25, 0.0625, 0.0625, 0.0625]);
    }

    #[test]
    fn without_a_table_the_pitch_gives_the_error() {
        for errors in [ClusterErrors::Table, ClusterErrors::Pitch] {
            let errors = cuts(errors);
            assert_eq!(errors.variance(&[], 1, 6.0, 0.0), 3.0);
            assert_eq!(errors.variance(&[], 2, 12.0, 9.0), 0.75);
            assert_eq!(errors.variance(&[], 5, 30.0, 9.0), 0.75);
        }
        assert_eq!(cuts(ClusterErrors::Pitch).variance(&[0.5], 1, 6.0, 0.0), 3.0);
    }

    #[test]
    fn upstream_adds_the_spread_whatever_the_table_says() {
        assert_eq!(cuts(ClusterErrors::Upstream).variance(&[0.5], 2, 12.0, 9.0), 12.0);
    }
}
