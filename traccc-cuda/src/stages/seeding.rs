use crate::device::{Grid, Launch};
use crate::kernels::kernels;
use crate::layout::Capacities;
use traccc_core::ChainConfig;

kernels! { "seeding":
    PLACE = "seeding_place", 256;
    OFFSETS = "seeding_offsets", 256;
    FILL = "seeding_fill", 256;
    SEARCH = "seeding_search", 128;
    ORDER = "seeding_order", 128;
}

pub(crate) fn launches(_config: &ChainConfig, rows: &Capacities) -> Vec<Launch> {
    let spacepoints = Grid::Rows(rows.spacepoints as usize);
    vec![
        Launch::new(PLACE, spacepoints),
        Launch::new(OFFSETS, spacepoints),
        Launch::new(FILL, spacepoints),
        Launch::new(SEARCH, Grid::Rows(rows.spacepoints as usize * super::WARP)),
        Launch::new(ORDER, spacepoints),
    ]
}
