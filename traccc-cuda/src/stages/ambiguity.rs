use crate::device::{Grid, Launch};
use crate::kernels::kernels;
use crate::layout::Capacities;

kernels! { "ambiguity":
    ENTER = "resolve_enter", 256;
    COUNT = "resolve_count", 256;
    MARK = "resolve_mark", 256;
    TIES = "resolve_ties", 256;
    REMOVE = "resolve_remove", 256;
    ROUNDS = "resolve_rounds", 1024;
    GATHER = "resolve_gather", 256;
}

/// Rounds of large events that the whole card works on: in an event of pile-up 200 they leave 3 % of what could be removed.
const WIDE_ROUNDS: u32 = 10;
/// Tracks of an event up to which one block is as fast.
const FEW_TRACKS: u32 = 2048;

pub(crate) fn launches(rows: &Capacities) -> Vec<Launch> {
    let tracks = Grid::Rows(rows.tracks as usize);
    let wide = if rows.tracks / rows.events.max(1) > FEW_TRACKS { WIDE_ROUNDS } else { 0 };
    let mut launches = vec![Launch::new(ENTER, tracks), Launch::new(COUNT, tracks)];
    for round in 0..wide {
        launches.extend([MARK, TIES, REMOVE].map(|kernel| Launch::new(kernel, tracks).with(round)));
    }
    launches.push(Launch::new(ROUNDS, Grid::Blocks(rows.events.max(1))).with(wide));
    launches.push(Launch::new(GATHER, tracks));
    launches
}
