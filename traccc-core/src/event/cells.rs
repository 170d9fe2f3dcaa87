use crate::detector::Modules;
use crate::error::Error;
use crate::index::ModuleIndex;
use crate::storage::soa;

soa! {
    /// Fired channels of one event, in ascending order of `module`, then `channel1`, then `channel0`, each channel once.
    Cells in Vec of
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

/// The columns of [`Cells`] in somebody else's memory: what a chain takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CellsView<'a> {
    /// Channel number along local x.
    pub channel0: &'a [u32],
    /// Channel number along local y; 0 for strips.
    pub channel1: &'a [u32],
    /// Signal, in the unit of the input file; finite and not negative.
    pub activation: &'a [f32],
    /// Time as c·t, in mm.
    pub time: &'a [f32],
    /// The sensor that fired.
    pub module: &'a [ModuleIndex],
}

impl Cells {
    /// The columns, without a copy.
    pub fn view(&self) -> CellsView<'_> {
        CellsView {
            channel0: &self.channel0,
            channel1: &self.channel1,
            activation: &self.activation,
            time: &self.time,
            module: &self.module,
        }
    }

    /// As [`CellsView::validate`].
    ///
    /// # Errors
    /// The same.
    pub fn validate(&self, modules: &Modules) -> Result<(), Error> {
        self.view().validate(modules)
    }
}

impl<'a> From<&'a Cells> for CellsView<'a> {
    fn from(cells: &'a Cells) -> Self {
        cells.view()
    }
}

impl CellsView<'_> {
    /// Number of cells.
    pub fn len(&self) -> usize {
        self.module.len()
    }

    /// Whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.module.is_empty()
    }

    /// Checks that the columns are of one length, before an engine copies them.
    ///
    /// # Errors
    /// [`Error::CellColumns`].
    pub fn validate_columns(&self) -> Result<(), Error> {
        let Self { channel0, channel1, activation, time, module } = *self;
        let lengths = [channel0.len(), channel1.len(), activation.len(), time.len(), module.len()];
        if lengths.iter().any(|&length| length != lengths[0]) {
            return Err(Error::CellColumns { lengths });
        }
        Ok(())
    }

    /// Checks what clustering relies on: columns of one length, order, no duplicates, known modules, channels inside the
    /// design, finite activations that are not negative.
    ///
    /// # Errors
    /// [`Error::CellColumns`], or the first row that breaks a rule, as [`Error::UnknownModule`], [`Error::ChannelOutside`],
    /// [`Error::Activation`] or [`Error::CellOrder`].
    pub fn validate(&self, modules: &Modules) -> Result<(), Error> {
        self.validate_columns()?;
        let Self { channel0, channel1, activation, module, .. } = *self;
        let mut previous = None;
        for (row, &module) in module.iter().enumerate() {
            if module.get() >= modules.len() {
                return Err(Error::UnknownModule { module: module.0, modules: modules.len() });
            }
            let channels = modules.channels(module);
            for (axis, channel) in [channel0[row], channel1[row]].into_iter().enumerate() {
                let channels = channels[axis];
                if channel >= channels {
                    return Err(Error::ChannelOutside { row, axis, channel, channels });
                }
            }
            let value = activation[row];
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::Activation { row, value });
            }
            let key = (module, channel1[row], channel0[row]);
            if previous.is_some_and(|p| p >= key) {
                return Err(Error::CellOrder { row });
            }
            previous = Some(key);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::Detector;

    #[test]
    fn columns_of_unequal_length_are_an_error_and_no_panic() {
        let cells: Cells =
            [Cell { module: ModuleIndex(0), ..Cell::default() }; 2].into_iter().collect();
        let mut view = cells.view();
        view.activation = &view.activation[..1];
        let modules = Modules::new(&Detector::default(), Vec::new(), |_| None).unwrap();
        let error = view.validate(&modules).unwrap_err();
        assert_eq!(error, Error::CellColumns { lengths: [2, 2, 1, 2, 2] });
    }
}
