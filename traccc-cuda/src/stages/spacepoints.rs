use crate::device::{Grid, Launch};
use crate::kernels::kernels;
use crate::layout::Capacities;

kernels! { "spacepoints":
    FORM = "spacepoints_form", 256;
}

pub(crate) fn launches(rows: &Capacities) -> Vec<Launch> {
    vec![Launch::new(FORM, Grid::Rows(rows.measurements as usize))]
}
