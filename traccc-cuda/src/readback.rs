//! What comes back from the device: sizes first, then rows.

use crate::chain::Input;
use crate::device::Stream;
use crate::error::Error;
use crate::layout::{Batch, Counters};
use crate::memory::{Buffers, Pinned, column};
use crate::transfer::{Download, Read};
use bytemuck::AnyBitPattern;
use std::ops::Range;
use std::sync::Arc;
use traccc_core::event::{
    BoundParameters, Measurements, Seed, Spacepoints, Subspace, Track, TrackState, Tracks,
};
use traccc_core::storage::{Column, Ragged};
use traccc_core::{
    ChainConfig, EventCounts, Keep, MeasurementIndex, Reconstruction, SpacepointIndex, Stage,
    SurfaceIndex,
};

/// The sizes, on their way.
#[derive(Debug)]
pub(crate) struct Header {
    counters: Read<Counters>,
    measurements: Read<u32>,
    spacepoints: Read<u32>,
    seeds: Read<u32>,
    parameters: Read<u32>,
    found: Read<u32>,
    resolved: Read<u32>,
    fitted: Read<u32>,
}

/// First rows of each event, and at the end the number of all; those of stages that did not run mean nothing.
#[derive(Debug)]
pub(crate) struct Firsts {
    counters: Counters,
    measurements: Vec<u32>,
    spacepoints: Vec<u32>,
    seeds: Vec<u32>,
    parameters: Vec<u32>,
    found: Vec<u32>,
    resolved: Vec<u32>,
    /// Tracks of each event whose fit succeeded.
    fitted: Vec<u32>,
}

impl Header {
    /// `resolves` says whether there are resolved tracks.
    pub(crate) fn add(
        download: &mut Download,
        batch: &Batch,
        events: usize,
        resolves: bool,
    ) -> Self {
        let resolved = if resolves { events + 1 } else { 0 };
        Self {
            counters: download.add(batch.counters, 1),
            measurements: download.add(batch.measurement_first, events + 1),
            spacepoints: download.add(batch.spacepoint_first, events + 1),
            seeds: download.add(batch.seed_first, events + 1),
            parameters: download.add(batch.parameter_first, events + 1),
            found: download.add(batch.found_first, events + 1),
            resolved: download.add(batch.resolved_first, resolved),
            fitted: download.add(batch.fitted_count, events),
        }
    }

    pub(crate) fn counters(&self, pinned: &Pinned) -> Counters {
        self.counters.rows(pinned)[0]
    }

    pub(crate) fn read(&self, pinned: &Pinned) -> Firsts {
        let rows = |read: &Read<u32>| read.rows(pinned).to_vec();
        Firsts {
            counters: self.counters(pinned),
            measurements: rows(&self.measurements),
            spacepoints: rows(&self.spacepoints),
            seeds: rows(&self.seeds),
            parameters: rows(&self.parameters),
            found: rows(&self.found),
            resolved: rows(&self.resolved),
            fitted: rows(&self.fitted),
        }
    }
}

fn range(firsts: &[u32], event: usize) -> Range<usize> {
    firsts[event] as usize..firsts[event + 1] as usize
}

fn length(firsts: &[u32]) -> usize {
    firsts.last().map_or(0, |&all| all as usize)
}

/// The measurements, on their way.
struct MeasurementRows {
    local: Read<[f32; 2]>,
    variance: Read<[f32; 2]>,
    time: Read<f32>,
    subspace: Read<Subspace>,
    surface: Read<SurfaceIndex>,
    cells: Read<u32>,
    size: Read<[u32; 2]>,
    width: Read<[f32; 2]>,
}

struct SpacepointRows {
    x: Read<f32>,
    y: Read<f32>,
    z: Read<f32>,
    r_variance: Read<f32>,
    z_variance: Read<f32>,
    measurements: Read<[MeasurementIndex; 2]>,
}

struct TrackRows {
    tracks: Read<Track>,
    offsets: Read<u32>,
    measurements: Read<MeasurementIndex>,
    states: Read<TrackState>,
}

/// Rows that have been read back into a buffer, and whether columns may stay there.
struct Received<'a> {
    memory: &'a Arc<Pinned>,
    lent: bool,
}

impl Received<'_> {
    fn column<T: AnyBitPattern + Send + Sync>(
        &self,
        read: &Read<T>,
        rows: Range<usize>,
    ) -> Column<T> {
        column(self.memory, self.lent, read.place(rows))
    }

    fn rows<T: AnyBitPattern>(&self, read: &Read<T>) -> &[T] {
        read.rows(self.memory)
    }
}

fn back(row: MeasurementIndex, first: u32) -> MeasurementIndex {
    if row.is_some() { MeasurementIndex(row.0 - first) } else { row }
}

impl MeasurementRows {
    fn add(download: &mut Download, batch: &Batch, rows: usize) -> Self {
        Self {
            local: download.add(batch.local, rows),
            variance: download.add(batch.variance, rows),
            time: download.add(batch.time, rows),
            subspace: download.add(batch.subspace, rows),
            surface: download.add(batch.surface, rows),
            cells: download.add(batch.cluster_cells, rows),
            size: download.add(batch.cluster_size, rows),
            width: download.add(batch.cluster_width, rows),
        }
    }

    fn of(&self, received: &Received<'_>, rows: Range<usize>) -> Measurements {
        Measurements {
            local: received.column(&self.local, rows.clone()),
            variance: received.column(&self.variance, rows.clone()),
            time: received.column(&self.time, rows.clone()),
            subspace: received.column(&self.subspace, rows.clone()),
            surface: received.column(&self.surface, rows.clone()),
            cells: received.column(&self.cells, rows.clone()),
            size: received.column(&self.size, rows.clone()),
            width: received.column(&self.width, rows),
        }
    }
}

impl SpacepointRows {
    fn add(download: &mut Download, batch: &Batch, rows: usize) -> Self {
        Self {
            x: download.add(batch.x, rows),
            y: download.add(batch.y, rows),
            z: download.add(batch.z, rows),
            r_variance: download.add(batch.r_variance, rows),
            z_variance: download.add(batch.z_variance, rows),
            measurements: download.add(batch.spacepoint_measurements, rows),
        }
    }

    fn of(
        &self,
        received: &Received<'_>,
        rows: Range<usize>,
        first_measurement: u32,
    ) -> Spacepoints {
        let both = &received.rows(&self.measurements)[rows.clone()];
        Spacepoints {
            x: received.column(&self.x, rows.clone()),
            y: received.column(&self.y, rows.clone()),
            z: received.column(&self.z, rows.clone()),
            r_variance: received.column(&self.r_variance, rows.clone()),
            z_variance: received.column(&self.z_variance, rows),
            measurements: both
                .iter()
                .map(|pair| pair.map(|m| back(m, first_measurement)))
                .collect(),
        }
    }
}

impl TrackRows {
    /// `rows` tracks of which no more is wanted than `keep` says; their measurements are `values` in all.
    fn add(
        download: &mut Download,
        [tracks, offsets, measurements, states]: [crate::device::Address; 4],
        keep: Keep,
        rows: usize,
        values: usize,
        with_states: bool,
    ) -> Self {
        let whole = keep >= Keep::Tracks;
        Self {
            tracks: download.add(tracks, rows),
            offsets: download.add(offsets, if whole { rows + 1 } else { 0 }),
            measurements: download.add(measurements, if whole { values } else { 0 }),
            states: download.add(states, if whole && with_states { values } else { 0 }),
        }
    }

    fn of(&self, received: &Received<'_>, rows: Range<usize>, first_measurement: u32) -> Tracks {
        let tracks = received.column(&self.tracks, rows.clone());
        let offsets = received.rows(&self.offsets);
        if offsets.is_empty() {
            let offsets = vec![0; rows.len() + 1].into();
            let measurements = Ragged { offsets, values: Column::new() };
            return Tracks { tracks, measurements, states: Column::new() };
        }
        let values = offsets[rows.start] as usize..offsets[rows.end] as usize;
        let states = if received.rows(&self.states).is_empty() {
            Column::new()
        } else {
            received.column(&self.states, values.clone())
        };
        let first = offsets[rows.start];
        let measurements = Ragged {
            offsets: offsets[rows.start..=rows.end].iter().map(|offset| offset - first).collect(),
            values: received.rows(&self.measurements)[values]
                .iter()
                .map(|&m| back(m, first_measurement))
                .collect(),
        };
        Tracks { tracks, measurements, states }
    }
}

/// Reads back what is to be kept of what the stages made, and puts it to what there was before.
#[expect(clippy::too_many_lines, reason = "a few lines for each of the collections")]
pub(crate) fn read_events(
    events: Vec<Input<'_>>,
    (config, stages, keep): (&ChainConfig, &[Stage], Keep),
    firsts: &Firsts,
    batch: &Batch,
    stream: &mut dyn Stream,
    buffers: &mut Buffers,
) -> Result<Vec<Result<Reconstruction, Error>>, Error> {
    let ran = |stage: Stage| stages.contains(&stage);
    let cells = events
        .iter()
        .map(|event| if let Input::Cells(cells) = event { cells.len() } else { 0 })
        .sum();
    let everything = keep == Keep::Everything;
    let smoothing = config.finding.smoother == traccc_core::finding::Smoother::Mbf;
    let answer =
        [Stage::Fitting, Stage::Ambiguity, Stage::Finding].into_iter().find(|&stage| ran(stage));
    let wanted =
        |stage: Stage| ran(stage) && (everything || (answer == Some(stage) && keep > Keep::Counts));

    let mut download = Download::default();
    let add = &mut download;
    let measurements = (ran(Stage::Clustering) && keep >= Keep::Tracks)
        .then(|| MeasurementRows::add(add, batch, length(&firsts.measurements)));
    let labels: Option<Read<MeasurementIndex>> =
        (ran(Stage::Clustering) && everything).then(|| add.add(batch.cell_measurement, cells));
    let spacepoints = (ran(Stage::Spacepoints) && everything)
        .then(|| SpacepointRows::add(add, batch, length(&firsts.spacepoints)));
    let seeds: Option<Read<Seed>> =
        (ran(Stage::Seeding) && everything).then(|| add.add(batch.seeds, length(&firsts.seeds)));
    let parameters: Option<Read<BoundParameters>> = (ran(Stage::Parameters) && everything)
        .then(|| add.add(batch.parameters, length(&firsts.parameters)));
    let found = wanted(Stage::Finding).then(|| {
        let places =
            [batch.found, batch.found_offsets, batch.found_measurements, batch.found_states];
        TrackRows::add(
            add,
            places,
            keep,
            length(&firsts.found),
            firsts.counters.states as usize,
            smoothing,
        )
    });
    let values = firsts.counters.resolved_states as usize;
    let resolved = wanted(Stage::Ambiguity).then(|| {
        let places = [
            batch.resolved,
            batch.resolved_offsets,
            batch.resolved_measurements,
            batch.resolved_states,
        ];
        TrackRows::add(add, places, keep, length(&firsts.resolved), values, smoothing)
    });
    let of_resolved = config.ambiguity.enabled;
    let (input, fitted_rows) = if of_resolved {
        ([batch.resolved_offsets, batch.resolved_measurements], &firsts.resolved)
    } else {
        ([batch.found_offsets, batch.found_measurements], &firsts.found)
    };
    let fitted = wanted(Stage::Fitting).then(|| {
        let places = [batch.fitted, input[0], input[1], batch.fitted_states];
        let values = if of_resolved { values } else { firsts.counters.states as usize };
        TrackRows::add(add, places, keep, length(fitted_rows), values, true)
    });
    let (memory, lent) = buffers.free()?;
    let free = Arc::get_mut(memory).expect("nobody has a column in a free buffer");
    download.enqueue(stream, free)?;
    stream.wait()?;

    let received = &Received { memory, lent };
    let mut row = 0;
    let mut cell = 0;
    let mut next = |event: Input<'_>| {
        let (mut result, cells) = match event {
            Input::Failed(error) => return Err(error),
            Input::Cells(cells) => (Reconstruction::default(), cells.len()),
            Input::Products(products) => (*products, 0),
        };
        let event = row;
        row += 1;
        let first_cell = cell;
        cell += cells;
        let first_measurement = firsts.measurements[event];
        if ran(Stage::Clustering) {
            result.counts.cells = cells;
            result.counts.measurements = range(&firsts.measurements, event).len();
        } else {
            result.counts.cells = result.cell_measurements.len();
            result.counts.measurements = result.measurements.len();
        }
        let count = |stage: Stage, firsts: &[u32], before: usize| {
            if ran(stage) { range(firsts, event).len() } else { before }
        };
        result.counts = EventCounts {
            spacepoints: count(Stage::Spacepoints, &firsts.spacepoints, result.spacepoints.len()),
            seeds: count(Stage::Seeding, &firsts.seeds, result.seeds.len()),
            found_tracks: count(Stage::Finding, &firsts.found, result.found.len()),
            resolved_tracks: count(
                Stage::Ambiguity,
                &firsts.resolved,
                result.resolved.as_ref().map_or(0, Tracks::len),
            ),
            fitted_tracks: if ran(Stage::Fitting) { firsts.fitted[event] as usize } else { 0 },
            ..result.counts
        };
        if let Some(rows) = &measurements {
            result.measurements = rows.of(received, range(&firsts.measurements, event));
        }
        if let Some(labels) = &labels {
            let labels = &received.rows(labels)[first_cell..first_cell + cells];
            result.cell_measurements = labels.iter().map(|&m| back(m, first_measurement)).collect();
        }
        if let Some(rows) = &spacepoints {
            result.spacepoints =
                rows.of(received, range(&firsts.spacepoints, event), first_measurement);
        }
        if let Some(seeds) = &seeds {
            let first = firsts.spacepoints[event];
            let shifted = |point: SpacepointIndex| SpacepointIndex(point.0 - first);
            let rows = &received.rows(seeds)[range(&firsts.seeds, event)];
            result.seeds = rows
                .iter()
                .map(|seed| Seed {
                    bottom: shifted(seed.bottom),
                    middle: shifted(seed.middle),
                    top: shifted(seed.top),
                    weight: seed.weight,
                })
                .collect();
        }
        if let Some(rows) = &parameters {
            result.parameters = received.column(rows, range(&firsts.parameters, event));
        }
        if let Some(rows) = &found {
            result.found = rows.of(received, range(&firsts.found, event), first_measurement);
        }
        if let Some(rows) = &resolved {
            result.resolved =
                Some(rows.of(received, range(&firsts.resolved, event), first_measurement));
        }
        if let Some(rows) = &fitted {
            result.fitted = Some(rows.of(received, range(fitted_rows, event), first_measurement));
        }
        Ok(if everything { result } else { trimmed(result, keep, answer) })
    };
    Ok(events.into_iter().map(&mut next).collect())
}

/// Without what there was before and is not to be kept.
fn trimmed(result: Reconstruction, keep: Keep, answer: Option<Stage>) -> Reconstruction {
    if answer.is_none() {
        // Nothing ran that makes tracks: what was given is the answer.
        let counts = result.counts;
        return Reconstruction { counts, ..result.kept(keep) };
    }
    let mut kept = Reconstruction { counts: result.counts, ..Reconstruction::default() };
    if keep == Keep::Tracks {
        kept.measurements = result.measurements;
    }
    if keep > Keep::Counts {
        match answer {
            Some(Stage::Fitting) => kept.fitted = result.fitted,
            Some(Stage::Ambiguity) => kept.resolved = result.resolved,
            _ => kept.found = result.found,
        }
    }
    kept
}
