use std::f64::consts::PI;
use traccc_core::detector::{AxisModel, Material, MaterialMapModel, MaterialModel, SlabModel};

const PHI_BINS: usize = 20;
const Z_BINS: usize = 20;
const R_BINS: usize = 5;

fn azimuth() -> AxisModel {
    AxisModel { bins: PHI_BINS, min: -PI, max: PI, circular: true }
}

fn bounded(bins: usize, min: f64, max: f64) -> AxisModel {
    AxisModel { bins, min, max, circular: false }
}

/// Where bin `bin` of `axis` is evaluated: the bins are spread from end to end, not put at their centres.
fn sample_point(axis: &AxisModel, bin: usize) -> f64 {
    axis.min + bin as f64 * (axis.max - axis.min) / (axis.bins - 1) as f64
}

/// A map on a cylinder from `z[0]` to `z[1]` mm, with a thickness in mm that depends on z.
pub(super) fn cylinder_map(
    material: Material,
    z: [f64; 2],
    thickness: impl Fn(f64) -> f64,
) -> MaterialModel {
    let axes = [azimuth(), bounded(Z_BINS, z[0], z[1])];
    let slab = |bin: usize| {
        let thickness = thickness(sample_point(&axes[1], bin / PHI_BINS));
        Some(SlabModel { thickness, material })
    };
    let slabs = (0..PHI_BINS * Z_BINS).map(slab).collect();
    MaterialModel::Map(MaterialMapModel { axes, slabs })
}

/// A map on a ring from `r[0]` to `r[1]` mm, with a thickness in mm that depends on r.
pub(super) fn disc_map(
    material: Material,
    r: [f64; 2],
    thickness: impl Fn(f64) -> f64,
) -> MaterialModel {
    let axes = [bounded(R_BINS, r[0], r[1]), azimuth()];
    let slab = |bin: usize| {
        let thickness = thickness(sample_point(&axes[0], bin % R_BINS));
        Some(SlabModel { thickness, material })
    };
    let slabs = (0..R_BINS * PHI_BINS).map(slab).collect();
    MaterialModel::Map(MaterialMapModel { axes, slabs })
}
