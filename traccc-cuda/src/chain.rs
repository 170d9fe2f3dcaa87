use crate::device::Stream;
use crate::engine::CudaEngine;
use crate::error::Error;
use crate::layout::{Batch, Capacities, Counters, Head, Shape};
use crate::memory::{Buffers, DeviceMemory, Pinned};
use crate::readback::{Header, read_events};
use crate::stages::launches;
use crate::tables::Tables;
use crate::transfer::{Download, Source, upload};
use crate::upload::{Products, can_be_packed, cells};
use bytemuck::bytes_of;
use std::collections::HashMap;
use traccc_core::Error as CoreError;
use traccc_core::event::CellsView;
use traccc_core::{
    Cancelled, ChainConfig, Finished, Keep, Reconstruction, ReconstructionChain, Stage,
    StageTimings,
};

/// The chain on a device: a stream with an arena. `run` only notes; what was noted is launched by `is_done` or `finish`, all at
/// once. A batch that does not fit runs again in a larger arena.
#[derive(Debug)]
pub struct CudaChain {
    engine: CudaEngine,
    config: ChainConfig,
    tables: Tables,
    shape: Shape,
    stream: Box<dyn Stream>,
    arena: Option<Arena>,
    /// Room that batches have needed beyond the first guess.
    learned: Capacities,
    /// A guess that does not look at the batch.
    first_guess: Option<Capacities>,
    staging: Pinned,
    received: Pinned,
    buffers: Buffers,
    /// Whether the device tells how long each stage takes.
    timed: bool,
}

/// Memory of one batch.
#[derive(Debug)]
struct Arena {
    memory: DeviceMemory,
    batch: Batch,
    /// Bytes from the start that are zero before each batch.
    zeroed: usize,
    /// Recorded launches, by their stages and whether they are timed.
    recordings: HashMap<(Vec<Stage>, bool), usize>,
}

/// Events on their way through a [`CudaChain`].
#[derive(Debug)]
pub struct CudaBatch<'a> {
    events: Vec<Input<'a>>,
    keep: Keep,
    stages: Vec<Stage>,
    launched: Option<Header>,
    timed: bool,
    /// Of the launches so far.
    timings: StageTimings,
}

impl<'a> CudaBatch<'a> {
    fn new(events: Vec<Input<'a>>, keep: Keep, timed: bool) -> Self {
        let (stages, launched, timings) = (Vec::new(), None, StageTimings::default());
        Self { events, keep, stages, launched, timed, timings }
    }

    /// Whether there is nothing to do.
    fn is_empty(&self) -> bool {
        self.stages.is_empty() || self.events.iter().all(|event| matches!(event, Input::Failed(_)))
    }

    /// What becomes of a batch for which nothing is done.
    fn without_results(self) -> Finished<Error> {
        let (keep, timings) = (self.keep, self.timings);
        let result = |event| match event {
            Input::Failed(error) => Err(error),
            Input::Products(products) => Ok(products.kept(keep)),
            Input::Cells(_) => Ok(Reconstruction::default()),
        };
        let events = self.events.into_iter().map(result).collect();
        Finished { events, timings }
    }
}

/// An event as it was given.
#[derive(Debug)]
pub(crate) enum Input<'a> {
    /// From the beginning.
    Cells(CellsView<'a>),
    /// What another engine has made.
    Products(Box<Reconstruction>),
    /// There will be no result.
    Failed(Error),
}

impl CudaChain {
    pub(crate) fn new(engine: CudaEngine, config: &ChainConfig) -> Result<Self, Error> {
        let shared = &engine.shared;
        let settings = config.settings(&shared.field)?;
        let shape = Shape {
            surfaces: shared.detector.surfaces.len() as u32,
            seeding_bins: settings.seeding.phi_bins * settings.seeding.z_bins,
            smoothing: config.finding.smoother == traccc_core::finding::Smoother::Mbf,
            ambiguity: config.ambiguity.enabled,
            fitting: config.fitting.enabled,
            seeding_warps: shared.device.seeding_warps(),
        };
        let device = &shared.device;
        let (stream, staging, received) =
            (device.stream()?, Pinned::new(device, 0)?, Pinned::new(device, 0)?);
        let buffers = Buffers::new(device)?;
        let tables =
            Tables { setup: shared.uploaded.tables, settings, padding: Default::default() };
        let learned = Capacities::default();
        let config = config.clone();
        Ok(Self {
            engine,
            config,
            tables,
            shape,
            stream,
            arena: None,
            learned,
            first_guess: None,
            staging,
            received,
            buffers,
            timed: false,
        })
    }

    /// Whether results tell the time that the device spent in each stage, which costs a note of the time between them. They do not
    /// when a chain is new. A batch that did not fit at first has the times of all its runs.
    pub fn time_stages(&mut self, timed: bool) {
        self.timed = timed;
    }

    /// Makes an arena at least as large as `wanted`.
    fn reserve(&mut self, wanted: &Capacities) -> Result<(), Error> {
        let wanted = wanted.max(&self.learned);
        if self.arena.as_ref().is_some_and(|arena| arena.batch.capacities.holds(&wanted)) {
            return Ok(());
        }
        let wanted = match self.arena.take() {
            Some(arena) => {
                arena.recordings.values().for_each(|&recording| self.stream.forget(recording));
                wanted.max(&arena.batch.capacities)
            }
            None => wanted,
        };
        let (_, _, bytes) = Batch::cut(Default::default(), &wanted, &self.shape);
        // What one batch needed is not to keep smaller ones from running.
        let memory = DeviceMemory::new(&self.engine.shared.device, bytes)
            .inspect_err(|_| self.learned = Capacities::default())?;
        let (batch, zeroed, _) = Batch::cut(memory.start, &wanted, &self.shape);
        tracing::debug!(bytes, ?wanted, "arena");
        self.arena = Some(Arena { memory, batch, zeroed, recordings: HashMap::new() });
        Ok(())
    }

    /// Bytes of the arena.
    pub fn arena_bytes(&self) -> usize {
        self.arena.as_ref().map_or(0, |arena| arena.memory.bytes)
    }

    /// Room in the arena.
    pub fn capacities(&self) -> Capacities {
        self.arena.as_ref().map_or_else(Capacities::default, |arena| arena.batch.capacities)
    }

    /// Gives the arena back and makes the next one with this room, whatever the batch; for tests of what happens when it is too
    /// small.
    #[doc(hidden)]
    pub fn shrink(&mut self, room: Capacities) {
        self.arena = None;
        self.learned = Capacities::default();
        self.first_guess = Some(room);
    }

    /// Puts everything into the stream that was noted of a batch.
    fn launch(&mut self, batch: &mut CudaBatch<'_>) -> Result<(), Error> {
        let products = Products::of(&batch.events);
        let wanted = match self.first_guess {
            Some(room) => room.max(&products.least()),
            None => products.capacities(&self.config),
        };
        self.reserve(&wanted)?;
        let Some(arena) = &mut self.arena else { return Ok(()) };
        let start = arena.memory.start;
        let packed = can_be_packed(&batch.events);
        let head = Head {
            events: products.events as u32,
            cells: products.cells as u32,
            packed: packed.into(),
        };
        self.stream.zero(start, arena.zeroed)?;
        let mut pieces = vec![(arena.batch.head, Source::Borrowed(bytes_of(&head)))];
        if products.resumed {
            products.pieces(
                &batch.events,
                &arena.batch,
                self.config.ambiguity.enabled,
                &mut pieces,
            );
        } else {
            cells(&batch.events, packed, &arena.batch, &mut pieces);
        }
        upload(&mut *self.stream, &mut self.staging, &pieces)?;
        let key = (batch.stages.clone(), batch.timed);
        let recording = match arena.recordings.get(&key) {
            Some(&recording) => recording,
            None => {
                let marks = if batch.timed { batch.stages.len() + 1 } else { 0 };
                self.stream.begin_record(marks)?;
                if batch.timed {
                    self.stream.mark(0)?;
                }
                for (number, &stage) in batch.stages.iter().enumerate() {
                    for launch in launches(stage, &self.config, &arena.batch.capacities) {
                        self.stream.launch(
                            &launch,
                            bytes_of(&self.tables),
                            bytes_of(&arena.batch),
                        )?;
                    }
                    if batch.timed {
                        self.stream.mark(number + 1)?;
                    }
                }
                let recording = self.stream.end_record()?;
                arena.recordings.insert(key, recording);
                recording
            }
        };
        self.stream.replay(recording)?;
        let mut download = Download::default();
        let header = Header::add(
            &mut download,
            &arena.batch,
            products.events,
            self.config.ambiguity.enabled,
        );
        download.enqueue(&mut *self.stream, &mut self.received)?;
        batch.launched = Some(header);
        Ok(())
    }

    /// Whether the batch has all its rows. If not it is to be launched again.
    fn settle(&mut self, batch: &mut CudaBatch<'_>, counters: &Counters) -> Result<bool, Error> {
        if counters.bad_cells != 0 {
            let modules = &self.engine.shared.modules;
            let mut found = false;
            for event in &mut batch.events {
                if let Input::Cells(cells) = event
                    && let Err(error) = cells.validate(modules)
                {
                    *event = Input::Failed(error.into());
                    found = true;
                }
            }
            debug_assert!(found, "the device refuses cells that the processor takes");
            return Ok(!found);
        }
        let capacities = self.capacities();
        if let Some(grown) = capacities.grown(counters) {
            self.learned = self.learned.max(&grown);
            return Ok(false);
        }
        if counters.alive > 0 {
            let steps = (capacities.steps * 2).max(8).min(self.config.finding.max_measurements);
            self.learned.steps = self.learned.steps.max(steps);
            return Ok(steps <= capacities.steps);
        }
        Ok(true)
    }
}

impl ReconstructionChain for CudaChain {
    type Batch<'a> = CudaBatch<'a>;
    type Error = Error;

    fn config(&self) -> &ChainConfig {
        &self.config
    }

    fn begin<'a>(&mut self, events: &[CellsView<'a>], keep: Keep) -> Result<CudaBatch<'a>, Error> {
        self.engine.check()?;
        let input = |&cells: &CellsView<'a>| match cells.validate_columns() {
            Ok(()) => Input::Cells(cells),
            Err(error) => Input::Failed(error.into()),
        };
        let events = events.iter().map(input).collect();
        Ok(CudaBatch::new(events, keep, self.timed))
    }

    fn resume<'a>(
        &mut self,
        events: &[&'a Reconstruction],
        next: Stage,
        keep: Keep,
    ) -> Result<CudaBatch<'a>, Error> {
        self.engine.check()?;
        let surfaces = self.engine.shared.detector.surfaces.len();
        let smooths = self.shape.smoothing;
        let has_states = |event: &Reconstruction| {
            !(event.found.states.is_empty() && event.resolved.iter().all(|r| r.states.is_empty()))
        };
        let input = |event: &&Reconstruction| match event.before(next, surfaces) {
            Ok(before) if has_states(&before) && !smooths => {
                let rule = "have states, which a chain that does not smooth has no room for";
                Input::Failed(CoreError::Product { what: "found tracks", rule }.into())
            }
            Ok(before) => Input::Products(Box::new(before)),
            Err(error) => Input::Failed(error.into()),
        };
        let events = events.iter().map(input).collect();
        Ok(CudaBatch::new(events, keep, self.timed))
    }

    fn run(&mut self, stage: Stage, batch: &mut CudaBatch<'_>) -> Result<(), Error> {
        batch.stages.push(stage);
        Ok(())
    }

    fn cancel(&mut self, batch: &mut CudaBatch<'_>, event: usize) {
        if let (None, Some(event)) = (&batch.launched, batch.events.get_mut(event)) {
            *event = Input::Failed(Cancelled.into());
        }
    }

    fn is_done(&mut self, batch: &mut CudaBatch<'_>) -> Result<bool, Error> {
        let engine = self.engine.clone();
        engine.noting_loss(self.poll(batch))
    }

    fn finish(&mut self, batch: CudaBatch<'_>) -> Result<Finished<Error>, Error> {
        let engine = self.engine.clone();
        engine.noting_loss(self.complete(batch))
    }
}

impl CudaChain {
    fn poll(&mut self, batch: &mut CudaBatch<'_>) -> Result<bool, Error> {
        if batch.is_empty() {
            return Ok(true);
        }
        if batch.launched.is_none() {
            self.launch(batch)?;
        }
        self.stream.is_done()
    }

    fn complete(&mut self, mut batch: CudaBatch<'_>) -> Result<Finished<Error>, Error> {
        let header = loop {
            if batch.is_empty() {
                return Ok(batch.without_results());
            }
            let Some(header) = batch.launched.take() else {
                self.launch(&mut batch)?;
                continue;
            };
            self.stream.wait()?;
            if batch.timed {
                for (number, &stage) in batch.stages.iter().enumerate() {
                    batch.timings[stage] += self.stream.between(number, number + 1)?;
                }
            }
            let counters = header.counters(&self.received);
            if self.settle(&mut batch, &counters)? {
                break header.read(&self.received);
            }
        };
        let CudaBatch { events, keep, stages, timings, .. } = batch;
        let Some(arena) = &self.arena else { return Err(Cancelled.into()) };
        let shape = (&self.config, &stages[..], keep);
        let events = read_events(
            events,
            shape,
            &header,
            &arena.batch,
            &mut *self.stream,
            &mut self.buffers,
        )?;
        Ok(Finished { events, timings })
    }
}
