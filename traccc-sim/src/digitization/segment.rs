//! A track in a sensor, cut at the borders of channels.

use nalgebra::Vector3;
use std::f64::consts::PI;
use traccc_core::Scalar;
use traccc_core::detector::{Segmentation, Surface};
use traccc_core::event::TruthHit;

/// The straight path of a particle through a sensor, in the sensor's Cartesian frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    /// Where it enters and leaves: local x and y, in mm.
    ends: [[f64; 2]; 2],
    /// Length in space, in mm.
    length: f64,
    /// Whether the axes of the segmentation are r and phi.
    polar: bool,
    /// Subtracted from local coordinates to get those in which channels are counted, in mm (rad).
    shift: [f64; 2],
}

impl Segment {
    /// The path of a hit through a sensor of `thickness` mm that lies evenly about `surface`.
    ///
    /// It has the direction of the particle on arrival, and its middle is the hit: the centre of the charge tells
    /// the place of the hit without bias. `None` for a hit that moves exactly along the sensor.
    pub(super) fn of_hit(
        surface: &Surface,
        hit: &TruthHit,
        thickness: f64,
        shift: [f64; 2],
    ) -> Option<Self> {
        let axes = surface.axes.map(|axis| Vector3::from(axis).map(f64::from));
        let origin = Vector3::from(surface.translation).map(f64::from);
        let relative = Vector3::from(hit.position).map(f64::from) - origin;
        let momentum = Vector3::from(hit.momentum).map(f64::from);
        let [x, y] = [axes[0].dot(&relative), axes[1].dot(&relative)];
        let [px, py, pz] = axes.map(|axis| axis.dot(&momentum));
        if pz == 0.0 {
            return None;
        }
        let half = 0.5 * thickness;
        let [dx, dy] = [half * px / pz, half * py / pz];
        Some(Self {
            ends: [[x - dx, y - dy], [x + dx, y + dy]],
            length: 2.0 * (half * half + dx * dx + dy * dy).sqrt(),
            polar: surface.shape.is_polar(),
            shift,
        })
    }

    /// Displaces charges along local x: by `shift` mm at the far side from the read-out, by the opposite at the near side.
    pub(super) fn drift(&mut self, shift: f64) {
        self.ends[0][0] += shift;
        self.ends[1][0] -= shift;
    }

    /// As [`Self::share`], where the charge of each piece of the path spreads to a Gaussian: `width` mm wide after a way
    /// through the whole sensor, less with the root of the way. What spreads beyond the segmentation is lost.
    pub(super) fn share_diffused(
        &self,
        design: &Segmentation<'_>,
        width: f64,
    ) -> Vec<([u32; 2], f64)> {
        let mut shares: Vec<([u32; 2], f64)> = Vec::new();
        for piece in 0..PIECES {
            let fraction = (f64::from(piece) + 0.5) / f64::from(PIECES);
            let at = self.coordinates(design, fraction);
            let width = width * (1.0 - fraction).sqrt();
            // An angle spreads less far from the local origin.
            let widths = if self.polar { [width, width / at[0].max(width)] } else { [width; 2] };
            let [first, second] =
                [0, 1].map(|axis| spread(design.edges[axis], at[axis], widths[axis]));
            for &(channel1, part1) in &second {
                for &(channel0, part0) in &first {
                    let length = part0 * part1 * self.length / f64::from(PIECES);
                    match shares.iter_mut().find(|s| s.0 == [channel0, channel1]) {
                        Some(share) => share.1 += length,
                        None => shares.push(([channel0, channel1], length)),
                    }
                }
            }
        }
        shares
    }

    /// The local Cartesian point at a fraction of the path.
    fn point(&self, fraction: f64) -> [f64; 2] {
        let [enter, leave] = self.ends;
        std::array::from_fn(|i| enter[i] + fraction * (leave[i] - enter[i]))
    }

    /// The coordinates along the axes of the segmentation at a fraction of the path; an angle within half a turn of
    /// the middle of the segmentation.
    fn coordinates(&self, design: &Segmentation<'_>, fraction: f64) -> [f64; 2] {
        let [x, y] = self.point(fraction);
        if !self.polar {
            return [x - self.shift[0], y - self.shift[1]];
        }
        let edges = design.edges[1];
        let middle = edges
            .first()
            .zip(edges.last())
            .map_or(0.0, |(first, last)| 0.5 * (f64::from(*first) + f64::from(*last)));
        let angle = libm::atan2(y, x) - self.shift[1];
        let turns = ((angle - middle) / (2.0 * PI)).round();
        [libm::hypot(x, y) - self.shift[0], angle - turns * 2.0 * PI]
    }

    /// The channels on the path with the length of the path in each, in mm, in the order of flight.
    ///
    /// What lies outside the segmentation is lost.
    pub(super) fn share(&self, design: &Segmentation<'_>) -> Vec<([u32; 2], f64)> {
        let mut fractions = vec![0.0, 1.0];
        for axis in 0..2 {
            self.push_borders(axis, design, &mut fractions);
        }
        fractions.sort_unstable_by(f64::total_cmp);
        let mut shares: Vec<([u32; 2], f64)> = Vec::with_capacity(fractions.len());
        for pair in fractions.windows(2) {
            let length = (pair[1] - pair[0]) * self.length;
            if length <= 0.0 {
                continue;
            }
            let middle = self.coordinates(design, 0.5 * (pair[0] + pair[1]));
            let channels = [0, 1].map(|axis| channel_of(design.edges[axis], middle[axis]));
            let [Some(channel0), Some(channel1)] = channels else { continue };
            match shares.iter_mut().find(|s| s.0 == [channel0, channel1]) {
                // A straight path can enter a ring sector twice.
                Some(share) => share.1 += length,
                None => shares.push(([channel0, channel1], length)),
            }
        }
        shares
    }

    /// Adds the fractions of the path at which it crosses the border between two channels of an axis. More than these do
    /// not harm: the parts of a path in one channel are added up.
    fn push_borders(&self, axis: usize, design: &Segmentation<'_>, fractions: &mut Vec<f64>) {
        let edges = design.edges[axis];
        let [enter, leave] = [0.0, 1.0].map(|end| self.coordinates(design, end)[axis]);
        let (mut low, mut high) = (enter.min(leave), enter.max(leave));
        if self.polar && axis == 0 {
            // The radius may be smallest on the way.
            low = low.min(self.coordinates(design, self.closest_to_origin())[0]);
        }
        if self.polar && axis == 1 && high - low > PI {
            // The path crosses the seam opposite the middle: what lies between the ends is not on it.
            (low, high) = (f64::MIN, f64::MAX);
        }
        let first = edges.partition_point(|&e| f64::from(e) < low);
        for &edge in edges[first..].iter().take_while(|&&e| f64::from(e) <= high) {
            let edge = f64::from(edge) + self.shift[axis];
            let [[x, y], [x_end, y_end]] = self.ends;
            let (dx, dy) = (x_end - x, y_end - y);
            let inside = |f: &f64| *f > 0.0 && *f < 1.0;
            match (self.polar, axis) {
                (false, 0) => fractions.extend(Some((edge - x) / dx).filter(inside)),
                (false, _) => fractions.extend(Some((edge - y) / dy).filter(inside)),
                (true, 0) => {
                    // |start + f d|² = edge²
                    let (a, half_b) = (dx * dx + dy * dy, x * dx + y * dy);
                    let root =
                        (half_b * half_b - a * (x * x + y * y - edge * edge)).max(0.0).sqrt();
                    fractions.extend(
                        [-half_b - root, -half_b + root]
                            .map(|n| n / a)
                            .iter()
                            .filter(|f| inside(f)),
                    );
                }
                (true, _) => {
                    // The point lies on the ray: its component across the ray is zero.
                    let (sin, cos) = libm::sincos(edge);
                    let fraction = (x * sin - y * cos) / (dy * cos - dx * sin);
                    fractions.extend(Some(fraction).filter(inside));
                }
            }
        }
    }

    /// The fraction of the path at which it comes closest to the local origin.
    fn closest_to_origin(&self) -> f64 {
        let [[x, y], [x_end, y_end]] = self.ends;
        let (dx, dy) = (x_end - x, y_end - y);
        let squared = dx * dx + dy * dy;
        if squared == 0.0 { 0.0 } else { (-(x * dx + y * dy) / squared).clamp(0.0, 1.0) }
    }
}

/// Pieces into which a path is cut for diffusion.
const PIECES: u32 = 16;
/// A Gaussian ends after so many widths.
const REACH: f64 = 4.0;

/// The channels that a Gaussian reaches, and the parts of it in each.
fn spread(edges: &[Scalar], middle: f64, width: f64) -> Vec<(u32, f64)> {
    let below = |edge: f64| 0.5 * libm::erfc((middle - edge) / (width * std::f64::consts::SQRT_2));
    let start = edges.partition_point(|&e| f64::from(e) <= middle - REACH * width).max(1) - 1;
    edges[start..]
        .windows(2)
        .zip(start as u32..)
        .take_while(|(pair, _)| f64::from(pair[0]) < middle + REACH * width)
        .map(|(pair, channel)| (channel, below(f64::from(pair[1])) - below(f64::from(pair[0]))))
        .collect()
}

/// The channel that holds a coordinate.
fn channel_of(edges: &[Scalar], coordinate: f64) -> Option<u32> {
    let above = edges.partition_point(|&e| f64::from(e) <= coordinate);
    (above > 0 && above < edges.len()).then(|| above as u32 - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use traccc_core::detector::ModuleDesign;

    fn total(shares: &[([u32; 2], f64)]) -> f64 {
        shares.iter().map(|s| s.1).sum()
    }

    /// Path per channel by walking in a hundred thousand tiny steps.
    fn by_small_steps(segment: &Segment, design: &Segmentation<'_>) -> Vec<([u32; 2], f64)> {
        let steps = 100_000;
        let mut shares: Vec<([u32; 2], f64)> = Vec::new();
        for step in 0..steps {
            let at = segment.coordinates(design, (f64::from(step) + 0.5) / f64::from(steps));
            let channels = [0, 1].map(|axis| channel_of(design.edges[axis], at[axis]));
            let [Some(channel0), Some(channel1)] = channels else { continue };
            let length = segment.length / f64::from(steps);
            match shares.iter_mut().find(|s| s.0 == [channel0, channel1]) {
                Some(share) => share.1 += length,
                None => shares.push(([channel0, channel1], length)),
            }
        }
        shares
    }

    fn segment(ends: [[f64; 2]; 2], polar: bool, shift: [f64; 2]) -> Segment {
        let [[x, y], [x_end, y_end]] = ends;
        let length = (0.15_f64.powi(2) + (x_end - x).powi(2) + (y_end - y).powi(2)).sqrt();
        Segment { ends, length, polar, shift }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn shares_equal_a_walk_in_small_steps(
            start in prop::array::uniform2(-0.9..0.9_f64),
            end in prop::array::uniform2(-0.9..0.9_f64),
            polar in any::<bool>(),
            shift in prop::array::uniform2(-0.01..0.01_f64),
        ) {
            // Ring sectors of radius 9 to 11 mm about the origin, or a square of pixels.
            let (design, offset) = if polar {
                (ModuleDesign::equidistant([5, 40], [9.0, -0.1], [11.0, 0.1]), [10.0, 0.0])
            } else {
                (ModuleDesign::equidistant([20, 30], [-1.0, -1.0], [1.0, 1.0]), [0.0, 0.0])
            };
            let ends = [start, end].map(|p| [p[0] + offset[0], p[1] + offset[1]]);
            let segment = segment(ends, polar, shift);
            let mut found = segment.share(&design.segmentation());
            let mut expected = by_small_steps(&segment, &design.segmentation());
            prop_assert!(total(&found) <= segment.length * (1.0 + 1e-9));
            found.retain(|s| s.1 > 1e-4 * segment.length);
            found.sort_by_key(|s| s.0);
            expected.retain(|s| found.iter().any(|f| f.0 == s.0));
            expected.sort_by_key(|s| s.0);
            prop_assert_eq!(found.len(), expected.len());
            for (f, e) in found.iter().zip(&expected) {
                prop_assert_eq!(f.0, e.0);
                prop_assert!((f.1 - e.1).abs() < 5e-5 * segment.length, "{:?} {:?}", f, e);
            }
        }

        #[test]
        fn nothing_is_lost_inside_the_segmentation(
            start in prop::array::uniform2(-0.9..0.9_f64),
            end in prop::array::uniform2(-0.9..0.9_f64),
        ) {
            let design = ModuleDesign::equidistant([20, 30], [-1.0, -1.0], [1.0, 1.0]);
            let segment = segment([start, end], false, [0.0; 2]);
            prop_assert!((total(&segment.share(&design.segmentation())) / segment.length - 1.0).abs() < 1e-9);
        }
    }

    /// 2 mm across the negative x axis, 10 mm from the origin.
    #[test]
    fn angles_go_on_beyond_half_a_turn() {
        let across = segment([[-10.0, 1.0], [-10.0, -1.0]], true, [0.0; 2]);
        let sensor = [PI - 0.2, PI + 0.2].map(|v| v as Scalar);
        let ring = [-PI, PI].map(|v| v as Scalar);
        // An odd number: no border lies opposite another one.
        for ([low, high], bins) in [(sensor, 16), (ring, 251)] {
            let design = ModuleDesign::equidistant([1, bins], [9.0, low], [11.0, high]);
            let shares = across.share(&design.segmentation());
            assert!((total(&shares) / across.length - 1.0).abs() < 1e-3, "{shares:?}");
            let (mut found, mut expected) =
                (shares, by_small_steps(&across, &design.segmentation()));
            found.retain(|s| s.1 > 1e-4);
            expected.retain(|s| s.1 > 1e-4);
            assert!(found.len() >= 8 && found.len() == expected.len(), "{found:?} {expected:?}");
            for (f, e) in found.iter().zip(&expected) {
                assert!(f.0 == e.0 && (f.1 - e.1).abs() < 1e-4, "{f:?} {e:?}");
            }
        }
    }

    #[test]
    fn a_perpendicular_track_fires_one_channel() {
        let design = ModuleDesign::equidistant([20, 1], [-1.0, -1.0], [1.0, 1.0]);
        let shares = segment([[0.13, 0.4]; 2], false, [0.0; 2]).share(&design.segmentation());
        assert_eq!(shares, [([11, 0], 0.15)]);
    }

    #[test]
    fn diffusion_spreads_a_charge_as_a_gaussian_and_keeps_it() {
        let design = ModuleDesign::equidistant([400, 1], [-1.0, -1.0], [1.0, 1.0]);
        let track = segment([[0.1, 0.0]; 2], false, [0.0; 2]);
        let shares = track.share_diffused(&design.segmentation(), 0.05);
        assert!((total(&shares) / track.length - 1.0).abs() < 2e-4, "{}", total(&shares));
        let at = |s: &([u32; 2], f64)| (f64::from(s.0[0]) + 0.5) * 0.005 - 1.0;
        let mean = |power: i32| {
            shares.iter().map(|s| s.1 * (at(s) - 0.1).powi(power)).sum::<f64>() / total(&shares)
        };
        assert!(mean(1).abs() < 1e-6, "{}", mean(1));
        // The mean way is half of the thickness.
        assert!((mean(2) / (0.5 * 0.05 * 0.05) - 1.0).abs() < 0.01, "{}", mean(2));
    }

    #[test]
    fn drift_moves_both_ends_and_not_the_middle() {
        let design = ModuleDesign::equidistant([20, 1], [-1.0, -1.0], [1.0, 1.0]);
        let mut track = segment([[0.05, 0.0]; 2], false, [0.0; 2]);
        track.drift(0.1);
        let mut shares = track.share(&design.segmentation());
        shares.sort_by_key(|s| s.0);
        let channels: Vec<_> = shares.iter().map(|s| s.0[0]).collect();
        assert_eq!(channels, [9, 10, 11]);
        assert!((shares[0].1 - shares[2].1).abs() < 1e-6 && shares[1].1 > shares[0].1);
    }

    #[test]
    fn what_lies_outside_is_lost() {
        let design = ModuleDesign::equidistant([2, 2], [-1.0, -1.0], [1.0, 1.0]);
        let half_out = segment([[0.5, 0.5], [1.5, 0.5]], false, [0.0; 2]);
        let shares = half_out.share(&design.segmentation());
        assert_eq!(shares.len(), 1);
        assert!((shares[0].1 - 0.5 * half_out.length).abs() < 1e-12);
        assert!(
            segment([[1.5, 0.5], [2.5, 0.5]], false, [0.0; 2])
                .share(&design.segmentation())
                .is_empty()
        );
    }
}
