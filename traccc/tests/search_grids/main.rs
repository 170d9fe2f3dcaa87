//! Each bin of a search grid lists every sensor that a helix crossing there can meet, and the propagator finds them: random
//! helices of the promised class through the toy detector, the Generic detector and the OpenDataDetector.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and tells its numbers"
)]

mod helix;

use helix::{Helix, TESLA, local};
use std::collections::BTreeSet;
use traccc::detector::{
    Detector, DetectorModel, Grid, GridFrame, LARGEST_MASK_TOLERANCE, SurfaceKind, Volume,
};
use traccc::field::MagneticField;
use traccc::io::{self, DetectorFiles};
use traccc::propagation::{Limits, PropagationConfig, PropagationResult, Propagator, Scene};
use traccc::{Hypothesis, Scalar, SurfaceIndex};
use traccc_sim::detectors::{ToyConfig, toy_detector};

fn toy() -> DetectorModel {
    toy_detector(&ToyConfig::full()).unwrap()
}

/// One of the detectors beside the repository, unless absent.
fn shared(name: &str) -> Option<DetectorModel> {
    let data = testdata::shared();
    if data.is_none() {
        println!("skipped: ../shared/data is absent");
    }
    let files = DetectorFiles::find(data?.join(name).join("geometry")).unwrap();
    Some(io::read_detector(&files).unwrap())
}

/// What a fault of the description is, and what is not: `shared/data/faults/08`.
#[test]
fn grids_that_lack_half_of_their_sensors_are_completed_and_reported() {
    let unlisted =
        |d: &Detector| d.completions.iter().map(|grid| grid.unlisted).collect::<Vec<_>>();
    let mut model = toy();
    let sound = Detector::compile(&model).unwrap();
    assert_eq!(unlisted(&sound), [0; 18]);
    // The toy's grids have a sensor in one bin only.
    let (listed, entries) = (4004, sound.bin_entries.len() as u32);
    assert_eq!(sound.completions.iter().map(|grid| grid.entries).sum::<u32>(), entries - listed);
    for grid in model.volumes.iter_mut().flat_map(|volume| &mut volume.grids) {
        let filled = grid.bins.iter_mut().filter(|bin| !bin.is_empty());
        filled.skip(1).step_by(2).for_each(Vec::clear);
    }
    let halved = Detector::compile(&model).unwrap();
    assert_eq!(unlisted(&halved).iter().sum::<u32>(), 2002);
    assert_eq!(
        (&halved.bin_offsets, &halved.bin_entries),
        (&sound.bin_offsets, &sound.bin_entries)
    );
    for model in ["generic", "odd", "toy"].into_iter().filter_map(shared) {
        let detector = Detector::compile(&model).unwrap();
        assert!(unlisted(&detector).iter().all(|&sensors| sensors == 0), "{}", model.name);
    }
}

/// Numbers between 0 and 1 that fill the space of helices evenly: an additive recurrence with square roots of primes.
fn numbers(n: u32) -> [f64; 6] {
    [2.0_f64, 3.0, 5.0, 7.0, 11.0, 13.0].map(|prime| (f64::from(n) * prime.sqrt()).fract())
}

/// The sensors in the bin where a helix crosses a grid at this path.
fn listed<'a>(
    detector: &'a Detector,
    grid: &Grid,
    volume: &Volume,
    helix: &Helix,
    path: f64,
) -> &'a [SurfaceIndex] {
    let position = helix.at(path).0;
    let coordinates = if grid.frame == GridFrame::CYLINDER {
        [position[1].atan2(position[0]), position[2]]
    } else {
        let from = |i: usize| position[i] - f64::from(volume.translation[i]);
        let [x, y] = [0, 1]
            .map(|a: usize| (0..3).map(|i| f64::from(volume.axes[a][i]) * from(i)).sum::<f64>());
        if grid.frame == GridFrame::DISC { [x.hypot(y), y.atan2(x)] } else { [x, y] }
    };
    let [first, second] = coordinates.map(|v| v as Scalar);
    detector.bin(grid, [grid.axes[0].bin(first), grid.axes[1].bin(second)])
}

/// Lets helices cross all search grids: how many sensors of a grid's volume they meet, in masks grown by the largest
/// tolerance, and those of them that are not in the bin of the crossing.
fn meet(detector: &Detector, helices: u32) -> (u32, Vec<String>) {
    let (mut met, mut missing) = (0, Vec::new());
    for helix in (0..helices).map(|n| Helix::of_class(numbers(n))) {
        for volume in &detector.volumes {
            let [first, last] = volume.grids.map(|g| g as usize);
            for grid in &detector.grids[first..last] {
                let Some(path) = helix.crossing(grid, volume) else { continue };
                let bin = listed(detector, grid, volume, &helix, path);
                for (row, point) in met_near(detector, volume, &helix, path) {
                    met += 1;
                    if !bin.contains(&row) {
                        let at = helix.at(path).0;
                        missing.push(format!("{row:?} met at {point:?} from the bin of {at:?}"));
                    }
                }
            }
        }
    }
    (met, missing)
}

/// The sensors of a volume that a helix meets near the path `path`, and where.
fn met_near(
    detector: &Detector,
    volume: &Volume,
    helix: &Helix,
    path: f64,
) -> Vec<(SurfaceIndex, [Scalar; 2])> {
    /// The largest sensor's half diagonal and the longest way from a crossing to a sensor, in mm.
    const NEAR: f64 = 250.0;
    let position = helix.at(path).0;
    let reach = NEAR / (1.0 + helix.cot_theta.powi(2)).sqrt();
    let mut met = Vec::new();
    for row in volume.surfaces[0]..volume.surfaces[1] {
        let surface = &detector.surfaces[row as usize];
        let off = |i: usize| (f64::from(surface.translation[i]) - position[i]).powi(2);
        if surface.kind != SurfaceKind::SENSITIVE || off(0) + off(1) + off(2) > NEAR * NEAR {
            continue;
        }
        for s in helix.planes(surface, path, reach) {
            let point = local(surface, helix.at(s).0);
            if surface.mask.contains(surface.shape, &point, LARGEST_MASK_TOLERANCE) {
                met.push((SurfaceIndex(row), [point.x, point.y]));
            }
        }
    }
    met
}

fn check_bins(model: &DetectorModel, helices: u32) {
    let mut detector = Detector::compile(model).unwrap();
    let (met, missing) = meet(&detector, helices);
    println!("{}: {met} sensors met, {} not in their bins", model.name, missing.len());
    assert!(met > 2 * helices, "{met} sensors met by {helices} helices test little");
    assert!(missing.is_empty(), "{}: {missing:#?}", model.name);
    // Would it be noticed? Each bin lists a sensor in place of its last.
    for bin in detector.bin_offsets.windows(2).map(|bin| bin[0] as usize..bin[1] as usize) {
        if let [first, .., last] = &mut detector.bin_entries[bin] {
            *last = *first;
        }
    }
    assert!(!meet(&detector, helices / 4).1.is_empty(), "{}: nothing is noticed", model.name);
}

#[test]
fn bins_of_the_toy_detector_list_all_that_can_be_met() {
    check_bins(&toy(), 2_000);
}

#[test]
fn bins_of_the_generic_detector_list_all_that_can_be_met() {
    if let Some(model) = shared("generic") {
        check_bins(&model, 1_500);
    }
}

#[test]
fn bins_of_the_open_data_detector_list_all_that_can_be_met() {
    if let Some(model) = shared("odd") {
        check_bins(&model, 1_500);
    }
}

/// A sensor on the way.
struct Crossing {
    path: f64,
    surface: SurfaceIndex,
    /// At least 0.05 mm within its border.
    clear: bool,
}

/// All sensors that a helix crosses on its way out, in order.
fn crossings(detector: &Detector, helix: &Helix) -> Vec<Crossing> {
    const STEP: f64 = 8.0;
    let slope = (1.0 + helix.cot_theta * helix.cot_theta).sqrt();
    let length = helix.way_out().min(3500.0 / slope);
    let steps = (length * slope / STEP).ceil() as u32;
    let at = |step: u32| length * f64::from(step) / f64::from(steps);
    let positions: Vec<_> = (0..=steps).map(|step| helix.at(at(step)).0).collect();
    let mut found = Vec::new();
    for index in detector.sensitive_surfaces() {
        let surface = &detector.surfaces[index.get()];
        let (origin, normal) = (surface.translation.map(f64::from), surface.axes[2].map(f64::from));
        let off = |p: [f64; 3]| (0..3).map(|i| (p[i] - origin[i]).powi(2)).sum::<f64>();
        let height = |p: [f64; 3]| (0..3).map(|i| normal[i] * (p[i] - origin[i])).sum::<f64>();
        for step in 0..steps as usize {
            let pair = [positions[step], positions[step + 1]];
            if off(pair[0]) > 150.0 * 150.0 || (height(pair[0]) < 0.0) == (height(pair[1]) < 0.0) {
                continue;
            }
            let path = helix.root(at(step as u32), at(step as u32 + 1), height);
            let point = local(surface, helix.at(path).0);
            if surface.mask.contains(surface.shape, &point, 0.05) {
                let clear = surface.mask.contains(surface.shape, &point, -0.05);
                found.push(Crossing { path, surface: index, clear });
            }
        }
    }
    found.sort_by(|a, b| a.path.total_cmp(&b.path));
    found
}

/// Without material, so that the trajectory stays the helix.
fn bare(mut model: DetectorModel) -> Detector {
    for surface in model.volumes.iter_mut().flat_map(|volume| &mut volume.surfaces) {
        surface.material = None;
    }
    Detector::compile(&model).unwrap()
}

/// From the first sensor on a helix the propagator visits all others, up to where the helix turns back.
fn check_navigation(name: &str, model: DetectorModel, helices: u32) {
    let detector = bare(model);
    let field = MagneticField::along_z(TESLA as Scalar);
    let cuts = PropagationConfig::default().cuts();
    let limits = Limits {
        min_p: 0.0,
        min_pt: 0.0,
        min_step_to_next_surface: 0.0,
        max_steps: 1000,
        max_path: 1.0e5,
    };
    let propagator = Propagator {
        scene: Scene { detector: &detector, field: &field, cuts: &cuts },
        particle: Hypothesis::Muon.into(),
        limits,
    };
    let (mut sensors, mut missed) = (0, Vec::new());
    for n in 0..helices {
        let helix = Helix::of_class(numbers(n));
        let expected = crossings(&detector, &helix);
        let Some(first) = expected.iter().find(|c| c.clear) else { continue };
        let (position, direction) = helix.at(first.path);
        let surface = &detector.surfaces[first.surface.get()];
        let [loc0, loc1] =
            surface.to_local(&traccc::math::Vector3::from(position.map(|v| v as Scalar)));
        let phi = direction[1].atan2(direction[0]) as Scalar;
        let theta = direction[0].hypot(direction[1]).atan2(direction[2]) as Scalar;
        let mut vector = [loc0, loc1, phi, theta, helix.q_over_p as Scalar];
        let mut visited = BTreeSet::from([first.surface]);
        let mut at = first.surface;
        while let PropagationResult::Sensor(arrival) = propagator.to_next_sensor(&vector, at, None)
        {
            (vector, at) = (arrival.vector, arrival.surface);
            visited.insert(at);
            if visited.len() > expected.len() {
                break;
            }
        }
        let in_class = |c: &&Crossing| {
            let volume = &detector.volumes[detector.surfaces[c.surface.get()].volume.get()];
            let [first, last] = volume.grids.map(|g| g as usize);
            detector.grids[first..last].iter().any(|grid| helix.crossing(grid, volume).is_some())
        };
        for c in expected.iter().filter(|c| c.clear && c.path > first.path).filter(in_class) {
            sensors += 1;
            if !visited.contains(&c.surface) {
                missed.push((n, c.surface, c.path));
            }
        }
    }
    println!("{name}: {sensors} sensors, missed {}: {missed:?}", missed.len());
    assert!(sensors > helices as usize);
    assert!(missed.is_empty(), "{name}: {} of {sensors} sensors missed", missed.len());
}

#[test]
fn navigation_finds_every_sensor_of_the_toy_detector() {
    check_navigation("toy", toy(), 600);
}

#[test]
fn navigation_finds_every_sensor_of_the_generic_detector() {
    if let Some(model) = shared("generic") {
        check_navigation("generic", model, 300);
    }
}

#[test]
fn navigation_finds_every_sensor_of_the_open_data_detector() {
    if let Some(model) = shared("odd") {
        check_navigation("odd", model, 300);
    }
}
