//! Which surfaces lie ahead.

use super::PropagationCuts;
use super::intersection::Parabola;
use crate::Scalar;
use crate::detector::{Detector, Grid, GridFrame, Mask, Surface, SurfaceKind, Volume};
use crate::index::{SurfaceIndex, VolumeIndex};
use crate::math::{Vector3, atan2, dot, norm, perp};

/// A surface ahead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) surface: SurfaceIndex,
    /// Path to it, in mm.
    pub(super) path: Scalar,
    /// The volume behind the mask that will be met.
    pub(super) link: VolumeIndex,
}

/// The surfaces ahead in one volume, nearest first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidates {
    candidates: [Candidate; CAPACITY],
    len: usize,
    next: usize,
}

/// Farther candidates are found again when the nearer ones are used up.
const CAPACITY: usize = 8;
/// How far behind a portal may be when no other way out is seen, in mm.
const LOST_PORTAL: Scalar = -100.0;

/// Searches routes through one detector.
#[derive(Clone, Copy, Debug)]
pub(super) struct Navigator<'a> {
    pub(super) detector: &'a Detector,
    pub(super) cuts: &'a PropagationCuts,
    /// A sensor known to have been hit: its border counts as wide as tolerances ever get.
    pub(super) expected: Option<SurfaceIndex>,
}

impl Candidates {
    fn empty() -> Self {
        let none = Candidate { surface: SurfaceIndex::NONE, path: 0.0, link: VolumeIndex::NONE };
        Self { candidates: [none; CAPACITY], len: 0, next: 0 }
    }

    /// The nearest surface that is still ahead.
    #[inline]
    pub(super) fn target(&self) -> Option<Candidate> {
        (self.next < self.len).then(|| self.candidates[self.next])
    }

    /// The nearest surface has been reached or missed.
    #[inline]
    pub(super) fn advance(&mut self) {
        self.next += 1;
    }

    /// The nearest surface, seen from closer.
    #[inline]
    pub(super) fn update(&mut self, candidate: Candidate) {
        self.candidates[self.next] = candidate;
    }

    /// Inserts in order of path, and of the surface's number where paths are equal: in whichever order surfaces are found, the list
    /// is the same. The farthest is lost when there is no room.
    #[inline]
    fn insert(&mut self, candidate: Candidate) {
        let is_behind = |c: &Candidate| {
            c.path > candidate.path || (c.path >= candidate.path && c.surface > candidate.surface)
        };
        let mut slot = self.len;
        while slot > 0 && is_behind(&self.candidates[slot - 1]) {
            slot -= 1;
        }
        if slot == CAPACITY {
            return;
        }
        // A surface can be in two grids, and expected besides; its paths are then equal.
        if slot > 0 {
            let before = &self.candidates[slot - 1];
            if before.path >= candidate.path && before.surface == candidate.surface {
                return;
            }
        }
        let last = self.len.min(CAPACITY - 1);
        self.candidates.copy_within(slot..last, slot + 1);
        self.candidates[slot] = candidate;
        self.len = last + 1;
    }
}

impl Navigator<'_> {
    /// All surfaces of a volume ahead of a trajectory that enters it after the path `entry`, except the one it stands
    /// on.
    pub(super) fn search(
        &self,
        volume: VolumeIndex,
        parabola: &Parabola,
        entry: Scalar,
        standing_on: SurfaceIndex,
    ) -> Candidates {
        let volume = &self.detector.volumes[volume.get()];
        let mut candidates = Candidates::empty();
        let ahead = entry + self.cuts.path_tolerance;
        let mut way_out = false;
        for &index in self.searched(volume) {
            let surface = &self.detector.surfaces[index.get()];
            if let Some(candidate) = self.meet(parabola, index, surface, ahead) {
                way_out |= surface.kind == SurfaceKind::PORTAL;
                if index != standing_on {
                    candidates.insert(candidate);
                }
            }
        }
        if !way_out && entry <= 0.0 {
            self.search_behind(volume, parabola, &mut candidates);
        }
        let [first, last] = volume.grids.map(|g| g as usize);
        for grid in &self.detector.grids[first..last] {
            self.search_grid(grid, volume, parabola, entry, standing_on, &mut candidates);
        }
        if let Some(expected) = self.expected.filter(|&e| e != standing_on) {
            let surface = &self.detector.surfaces[expected.get()];
            let [first, last] = volume.surfaces;
            if (first..last).contains(&expected.0)
                && let Some(candidate) = self.meet(parabola, expected, surface, ahead)
            {
                candidates.insert(candidate);
            }
        }
        candidates
    }

    fn searched(&self, volume: &Volume) -> &[SurfaceIndex] {
        let [first, last] = volume.searched.map(|s| s as usize);
        &self.detector.searched[first..last]
    }

    /// A trajectory just outside its volume (rounding at a corner) sees no way out ahead: the nearest portal behind.
    fn search_behind(&self, volume: &Volume, parabola: &Parabola, candidates: &mut Candidates) {
        let portals = self.searched(volume).iter().filter_map(|&index| {
            let surface = &self.detector.surfaces[index.get()];
            let portal = surface.kind == SurfaceKind::PORTAL;
            let behind = |candidate: &Candidate| candidate.path < -self.cuts.path_tolerance;
            self.meet(parabola, index, surface, LOST_PORTAL).filter(|c| portal && behind(c))
        });
        if let Some(nearest) = portals.max_by(|a, b| a.path.total_cmp(&b.path)) {
            candidates.insert(nearest);
        }
    }

    fn search_grid(
        &self,
        grid: &Grid,
        volume: &Volume,
        parabola: &Parabola,
        entry: Scalar,
        standing_on: SurfaceIndex,
        candidates: &mut Candidates,
    ) {
        let [first, second] = lookup(grid, volume, parabola, entry);
        let bins = [grid.axes[0].bin(first), grid.axes[1].bin(second)];
        let ahead = entry + self.cuts.path_tolerance;
        let curvature = norm(&parabola.curvature);
        for &index in self.detector.bin(grid, bins) {
            let surface = &self.detector.surfaces[index.get()];
            if index != standing_on
                && !self.passes_by(parabola, curvature, surface)
                && let Some(candidate) = self.meet(parabola, index, surface, ahead)
            {
                candidates.insert(candidate);
            }
        }
    }

    /// Whether a trajectory with this magnitude of its curvature passes a flat surface so far outside that
    /// [`meet`](Self::meet) gives nothing: a shortcut for speed, without a root and a division.
    ///
    /// The tangent meets the plane at the path s = distance / slope. There the parabola is off by less than
    /// 4 curvature s² / |slope|, the change of its own path included, which is at most 2 |s|. All is multiplied by |slope|³.
    #[inline]
    fn passes_by(&self, parabola: &Parabola, curvature: Scalar, surface: &Surface) -> bool {
        let normal = surface.axis(2);
        let to_origin = surface.origin() - parabola.position;
        let (distance, slope) = (dot(&normal, &to_origin), dot(&normal, &parabola.direction));
        // Rounding counts for more where the trajectory grazes the plane.
        if slope.abs() < GRAZING || surface.further_masks > 0 {
            return false;
        }
        let square = slope * slope;
        let bend = 4.0 * curvature * distance * distance;
        let half_box = surface.mask.half_box(surface.shape);
        half_box.into_iter().enumerate().any(|(axis, half)| {
            let axis = surface.axis(axis);
            let reach = (half + self.cuts.max_mask_tolerance + CLEARLY) * square * slope.abs();
            let local = dot(&axis, &parabola.direction) * distance - dot(&axis, &to_origin) * slope;
            local.abs() * square > reach + bend
        })
    }

    /// Where the trajectory meets a surface inside one of its masks, not before the path `from`.
    #[inline]
    pub(super) fn meet(
        &self,
        parabola: &Parabola,
        index: SurfaceIndex,
        surface: &Surface,
        from: Scalar,
    ) -> Option<Candidate> {
        let (path, point) = parabola.surface(surface, from)?;
        let tolerance = self.mask_tolerance(index, surface, path);
        let inside = |mask: &&Mask| mask.contains(surface.shape, &point, tolerance);
        let mask = Some(&surface.mask)
            .filter(inside)
            .or_else(|| self.detector.further_masks(surface).iter().find(inside))?;
        Some(Candidate { surface: index, path, link: mask.link })
    }

    /// Portals must not overlap; sensors may be missed by the error of the extrapolation.
    #[inline]
    fn mask_tolerance(&self, index: SurfaceIndex, surface: &Surface, path: Scalar) -> Scalar {
        if surface.kind == SurfaceKind::PORTAL {
            return PORTAL_TOLERANCE;
        }
        if self.expected == Some(index) {
            return self.cuts.max_mask_tolerance;
        }
        let tolerance = self.cuts.mask_tolerance_per_path * path.abs();
        tolerance.min(self.cuts.max_mask_tolerance).max(self.cuts.min_mask_tolerance)
    }
}

/// Coordinates of the grid bin for a trajectory: where it crosses the grid's reference surface, be that ahead or behind.
///
/// The bin lists what a helix with this crossing can meet (`detector/reach.rs`), wherever on it the search starts. The error
/// of the parabola on the way to the crossing is small beside the tolerance by which the masks were grown there.
fn lookup(grid: &Grid, volume: &Volume, parabola: &Parabola, entry: Scalar) -> [Scalar; 2] {
    if grid.frame == GridFrame::CYLINDER {
        let s = parabola.nearest_to_cylinder(grid.reference, entry).unwrap_or(entry);
        let point = parabola.at(s);
        return [atan2(point.y, point.x), point.z];
    }
    let axes = volume.axes.map(Vector3::from);
    let origin = Vector3::from(volume.translation) + axes[2] * grid.reference;
    let point = parabola
        .plane(&origin, &axes[2], -MAX_LOOKUP)
        .map_or_else(|| parabola.at(entry), |s| parabola.at(s))
        - origin;
    let (x, y) = (dot(&axes[0], &point), dot(&axes[1], &point));
    if grid.frame == GridFrame::DISC { [perp(x, y), atan2(y, x)] } else { [x, y] }
}

/// A rounding error's width, so that no track slips between two portals that share an edge, in mm.
const PORTAL_TOLERANCE: Scalar = 1.0e-3;
/// Slope of a trajectory to a plane below which it is not judged by its tangent.
const GRAZING: Scalar = 0.05;
/// Distance from a mask that no rounding makes up for, in mm.
const CLEARLY: Scalar = 1.0;
/// Farther from its grid a trajectory is looked up where it is, in mm.
const MAX_LOOKUP: Scalar = 1.0e4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::{MaterialRef, Shape};
    use crate::math::{cross, unit};
    use crate::propagation::PropagationConfig;
    use proptest::prelude::*;

    fn sensor(trapezoid: bool, axes: [Vector3; 3]) -> Surface {
        let (shape, bounds) = if trapezoid {
            (Shape::Trapezoid, [15.0, 30.0, 40.0, 1.0 / 80.0, 0.0, 0.0, 0.0])
        } else {
            (Shape::Rectangle, [8.4, 36.0, 0.0, 0.0, 0.0, 0.0, 0.0])
        };
        Surface {
            axes: axes.map(Into::into),
            translation: [300.0, -200.0, 700.0],
            mask: Mask { bounds, link: VolumeIndex::NONE },
            shape,
            kind: SurfaceKind::SENSITIVE,
            volume: VolumeIndex(0),
            material: MaterialRef::NONE,
            first_further_mask: 0,
            further_masks: 0,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]
        /// Trajectories that cross the plane of a sensor inside it, near its border and far outside.
        #[test]
        fn what_passes_by_a_sensor_does_not_meet_it(
            trapezoid in any::<bool>(),
            turn in prop::array::uniform3(-3.0_f32..3.0),
            direction in prop::array::uniform3(-1.0_f32..1.0),
            bend in prop::array::uniform3(-1.0_f32..1.0),
            radius in 200.0_f32..5000.0,
            local in (-2.0_f32..2.0, -2.0_f32..2.0),
            path in 0.0_f32..400.0,
        ) {
            let vector = |v: [f32; 3]| Vector3::from(v.map(Scalar::from));
            let turn = nalgebra::Rotation3::new(vector(turn));
            let surface = sensor(trapezoid, [Vector3::x(), Vector3::y(), Vector3::z()].map(|axis| turn * axis));
            let direction = vector(direction);
            prop_assume!(direction.norm() > 0.1);
            let direction = unit(&direction);
            // Across the direction, as a field bends it.
            let curvature = cross(&direction, &vector(bend)) / Scalar::from(radius);
            let half_box = surface.mask.half_box(surface.shape);
            let local = [Scalar::from(local.0) * half_box[0], Scalar::from(local.1) * half_box[1]];
            let (path, target) = (Scalar::from(path), surface.to_global(local));
            let position = target - direction * path - curvature * (0.5 * path * path);
            let parabola = Parabola { position, direction, curvature };

            let (detector, cuts) = (Detector::default(), PropagationConfig::default().cuts());
            let navigator = Navigator { detector: &detector, cuts: &cuts, expected: Some(SurfaceIndex(0)) };
            let met = navigator.meet(&parabola, SurfaceIndex(0), &surface, 1.0e-3);
            let passes_by = navigator.passes_by(&parabola, norm(&curvature), &surface);
            prop_assert!(!(passes_by && met.is_some()), "{met:?}");
            let slope = dot(&surface.axis(2), &direction).abs();
            let outside = (0..2).any(|i| local[i].abs() > 1.5 * half_box[i] + 5.0);
            // An almost straight one is seen to pass by.
            prop_assert!(passes_by || !outside || slope < 0.5 || 4.0 * path * path > Scalar::from(radius));
        }
    }
}
