//! ACTS geometry identifiers as keys of a hierarchy: an entry for a volume holds for all its sensors unless a more
//! specific one does.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The key of an entry of an ACTS geometry hierarchy map. Zero means "any"; the levels from the first that is zero and has no
/// other below it are open. A key of zeros holds for the whole detector.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(default)]
pub struct HierarchyKey {
    /// Volume, 1 to 255.
    pub volume: u8,
    /// Boundary, 1 to 255.
    #[serde(skip_serializing_if = "is_zero")]
    pub boundary: u8,
    /// Layer, 1 to 4095.
    #[serde(skip_serializing_if = "is_zero")]
    pub layer: u16,
    /// Approach or passive surface, 1 to 255.
    #[serde(skip_serializing_if = "is_zero")]
    pub approach: u8,
    /// Sensor, 1 to 1048575.
    #[serde(skip_serializing_if = "is_zero")]
    pub sensitive: u32,
    /// The experiment's own mark on the sensors that match otherwise, 1 to 255 (OpenDataDetector: ring of an endcap).
    #[serde(skip_serializing_if = "is_zero")]
    pub extra: u8,
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl HierarchyKey {
    /// The key of the sensor with this ACTS geometry id, whatever its lowest byte (`extra`).
    pub fn of_sensor(id: u64) -> Self {
        Self {
            volume: (id >> 56) as u8,
            boundary: (id >> 48) as u8,
            layer: (id >> 36) as u16 & 0xfff,
            approach: (id >> 28) as u8,
            sensitive: (id >> 8) as u32 & 0xf_ffff,
            extra: 0,
        }
    }

    /// The key as an ACTS geometry id; bits that do not fit are cut off.
    pub fn id(&self) -> u64 {
        u64::from(self.volume) << 56
            | u64::from(self.boundary) << 48
            | u64::from(self.layer & 0xfff) << 36
            | u64::from(self.approach) << 28
            | u64::from(self.sensitive & 0xf_ffff) << 8
            | u64::from(self.extra)
    }

    /// Whether all levels fit their bits.
    pub(super) fn fits(&self) -> bool {
        self.layer <= 0xfff && self.sensitive <= 0xf_ffff
    }
}

impl fmt::Display for HierarchyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let levels: [(&str, u32); 6] = [
            ("volume", self.volume.into()),
            ("boundary", self.boundary.into()),
            ("layer", self.layer.into()),
            ("approach", self.approach.into()),
            ("sensitive", self.sensitive),
            ("extra", self.extra.into()),
        ];
        let named = levels.iter().filter(|level| level.1 != 0);
        let text: Vec<String> = named.map(|(name, number)| format!("{name} {number}")).collect();
        if text.is_empty() { f.write_str("all volumes") } else { f.write_str(&text.join(", ")) }
    }
}

/// All bits of a geometry id down to each level but `extra`, from the most specific to none.
const LEVELS: [u64; 6] = [!0xff, !0 << 28, !0 << 36, !0 << 48, !0 << 56, 0];

/// The entry that holds for `id`: the most specific one whose levels all agree. `keys` are ids in ascending order.
///
/// Only the levels of an id itself can be keys that agree with it, and the more specific of two is the greater; so this
/// is the same as walking down from `id` until an entry agrees in all bits above its lowest level. An entry with `extra`
/// holds for the sensors of its levels that have this number, and wins there against the one without.
pub(super) fn find(keys: &[u64], id: u64) -> Option<usize> {
    let row = |key: u64| keys.binary_search(&key).ok();
    LEVELS.iter().find_map(|mask| row(id & mask | id & 0xff).or_else(|| row(id & mask)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The lookup as ACTS describes it.
    fn walk_down(keys: &[u64], id: u64) -> Option<usize> {
        let mask = |key: u64| {
            LEVELS
                .windows(2)
                .find(|level| key & level[0] & !level[1] != 0)
                .map_or(0, |level| level[0])
        };
        let volume_of = |key: u64| key >> 56;
        for (i, &key) in keys.iter().enumerate().rev().filter(|(_, key)| **key <= id) {
            if volume_of(key) != volume_of(id) {
                break;
            }
            if (id ^ key) & mask(key) == 0 {
                return Some(i);
            }
        }
        (keys.first() == Some(&0)).then_some(0)
    }

    /// The lookup level by level: of the entries that agree in all numbers they have down to their lowest, the one whose
    /// lowest level (without extra) is the lowest, and of two such the one with extra.
    fn by_levels(keys: &[u64], id: u64) -> Option<usize> {
        let agrees = |key: u64| {
            let mask = LEVELS
                .windows(2)
                .find(|level| key & level[0] & !level[1] != 0)
                .map_or(0, |level| level[0]);
            (id ^ key) & mask == 0 && (key & 0xff == 0 || (id ^ key) & 0xff == 0)
        };
        let depth = |key: u64| {
            LEVELS.windows(2).position(|level| key & level[0] & !level[1] != 0).unwrap_or(5)
        };
        let matching = keys.iter().enumerate().filter(|(_, key)| agrees(**key));
        matching.min_by_key(|(_, key)| (depth(**key), **key & 0xff == 0)).map(|(row, _)| row)
    }

    fn key() -> impl Strategy<Value = u64> {
        (0..3_u8, 0..2_u8, 0..3_u16, 0..2_u8, 0..3_u32).prop_map(
            |(volume, boundary, layer, approach, sensitive)| {
                HierarchyKey { volume, boundary, layer, approach, sensitive, extra: 0 }.id()
            },
        )
    }

    proptest! {
        #[test]
        fn the_lookup_agrees_with_walking_down(keys in prop::collection::btree_set(key(), 0..12), id in key(), extra in 0..3_u64) {
            let keys: Vec<u64> = keys.into_iter().collect();
            prop_assert_eq!(find(&keys, id | extra), walk_down(&keys, id | extra));
        }

        #[test]
        fn extra_is_part_of_the_key(keys in prop::collection::btree_set((key(), 0..3_u64), 0..12), id in key(), extra in 0..3_u64) {
            let keys: Vec<u64> = keys.into_iter().map(|(key, extra)| key | extra).collect::<std::collections::BTreeSet<_>>().into_iter().collect();
            prop_assert_eq!(find(&keys, id | extra), by_levels(&keys, id | extra));
        }

        #[test]
        fn keys_and_ids_are_the_same_numbers(id in any::<u64>()) {
            prop_assert_eq!(HierarchyKey::of_sensor(id).id(), id & !0xff);
        }
    }
}
