use crate::card::Card;
use crate::chain::CudaChain;
use crate::compile::Cache;
use crate::device::Device;
use crate::error::Error;
use crate::simulated::{Faults, Simulated};
use crate::tables::Uploaded;
use std::path::Path;
use std::sync::{Arc, OnceLock};
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
    /// What lost the card to all chains.
    lost: OnceLock<Error>,
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
        Self::simulated_with(&Arc::default(), folder, detector, modules, field)
    }

    /// The same with faults, for tests of what happens then.
    #[doc(hidden)]
    pub fn simulated_with(
        faults: &Arc<Faults>,
        folder: impl AsRef<Path>,
        detector: Arc<Detector>,
        modules: Arc<Modules>,
        field: Arc<MagneticField>,
    ) -> Result<Option<Self>, Error> {
        let Some(device) = Simulated::new(folder.as_ref(), Arc::clone(faults))? else {
            return Ok(None);
        };
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
        let lost = OnceLock::new();
        Ok(Self { shared: Arc::new(Shared { uploaded, device, detector, modules, field, lost }) })
    }

    /// Starts a chain: a stream with an arena of its own, which takes one batch at a time.
    ///
    /// # Errors
    /// [`Error::Core`] for a setting out of range, [`Error::CardLost`] and errors of the device.
    pub fn chain(&self, config: &ChainConfig) -> Result<CudaChain, Error> {
        self.check()?;
        self.noting_loss(CudaChain::new(self.clone(), config))
    }

    /// Whether a chain has lost the card: then all chains fail.
    pub fn is_lost(&self) -> bool {
        self.shared.lost.get().is_some()
    }

    /// The error that lost the card.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.shared.lost.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Tells all chains when a result says that the card is lost.
    pub(crate) fn noting_loss<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error @ Error::CardLost { .. }) = &result
            && self.shared.lost.set(error.clone()).is_ok()
        {
            tracing::error!(%error, card = self.name(), "all chains of the card fail from here on");
        }
        result
    }
}
