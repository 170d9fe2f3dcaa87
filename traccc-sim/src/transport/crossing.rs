//! Where a trajectory next meets a surface.

use super::target::Target;
use super::trajectory::Arc;
use super::world::World;

/// Surfaces this close behind a start or a crossing still count, in mm: a vertex may lie on a sensor, and two surfaces
/// at one place. A surface that was just crossed is left alone for the same distance.
const BACK: f64 = 1.0e-4;
/// Precision of a crossing, in mm.
const PRECISION: f64 = 1.0e-9;

/// The next meeting with a surface.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crossing {
    /// Path to it from the start of the arc, in mm; can be slightly negative.
    pub length: f64,
    /// Number of the target.
    pub target: u32,
    /// Whether the world ends behind it.
    pub ends_world: bool,
}

/// Finds the crossings of one trajectory in order.
pub(super) struct Finder<'w, 'd> {
    world: &'w World<'d>,
    /// Where the search begins, relative to the start of the arc, in mm.
    from: f64,
    /// Targets crossed a moment ago and the path at which that was, in mm.
    recent: Vec<(u32, f64)>,
}

impl<'w, 'd> Finder<'w, 'd> {
    pub(super) fn new(world: &'w World<'d>) -> Self {
        Self { world, from: -BACK, recent: Vec::new() }
    }

    /// The first crossing on the suitable length of `arc`, which starts at the path of `path` mm.
    ///
    /// After `None` the particle must be moved by that length, else by the length of the crossing.
    pub(super) fn next(&mut self, arc: &Arc<'_>, path: f64) -> Option<Crossing> {
        let length = arc.suitable_length();
        let ((start, _), (end, _)) = (arc.at(self.from), arc.at(length));
        let margin = nalgebra::Vector3::repeat(arc.sagitta(length));
        let mut first: Option<Crossing> = None;
        for number in self.world.near(start.inf(&end) - margin, start.sup(&end) + margin) {
            let recent = self.recent.iter().rev().find(|r| r.0 == number);
            let from = recent.map_or(self.from, |r| self.from.max(r.1 - path + 2.0 * BACK));
            let target = self.world.target(number);
            let Some((at, ends_world)) = first_meeting(target, arc, from, length) else { continue };
            // The tree has no order of its own: equal lengths must not leave the choice to it.
            let earlier = first.is_none_or(|f| {
                (at, target.surface) < (f.length, self.world.target(f.target).surface)
            });
            if earlier {
                first = Some(Crossing { length: at, target: number, ends_world });
            }
        }
        match first {
            Some(crossing) => {
                let reached = path + crossing.length;
                self.recent.retain(|r| reached - r.1 < 4.0 * BACK);
                self.recent.push((crossing.target, reached));
                self.from = -BACK;
            }
            None => {
                self.from = 0.0;
            }
        }
        first
    }
}

/// The smallest path in (`from`, `to`] at which `arc` crosses `target` within its border.
fn first_meeting(target: &Target, arc: &Arc<'_>, from: f64, to: f64) -> Option<(f64, bool)> {
    let mut from = from;
    while from < to {
        let at = first_root(target, arc, from, to)?;
        let (position, _) = arc.at(at);
        if let Some(ends_world) = target.covers(&position) {
            return Some((at, ends_world));
        }
        from = at + BACK;
    }
    None
}

/// The smallest path in (`from`, `to`] at which the distance of `arc` from the surface of `target` changes its sign.
///
/// Arcs are short: on them a distance has one extremum at most.
fn first_root(target: &Target, arc: &Arc<'_>, from: f64, to: f64) -> Option<f64> {
    let distance = |s: f64| {
        let (position, direction) = arc.at(s);
        target.distance(&position, &direction)
    };
    let (start, start_slope) = distance(from);
    // No distance changes faster than the path.
    if start.abs() > 1.001 * (to - from) {
        return None;
    }
    let (end, end_slope) = distance(to);
    let below = start < 0.0;
    if (end < 0.0) != below {
        return Some(bisect(from, to, |s| (distance(s).0 < 0.0) == below));
    }
    let (towards, away) = if below {
        (start_slope > 0.0, end_slope < 0.0)
    } else {
        (start_slope < 0.0, end_slope > 0.0)
    };
    if !(towards && away) {
        return None;
    }
    let turning = bisect(from, to, |s| (distance(s).1 < 0.0) == (start_slope < 0.0));
    let beyond = (distance(turning).0 < 0.0) != below;
    beyond.then(|| bisect(from, turning, |s| (distance(s).0 < 0.0) == below))
}

/// The end of the part of (`low`, `high`] in which `before` holds; it holds at `low` and not at `high`.
fn bisect(mut low: f64, mut high: f64, before: impl Fn(f64) -> bool) -> f64 {
    while high - low > PRECISION {
        let middle = 0.5 * (low + high);
        if before(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}
