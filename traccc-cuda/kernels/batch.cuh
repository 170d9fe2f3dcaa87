// Written by `UPDATE_KERNELS=1 cargo test -p traccc-cuda --test layout` from src/layout.rs: do not edit.
#pragma once
#include "append.cuh"
#include "event/event.cuh"
#include "finding/link.cuh"
#include "fitting/pass.cuh"
#include "kalman/two_filter.cuh"
#include "seeding/rows.cuh"

namespace traccc {

/// What is known of a batch before it runs.
struct Head {
    u32 events;
    u32 cells;
    u32 packed;
};

struct Capacities {
    u32 events;
    u32 cells;
    u32 measurements;
    u32 spacepoints;
    u32 doublets;
    u32 triplets;
    u32 seeds;
    u32 links;
    u32 tips;
    u32 tracks;
    u32 states;
    u32 steps;
    u32 fit_steps;
    u32 padding[1];
};

struct Counters {
    u32 events;
    u32 cells;
    u32 measurements;
    u32 spacepoints;
    u32 doublets;
    u32 triplets;
    u32 seeds;
    u32 links;
    u32 tips;
    u32 tracks;
    u32 states;
    u32 steps;
    u32 fit_steps;
    u32 parameters;
    u32 resolved;
    u32 resolved_states;
    u32 alive;
    u32 bad_cells;
};

/// Where the arrays of a batch lie. See `src/layout.rs`.
struct Batch {
    Capacities capacities;
    u32 surfaces;
    u32 seeding_warps;
    u32 padding[2];
    Head* head;
    Counters* counters;
    /// Tracks of each event whose fit succeeded.
    u32* fitted_count;
    /// The complement of an earlier cell of the same cluster; 0 for the first one.
    u32* cell_parent;
    /// Clusters in the order of their first cells.
    AppendState* append_clusters;
    /// Space points in the order of their measurements.
    AppendState* append_spacepoints;
    /// For each event and surface the first and one past the last measurement; zero for none.
    Rows* surface_measurements;
    /// The next space point to be searched from, and how many seeds are found.
    u32* search_tickets;
    /// Space points in each cell of the search grid; see `seeding/grid.cuh`.
    u32* search_counts;
    /// Where the cells of the search grid begin.
    AppendState* append_search;
    /// For each event and search bin the space points that are the middle of seeds, and the number of these seeds.
    Rows* bin_seeds;
    /// Seeds in the order of bins: a tile for each.
    AppendState* append_seeds;
    /// Parameters in the order of their seeds.
    AppendState* append_parameters;
    /// Links of a step in the order of those before; zero again after each step.
    AppendState* append_links;
    /// For each measurement the latest link whose last measurement it is, or the latest ballot: in the upper half of which step.
    u64* newest;
    /// Tips in the order of their links, and their ballots.
    AppendState* append_tips;
    AppendState* append_ballots;
    /// Tracks of each event in the order of their tips, and their measurements.
    AppendState* append_tracks;
    AppendState* append_states;
    /// In each step the next link to be followed.
    u32* follow_next;
    /// The next track to be fitted; zero again after each pass.
    u32* fit_next;
    /// Resolved tracks and their measurements in the order of the found ones.
    AppendState* append_resolved;
    AppendState* append_resolved_measurements;
    /// Tracks that have each measurement, and the exclusive or of their rows.
    Rows* owners;
    /// The worst track of a round that has each measurement, and the complement of its row; for two rounds in turn.
    u64* worst_key;
    u32* worst_row;
    /// First cell of each event, and at the end the number of all.
    u32* cell_first;
    /// Channels of each cell as they are copied, where all numbers fit: along local x in the lower half, along local y above.
    u32* packed_channels;
    /// Modules as they are copied, where all numbers fit.
    u16* packed_module;
    /// Channel along local x of each cell.
    u32* channel0;
    /// Channel along local y.
    u32* channel1;
    /// Signal.
    f32* activation;
    /// Module.
    u32* module;
    /// The measurement that each cell went into, a row of the batch.
    u32* cell_measurement;
    /// First cell of each cluster.
    u32* cluster_root;
    /// First measurement of each event, and at the end the number of all.
    u32* measurement_first;
    /// Local coordinates of each measurement, in mm (rad).
    Pair* local;
    /// Their variances.
    Pair* variance;
    /// Time as c·t, in mm.
    f32* time;
    /// Coordinates that are measured.
    u32* subspace;
    /// Surface.
    u32* surface;
    /// Number of cells.
    u32* cluster_cells;
    /// Size in channels.
    Rows* cluster_size;
    /// Width, in mm (rad).
    Pair* cluster_width;
    /// First space point of each event, and at the end the number of all.
    u32* spacepoint_first;
    /// Global position of each space point, in mm.
    f32* x;
    /// Global y, in mm.
    f32* y;
    /// Global z, in mm.
    f32* z;
    /// Variance of the distance from the z axis, in mm².
    f32* r_variance;
    /// Variance of z, in mm².
    f32* z_variance;
    /// The measurements of each space point, rows of the batch.
    Rows* spacepoint_measurements;
    /// Cell of the search grid of each space point; all ones for none.
    u32* search_cell;
    /// Which one of its cell it is.
    u32* search_place;
    /// First slot of each cell, and at the end the number of all.
    u32* search_offsets;
    /// Space points in the order of the cells.
    SearchPoint* search_points;
    /// Their rows.
    u32* search_rows;
    /// Tops of the middle that a warp works on, five columns; see `seeding/doublets.cuh`.
    u32* search_tops;
    /// Tops that fit its bottom, in two lists, and radii of compatible ones.
    u32* search_fits;
    /// Its best triplets.
    Triplet* search_best;
    /// Seeds, those of one middle together.
    Seed* found_seeds;
    /// For each middle with seeds its row, its first seed and their number; those of a bin from its first slot on.
    FoundMiddle* found_middles;
    /// First seed of each event, and at the end the number of all.
    u32* seed_first;
    /// Triplets of space points, rows of the batch.
    Seed* seeds;
    /// First parameters of each event, and at the end the number of all.
    u32* parameter_first;
    /// First parameters.
    BoundParameters* parameters;
    /// First link of a step, by the step modulo four: of the present one, the one before and the next.
    u32* step_first;
    /// Lengths that nobody asks for.
    u32* lengths;
    /// All links, step after step.
    Link* links;
    /// Where each link arrived.
    Arrival* arrivals;
    /// How the arrival of each link depends on the updated parameters there.
    Matrix5* jacobians;
    /// What became of each link, see `finding/link.cuh`.
    u32* link_status;
    /// For duplicates: the link before with the same last measurement.
    u32* link_before;
    /// For duplicates: the link with the last measurement.
    u32* link_last;
    /// For duplicates: the probability of chi2.
    f32* link_quality;
    /// Links where tracks end, in the order of the links.
    u32* tips;
    /// Measurements of each tip; 0 if it is no track.
    u32* tip_length;
    /// Probability of each tip.
    f32* tip_quality;
    /// First ballot of each tip.
    u32* tip_ballots;
    /// Ballots: the tip, and the ballot before of the same measurement.
    Rows* ballots;
    /// First found track of each event, and at the end the number of all.
    u32* found_first;
    /// Tip of each found track.
    u32* found_tip;
    /// Found tracks.
    Track* found;
    /// Where the measurements of each found track begin.
    u32* found_offsets;
    /// Their measurements, rows of the batch.
    u32* found_measurements;
    /// Their states, where tracks are smoothed.
    TrackState* found_states;
    /// Shared measurements of each track; `NONE` if it is out.
    u32* shared;
    /// How bad each track is in this round.
    u64* badness;
    /// Tracks that can be removed, event by event; twice, in turn.
    Rows* removable;
    /// First resolved track of each event, and at the end the number of all.
    u32* resolved_first;
    /// Resolved tracks.
    Track* resolved;
    /// Where the measurements of each resolved track begin.
    u32* resolved_offsets;
    /// Their measurements, rows of the batch.
    u32* resolved_measurements;
    /// Their states, where tracks are smoothed.
    TrackState* resolved_states;
    /// Fitted tracks.
    Track* fitted;
    /// Their states.
    TrackState* fitted_states;
    /// What the last pass gave for each track.
    FitPass* fit_passes;
    /// The steps of the filter, one for each measurement.
    FilteredStep* fit_steps;
};

static_assert(sizeof(Batch) == 848, "as in layout.rs");

}  // namespace traccc
