use super::target::Target;
use nalgebra::Vector3;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};
use traccc_core::SurfaceIndex;
use traccc_core::detector::{Detector, Slab};

type Boxed = GeomWithData<Rectangle<[f64; 3]>, u32>;

/// A detector prepared for the flight of particles: which surfaces are near, whatever the volumes and grids say.
pub struct World<'a> {
    detector: &'a Detector,
    targets: Vec<Target>,
    tree: RTree<Boxed>,
    low: Vector3<f64>,
    high: Vector3<f64>,
}

impl std::fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("detector", &self.detector.name)
            .field("targets", &self.targets.len())
            .finish_non_exhaustive()
    }
}

impl<'a> World<'a> {
    /// Sorts the surfaces of a detector by place.
    pub fn new(detector: &'a Detector) -> Self {
        let surfaces = (0..detector.surfaces.len()).map(SurfaceIndex::from);
        let targets: Vec<_> = surfaces.filter_map(|s| Target::new(detector, s)).collect();
        let mut low = Vector3::repeat(f64::MAX);
        let mut high = Vector3::repeat(f64::MIN);
        let mut boxes = Vec::with_capacity(targets.len());
        for (number, target) in targets.iter().enumerate() {
            let [l, h] = target.bounding_box();
            low = low.inf(&l);
            high = high.sup(&h);
            boxes.push(Boxed::new(Rectangle::from_corners(l.into(), h.into()), number as u32));
        }
        Self { detector, targets, tree: RTree::bulk_load(boxes), low, high }
    }

    pub(super) fn target(&self, number: u32) -> &Target {
        &self.targets[number as usize]
    }

    /// Whether a global position lies in the box around all surfaces.
    pub(crate) fn contains(&self, position: &Vector3<f64>) -> bool {
        (0..3).all(|axis| (self.low[axis]..=self.high[axis]).contains(&position[axis]))
    }

    /// Numbers of the targets whose boxes touch the box between two corners, in no particular order.
    pub(super) fn near(&self, low: Vector3<f64>, high: Vector3<f64>) -> impl Iterator<Item = u32> {
        let envelope = AABB::from_corners(low.into(), high.into());
        self.tree.locate_in_envelope_intersecting(&envelope).map(|boxed| boxed.data)
    }

    /// The material of a target at a global position.
    pub(super) fn slab_at(&self, target: &Target, position: &Vector3<f64>) -> Option<&'a Slab> {
        let detector = self.detector;
        let surface = &detector.surfaces[target.surface.get()];
        if !surface.material.is_some() {
            return None;
        }
        detector.slab_at(surface, target.local(position))
    }
}
