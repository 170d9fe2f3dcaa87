//! A simulated toy event, reconstructed stage by stage: the input of the benchmarks of the later stages.
#![allow(dead_code, reason = "each benchmark uses its part")]

use criterion::{BatchSize, Bencher};
use std::sync::Arc;
use traccc_core::detector::Detector;
use traccc_core::field::MagneticField;
use traccc_core::{ChainConfig, CpuChain, Keep, Reconstruction, ReconstructionChain, Stage};
use traccc_sim::detectors::{ToyConfig, pixel_modules, toy_detector};
use traccc_sim::{Gun, SimulationConfig, simulate_event};

/// An event, and the chain that reconstructed it.
pub(crate) struct ToyEvent {
    pub(crate) chain: CpuChain,
    pub(crate) event: Reconstruction,
}

impl ToyEvent {
    /// Measures a stage, from the products of those before it.
    pub(crate) fn measure(&self, bencher: &mut Bencher<'_>, stage: Stage) {
        let (mut setup, mut chain) = (self.chain.clone(), self.chain.clone());
        bencher.iter_batched(
            || setup.resume(&[&self.event], stage, Keep::Counts).expect("its own products"),
            |mut batch| {
                chain.run(stage, &mut batch).expect("the processor does not fail");
                batch
            },
            BatchSize::LargeInput,
        );
    }
}

/// 1,000 muons of 1 to 100 GeV in the toy detector, field 2 T.
pub(crate) fn toy_event() -> ToyEvent {
    let detector = toy_detector(&ToyConfig::full()).expect("the default detector is sound");
    let detector = Arc::new(Detector::compile(&detector).expect("the default detector compiles"));
    let modules =
        Arc::new(pixel_modules(&detector, [0.05, 0.05]).expect("every sensor has pixels"));
    let field = Arc::new(MagneticField::along_z(2.0));
    let gun = Gun { particles: 1000, ..Gun::default() };
    let simulation = SimulationConfig { gun, ..SimulationConfig::default() };
    let event = simulate_event(&detector, &modules, &field, &simulation, 1, 0)
        .expect("default settings are sound");
    let mut chain = CpuChain::new(detector, modules, field, &ChainConfig::full())
        .expect("default settings are sound");
    let event = chain.reconstruct(&event.cells).expect("simulated cells are sound");
    ToyEvent { chain, event }
}
