// The combinatorial Kalman filter. See `finding/mod.rs` of core.
//
// All candidates advance together; a step is a few launches, whose argument is the step. Nothing is moved: candidates are
// links whose status is ARRIVED, in the order of the links. Launches behind the last candidate end at once.
#include "finding/build.cuh"
#include "finding/duplicates.cuh"
#include "finding/step.cuh"
#include "finding/voting.cuh"

namespace traccc {

/// Links all candidates with measurements or holes.
KERNEL(find_extend, 256, 4) {
    __shared__ u32 shared[10];
    const FindingCuts& config = tables.settings.finding;
    const u32 step = argument;
    const StepRange before = step == 0 ? StepRange{0, seed_count(batch)} : links_of_step(batch, step - 1);
    const u32 rows = before.end - before.first;
    // More than there is room for if links are lost.
    const u32 first = step == 0 ? 0 : batch.step_first[step & 3];
    u32* next_first = &batch.step_first[(step + 1) & 3];
    if (rows == 0) {
        if (blockIdx.x == 0 && threadIdx.x == 0) *next_first = first;
        return;
    }
    for (u32 tile;;) {
        next_tile(batch.append_links, shared, tile);
        if (tile * blockDim.x >= rows) break;
        const u32 row = tile * blockDim.x + threadIdx.x;
        const bool last = (tile + 1) * blockDim.x >= rows;
        Extensions extensions{0, none<Compatible>()};
        Candidate candidate;
        u32 previous = NONE, seed = row;
        if (row < rows) {
            bool usable;
            if (step == 0) {
                const BoundParameters& parameters = batch.parameters[row];
                usable = parameters.surface < batch.surfaces && is_track(parameters.vector);
            } else {
                previous = before.first + row;
                seed = NONE;
                usable = batch.link_status[previous] == ARRIVED;
            }
            if (usable) {
                candidate = candidate_of(batch, previous, seed);
                extensions = extensions_of(batch, config, candidate);
            }
        }
        const u32 at = first + append(batch.append_links, tile, last, extensions.count, shared, next_first);
        if (last && threadIdx.x == blockDim.x - 1) {
            *next_first = at + extensions.count;
            batch.counters->links = max(batch.counters->links, at + extensions.count);
        }
        if (extensions.count == 0) continue;
        const Link base = base_link(batch, previous, seed);
        Option<Compatible> seen = extensions.best;
        for (u32 i = 0; i < extensions.count && at + i < batch.capacities.links; i++) {
            if (i > 0) seen = next_extension(batch, candidate, config.max_chi2, seen);
            const Link link = seen.is_some ? with_measurement(batch, base, seen.value) : with_hole(base);
            batch.links[at + i] = link;
            batch.link_status[at + i] = DROPPED;
            if (step >= config.duplicate_removal_min_length)
                enlist(batch, at + i, link, step, config.duplicate_removal_min_length);
        }
    }
}

/// Marks the links that follow the measurements of a better one.
KERNEL(find_survivors, 256, 4) {
    const StepRange links = links_of_step(batch, argument);
    FOR_EACH_ROW(row, links.end - links.first) {
        if (dominated(batch, links.first + row)) batch.link_status[links.first + row] = DOMINATED;
    }
}

/// Carries the links that survive to their next sensors.
KERNEL(find_follow, 256, 2) {
    using namespace propagation;
    __shared__ NavigationMemory memory;
    const FindingCuts& config = tables.settings.finding;
    const StepRange links = links_of_step(batch, argument);
    Workspace work;
    Propagation propagation{Scene{&tables.detector, &tables.field, &tables.settings.propagation}, config.particle,
                            config.limits, work};
    FollowLinks follow{tables, batch, argument, links};
    propagate_all(propagation, links.end - links.first, memory, follow);
    clear_append(batch.append_links, max(batch.capacities.links, batch.capacities.seeds));
}

/// Lists the ends of links, and their ballots. The argument is the number of steps.
KERNEL(find_tips, 256, 4) {
    __shared__ u32 shared[10];
    const FindingCuts& config = tables.settings.finding;
    const u32 steps = argument;
    const u32 rows = first_link(batch, steps), last_step = first_link(batch, steps - 1);
    const bool voting = config.max_tracks_per_measurement > 0;
    for (u32 tile;;) {
        next_tile(batch.append_tips, shared, tile);
        if (tile * blockDim.x >= rows) break;
        const u32 row = tile * blockDim.x + threadIdx.x;
        const bool last = (tile + 1) * blockDim.x >= rows;
        const u32 status = row < rows ? batch.link_status[row] : (u32)DROPPED;
        const bool ends = status == ENDED;
        if (status == ARRIVED && row >= last_step) atomicAdd(&batch.counters->alive, 1u);
        const u32 at = append(batch.append_tips, tile, last, ends ? 1 : 0, shared, &batch.counters->tips);
        u32 length = ends ? count_measurements(batch, row) : 0;
        // Tips that will not become tracks have no vote.
        if (!(length >= config.min_measurements && length <= config.max_measurements)) length = 0;
        u32 ballots = 0;
        if (voting) {
            ballots = append(batch.append_ballots, tile, last, length, shared, batch.lengths);
            // As many ballots as links at most, unless candidates branch.
            if (last && threadIdx.x == blockDim.x - 1 && ballots + length > batch.capacities.links)
                batch.counters->links = max(batch.counters->links, ballots + length);
        }
        if (!ends || at >= batch.capacities.tips) continue;
        const Link link = batch.links[row];
        batch.tips[at] = row;
        batch.tip_length[at] = length;
        batch.tip_quality[at] = probability(link.chi2_sum, (i32)link.coordinates - 5);
        batch.tip_ballots[at] = ballots;
        if (voting && length > 0) cast_ballots(batch, row, at, ballots, ballot_tag(steps));
    }
}

/// Makes tracks of the tips that get enough votes, event by event.
KERNEL(find_tracks, 256, 4) {
    __shared__ u32 shared[10];
    const FindingCuts& config = tables.settings.finding;
    const u32 events = batch.head->events, tips = min(batch.counters->tips, batch.capacities.tips);
    // Every event has a tile, so that it has a first track.
    const u32 tiles_each = max((tips + blockDim.x - 1) / blockDim.x, 1u), tiles = events * tiles_each;
    if (blockIdx.x == 0 && threadIdx.x == 0) {
        batch.found_offsets[0] = 0;
        if (events == 0) batch.found_first[0] = 0;
    }
    for (u32 tile;;) {
        next_tile(batch.append_tracks, shared, tile);
        if (tile >= tiles) break;
        const u32 event = tile / tiles_each, row = tile % tiles_each * blockDim.x + threadIdx.x;
        const bool last = tile + 1 == tiles;
        u32 tip = NONE, length = 0;
        if (row < tips) {
            tip = batch.tips[row];
            if (event_of(batch.parameter_first, events, batch.links[tip].seed) == event) length = batch.tip_length[row];
            if (length > 0 && config.max_tracks_per_measurement > 0) {
                const f32 votes = (f32)count_votes(batch, row, config.max_tracks_per_measurement);
                if (!(votes / (f32)length >= config.min_voting_fraction)) length = 0;
            }
        }
        const u32 track = append(batch.append_tracks, tile, last, length > 0 ? 1 : 0, shared, &batch.counters->tracks);
        const u32 first = append(batch.append_states, tile, last, length, shared, &batch.counters->states);
        if (threadIdx.x == 0 && tile % tiles_each == 0) batch.found_first[event] = track;
        if (threadIdx.x == blockDim.x - 1 && last) batch.found_first[events] = track + (length > 0 ? 1 : 0);
        if (length == 0 || track >= batch.capacities.tracks) continue;
        batch.found_tip[track] = tip;
        batch.found[track] = summary(batch, tip, batch.tip_quality[row]);
        batch.found_offsets[track + 1] = first + length;
        if (first + length > batch.capacities.states) continue;
        u32 at = first + length;
        for (u32 link = tip; link != NONE; link = batch.links[link].previous) {
            const u32 measurement = batch.links[link].measurement;
            if (measurement != NONE) batch.found_measurements[--at] = measurement;
        }
    }
}

/// Smooths the found tracks.
KERNEL(find_smooth, 128, 4) {
    FOR_EACH_ROW(track, min(batch.counters->tracks, batch.capacities.tracks)) {
        const u32 first = batch.found_offsets[track], end = batch.found_offsets[track + 1];
        if (end <= batch.capacities.states) smooth_one(batch, batch.found_tip[track], first, end, batch.found[track]);
    }
}

}  // namespace traccc
