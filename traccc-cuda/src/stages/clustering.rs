use crate::device::{Grid, Launch};
use crate::kernels::kernels;
use crate::layout::Capacities;

kernels! { "clustering":
    UNPACK = "cells_unpack", 256;
    LINK = "cells_link", 256;
    LIST = "clusters_list", 256;
    MEASURE = "clusters_measure", 128;
}

pub(crate) fn launches(rows: &Capacities) -> Vec<Launch> {
    let cells = Grid::Rows(rows.cells as usize);
    let clusters = Grid::Rows(rows.measurements as usize);
    vec![
        Launch::new(UNPACK, cells),
        Launch::new(LINK, cells),
        Launch::new(LIST, cells),
        Launch::new(MEASURE, clusters),
    ]
}
