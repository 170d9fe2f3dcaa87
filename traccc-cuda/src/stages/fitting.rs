use crate::device::{Grid, Launch};
use crate::kernels::kernels;
use crate::layout::Capacities;
use traccc_core::{ChainConfig, Stage};

kernels! { "fitting":
    FILTER = "fit_filter", 256;
    SMOOTH = "fit_smooth", 128;
}

pub(crate) fn launches(config: &ChainConfig, rows: &Capacities) -> Vec<Launch> {
    let of_resolved = u32::from(config.runs(Stage::Ambiguity));
    let tracks = rows.tracks as usize;
    (0..config.fitting.iterations)
        .flat_map(|iteration| {
            let argument = 2 * iteration + of_resolved;
            [
                Launch::new(FILTER, Grid::Rows(tracks * super::WARP)).with(argument),
                Launch::new(SMOOTH, Grid::Rows(tracks)).with(argument),
            ]
        })
        .collect()
}
