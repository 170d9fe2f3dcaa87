//! What goes to the device: cells, or the products of another engine.

use crate::chain::Input;
use crate::device::Address;
use crate::layout::{Batch, Capacities};
use crate::transfer::{Piece, Source};
use bytemuck::{NoUninit, cast_slice};
use traccc_core::event::{CellsView, Tracks};
use traccc_core::{ChainConfig, MeasurementIndex, Reconstruction};

/// Rows of one array after another.
struct Rows<'a, 'p> {
    pieces: &'p mut Vec<Piece<'a>>,
    next: Address,
}

impl<'a> Rows<'a, '_> {
    fn borrow<T: NoUninit>(&mut self, rows: &'a [T]) {
        self.put(Source::Borrowed(cast_slice(rows)));
    }

    fn own<T: NoUninit>(&mut self, rows: &[T]) {
        self.put(Source::Owned(cast_slice(rows).to_vec()));
    }

    fn put(&mut self, source: Source<'a>) {
        let start = self.next;
        self.next = start.after(source.len());
        self.pieces.push((start, source));
    }
}

fn rows<'a, 'p>(pieces: &'p mut Vec<Piece<'a>>, start: Address) -> Rows<'a, 'p> {
    Rows { pieces, next: start }
}

/// Running sums from 0 on: where the rows of each event begin, and the number of all.
fn firsts(lengths: impl Iterator<Item = usize>) -> Vec<u32> {
    let mut end = 0;
    std::iter::once(0)
        .chain(lengths.map(|length| {
            end += length as u32;
            end
        }))
        .collect()
}

fn views<'a>(events: &[Input<'a>]) -> impl Iterator<Item = CellsView<'a>> {
    events.iter().filter_map(|event| match event {
        Input::Cells(cells) => Some(*cells),
        _ => None,
    })
}

/// Whether all numbers of channels and modules fit into the packed form. Those of a wrong cell may not: it is told as it was given.
pub(crate) fn can_be_packed(events: &[Input<'_>]) -> bool {
    let all = |column: &[u32]| column.iter().fold(0, |bits, number| bits | number);
    views(events).all(|cells| {
        let bits = all(cells.channel0) | all(cells.channel1) | all(cast_slice(cells.module));
        bits <= u32::from(u16::MAX)
    })
}

/// The cells of the events: 10 bytes each in the packed form, else 16.
pub(crate) fn cells<'a>(
    events: &[Input<'a>],
    packed: bool,
    batch: &Batch,
    pieces: &mut Vec<Piece<'a>>,
) {
    let views = || views(events);
    rows(pieces, batch.cell_first).own(&firsts(views().map(|cells| cells.len())));
    let mut column = rows(pieces, batch.activation);
    views().for_each(|cells| column.borrow(cells.activation));
    if packed {
        let mut column = rows(pieces, batch.packed_channels);
        views().for_each(|cells| column.put(Source::Pairs(cells.channel0, cells.channel1)));
        let mut column = rows(pieces, batch.packed_module);
        views().for_each(|cells| column.put(Source::Halves(cast_slice(cells.module))));
        return;
    }
    let mut column = rows(pieces, batch.channel0);
    views().for_each(|cells| column.borrow(cells.channel0));
    let mut column = rows(pieces, batch.channel1);
    views().for_each(|cells| column.borrow(cells.channel1));
    let mut column = rows(pieces, batch.module);
    views().for_each(|cells| column.borrow(cells.module));
}

/// What the events of a batch have at the start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Products {
    pub(crate) events: usize,
    pub(crate) cells: usize,
    /// Whether they are products of another engine.
    pub(crate) resumed: bool,
    measurements: usize,
    spacepoints: usize,
    seeds: usize,
    tracks: usize,
    states: usize,
}

fn resumed<'e, 'a>(events: &'e [Input<'a>]) -> impl Iterator<Item = &'e Reconstruction> + Clone {
    events.iter().filter_map(|event| match event {
        Input::Products(products) => Some(&**products),
        _ => None,
    })
}

impl Products {
    pub(crate) fn of(events: &[Input<'_>]) -> Self {
        let mut products = Self::default();
        for event in events {
            match event {
                Input::Cells(cells) => {
                    products.events += 1;
                    products.cells += cells.len();
                }
                Input::Products(event) => {
                    products.resumed = true;
                    products.events += 1;
                    products.measurements += event.measurements.len();
                    products.spacepoints += event.spacepoints.len();
                    products.seeds += event.seeds.len().max(event.parameters.len());
                    for tracks in std::iter::once(&event.found).chain(&event.resolved) {
                        products.tracks += tracks.len();
                        products.states += tracks.measurements.values.len();
                    }
                }
                Input::Failed(_) => {}
            }
        }
        products
    }

    /// Room for what is uploaded.
    pub(crate) fn least(&self) -> Capacities {
        let rows = |rows: usize| u32::try_from(rows).unwrap_or(u32::MAX);
        Capacities {
            events: rows(self.events),
            cells: rows(self.cells),
            measurements: rows(self.measurements),
            spacepoints: rows(self.spacepoints),
            seeds: rows(self.seeds),
            tracks: rows(self.tracks),
            states: rows(self.states),
            ..Capacities::default()
        }
    }

    /// A first guess of the room that they need; what is too small grows.
    pub(crate) fn capacities(&self, config: &ChainConfig) -> Capacities {
        // In dense events a measurement has 3.4 cells, in sparse ones 2.
        let measurements = self.measurements.max(self.cells / 2 + 64);
        let spacepoints = self.spacepoints.max(measurements);
        let seeds = self.seeds.max(spacepoints / 2 + 64);
        let links = seeds * 12 + 1024;
        let tracks = self.tracks.max(seeds + 64);
        let steps = config.finding.max_measurements.min(STEPS);
        // In dense events one of ten tracks survives ambiguity resolution.
        let fit_steps = match (config.fitting.enabled, config.ambiguity.enabled) {
            (true, true) => self.states.max(tracks * 2),
            (true, false) => self.states.max(tracks * 10),
            (false, _) => 0,
        };
        let rows = |rows: usize| u32::try_from(rows).unwrap_or(u32::MAX);
        Capacities {
            events: rows(self.events.max(1)),
            cells: rows(self.cells.max(1)),
            measurements: rows(measurements),
            spacepoints: rows(spacepoints),
            doublets: 256,
            triplets: 64,
            seeds: rows(seeds),
            links: rows(links),
            tips: rows(tracks),
            tracks: rows(tracks),
            states: rows(self.states.max(tracks * 10)),
            steps,
            fit_steps: rows(fit_steps),
            ..Capacities::default()
        }
    }

    /// The products as rows of the batch. A chain that resolves fits resolved tracks, one that does not found ones.
    #[expect(clippy::too_many_lines, reason = "a line for each of the columns")]
    pub(crate) fn pieces(
        &self,
        events: &[Input<'_>],
        batch: &Batch,
        resolves: bool,
        pieces: &mut Vec<Piece<'_>>,
    ) {
        let events = || resumed(events);
        macro_rules! column {
            ($place:ident, $($field:ident).+) => {{
                let mut column = rows(pieces, batch.$place);
                events().for_each(|event| column.own(&event.$($field).+));
            }};
        }
        rows(pieces, batch.cell_first).own(&firsts(events().map(|_| 0)));
        let measurement_first = firsts(events().map(|event| event.measurements.len()));
        let spacepoint_first = firsts(events().map(|event| event.spacepoints.len()));
        rows(pieces, batch.measurement_first).own(&measurement_first);
        column!(local, measurements.local);
        column!(variance, measurements.variance);
        column!(time, measurements.time);
        column!(subspace, measurements.subspace);
        column!(surface, measurements.surface);
        column!(cluster_cells, measurements.cells);
        column!(cluster_size, measurements.size);
        column!(cluster_width, measurements.width);
        let mut ranges = vec![[0_u32; 2]; self.events * batch.surfaces as usize];
        for (event, (products, first)) in events().zip(&measurement_first).enumerate() {
            for (row, surface) in products.measurements.surface.iter().enumerate() {
                let range = &mut ranges[event * batch.surfaces as usize + surface.get()];
                let row = first + row as u32;
                range[0] = if range[1] == 0 { row } else { range[0] };
                range[1] = row + 1;
            }
        }
        rows(pieces, batch.surface_measurements).own(&ranges);

        rows(pieces, batch.spacepoint_first).own(&spacepoint_first);
        column!(x, spacepoints.x);
        column!(y, spacepoints.y);
        column!(z, spacepoints.z);
        column!(r_variance, spacepoints.r_variance);
        column!(z_variance, spacepoints.z_variance);
        let mut column = rows(pieces, batch.spacepoint_measurements);
        for (event, &first) in events().zip(&measurement_first) {
            let shifted = event.spacepoints.measurements.iter();
            let shifted: Vec<_> = shifted.map(|pair| pair.map(|m| shift(m, first))).collect();
            column.own(&shifted);
        }

        rows(pieces, batch.seed_first).own(&firsts(events().map(|event| event.seeds.len())));
        let mut column = rows(pieces, batch.seeds);
        for (event, &first) in events().zip(&spacepoint_first) {
            let mut seeds = event.seeds.to_vec();
            for seed in &mut seeds {
                for point in [&mut seed.bottom, &mut seed.middle, &mut seed.top] {
                    point.0 += first;
                }
            }
            column.own(&seeds);
        }
        rows(pieces, batch.parameter_first)
            .own(&firsts(events().map(|event| event.parameters.len())));
        column!(parameters, parameters);

        let found: fn(&Reconstruction) -> &Tracks =
            if resolves { |event| &event.found } else { answer };
        let places = [
            batch.found_first,
            batch.found,
            batch.found_offsets,
            batch.found_measurements,
            batch.found_states,
        ];
        tracks(pieces, places, events().map(found), &measurement_first);
        if resolves {
            let places = [
                batch.resolved_first,
                batch.resolved,
                batch.resolved_offsets,
                batch.resolved_measurements,
                batch.resolved_states,
            ];
            tracks(pieces, places, events().map(answer), &measurement_first);
        }
        let length = |first: &[u32]| first.last().copied().unwrap_or_default();
        let counters = crate::layout::Counters {
            events: self.events as u32,
            measurements: length(&measurement_first),
            spacepoints: length(&spacepoint_first),
            seeds: events().map(|event| event.seeds.len() as u32).sum(),
            parameters: events().map(|event| event.parameters.len() as u32).sum(),
            tracks: events().map(|event| found(event).len() as u32).sum(),
            states: events().map(|event| found(event).measurements.values.len() as u32).sum(),
            resolved: events().map(|event| answer(event).len() as u32).sum(),
            resolved_states: events()
                .map(|event| answer(event).measurements.values.len() as u32)
                .sum(),
            ..Default::default()
        };
        rows(pieces, batch.counters).own(&[counters]);
    }
}

/// Steps of finding that are launched at first: few tracks need more.
const STEPS: u32 = 24;

fn shift(row: MeasurementIndex, first: u32) -> MeasurementIndex {
    if row.is_some() { MeasurementIndex(row.0 + first) } else { row }
}

/// The tracks that are fitted: resolved, else found ones.
fn answer(event: &Reconstruction) -> &Tracks {
    event.resolved.as_ref().unwrap_or(&event.found)
}

/// Tracks of all events: first track of each, tracks, where their measurements begin, measurements and states.
fn tracks<'e>(
    pieces: &mut Vec<Piece<'_>>,
    [first, summary, offsets, measurements, states]: [Address; 5],
    events: impl Iterator<Item = &'e Tracks> + Clone,
    measurement_first: &[u32],
) {
    rows(pieces, first).own(&firsts(events.clone().map(|tracks| tracks.len())));
    let lengths = events.clone().flat_map(|tracks| {
        tracks.measurements.offsets.windows(2).map(|pair| (pair[1] - pair[0]) as usize)
    });
    rows(pieces, offsets).own(&firsts(lengths));
    let mut column = rows(pieces, summary);
    events.clone().for_each(|tracks| column.own(&tracks.tracks));
    let mut column = rows(pieces, measurements);
    for (tracks, &first) in events.clone().zip(measurement_first) {
        let shifted: Vec<_> = tracks.measurements.values.iter().map(|&m| shift(m, first)).collect();
        column.own(&shifted);
    }
    let mut column = rows(pieces, states);
    events.for_each(|tracks| column.own(&tracks.states));
}
