//! The rules for tracks.

use super::rows::bound;
use super::{Violation, require};
use std::collections::BTreeSet;
use traccc_core::detector::Detector;
use traccc_core::event::{FitOutcome, Measurements, Tracks};
use traccc_core::finding::Smoother;
use traccc_core::math::probability;
use traccc_core::{ChainConfig, Reconstruction};

/// p-values follow from chi2 and degrees of freedom to this difference.
const P_VALUE: f64 = 1.0e-4;

pub(super) fn found(
    result: &Reconstruction,
    detector: &Detector,
    config: &ChainConfig,
) -> Result<(), Violation> {
    let limits = config.finding.min_measurements..=config.finding.max_measurements;
    let found = &result.found;
    hold_together("found", found, &result.measurements, detector)?;
    for (row, measurements) in found.measurements.iter().enumerate() {
        require(
            limits.contains(&(measurements.len() as u32)),
            "found tracks are as long as the settings ask",
            || format!("found track {row} has {} measurements", measurements.len()),
        )?;
    }
    let smoothed = config.finding.smoother != Smoother::None;
    require(
        found.is_empty() || found.states.is_empty() != smoothed,
        "tracks have states when they are smoothed",
        || format!("{} states of {} found tracks", found.states.len(), found.len()),
    )
}

/// A choice of the found tracks, in their order, without too much in common.
pub(super) fn resolved(result: &Reconstruction, config: &ChainConfig) -> Result<(), Violation> {
    let Some(resolved) = stage(&result.resolved, config.ambiguity.enabled, "resolved")? else {
        return Ok(());
    };
    let mut next = 0;
    for row in 0..resolved.len() {
        let vector = |tracks: &Tracks, row: usize| {
            tracks.tracks[row].parameters.vector.map(|value| value.to_bits())
        };
        let same = |candidate: usize| {
            result.found.measurements.row(candidate) == resolved.measurements.row(row)
                && vector(&result.found, candidate) == vector(resolved, row)
        };
        let place = (next..result.found.len()).find(|&candidate| same(candidate));
        require(place.is_some(), "resolved tracks are found ones in their order", || {
            format!("resolved track {row} is none of the found ones from {next} on")
        })?;
        next = place.map_or(next, |place| place + 1);
    }
    let mut owners = vec![BTreeSet::new(); result.measurements.len()];
    for (row, measurements) in resolved.measurements.iter().enumerate() {
        measurements.iter().for_each(|m| {
            owners[m.get()].insert(row);
        });
    }
    for (row, measurements) in resolved.measurements.iter().enumerate() {
        let shared = measurements.iter().filter(|m| owners[m.get()].len() > 1).count();
        require(
            shared < config.ambiguity.max_shared_measurements as usize,
            "resolved tracks share fewer measurements than the settings allow",
            || format!("resolved track {row} shares {shared}"),
        )?;
    }
    Ok(())
}

/// One for each resolved track (found track, without resolution), with the same measurements.
pub(super) fn fitted(
    result: &Reconstruction,
    detector: &Detector,
    config: &ChainConfig,
) -> Result<(), Violation> {
    let Some(fitted) = stage(&result.fitted, config.fitting.enabled, "fitted")? else {
        return Ok(());
    };
    hold_together("fitted", fitted, &result.measurements, detector)?;
    let input = result.resolved.as_ref().unwrap_or(&result.found);
    require(
        fitted.measurements == input.measurements,
        "fitted tracks are the resolved ones, with their measurements",
        || format!("{} of {} tracks", fitted.len(), input.len()),
    )?;
    for (row, track) in fitted.tracks.iter().enumerate() {
        require(
            track.outcome != FitOutcome::NOT_FITTED && track.outcome.name() != "unknown",
            "each fit has an outcome",
            || format!("fitted track {row} has outcome {}", track.outcome.0),
        )?;
    }
    Ok(())
}

fn stage<'a>(
    tracks: &'a Option<Tracks>,
    enabled: bool,
    name: &'static str,
) -> Result<Option<&'a Tracks>, Violation> {
    require(
        tracks.is_some() == enabled,
        "a stage has a result exactly when it is switched on",
        || format!("{name} tracks: {}, switched on: {enabled}", tracks.is_some()),
    )?;
    Ok(tracks.as_ref())
}

/// References, counts and statistics of each track.
fn hold_together(
    name: &str,
    tracks: &Tracks,
    measurements: &Measurements,
    detector: &Detector,
) -> Result<(), Violation> {
    let (rows, values) = (tracks.measurements.len(), tracks.measurements.values.len());
    require(rows == tracks.len(), "each track has a row of measurements", || {
        format!("{rows} rows for {} {name} tracks", tracks.len())
    })?;
    let offsets = &tracks.measurements.offsets;
    require(
        offsets.is_sorted()
            && offsets.first() == Some(&0)
            && offsets.last() == Some(&(values as u32)),
        "rows follow one another without gaps",
        || format!("offsets of {values} measurements of {name} tracks"),
    )?;
    let states = tracks.states.len();
    require(
        states == 0 || states == values,
        "there is a state for each measurement or none at all",
        || format!("{states} states for {values} measurements of {name} tracks"),
    )?;
    for row in 0..tracks.len() {
        let whose = || format!("{name} track {row}");
        distinct_measurements(tracks, row, measurements, &whose)?;
        statistics(tracks, row, measurements, &whose)?;
        let track = &tracks.tracks[row];
        bound(&track.parameters, detector, whose)?;
        if track.outcome == FitOutcome::SUCCESS {
            for (m, state) in tracks.measurements.row(row).iter().zip(tracks.states_of(row)) {
                bound(&state.smoothed, detector, || format!("a state of {}", whose()))?;
                require(
                    state.smoothed.surface == measurements.surface[m.get()],
                    "a state lies on the surface of its measurement",
                    || format!("{} at measurement {}", whose(), m.0),
                )?;
            }
        }
    }
    Ok(())
}

/// Measurements exist, and none is used twice.
fn distinct_measurements(
    tracks: &Tracks,
    row: usize,
    measurements: &Measurements,
    whose: &impl Fn() -> String,
) -> Result<(), Violation> {
    let mut seen = BTreeSet::new();
    for m in tracks.measurements.row(row) {
        require(m.get() < measurements.len(), "tracks are made of measurements", || {
            format!("{} names {} of {}", whose(), m.0, measurements.len())
        })?;
        require(seen.insert(m), "a track has each measurement once", || {
            format!("{} has measurement {} twice", whose(), m.0)
        })?;
    }
    Ok(())
}

fn statistics(
    tracks: &Tracks,
    row: usize,
    measurements: &Measurements,
    whose: &impl Fn() -> String,
) -> Result<(), Violation> {
    let track = &tracks.tracks[row];
    let unfit = ![FitOutcome::NOT_FITTED, FitOutcome::SUCCESS].contains(&track.outcome);
    if unfit {
        return Ok(());
    }
    let coordinates: u32 = tracks
        .measurements
        .row(row)
        .iter()
        .map(|m| measurements.subspace[m.get()].dimensions())
        .sum();
    require(
        track.ndf == coordinates as i32 - 5,
        "degrees of freedom are measured coordinates less five",
        || format!("{} has {} of {coordinates} coordinates", whose(), track.ndf),
    )?;
    require(
        track.chi2.is_finite() && track.chi2 >= 0.0,
        "chi2 is finite and not negative",
        || format!("{} has {}", whose(), track.chi2),
    )?;
    let expected = probability(track.chi2, track.ndf);
    let difference = f64::from(track.p_value - expected).abs();
    require(difference <= P_VALUE, "the p-value follows from chi2 and degrees of freedom", || {
        format!("{} has {} instead of {expected}", whose(), track.p_value)
    })
}
