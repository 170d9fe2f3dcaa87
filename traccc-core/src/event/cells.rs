use crate::detector::Modules;
use crate::error::Error;
use crate::index::ModuleIndex;
use crate::storage::soa;

soa! {
    /// Fired channels of one event, in ascending order of `module`, then `channel1`, then `channel0`, each channel once.
    Cells of
    /// One fired channel.
    Cell {
        /// Channel number along local x.
        channel0: u32,
        /// Channel number along local y; 0 for strips.
        channel1: u32,
        /// Signal, in the unit of the input file; finite and not negative.
        activation: f32,
        /// Time as c·t, in mm.
        time: f32,
        /// The sensor that fired.
        module: ModuleIndex,
    }
}

impl Cells {
    /// Checks what clustering relies on: order, no duplicates, known modules, channels inside the design,
    /// finite activations that are not negative.
    ///
    /// # Errors
    /// The first row that breaks a rule, as [`Error::UnknownModule`], [`Error::ChannelOutside`],
    /// [`Error::Activation`] or [`Error::CellOrder`].
    pub fn validate(&self, modules: &Modules) -> Result<(), Error> {
        let mut previous = None;
        for (row, cell) in self.iter().enumerate() {
            if cell.module.get() >= modules.len() {
                return Err(Error::UnknownModule { module: cell.module.0, modules: modules.len() });
            }
            let channels = modules.channels(cell.module);
            for (axis, channel) in [cell.channel0, cell.channel1].into_iter().enumerate() {
                if channel >= channels[axis] {
                    return Err(Error::ChannelOutside {
                        row,
                        axis,
                        channel,
                        channels: channels[axis],
                    });
                }
            }
            if !(cell.activation.is_finite() && cell.activation >= 0.0) {
                return Err(Error::Activation { row, value: cell.activation });
            }
            let key = (cell.module, cell.channel1, cell.channel0);
            if previous.is_some_and(|p| p >= key) {
                return Err(Error::CellOrder { row });
            }
            previous = Some(key);
        }
        Ok(())
    }
}
