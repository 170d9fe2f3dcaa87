use super::stage::Stage;
use crate::error::Error;
use crate::event::{BoundParameters, Measurements, Seed, Spacepoints, Tracks};
use crate::index::MeasurementIndex;
use crate::storage::Column;
use serde::{Deserialize, Serialize};

/// What of a reconstruction is read back. Each choice has what those before it have.
///
/// The tracks of the answer and the counts do not depend on the choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keep {
    /// [`Reconstruction::counts`].
    Counts,
    /// A row for each track of [`Reconstruction::tracks`], without its measurements and states.
    Parameters,
    /// Measurements and states of these tracks, and all measurements.
    Tracks,
    /// What each stage made.
    #[default]
    Everything,
}

/// Everything one event gave, stage by stage, as far as [`Keep`] asked for it.
///
/// Columns may lie in memory of the engine, which has it back when they are dropped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reconstruction {
    /// How many of each thing there are, also of those that are not kept.
    pub counts: EventCounts,
    /// One for each cluster, in ascending surface order.
    pub measurements: Measurements,
    /// For each cell the measurement that it went into.
    pub cell_measurements: Column<MeasurementIndex>,
    /// One for each measurement of two coordinates.
    pub spacepoints: Spacepoints,
    /// Triplets of space points.
    pub seeds: Column<Seed>,
    /// First parameters; seeds without a solution are left out.
    pub parameters: Column<BoundParameters>,
    /// Tracks as found (smoothed if so configured).
    pub found: Tracks,
    /// Tracks that survive ambiguity resolution; `None` when it is switched off.
    pub resolved: Option<Tracks>,
    /// Fitted tracks; `None` when the fit is switched off.
    pub fitted: Option<Tracks>,
}

impl Reconstruction {
    /// The result: fitted tracks, else resolved, else found ones.
    pub fn tracks(&self) -> &Tracks {
        self.fitted.as_ref().or(self.resolved.as_ref()).unwrap_or(&self.found)
    }

    /// How many rows the collections have.
    fn count(&self) -> EventCounts {
        EventCounts {
            cells: self.cell_measurements.len(),
            measurements: self.measurements.len(),
            spacepoints: self.spacepoints.len(),
            seeds: self.seeds.len(),
            found_tracks: self.found.len(),
            resolved_tracks: self.resolved.as_ref().map_or(0, Tracks::len),
            fitted_tracks: self.fitted.as_ref().map_or(0, Tracks::fitted),
        }
    }

    /// Counts what there is and drops what is not to be kept: for engines that have everything in main memory.
    #[must_use]
    pub fn kept(mut self, keep: Keep) -> Self {
        self.counts = self.count();
        if keep == Keep::Everything {
            return self;
        }
        let mut kept = Self { counts: self.counts, ..Self::default() };
        if keep == Keep::Counts {
            return kept;
        }
        let answer = |tracks: Tracks| match keep {
            Keep::Parameters => tracks.without_measurements(),
            _ => tracks,
        };
        match (self.fitted, self.resolved) {
            (Some(fitted), _) => kept.fitted = Some(answer(fitted)),
            (None, Some(resolved)) => kept.resolved = Some(answer(resolved)),
            (None, None) => kept.found = answer(self.found),
        }
        if keep == Keep::Tracks {
            kept.measurements = self.measurements;
        }
        kept
    }

    /// A copy of what the stages before `next` made, when it holds together; `surfaces` is the number of the detector's. For
    /// engines that resume.
    ///
    /// # Errors
    /// [`Error::Product`] for columns that do not fit together, [`Error::Reference`] for a row that names none.
    pub fn before(&self, next: Stage, surfaces: usize) -> Result<Self, Error> {
        let mut before = Self::default();
        if next > Stage::Clustering {
            before.measurements = self.measurements.clone();
            before.cell_measurements = self.cell_measurements.clone();
            let measurements = &before.measurements;
            even("measurements", measurements.is_even())?;
            references("measurement", measurements.surface.iter().map(|s| s.get()), surfaces)?;
        }
        let measurements = before.measurements.len();
        if next > Stage::Spacepoints {
            before.spacepoints = self.spacepoints.clone();
            even("space points", before.spacepoints.is_even())?;
            let points = &before.spacepoints;
            let later = |i| points.measurements_of(i).iter().map(|m| m.get()).max();
            references("space point", (0..points.len()).filter_map(later), measurements)?;
        }
        if next > Stage::Seeding {
            before.seeds = self.seeds.clone();
            for points in [|s: &Seed| s.bottom, |s: &Seed| s.middle, |s: &Seed| s.top] {
                let points = before.seeds.iter().map(|seed| points(seed).get());
                references("seed", points, before.spacepoints.len())?;
            }
        }
        if next > Stage::Parameters {
            before.parameters = self.parameters.clone();
            let places = before.parameters.iter().map(|parameters| parameters.surface.get());
            references("set of parameters", places, surfaces)?;
        }
        if next > Stage::Finding {
            before.found = self.found.clone();
            sound("found tracks", &before.found, measurements, surfaces)?;
        }
        if let (true, Some(resolved)) = (next > Stage::Ambiguity, &self.resolved) {
            sound("resolved tracks", resolved, measurements, surfaces)?;
            before.resolved = Some(resolved.clone());
        }
        Ok(before)
    }
}

fn even(what: &'static str, even: bool) -> Result<(), Error> {
    let rule = "have columns of unequal length";
    if even { Ok(()) } else { Err(Error::Product { what, rule }) }
}

fn references(
    what: &'static str,
    mut rows: impl Iterator<Item = usize>,
    limit: usize,
) -> Result<(), Error> {
    let mut seen = 0;
    let wrong = rows.find(|&found| {
        seen += 1;
        found >= limit
    });
    match wrong {
        Some(found) => Err(Error::Reference { what, row: seen - 1, found, limit }),
        None => Ok(()),
    }
}

fn sound(
    what: &'static str,
    tracks: &Tracks,
    measurements: usize,
    surfaces: usize,
) -> Result<(), Error> {
    let (rows, states) = (&tracks.measurements, tracks.states.len());
    if !rows.is_whole() || rows.len() != tracks.len() {
        return Err(Error::Product { what, rule: "lack a row of measurements for each track" });
    }
    if states != 0 && states != rows.values.len() {
        return Err(Error::Product { what, rule: "have states for some measurements only" });
    }
    references(what, rows.values.iter().map(|m| m.get()), measurements)?;
    references(what, tracks.tracks.iter().map(|track| track.parameters.surface.get()), surfaces)
}

/// How many of each thing one event has, or several events together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventCounts {
    /// Fired channels.
    pub cells: usize,
    /// Clusters.
    pub measurements: usize,
    /// Measurements of two coordinates.
    pub spacepoints: usize,
    /// Triplets.
    pub seeds: usize,
    /// Tracks found.
    pub found_tracks: usize,
    /// Tracks that survive ambiguity resolution; 0 when it is switched off.
    pub resolved_tracks: usize,
    /// Tracks whose fit succeeded; 0 when it is switched off.
    pub fitted_tracks: usize,
}

impl std::ops::AddAssign for EventCounts {
    fn add_assign(&mut self, other: Self) {
        self.cells += other.cells;
        self.measurements += other.measurements;
        self.spacepoints += other.spacepoints;
        self.seeds += other.seeds;
        self.found_tracks += other.found_tracks;
        self.resolved_tracks += other.resolved_tracks;
        self.fitted_tracks += other.fitted_tracks;
    }
}
