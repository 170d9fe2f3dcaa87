//! Both smoothers against the one of Rauch, Tung and Striebel.

use super::mbf::{self, FilterStep};
use super::two_filter::{self, FilteredStep};
use super::{Observation, SmoothedStep, update};
use crate::event::Subspace;
use crate::math::Symmetric5;
use nalgebra::{SMatrix, SVector};

type Matrix = SMatrix<f64, 5, 5>;
type Vector = SVector<f64, 5>;

/// One step of a filter over a made-up linear system.
struct Step {
    predicted: [f64; 5],
    predicted_covariance: Symmetric5<f64>,
    jacobian: Matrix,
    noise: Symmetric5<f64>,
    observation: Option<Observation<f64>>,
    filtered: [f64; 5],
    covariance: Symmetric5<f64>,
}

fn filter(prior: [f64; 5], hole: Option<usize>) -> Vec<Step> {
    let mut vector = [0.1, -0.2, 0.5, 1.2, 0.8];
    let mut covariance = Symmetric5::from_diagonal(prior);
    let mut steps = Vec::new();
    for k in 0..9 {
        let mut jacobian = Matrix::identity();
        let mut noise = Symmetric5::zeros();
        if k > 0 {
            for (i, j, value) in [(0, 2, 30.0), (1, 3, -25.0), (0, 4, 5.0 * k as f64), (2, 4, 0.3)]
            {
                jacobian[(i, j)] = value;
            }
            noise = Symmetric5::from_diagonal([0.0, 0.0, 1e-6, 2e-6, 1e-8]);
            if k == 4 {
                // Material on the way: a full matrix.
                noise = noise.transported(&jacobian) + noise;
            }
            vector = (jacobian * Vector::from(vector)).into();
            covariance = covariance.transported(&jacobian) + noise;
        }
        let (predicted, predicted_covariance) = (vector, covariance);
        let subspace = if k == 3 { Subspace::LOC0 } else { Subspace::BOTH };
        let wobble = |a: f64| 0.02 * (a * (k as f64 + 1.0)).sin();
        let local = [vector[0] + wobble(1.7) + 0.3, vector[1] + wobble(2.9) - 0.1];
        let observation = Observation { local, variance: [1e-4, 4e-4], subspace };
        let observation = Some(observation).filter(|_| hole != Some(k));
        if let Some(seen) = &observation {
            update(&mut vector, &mut covariance, seen);
        }
        let (filtered, covariance) = (vector, covariance);
        steps.push(Step {
            predicted,
            predicted_covariance,
            jacobian,
            noise,
            observation,
            filtered,
            covariance,
        });
    }
    steps
}

/// With explicit inverses of the predicted covariances: for priors that are not too wide.
fn rauch_tung_striebel(steps: &[Step]) -> Vec<(Vector, Matrix)> {
    let last = &steps[steps.len() - 1];
    let mut x = Vector::from(last.filtered);
    let mut c = last.covariance.to_matrix();
    let mut smoothed = vec![(x, c)];
    for pair in steps.windows(2).rev() {
        let (here, next) = (&pair[0], &pair[1]);
        let predicted = next.predicted_covariance.to_matrix();
        let filtered = here.covariance.to_matrix();
        let gain = filtered * next.jacobian.transpose() * predicted.try_inverse().unwrap();
        x = Vector::from(here.filtered) + gain * (x - Vector::from(next.predicted));
        c = filtered + gain * (c - predicted) * gain.transpose();
        smoothed.push((x, c));
    }
    smoothed.reverse();
    smoothed
}

fn by_mbf(steps: &[Step]) -> Vec<Option<SmoothedStep>> {
    let input: Vec<FilterStep> = steps
        .iter()
        .map(|s| FilterStep {
            predicted: s.predicted,
            covariance: s.predicted_covariance,
            jacobian: s.jacobian,
            observation: s.observation,
        })
        .collect();
    let mut found = vec![None; steps.len()];
    mbf::smooth(&input, |k, state| found[k] = Some(state));
    found
}

fn by_two_filters(steps: &[Step]) -> Vec<Option<SmoothedStep>> {
    let input: Vec<FilteredStep> = steps
        .iter()
        .map(|s| FilteredStep {
            predicted: s.predicted,
            filtered: s.filtered,
            covariance: s.covariance,
            jacobian: s.jacobian,
            noise: s.noise,
            observation: s.observation.unwrap(),
            chi2: 0.0,
        })
        .collect();
    let mut found = vec![None; steps.len()];
    two_filter::smooth(&input, |k, state| found[k] = Some(state)).unwrap();
    found
}

fn assert_equal(found: &[Option<SmoothedStep>], steps: &[Step], tolerance: f64) {
    for (k, (x, c)) in rauch_tung_striebel(steps).into_iter().enumerate() {
        assert_eq!(found[k].is_some(), steps[k].observation.is_some());
        let (Some(state), Some(seen)) = (&found[k], &steps[k].observation) else { continue };
        let sigma = c.diagonal().map(f64::sqrt);
        let away = (Vector::from(state.vector) - x).component_div(&sigma);
        assert!(away.amax() < tolerance, "step {k}: {away}");
        for i in 0..5 {
            for j in 0..=i {
                let away = (state.covariance[(i, j)] - c[(i, j)]) / (sigma[i] * sigma[j]);
                assert!(away.abs() < tolerance, "step {k}, element ({i}, {j}): {away}");
            }
        }
        let h = SMatrix::<f64, 2, 5>::from_fn(
            |i, j| if i == j && seen.measures(i) { 1.0 } else { 0.0 },
        );
        let v = SMatrix::<f64, 2, 2>::from_diagonal(&seen.variance.into());
        let mut r = SVector::<f64, 2>::from(seen.local) - SVector::<f64, 2>::new(x[0], x[1]);
        for axis in 0..2 {
            r[axis] *= if seen.measures(axis) { 1.0 } else { 0.0 };
        }
        let expected = (r.transpose() * (v - h * c * h.transpose()).try_inverse().unwrap() * r)[0];
        assert!(
            (state.chi2 - expected).abs() < tolerance * (1.0 + expected),
            "step {k}: {} {expected}",
            state.chi2
        );
    }
}

const NARROW: [f64; 5] = [10.0, 10.0, 0.01, 0.01, 0.1];

#[test]
fn mbf_equals_rauch_tung_striebel_across_a_hole() {
    let steps = filter(NARROW, Some(5));
    assert_equal(&by_mbf(&steps), &steps, 1e-6);
}

#[test]
fn two_filters_equal_rauch_tung_striebel() {
    let steps = filter(NARROW, None);
    assert_equal(&by_two_filters(&steps), &steps, 1e-6);
}

/// The measurements decide alone: the width of the prior must not matter, and rounding must not show.
#[test]
fn two_filters_stand_a_prior_of_any_width() {
    let wide = by_two_filters(&filter([1e3, 1e3, 0.3, 0.3, 10.0], None));
    let wider = by_two_filters(&filter([1e6, 1e6, 3e2, 3e2, 1e4], None));
    for (a, b) in wide.iter().flatten().zip(wider.iter().flatten()) {
        for i in 0..5 {
            let ratio = a.covariance[(i, i)] / b.covariance[(i, i)];
            assert!((ratio - 1.0).abs() < 1e-3, "variance {i} changes by {ratio}");
        }
    }
}
