//! The sensors that the propagator visits against a scan of all sensors along the analytic helix.
#![expect(clippy::disallowed_methods, reason = "answers by other means")]

mod support;

use proptest::prelude::*;
use traccc_core::detector::Detector;
use traccc_core::field::MagneticField;
use traccc_core::math::direction;
use traccc_core::propagation::{PropagationConfig, PropagationResult, Propagator, Scene};
use traccc_core::{Hypothesis, Scalar, SurfaceIndex};

/// Position and direction after a path along a helix in a field along z, from its closest approach to the axis at z = 0.
fn helix(phi: f64, theta: f64, q_over_p: f64, d0: f64, path: f64) -> ([f64; 3], [f64; 3]) {
    let omega = q_over_p * 0.000_299_792_458 * TESLA;
    let (st, ct) = theta.sin_cos();
    let (p0, p1) = (phi, phi - omega * path);
    let (x, y) = if omega == 0.0 {
        (path * st * p0.cos(), path * st * p0.sin())
    } else {
        (st / omega * (p0.sin() - p1.sin()), st / omega * (p1.cos() - p0.cos()))
    };
    ([x - d0 * p0.sin(), y + d0 * p0.cos(), path * ct], [st * p1.cos(), st * p1.sin(), ct])
}

const TESLA: f64 = 2.0;

struct Crossing {
    path: f64,
    surface: SurfaceIndex,
    /// Distance inside the border (negative: outside), in mm.
    inside: f64,
}

/// All planes crossed within `margin` mm of their borders, in order; by bisection of sign changes on fine steps.
fn crossings(
    detector: &Detector,
    at: impl Fn(f64) -> [f64; 3],
    length: f64,
    margin: f64,
) -> Vec<Crossing> {
    let mut found = Vec::new();
    for index in detector.sensitive_surfaces().filter(|s| s.0 > 0) {
        let surface = &detector.surfaces[index.get()];
        let wide = |v: [Scalar; 3]| v.map(f64::from);
        let (origin, axes) = (wide(surface.translation), surface.axes.map(wide));
        let local = |s: f64, axis: usize| {
            let p = at(s);
            (0..3).map(|i| axes[axis][i] * (p[i] - origin[i])).sum::<f64>()
        };
        let step = 2.0;
        let mut s = 0.0;
        while s < length {
            let (mut lo, mut hi) = (s, s + step);
            s = hi;
            let ahead = local(lo, 2) > 0.0;
            if ahead == (local(hi, 2) > 0.0) {
                continue;
            }
            while hi - lo > 1e-7 {
                let middle = 0.5 * (lo + hi);
                if (local(middle, 2) > 0.0) == ahead { lo = middle } else { hi = middle }
            }
            let [hx, hy] = [0, 1].map(|i| f64::from(surface.mask.bounds[i]));
            let inside = (hx - local(lo, 0).abs()).min(hy - local(lo, 1).abs());
            if inside > -margin {
                found.push(Crossing { path: lo, surface: index, inside });
            }
        }
    }
    found.sort_by(|a, b| a.path.total_cmp(&b.path));
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_sensor_on_the_helix_is_visited_in_order(
        phi in -3.1_f64..3.1, theta in 0.5_f64..2.6, curvature in -1.0 / 0.15..1.0 / 0.15, d0 in -20.0_f64..20.0,
    ) {
        let detector = support::compiled(&support::barrel(&[40.0, 75.0, 120.0, 180.0], 24, 8));
        let field = MagneticField::along_z(TESLA as Scalar);
        let cuts = PropagationConfig::default().cuts();
        let propagator = Propagator {
        scene: Scene { detector: &detector, field: &field, cuts: &cuts },
        particle: Hypothesis::Muon.into(),
        limits: support::NO_LIMITS,
    };
        let q_over_p = curvature * theta.sin();
        // To shortly before the helix turns back.
        let length = (0.95 * std::f64::consts::PI / (f64::abs(q_over_p) * 0.000_299_792_458 * TESLA)).min(700.0);
        let expected = crossings(&detector, |s| helix(phi, theta, q_over_p, d0, s).0, length, 0.05);
        let (mut visited, mut path) = (Vec::new(), 0.0);
        let (sin, cos) = phi.sin_cos();
        let mut vector = [(-d0 * sin) as Scalar, (d0 * cos) as Scalar, phi as Scalar, theta as Scalar, q_over_p as Scalar];
        let mut surface = SurfaceIndex(0);
        let end = loop {
            let arrival = match propagator.to_next_sensor(&vector, surface, None) {
                PropagationResult::Sensor(arrival) => arrival,
                end => break Some(end),
            };
            path += f64::from(arrival.path);
            if path > length {
                // The way back is none that grids promise.
                break None;
            }
            let truth = expected.iter().find(|c| c.surface == arrival.surface);
            prop_assert!(truth.is_some(), "sensor {:?} is not on the helix", arrival.surface);
            let (_, d) = helix(phi, theta, q_over_p, d0, truth.map_or(0.0, |c| c.path));
            let found = direction(arrival.vector[2], arrival.vector[3]);
            let away = (0..3).map(|i| (d[i] - f64::from(found[i])).abs()).fold(0.0, f64::max);
            prop_assert!(away < 1e-4, "direction off by {away}");
            visited.push(arrival.surface);
            (vector, surface) = (arrival.vector, arrival.surface);
        };
        prop_assert!(matches!(end, None | Some(PropagationResult::LeftDetector)), "ends as {end:?}");
        // Within 50 um of a border either answer is right.
        let clear = |c: &&Crossing| c.inside > 0.05;
        let must: Vec<_> = expected.iter().filter(clear).map(|c| c.surface).collect();
        let clearly_visited: Vec<_> = visited.iter().copied().filter(|s| must.contains(s)).collect();
        prop_assert_eq!(must, clearly_visited);
    }
}
