//! ACTS geometry identifiers as keys of a hierarchy: an entry for a volume holds for all its sensors unless a more
//! specific one does.

use serde::{Deserialize, Serialize};

/// The key of an entry of an ACTS geometry hierarchy map. Zero means "any"; the first level that is zero and all levels
/// below are open. A key of zeros holds for the whole detector.
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
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl HierarchyKey {
    /// The key of the sensor with this ACTS geometry id; its lowest byte (`extra`) is not part of the key.
    pub fn of_sensor(id: u64) -> Self {
        Self {
            volume: (id >> 56) as u8,
            boundary: (id >> 48) as u8,
            layer: (id >> 36) as u16 & 0xfff,
            approach: (id >> 28) as u8,
            sensitive: (id >> 8) as u32 & 0xf_ffff,
        }
    }

    /// The key as an ACTS geometry id; bits that do not fit are cut off.
    pub fn id(&self) -> u64 {
        u64::from(self.volume) << 56
            | u64::from(self.boundary) << 48
            | u64::from(self.layer & 0xfff) << 36
            | u64::from(self.approach) << 28
            | u64::from(self.sensitive & 0xf_ffff) << 8
    }

    /// Whether all levels fit their bits.
    pub(super) fn fits(&self) -> bool {
        self.layer <= 0xfff && self.sensitive <= 0xf_ffff
    }
}

/// All bits of a geometry id down to each level, from the most specific to none.
const LEVELS: [u64; 6] = [!0xff, !0 << 28, !0 << 36, !0 << 48, !0 << 56, 0];

/// The entry that holds for `id`: the most specific one whose levels all agree. `keys` are ids in ascending order.
///
/// Only the levels of an id itself can be keys that agree with it, and the more specific of two is the greater; so this
/// is the same as walking down from `id` until an entry agrees in all bits above its lowest level.
pub(super) fn find(keys: &[u64], id: u64) -> Option<usize> {
    LEVELS.iter().find_map(|mask| keys.binary_search(&(id & mask)).ok())
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

    fn key() -> impl Strategy<Value = u64> {
        (0..3_u8, 0..2_u8, 0..3_u16, 0..2_u8, 0..3_u32).prop_map(
            |(volume, boundary, layer, approach, sensitive)| {
                HierarchyKey { volume, boundary, layer, approach, sensitive }.id()
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
        fn keys_and_ids_are_the_same_numbers(id in any::<u64>()) {
            prop_assert_eq!(HierarchyKey::of_sensor(id).id(), id & !0xff);
        }
    }
}
