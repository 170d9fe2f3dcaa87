//! From each hit of an independent simulation the propagator must come to the particle's next one.

use std::collections::BTreeMap;
use traccc::detector::SensorTable;
use traccc::event::TruthHit;
use traccc::io::read_truth;
use traccc::math::Vector3;
use traccc::propagation::{Limits, PropagationConfig, PropagationResult, Propagator, Scene};
use traccc::{Hypothesis, Setup, SetupFiles};

/// ACTS Fatras, with scattering and energy loss: nearly always the next sensor is the same, and no transport gets lost.
#[test]
fn transport_follows_the_hits_of_another_simulation() {
    let Some(data) = testdata::shared() else {
        println!("skipped: ../shared/data is absent");
        return;
    };
    let folder = data.join("generic");
    let setup = Setup::read(&SetupFiles::in_dir(folder.join("geometry")).unwrap()).unwrap();
    let directory = folder.join("events/mu20");
    let truth =
        read_truth(directory, 0, &SensorTable::acts(&setup.detector, &setup.modules)).unwrap();
    let charges: BTreeMap<u64, f32> = truth.particles.iter().map(|p| (p.id, p.charge)).collect();
    let mut paths: BTreeMap<u64, Vec<&TruthHit>> = BTreeMap::new();
    for hit in &truth.hits {
        paths.entry(hit.particle).or_default().push(hit);
    }
    let limits = Limits {
        min_p: 0.0,
        min_pt: 0.3,
        min_step_to_next_surface: 0.0,
        max_steps: 100,
        max_path: 1e4,
    };
    let cuts = PropagationConfig::default().cuts();
    let propagator = Propagator {
        scene: Scene { detector: &setup.detector, field: &setup.field, cuts: &cuts },
        particle: Hypothesis::Pion.into(),
        limits,
    };
    let (mut pairs, mut same, mut lost) = (0, 0, 0);
    for (particle, hits) in &mut paths {
        hits.sort_by(|a, b| a.time.total_cmp(&b.time));
        for pair in hits.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let p = Vector3::from(from.momentum) + Vector3::from(from.momentum_change);
            if p.xy().norm() < 0.5 || from.surface == to.surface {
                continue;
            }
            let surface = &setup.detector.surfaces[from.surface.get()];
            let [loc0, loc1] = surface.to_local(&Vector3::from(from.position));
            let vector = [
                loc0,
                loc1,
                p.y.atan2(p.x),
                p.xy().norm().atan2(p.z),
                charges[particle] / p.norm(),
            ];
            pairs += 1;
            match propagator.to_next_sensor(&vector, from.surface, None) {
                PropagationResult::Sensor(arrival) => {
                    same += u32::from(arrival.surface == to.surface);
                }
                PropagationResult::Aborted => lost += 1,
                PropagationResult::LeftDetector => {}
            }
        }
    }
    println!("{same} of {pairs} at the next hit's sensor, {lost} lost");
    assert!(pairs > 3000, "{pairs} pairs");
    assert_eq!(lost, 0);
    assert!(same * 1000 >= pairs * 990, "{same} of {pairs}");
}
