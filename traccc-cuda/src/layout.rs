//! The arrays of a batch in device memory: one list, from which the arena is cut and `kernels/batch.cuh` is written.

use crate::device::Address;
use bytemuck::{Pod, Zeroable};
use traccc_core::event::{BoundParameters, Seed, Track, TrackState};

/// A type of an array, with its name in the kernels.
pub(crate) trait Element {
    /// The C++ type.
    const NAME: &'static str;
    /// Bytes of one.
    const SIZE: usize;
}

macro_rules! elements {
    ($($type:ty => $name:literal $size:expr;)*) => {$(
        impl Element for $type {
            const NAME: &'static str = $name;
            const SIZE: usize = $size;
        }
    )*};
}

/// A type that only kernels know.
macro_rules! device_only {
    ($($(#[$doc:meta])* $type:ident: $size:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $type;
        impl Element for $type {
            const NAME: &'static str = stringify!($type);
            const SIZE: usize = $size;
        }
    )*};
}

type Pair = [f32; 2];
type Rows = [u32; 2];

elements! {
    u8 => "u8" 1;
    u16 => "u16" 2;
    u32 => "u32" 4;
    u64 => "u64" 8;
    f32 => "f32" 4;
    Pair => "Pair" 8;
    Rows => "Rows" 8;
    Seed => "Seed" 16;
    BoundParameters => "BoundParameters" 92;
    Track => "Track" 112;
    TrackState => "TrackState" 100;
}

device_only! {
    /// One candidate at one sensor, see `finding/mod.rs`.
    Link: 32;
    /// A candidate that has arrived at a sensor.
    Arrival: 96;
    /// Derivatives of five parameters by five.
    Matrix5: 100;
    /// What a pass of the fit gives, see `fitting/pass.cuh`.
    FitPass: 24;
    /// One measurement of the fit's filter, see `kalman/two_filter.rs`.
    FilteredStep: 568;
    /// A space point of the search grid, see `seeding/rows.cuh`.
    SearchPoint: 16;
    /// Three space points, see `seeding/rows.cuh`.
    Triplet: 16;
    /// A middle space point that has seeds, see `seeding/rows.cuh`.
    FoundMiddle: 12;
    /// What ordered appends keep; see `append.cuh`. Eight bytes and eight for each tile.
    AppendState: 8;
}

/// Slices of the radius in each search bin, and cells of z for each space point, roughly; as in `seeding/grid.cuh`.
const RADIUS_SLICES: usize = 20;
const CELLS_PER_SPACEPOINT: usize = 2;

/// Threads of the blocks that append in order: rows of one tile.
pub(crate) const TILE: usize = 256;

/// Words of an append over `rows` rows.
fn append(rows: usize) -> usize {
    rows.div_ceil(TILE) + 2
}

/// Cells of the search grids of all events.
fn search_cells(c: &Sizes, s: &Shape) -> usize {
    c.events * s.seeding_bins as usize * RADIUS_SLICES + CELLS_PER_SPACEPOINT * c.spacepoints
}

macro_rules! capacities {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        const ODD_CAPACITIES: usize = [$(stringify!($name)),*].len() % 2;

        /// For how many rows there is room. A batch that needs more runs again in a larger arena.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
        #[repr(C)]
        pub struct Capacities {
            $($(#[$doc])* pub $name: u32,)*
            /// Keeps what follows at a multiple of eight bytes.
            pub padding: [u32; ODD_CAPACITIES],
        }

        /// Capacities as sizes.
        struct Sizes {
            $($name: usize,)*
        }

        impl Sizes {
            fn new(c: &Capacities) -> Self {
                Self { $($name: c.$name as usize,)* }
            }
        }

        /// How many rows the batch has, or would have: what does not fit is counted, too.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
        #[repr(C)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u32,)*
            /// Seeds with a solution.
            pub parameters: u32,
            /// Tracks that survive ambiguity resolution.
            pub resolved: u32,
            /// Their measurements.
            pub resolved_states: u32,
            /// Candidates that were still on their way after the last step that was run.
            pub alive: u32,
            /// The complement of the first cell that breaks a rule; 0 for none. Then nothing is clustered.
            pub bad_cells: u32,
        }

        impl Capacities {
            /// Whether all rows fit, and the room that would have done, a quarter more where it did not.
            pub(crate) fn grown(&self, counters: &Counters) -> Option<Self> {
                let mut grown = *self;
                $(if counters.$name > self.$name {
                    grown.$name = counters.$name.saturating_add(counters.$name / 4).saturating_add(64);
                })*
                (grown != *self).then_some(grown)
            }

            /// The larger of both in every row.
            pub(crate) fn max(&self, other: &Self) -> Self {
                Self { $($name: self.$name.max(other.$name),)* padding: self.padding }
            }

            /// Whether there is as much room as in `other`.
            pub(crate) fn holds(&self, other: &Self) -> bool {
                self.max(other) == *self
            }
        }

        /// The two records for the kernels.
        fn declare_counts(text: &mut String) {
            const MORE: &str =
                "    u32 parameters;\n    u32 resolved;\n    u32 resolved_states;\n    u32 alive;\n    u32 bad_cells;\n";
            let padding = if ODD_CAPACITIES == 1 { "    u32 padding[1];\n" } else { "" };
            for (record, more) in [("Capacities", padding), ("Counters", MORE)] {
                *text += &format!("struct {record} {{\n");
                $(*text += concat!("    u32 ", stringify!($name), ";\n");)*
                *text += more;
                *text += "};\n\n";
            }
        }
    };
}

capacities! {
    /// Events.
    events,
    /// Fired channels.
    cells,
    /// Clusters.
    measurements,
    /// Space points.
    spacepoints,
    /// Partners of one middle space point on one side.
    doublets,
    /// Best triplets of one middle space point, where more are kept than shared memory holds.
    triplets,
    /// Seeds, also those without parameters.
    seeds,
    /// Links of all steps of finding.
    links,
    /// Ends of links that may become tracks.
    tips,
    /// Found tracks.
    tracks,
    /// Measurements of all found tracks.
    states,
    /// Steps of finding that are launched.
    steps,
    /// Measurements of all tracks that are fitted.
    fit_steps,
}

/// What is known of a batch before it runs; uploaded with its cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Head {
    /// Number of events.
    pub(crate) events: u32,
    /// Number of cells of all events.
    pub(crate) cells: u32,
    /// 1 when the cells are packed, 0 when they lie in their columns already.
    pub(crate) packed: u32,
}

/// Sizes that come from the setup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Surfaces of the detector.
    pub(crate) surfaces: u32,
    /// Search bins of the seeding in one event.
    pub(crate) seeding_bins: u32,
    /// Whether tracks are smoothed, resolved, fitted.
    pub(crate) smoothing: bool,
    pub(crate) ambiguity: bool,
    pub(crate) fitting: bool,
    /// Warps that search seeds at a time.
    pub(crate) seeding_warps: u32,
}

macro_rules! arrays {
    (
        |$c:ident, $s:ident|
        zeroed { $($(#[doc = $zdoc:literal])* $zname:ident: $ztype:ty [$zrows:expr],)* }
        others { $($(#[doc = $doc:literal])* $name:ident: $type:ty [$rows:expr],)* }
    ) => {
        /// Where the arrays of a batch lie: an argument of every kernel.
        #[derive(Clone, Copy, Debug, Pod, Zeroable)]
        #[repr(C)]
        pub(crate) struct Batch {
            /// Room in the arrays.
            pub(crate) capacities: Capacities,
            /// Surfaces of the detector.
            pub(crate) surfaces: u32,
            /// Warps that search seeds at a time, each with memory of its own.
            pub(crate) seeding_warps: u32,
            /// Keeps the addresses aligned.
            pub(crate) padding: [u32; 2],
            /// What is known before the batch runs.
            pub(crate) head: Address,
            /// How many rows there are.
            pub(crate) counters: Address,
            $($(#[doc = $zdoc])* pub(crate) $zname: Address,)*
            $($(#[doc = $doc])* pub(crate) $name: Address,)*
        }

        impl Batch {
            /// Cuts an arena that begins at `start`: the addresses, the bytes at the beginning that are zero before every batch, and
            /// the bytes in all.
            pub(crate) fn cut(start: Address, capacities: &Capacities, shape: &Shape) -> (Self, usize, usize) {
                let mut batch = Self::zeroed();
                batch.capacities = *capacities;
                batch.surfaces = shape.surfaces;
                let mut end = 0_usize;
                let mut take = |bytes: usize| {
                    let begin = end.next_multiple_of(ALIGNMENT);
                    end = begin + bytes;
                    Address(start.0 + begin as u64)
                };
                let rows = Sizes::new(capacities);
                let ($c, $s) = (&rows, shape);
                batch.seeding_warps = shape.seeding_warps;
                batch.counters = take(size_of::<Counters>());
                $(batch.$zname = take(<$ztype>::SIZE * ($zrows));)*
                let zeroed = take(0);
                batch.head = take(size_of::<Head>());
                $(batch.$name = take(<$type>::SIZE * ($rows));)*
                let all = take(0);
                (batch, (zeroed.0 - start.0) as usize, (all.0 - start.0) as usize)
            }
        }

        fn declare_batch(text: &mut String) {
            *text += "/// Where the arrays of a batch lie. See `src/layout.rs`.\nstruct Batch {\n    Capacities capacities;\n";
            *text += "    u32 surfaces;\n    u32 seeding_warps;\n    u32 padding[2];\n    Head* head;\n    Counters* counters;\n";
            let mut array = |docs: &[&str], element: &str, name: &str| {
                docs.iter().for_each(|line| *text += &format!("    ///{line}\n"));
                *text += &format!("    {element}* {name};\n");
            };
            $(array(&[$($zdoc),*], <$ztype>::NAME, stringify!($zname));)*
            $(array(&[$($doc),*], <$type>::NAME, stringify!($name));)*
            *text += "};\n\n";
            let size = size_of::<Batch>();
            *text += &format!("static_assert(sizeof(Batch) == {size}, \"as in layout.rs\");\n");
        }
    };
}

/// Of arrays, in bytes: that of the widest loads, and a sector of the caches.
const ALIGNMENT: usize = 256;

arrays! { |c, s|
    zeroed {
        // Fitting.
        /// Tracks of each event whose fit succeeded.
        fitted_count: u32 [c.events],
        // Clustering.
        /// The complement of an earlier cell of the same cluster; 0 for the first one.
        cell_parent: u32 [c.cells],
        /// Clusters in the order of their first cells.
        append_clusters: AppendState [append(c.cells)],
        /// Space points in the order of their measurements.
        append_spacepoints: AppendState [append(c.measurements)],
        /// For each event and surface the first and one past the last measurement; zero for none.
        surface_measurements: Rows [c.events * s.surfaces as usize],
        // Seeding.
        /// The next space point to be searched from, and how many seeds are found.
        search_tickets: u32 [2],
        /// Space points in each cell of the search grid; see `seeding/grid.cuh`.
        search_counts: u32 [search_cells(c, s)],
        /// Where the cells of the search grid begin.
        append_search: AppendState [append(search_cells(c, s).div_ceil(8))],
        /// For each event and search bin the space points that are the middle of seeds, and the number of these seeds.
        bin_seeds: Rows [c.events * s.seeding_bins as usize],
        /// Seeds in the order of bins: a tile for each.
        append_seeds: AppendState [c.events * s.seeding_bins as usize + 2],
        // Parameters.
        /// Parameters in the order of their seeds.
        append_parameters: AppendState [append(c.seeds)],
        // Finding.
        /// Links of a step in the order of those before; zero again after each step.
        append_links: AppendState [append(c.links.max(c.seeds))],
        /// For each measurement the latest link whose last measurement it is, or the latest ballot: in the upper half of which step.
        newest: u64 [c.measurements],
        /// Tips in the order of their links, and their ballots.
        append_tips: AppendState [append(c.links)],
        append_ballots: AppendState [append(c.links)],
        /// Tracks of each event in the order of their tips, and their measurements.
        append_tracks: AppendState [c.events * append(c.tips)],
        append_states: AppendState [c.events * append(c.tips)],
        /// In each step the next link to be followed.
        follow_next: u32 [c.steps],
        /// The next track to be fitted; zero again after each pass.
        fit_next: u32 [1],
        // Ambiguity.
        /// Resolved tracks and their measurements in the order of the found ones.
        append_resolved: AppendState [if s.ambiguity { append(c.tracks) } else { 0 }],
        append_resolved_measurements: AppendState [if s.ambiguity { append(c.tracks) } else { 0 }],
        /// Tracks that have each measurement, and the exclusive or of their rows.
        owners: Rows [if s.ambiguity { c.measurements } else { 0 }],
        /// The worst track of a round that has each measurement, and the complement of its row; for two rounds in turn.
        worst_key: u64 [if s.ambiguity { 2 * c.measurements } else { 0 }],
        worst_row: u32 [if s.ambiguity { 2 * c.measurements } else { 0 }],
    }
    others {
        // Clustering.
        /// First cell of each event, and at the end the number of all.
        cell_first: u32 [c.events + 1],
        /// Channels of each cell as they are copied, where all numbers fit: along local x in the lower half, along local y above.
        packed_channels: u32 [c.cells],
        /// Modules as they are copied, where all numbers fit.
        packed_module: u16 [c.cells],
        /// Channel along local x of each cell.
        channel0: u32 [c.cells],
        /// Channel along local y.
        channel1: u32 [c.cells],
        /// Signal.
        activation: f32 [c.cells],
        /// Module.
        module: u32 [c.cells],
        /// The measurement that each cell went into, a row of the batch.
        cell_measurement: u32 [c.cells],
        /// First cell of each cluster.
        cluster_root: u32 [c.measurements],
        /// First measurement of each event, and at the end the number of all.
        measurement_first: u32 [c.events + 1],
        /// Local coordinates of each measurement, in mm (rad).
        local: Pair [c.measurements],
        /// Their variances.
        variance: Pair [c.measurements],
        /// Time as c·t, in mm.
        time: f32 [c.measurements],
        /// Coordinates that are measured.
        subspace: u32 [c.measurements],
        /// Surface.
        surface: u32 [c.measurements],
        /// Number of cells.
        cluster_cells: u32 [c.measurements],
        /// Size in channels.
        cluster_size: Rows [c.measurements],
        /// Width, in mm (rad).
        cluster_width: Pair [c.measurements],

        // Space points.
        /// First space point of each event, and at the end the number of all.
        spacepoint_first: u32 [c.events + 1],
        /// Global position of each space point, in mm.
        x: f32 [c.spacepoints],
        /// Global y, in mm.
        y: f32 [c.spacepoints],
        /// Global z, in mm.
        z: f32 [c.spacepoints],
        /// Variance of the distance from the z axis, in mm².
        r_variance: f32 [c.spacepoints],
        /// Variance of z, in mm².
        z_variance: f32 [c.spacepoints],
        /// The measurements of each space point, rows of the batch.
        spacepoint_measurements: Rows [c.spacepoints],

        // Seeding.
        /// Cell of the search grid of each space point; all ones for none.
        search_cell: u32 [c.spacepoints],
        /// Which one of its cell it is.
        search_place: u32 [c.spacepoints],
        /// First slot of each cell, and at the end the number of all.
        search_offsets: u32 [search_cells(c, s) + 1],
        /// Space points in the order of the cells.
        search_points: SearchPoint [c.spacepoints],
        /// Their rows.
        search_rows: u32 [c.spacepoints],
        /// Tops of the middle that a warp works on, five columns; see `seeding/doublets.cuh`.
        search_tops: u32 [s.seeding_warps as usize * c.doublets * 5],
        /// Tops that fit its bottom, in two lists, and radii of compatible ones.
        search_fits: u32 [s.seeding_warps as usize * c.doublets * 3],
        /// Its best triplets.
        search_best: Triplet [s.seeding_warps as usize * c.triplets],
        /// Seeds, those of one middle together.
        found_seeds: Seed [c.seeds],
        /// For each middle with seeds its row, its first seed and their number; those of a bin from its first slot on.
        found_middles: FoundMiddle [c.spacepoints],
        /// First seed of each event, and at the end the number of all.
        seed_first: u32 [c.events + 1],
        /// Triplets of space points, rows of the batch.
        seeds: Seed [c.seeds],
        /// First parameters of each event, and at the end the number of all.
        parameter_first: u32 [c.events + 1],
        /// First parameters.
        parameters: BoundParameters [c.seeds],

        // Finding.
        /// First link of a step, by the step modulo four: of the present one, the one before and the next.
        step_first: u32 [4],
        /// Lengths that nobody asks for.
        lengths: u32 [4],
        /// All links, step after step.
        links: Link [c.links],
        /// Where each link arrived.
        arrivals: Arrival [c.links],
        /// How the arrival of each link depends on the updated parameters there.
        jacobians: Matrix5 [if s.smoothing { c.links } else { 0 }],
        /// What became of each link, see `finding/link.cuh`.
        link_status: u32 [c.links],
        /// For duplicates: the link before with the same last measurement.
        link_before: u32 [c.links],
        /// For duplicates: the link with the last measurement.
        link_last: u32 [c.links],
        /// For duplicates: the probability of chi2.
        link_quality: f32 [c.links],
        /// Links where tracks end, in the order of the links.
        tips: u32 [c.tips],
        /// Measurements of each tip; 0 if it is no track.
        tip_length: u32 [c.tips],
        /// Probability of each tip.
        tip_quality: f32 [c.tips],
        /// First ballot of each tip.
        tip_ballots: u32 [c.tips],
        /// Ballots: the tip, and the ballot before of the same measurement.
        ballots: Rows [c.links],
        /// First found track of each event, and at the end the number of all.
        found_first: u32 [c.events + 1],
        /// Tip of each found track.
        found_tip: u32 [c.tracks],
        /// Found tracks.
        found: Track [c.tracks],
        /// Where the measurements of each found track begin.
        found_offsets: u32 [c.tracks + 1],
        /// Their measurements, rows of the batch.
        found_measurements: u32 [c.states],
        /// Their states, where tracks are smoothed.
        found_states: TrackState [if s.smoothing { c.states } else { 0 }],

        // Ambiguity.
        /// Shared measurements of each track; `NONE` if it is out.
        shared: u32 [if s.ambiguity { c.tracks } else { 0 }],
        /// How bad each track is in this round.
        badness: u64 [if s.ambiguity { c.tracks } else { 0 }],
        /// Tracks that can be removed, event by event; twice, in turn.
        removable: Rows [if s.ambiguity { c.tracks } else { 0 }],
        /// First resolved track of each event, and at the end the number of all.
        resolved_first: u32 [c.events + 1],
        /// Resolved tracks.
        resolved: Track [if s.ambiguity { c.tracks } else { 0 }],
        /// Where the measurements of each resolved track begin.
        resolved_offsets: u32 [if s.ambiguity { c.tracks + 1 } else { 0 }],
        /// Their measurements, rows of the batch.
        resolved_measurements: u32 [if s.ambiguity { c.states } else { 0 }],
        /// Their states, where tracks are smoothed.
        resolved_states: TrackState [if s.ambiguity && s.smoothing { c.states } else { 0 }],

        // Fitting. Measurements are those of the resolved tracks, or else of the found ones.
        /// Fitted tracks.
        fitted: Track [if s.fitting { c.tracks } else { 0 }],
        /// Their states.
        fitted_states: TrackState [if s.fitting { c.states } else { 0 }],
        /// What the last pass gave for each track.
        fit_passes: FitPass [if s.fitting { c.tracks } else { 0 }],
        /// The steps of the filter, one for each measurement.
        fit_steps: FilteredStep [if s.fitting { c.fit_steps } else { 0 }],
    }
}

/// The declarations of the arrays for the kernels: what `kernels/batch.cuh` holds.
pub fn declarations() -> String {
    let mut text = String::from(
        "// Written by `UPDATE_KERNELS=1 cargo test -p traccc-cuda --test layout` from src/layout.rs: do not edit.\n#pragma once\n\
         #include \"append.cuh\"\n#include \"event/event.cuh\"\n#include \"finding/link.cuh\"\n#include \"fitting/pass.cuh\"\n#include \"kalman/two_filter.cuh\"\n#include \"seeding/rows.cuh\"\n\n\
         namespace traccc {\n\n/// What is known of a batch before it runs.\nstruct Head {\n    u32 events;\n    u32 cells;\n    u32 packed;\n};\n\n",
    );
    declare_counts(&mut text);
    declare_batch(&mut text);
    text += "\n}  // namespace traccc\n";
    text
}
