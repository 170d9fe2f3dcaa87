//! Where a trajectory next meets a surface.

use super::target::Target;
use super::trajectory::Arc;
use super::world::World;
use nalgebra::Vector3;

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
        let search = Search::new(arc, self.from, length);
        let (start, end) = (search.start.0, search.end.0);
        let margin = Vector3::repeat(arc.sagitta(length));
        let mut first: Option<Crossing> = None;
        for number in self.world.near(start.inf(&end) - margin, start.sup(&end) + margin) {
            let recent = self.recent.iter().rev().find(|r| r.0 == number);
            let from = recent.map_or(self.from, |r| self.from.max(r.1 - path + 2.0 * BACK));
            let target = self.world.target(number);
            let Some((at, ends_world)) = search.first_meeting(target, from) else { continue };
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

type Point = (Vector3<f64>, Vector3<f64>);

/// A part of an arc with its ends, which all targets ask for.
struct Search<'s, 'a> {
    arc: &'s Arc<'a>,
    from: f64,
    to: f64,
    /// Position and direction at both ends.
    start: Point,
    end: Point,
}

impl<'s, 'a> Search<'s, 'a> {
    fn new(arc: &'s Arc<'a>, from: f64, to: f64) -> Self {
        Self { arc, from, to, start: arc.at(from), end: arc.at(to) }
    }

    /// The smallest path in (`from`, `self.to`] at which the arc crosses `target` within its border.
    fn first_meeting(&self, target: &Target, from: f64) -> Option<(f64, bool)> {
        let mut from = from;
        while from < self.to {
            let at = self.first_root(target, from)?;
            let (position, _) = self.arc.at(at);
            if let Some(ends_world) = target.covers(&position) {
                return Some((at, ends_world));
            }
            from = at + BACK;
        }
        None
    }

    /// The smallest path in (`from`, `self.to`] at which the distance of the arc from the surface of `target` changes its
    /// sign.
    ///
    /// Arcs are short: on them a distance has one extremum at most.
    fn first_root(&self, target: &Target, from: f64) -> Option<f64> {
        let to = self.to;
        let at_point = |(position, direction): &Point| target.distance(position, direction);
        let distance = |s: f64| at_point(&self.arc.at(s));
        let (start, start_slope) =
            if from > self.from { distance(from) } else { at_point(&self.start) };
        // No distance changes faster than the path.
        if start.abs() > 1.001 * (to - from) {
            return None;
        }
        let (end, end_slope) = at_point(&self.end);
        let below = start < 0.0;
        if (end < 0.0) != below {
            let guess = from + (to - from) * start / (start - end);
            return Some(bisect_near(from, to, below, guess, distance));
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
}

/// Steps of Newton's method, at most.
const NEWTON_STEPS: u32 = 4;
/// A distance in mm that rounding does not reach.
const ROUNDING: f64 = 2.0e-11;

/// As [`bisect`] for the one root of `distance`, to the bit and with a fifth of the evaluations: Newton's method finds a bracket,
/// outside of which the sign needs no evaluation.
fn bisect_near(
    low: f64,
    high: f64,
    below: bool,
    guess: f64,
    distance: impl Fn(f64) -> (f64, f64),
) -> f64 {
    let before = |s: f64| (distance(s).0 < 0.0) == below;
    let mut root = guess;
    let mut width = f64::MAX;
    for _ in 0..NEWTON_STEPS {
        let (value, slope) = distance(root);
        let step = value / slope;
        root = (root - step).clamp(low, high);
        if step.abs() < PRECISION {
            width = ROUNDING / slope.abs() + 0.1 * PRECISION;
            break;
        }
    }
    let bracketed = width < 1.0e-3 && before(root - width) && !before(root + width);
    if !bracketed {
        return bisect(low, high, before);
    }
    bisect(low, high, |s| s <= root - width || (s < root + width && before(s)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Distances from planes and cylinders along an arc have a curvature; slopes may be small.
        #[test]
        fn a_bracket_changes_no_bit_of_a_bisection(
            root in 0.01..24.9_f64,
            slope in prop_oneof![-1.0..-1.0e-3_f64, 1.0e-3..1.0_f64],
            curvature in -1.0..1.0_f64,
        ) {
            // One root from 0 to 25: the extremum lies outside.
            let curvature = curvature * slope.abs() / 25.0;
            let distance = |s: f64| {
                let x = s - root;
                (slope * x + 0.5 * curvature * x * x, slope + curvature * x)
            };
            let below = distance(0.0).0 < 0.0;
            let (start, end) = (distance(0.0).0, distance(25.0).0);
            let guess = 25.0 * start / (start - end);
            let plain = bisect(0.0, 25.0, |s| (distance(s).0 < 0.0) == below);
            let found = bisect_near(0.0, 25.0, below, guess, distance);
            prop_assert_eq!(found.to_bits(), plain.to_bits());
        }
    }
}
