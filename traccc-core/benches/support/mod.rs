//! A simulated toy event, reconstructed stage by stage: the input of the benchmarks of the later stages.
#![allow(dead_code, reason = "each benchmark uses its part")]

use std::sync::Arc;
use traccc_core::detector::Detector;
use traccc_core::event::{BoundParameters, Measurements, Tracks};
use traccc_core::field::MagneticField;
use traccc_core::{ChainConfig, CpuChain, ReconstructionChain};
use traccc_sim::detectors::{ToyConfig, pixel_modules, toy_detector};
use traccc_sim::{Gun, SimulationConfig, simulate_event};

/// What the stages get, and the chain that gives it.
pub(crate) struct ToyEvent {
    pub(crate) chain: CpuChain,
    pub(crate) measurements: Measurements,
    pub(crate) parameters: Vec<BoundParameters>,
    pub(crate) found: Tracks,
    pub(crate) resolved: Tracks,
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
    let done = chain.reconstruct(&event.cells).expect("simulated cells are sound");
    let resolved = done.resolved.expect("resolution is on by default");
    ToyEvent {
        chain,
        measurements: done.measurements,
        parameters: done.parameters,
        found: done.found,
        resolved,
    }
}
