//! The CPU chain on simulated events of the toy detector: the conformance suite, determinism, truth and pulls.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use traccc_core::detector::{Detector, ModuleDesign, Modules, Shape};
use traccc_core::event::{Cells, Subspace, Tracks};
use traccc_core::field::MagneticField;
use traccc_core::{ChainConfig, CpuChain, Reconstruction, ReconstructionChain, SurfaceIndex};
use traccc_performance::{
    Efficiency, MatchCriteria, Matching, MeasurementTruth, Residuals, Tolerances, TruthSelection,
    compare, conformance,
};
use traccc_sim::detectors::{ToyConfig, pixel_modules, toy_detector};
use traccc_sim::{Gun, SimulatedEvent, SimulationConfig, Simulator};

struct Toy {
    detector: Arc<Detector>,
    modules: Arc<Modules>,
    field: Arc<MagneticField>,
}

impl Toy {
    fn new() -> Self {
        let detector =
            Arc::new(Detector::compile(&toy_detector(&ToyConfig::full()).unwrap()).unwrap());
        let modules = Arc::new(pixel_modules(&detector, [0.05, 0.05]).unwrap());
        Self { detector, modules, field: Arc::new(MagneticField::along_z(2.0)) }
    }

    /// The outermost barrel layer has strips: one channel along `axis`.
    fn with_strips(axis: usize) -> Self {
        let toy = Self::new();
        let (detector, pixels) = (&toy.detector, &toy.modules);
        let outermost = |surface: SurfaceIndex| {
            let surface = &detector.surfaces[surface.get()];
            surface.shape == Shape::Rectangle && surface.origin().xy().norm() > 150.0
        };
        let sensors: Vec<SurfaceIndex> = detector.sensitive_surfaces().collect();
        let design = |&surface: &SurfaceIndex| {
            let module = pixels.by_surface[surface.get()];
            let mut edges = pixels.segmentation(module).edges.map(<[_]>::to_vec);
            if outermost(surface) {
                edges[axis] = vec![edges[axis][0], *edges[axis].last().unwrap()];
            }
            ModuleDesign { edges, ..ModuleDesign::default() }
        };
        let designs = sensors.iter().map(design).collect();
        let row = |surface| sensors.iter().position(|&s| s == surface).map(|row| (row, [0.0; 2]));
        let modules = Arc::new(Modules::new(detector, designs, row).unwrap());
        Self { modules, ..toy }
    }

    fn chain(&self, config: &ChainConfig) -> CpuChain {
        CpuChain::new(self.detector.clone(), self.modules.clone(), self.field.clone(), config)
            .unwrap()
    }

    fn events(&self, muons: usize, count: u64) -> Vec<SimulatedEvent> {
        let gun = Gun { particles: muons, random_charge: true, ..Gun::default() };
        let config = SimulationConfig { gun, ..SimulationConfig::default() };
        let simulator =
            Simulator::new(&self.detector, &self.field, &config.gun, &config.transport).unwrap();
        (0..count)
            .map(|n| simulator.event(&self.modules, &config.digitization, 11, n).unwrap())
            .collect()
    }
}

#[test]
fn both_named_settings_conform() {
    let toy = Toy::new();
    let events: Vec<Cells> = toy.events(60, 3).into_iter().map(|e| e.cells).collect();
    for config in [ChainConfig::full(), ChainConfig::service()] {
        let outcome =
            conformance::check(&mut toy.chain(&config), &events, &toy.detector, &toy.modules);
        assert_eq!(outcome, Ok(()));
    }
}

#[test]
fn any_number_of_threads_gives_the_same_answer() {
    let toy = Toy::new();
    let event = &toy.events(400, 1)[0];
    for config in [ChainConfig::full(), ChainConfig { ..ChainConfig::service() }] {
        let with_threads = |threads: usize| -> Reconstruction {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut chain = toy.chain(&config);
            pool.install(|| chain.reconstruct(&event.cells)).unwrap()
        };
        let one = with_threads(1);
        for threads in [2, 3, 8] {
            let other = with_threads(threads);
            assert!(
                one == other,
                "{threads} threads: {}",
                compare(&one, &other, &Tolerances::exact())
            );
        }
    }
}

/// What the measurements come from, and the particles that count.
fn truth(event: &SimulatedEvent, done: &Reconstruction) -> (MeasurementTruth, Vec<u32>) {
    let labels = &done.cell_measurements;
    let measurements = done.measurements.len();
    let truth =
        MeasurementTruth::from_cells(&event.truth, &event.cells, labels, measurements).unwrap();
    let selected = TruthSelection::upstream().select(&event.truth, &truth);
    (truth, selected)
}

fn efficiency(
    truth: &MeasurementTruth,
    tracks: &Tracks,
    selected: &[u32],
) -> (Matching, Efficiency) {
    let matching = Matching::of_tracks(truth, tracks, &MatchCriteria::default());
    let efficiency = matching.efficiency(selected);
    (matching, efficiency)
}

/// More than 2,000 muons of 1 to 100 GeV: nearly all are found, and what is fitted agrees with truth without bias.
#[test]
fn muons_in_the_toy_are_found_and_fitted_without_bias() {
    let toy = Toy::new();
    let mut chain = toy.chain(&ChainConfig::full());
    let mut residuals = Residuals::default();
    let (mut particles, mut matched, mut fakes) = (0, 0, 0);
    for event in toy.events(250, 10) {
        let done = chain.reconstruct(&event.cells).unwrap();
        let (truth, selected) = truth(&event, &done);
        let fitted = done.fitted.as_ref().unwrap();
        let (matching, found) = efficiency(&truth, fitted, &selected);
        residuals.add_event(&event.truth, &truth, &matching, fitted, &toy.detector);
        particles += found.particles;
        matched += found.matched;
        fakes += found.fakes;
    }
    println!("{matched} of {particles} muons matched, {fakes} fakes");
    assert!(matched * 1000 >= particles * 990, "{matched} of {particles} muons matched");
    assert!(fakes * 100 <= particles, "{fakes} fakes");
    let summary = residuals.summary();
    assert!(summary.tracks >= 2000, "only {} tracks", summary.tracks);
    for (name, pull) in summary.pulls.each() {
        println!("pull of {name}: {pull:?}");
        let mean = pull.mean.unwrap();
        assert!(mean.abs() < 0.1, "pull of {name}: mean {mean}");
    }
}

/// Strips form no space points, so that few tracks are lost for want of a seed; the direction of the strips changes nothing.
#[test]
fn muons_are_found_in_strips_of_either_direction() {
    let found = [(0, Subspace::LOC1), (1, Subspace::LOC0)].map(|(axis, measured)| {
        let toy = Toy::with_strips(axis);
        let mut chain = toy.chain(&ChainConfig::full());
        let (mut strips, mut found) = (0, Efficiency::default());
        for event in toy.events(60, 5) {
            let done = chain.reconstruct(&event.cells).unwrap();
            strips += done.measurements.subspace.iter().filter(|&&s| s == measured).count();
            let (truth, selected) = truth(&event, &done);
            found += efficiency(&truth, done.fitted.as_ref().unwrap(), &selected).1;
        }
        println!("one channel on axis {axis}: {found:?}, {strips} measurements of strips");
        assert!(strips > 200, "axis {axis}: {strips} measurements of strips");
        assert!(found.matched * 100 >= found.particles * 95, "axis {axis}: {found:?}");
        found
    });
    let [along_x, along_y] = found.map(|found| found.matched);
    assert!(along_x.abs_diff(along_y) <= 2, "{along_x} and {along_y} matched");
}
