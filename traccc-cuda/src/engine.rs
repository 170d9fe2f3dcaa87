use crate::card::Card;
use crate::chain::CudaChain;
use crate::compile::Cache;
use crate::device::Device;
use crate::error::Error;
use crate::simulated::Simulated;
use crate::tables::Uploaded;
use std::path::Path;
use std::sync::Arc;
use traccc_core::ChainConfig;
use traccc_core::detector::{Detector, Modules};
use traccc_core::field::MagneticField;

/// A setup on a device: what is uploaded and compiled once, however many chains work with it. Clones are the same engine.
#[derive(Clone, Debug)]
pub struct CudaEngine {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) uploaded: Uploaded,
    pub(crate) device: Arc<dyn Device>,
    pub(crate) detector: Arc<Detector>,
    pub(crate) modules: Arc<Modules>,
    pub(crate) field: Arc<MagneticField>,
}

impl CudaEngine {
    /// An engine without a card, slow, for tests: the kernels run as host code, compiled by g++ into `folder`. `None` where there
    /// is no g++.
    ///
    /// # Errors
    /// Kernels that do not compile.
    pub fn simulated(
        folder: impl AsRef<Path>,
        detector: Arc<Detector>,
        modules: Arc<Modules>,
        field: Arc<MagneticField>,
    ) -> Result<Option<Self>, Error> {
        let Some(device) = Simulated::new(folder.as_ref())? else { return Ok(None) };
        Self::on(Arc::new(device), detector, modules, field).map(Some)
    }

    /// An engine on a card: compiles or finds the kernels, loads them and copies the setup there.
    ///
    /// # Errors
    /// [`Error::Missing`] without a driver, a card of that number or kernels, [`Error::Compile`], [`Error::OutOfMemory`] and what
    /// the driver refuses.
    pub fn open(
        card: usize,
        cache: &Cache,
        detector: Arc<Detector>,
        modules: Arc<Modules>,
        field: Arc<MagneticField>,
    ) -> Result<Self, Error> {
        Self::on(Arc::new(Card::open(card, cache)?), detector, modules, field)
    }

    /// The name of the card.
    pub fn name(&self) -> String {
        self.shared.device.name()
    }

    /// How many cards there are.
    pub fn cards() -> usize {
        Card::count()
    }

    fn on(
        device: Arc<dyn Device>,
        detector: Arc<Detector>,
        modules: Arc<Modules>,
        field: Arc<MagneticField>,
    ) -> Result<Self, Error> {
        let uploaded = Uploaded::new(&device, &detector, &modules, &field)?;
        Ok(Self { shared: Arc::new(Shared { uploaded, device, detector, modules, field }) })
    }

    /// Starts a chain: a stream with an arena of its own, which takes one batch at a time.
    ///
    /// # Errors
    /// [`Error::Core`] for a setting out of range, and errors of the device.
    pub fn chain(&self, config: &ChainConfig) -> Result<CudaChain, Error> {
        CudaChain::new(self.clone(), config)
    }
}
