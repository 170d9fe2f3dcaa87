use crate::device::{Grid, Launch};
use crate::kernels::kernels;
use crate::layout::Capacities;
use traccc_core::{ChainConfig, Stage};

kernels! { "fitting":
    FIT = "fit_tracks", 256;
}

pub(crate) fn launches(config: &ChainConfig, rows: &Capacities) -> Vec<Launch> {
    let of_resolved = config.runs(Stage::Ambiguity);
    vec![Launch::new(FIT, Grid::Rows(rows.tracks as usize * super::WARP)).with(u32::from(of_resolved))]
}
