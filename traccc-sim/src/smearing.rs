//! Measurements straight from hits, with Gaussian errors: for tests of fits, where clusters would hide the truth.

use crate::random::{Purpose, generator};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use traccc_core::detector::{Detector, Shape};
use traccc_core::event::{Measurement, Measurements, Subspace, TruthEvent};
use traccc_core::math::Vector3;
use traccc_core::storage::Ragged;
use traccc_core::{Error, Scalar};

/// Settings of smeared measurements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmearingConfig {
    /// Standard deviations of the two local coordinates, in mm; on an annulus the first is that of the angle, in rad.
    /// Positive: no fit can use a measurement without variance.
    pub deviation: [f64; 2],
}

impl Default for SmearingConfig {
    fn default() -> Self {
        Self { deviation: [0.05, 0.05] }
    }
}

impl SmearingConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Config`] when a deviation is not positive, or too large or too small for its square.
    pub fn validate(&self) -> Result<(), Error> {
        let variance = |d: f64| (d * d) as Scalar;
        if self.deviation.iter().all(|&d| d > 0.0 && variance(d) > 0.0 && variance(d).is_finite()) {
            return Ok(());
        }
        Err(Error::Config {
            name: "smearing.deviation",
            value: format!("{:?}", self.deviation),
            expected: "two positive lengths in mm whose squares are positive and finite",
        })
    }
}

/// One measurement for each hit of `truth`, displaced by Gaussian errors. Fills `truth.measurement_hits`.
///
/// Measurements are ordered by surface, then by hit; row i of `truth.measurement_hits` holds the hit of measurement i.
/// On an annulus only the angle is measured, with the first of the two deviations; the radius is left as it is.
/// Elsewhere both coordinates are measured. Times are those of the hits.
pub fn smear_measurements(
    detector: &Detector,
    config: &SmearingConfig,
    truth: &mut TruthEvent,
    seed: u64,
    event: u64,
) -> Measurements {
    let mut rng = generator(seed, event, Purpose::Smearing, 0);
    let mut rows: Vec<(Measurement, u32)> = Vec::with_capacity(truth.hits.len());
    for (row, hit) in truth.hits.iter().enumerate() {
        let surface = &detector.surfaces[hit.surface.get()];
        let mut offset = |deviation: f64| -> f64 {
            let normal: f64 = StandardNormal.sample(&mut rng);
            deviation * normal
        };
        let [loc0, loc1] = surface.to_local(&Vector3::from(hit.position.map(Scalar::from)));
        let [offset0, offset1] = config.deviation.map(&mut offset);
        let variance = config.deviation.map(|d| (d * d) as Scalar);
        let (local, variance, subspace) = if surface.shape == Shape::Annulus {
            // Informative only: the spread of hits over the length of the strip.
            let length = surface.mask.bounds[1] - surface.mask.bounds[0];
            let radial = length * length / 12.0;
            ([loc0, loc1 + offset0 as Scalar], [radial, variance[0]], Subspace::LOC1)
        } else {
            let local = [loc0 + offset0 as Scalar, loc1 + offset1 as Scalar];
            (local, variance, Subspace::BOTH)
        };
        let measurement = Measurement {
            local,
            variance,
            time: Scalar::from(hit.time),
            subspace,
            surface: hit.surface,
            ..Measurement::default()
        };
        rows.push((measurement, row as u32));
    }
    rows.sort_by_key(|(measurement, row)| (measurement.surface, *row));
    truth.cells.clear();
    truth.measurement_hits = Ragged::new();
    for (_, hit) in &rows {
        truth.measurement_hits.push([*hit]);
    }
    rows.into_iter().map(|(measurement, _)| measurement).collect()
}
