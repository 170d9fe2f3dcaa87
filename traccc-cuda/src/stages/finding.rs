use crate::device::{Grid, Launch};
use crate::kernels::kernels;
use crate::layout::Capacities;
use traccc_core::ChainConfig;
use traccc_core::finding::Smoother;

kernels! { "finding":
    EXTEND = "find_extend", 256;
    SURVIVORS = "find_survivors", 256;
    FOLLOW = "find_follow", 256;
    TIPS = "find_tips", 256;
    TRACKS = "find_tracks", 256;
    SMOOTH = "find_smooth", 128;
}

pub(crate) fn launches(config: &ChainConfig, rows: &Capacities) -> Vec<Launch> {
    let config = &config.finding;
    let steps = config.max_measurements.min(rows.steps.max(1));
    // A step has about as many links as there are seeds; threads take more of them where it has more.
    let candidates = Grid::Rows(rows.seeds as usize);
    // A warp for each, as far as they run at a time: the fewer links a warp has, the sooner it is done.
    let follow = Launch::new(FOLLOW, Grid::Rows(rows.seeds as usize * super::WARP));
    let mut launches = Vec::new();
    for step in 0..steps {
        launches.push(Launch::new(EXTEND, candidates).with(step));
        if config.duplicate_removal_min_length.is_some_and(|length| step >= length) {
            launches.push(Launch::new(SURVIVORS, candidates).with(step));
        }
        launches.push(follow.with(step));
    }
    launches.push(Launch::new(TIPS, Grid::Rows(rows.links as usize)).with(steps));
    launches.push(Launch::new(TRACKS, Grid::Rows(rows.events as usize * rows.tips as usize)));
    if config.smoother == Smoother::Mbf {
        launches.push(Launch::new(SMOOTH, Grid::Rows(rows.tracks as usize)));
    }
    launches
}
