use traccc_core::detector::{Detector, Modules};
use traccc_core::{ModuleIndex, SurfaceIndex};

/// A sensor as requests name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sensor {
    /// The module.
    pub module: ModuleIndex,
    /// Number of channels along local x and y.
    pub channels: [u32; 2],
}

/// The sensors of a detector in one numbering, looked up by identifier.
#[derive(Clone, Debug, PartialEq)]
pub struct SensorTable {
    numbering: &'static str,
    /// A power of two of slots, at least twice as many as sensors; a free one has no module.
    slots: Vec<(u64, Sensor)>,
    /// The identifier of each surface.
    ids: Vec<u64>,
}

impl SensorTable {
    /// The sensors that `id_of` gives an identifier. `numbering` is its name in messages, `fallback` the identifier sent for
    /// a surface without one.
    pub fn new(
        numbering: &'static str,
        detector: &Detector,
        modules: &Modules,
        id_of: impl Fn(SurfaceIndex) -> Option<u64>,
        fallback: impl Fn(SurfaceIndex) -> u64,
    ) -> Self {
        let free = (0, Sensor { module: ModuleIndex::NONE, channels: [0; 2] });
        let slots = vec![free; (2 * modules.len()).next_power_of_two().max(2)];
        let surfaces = (0..detector.surfaces.len()).map(SurfaceIndex::from);
        let ids = surfaces.map(|s| id_of(s).unwrap_or_else(|| fallback(s))).collect();
        let mut table = Self { numbering, slots, ids };
        for (row, &surface) in modules.surface.iter().enumerate() {
            let module = ModuleIndex::from(row);
            if let Some(id) = id_of(surface) {
                let channels = modules.channels(module);
                let slot = table.slot(id);
                table.slots[slot] = (id, Sensor { module, channels });
            }
        }
        table
    }

    /// The name of the numbering.
    pub fn numbering(&self) -> &'static str {
        self.numbering
    }

    /// The sensor of an identifier.
    #[inline]
    pub fn sensor(&self, id: u64) -> Option<Sensor> {
        let sensor = self.slots[self.slot(id)].1;
        sensor.module.is_some().then_some(sensor)
    }

    /// The identifier of a surface.
    ///
    /// # Panics
    /// If the detector has no such surface.
    #[inline]
    pub fn id(&self, surface: SurfaceIndex) -> u64 {
        self.ids[surface.get()]
    }

    /// The slot that has `id`, else the free one where it would be.
    #[inline]
    fn slot(&self, id: u64) -> usize {
        let mask = self.slots.len() - 1;
        // Identifiers are bit fields: the product spreads all of them over the upper half (Knuth 1998, 6.4).
        let mut slot = (id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & mask;
        while self.slots[slot].1.module.is_some() && self.slots[slot].0 != id {
            slot = (slot + 1) & mask;
        }
        slot
    }
}
