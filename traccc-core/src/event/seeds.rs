use crate::Scalar;
use crate::index::SpacepointIndex;

/// Three space points that may belong to one particle, from the inside out.
///
/// Collections of seeds are in the order of the middle space point's search bin, then of the middle space point,
/// then of falling weight.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Seed {
    /// Innermost space point.
    pub bottom: SpacepointIndex,
    /// Middle space point.
    pub middle: SpacepointIndex,
    /// Outermost space point.
    pub top: SpacepointIndex,
    /// Quality, larger is better, no unit.
    pub weight: Scalar,
}
#[cfg(not(traccc_f64))]
const _: () = assert!(size_of::<Seed>() == 16);
