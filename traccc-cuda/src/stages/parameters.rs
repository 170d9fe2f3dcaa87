use crate::device::{Grid, Launch};
use crate::kernels::kernels;
use crate::layout::Capacities;

kernels! { "parameters":
    ESTIMATE = "parameters_estimate", 256;
}

pub(crate) fn launches(rows: &Capacities) -> Vec<Launch> {
    vec![Launch::new(ESTIMATE, Grid::Rows(rows.seeds as usize))]
}
