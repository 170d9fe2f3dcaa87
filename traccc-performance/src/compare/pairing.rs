//! Which row of the right collection stands for which row of the left one.

use crate::resolution::wrapped;
use std::collections::HashMap;
use std::hash::Hash;
use traccc_core::event::{BoundParameters, Measurements, Seed, Spacepoints, Tracks};
use traccc_core::{MeasurementIndex, Scalar};

/// Measurements further apart than this are different ones, in mm (rad).
const SAME_MEASUREMENT: f64 = 0.01;
/// Parameters further apart than this many standard deviations, on average, come from different seeds.
const SAME_PARAMETERS: f64 = 1.0;

/// Pairs (left row, right row) in ascending order of the left.
pub(super) type Pairs = Vec<(usize, usize)>;

/// Whether the pairs are in the order of the right rows, too.
pub(super) fn in_order(pairs: &Pairs) -> bool {
    pairs.is_sorted_by(|a, b| a.1 < b.1)
}

/// Rows with equal keys; of several equal ones the first with the first.
pub(super) fn by_key<K: Hash + Eq>(
    left: impl Iterator<Item = K>,
    right: impl DoubleEndedIterator<Item = K> + ExactSizeIterator,
) -> Pairs {
    let mut places: HashMap<K, Vec<usize>> = HashMap::new();
    for (row, key) in right.enumerate().rev() {
        places.entry(key).or_default().push(row);
    }
    left.enumerate().filter_map(|(row, key)| Some((row, places.get_mut(&key)?.pop()?))).collect()
}

/// Measurements of one surface at the same place.
pub(super) fn measurements(left: &Measurements, right: &Measurements) -> Pairs {
    let distance = |l: usize, r: usize| {
        let [x, y] = [0, 1].map(|i| difference(left.local[l][i], right.local[r][i]));
        x.hypot(y)
    };
    if left.surface == right.surface
        && (0..left.len()).all(|row| distance(row, row) <= SAME_MEASUREMENT)
    {
        return (0..left.len()).map(|row| (row, row)).collect();
    }
    let keys = |m: &Measurements| m.surface.iter().map(|s| s.0).collect::<Vec<_>>();
    nearest_in_group(&keys(left), &keys(right), distance, SAME_MEASUREMENT)
}

/// Parameters on one surface that agree within their uncertainties.
pub(super) fn parameters(left: &[BoundParameters], right: &[BoundParameters]) -> Pairs {
    let keys = |p: &[BoundParameters]| p.iter().map(|p| p.surface.0).collect::<Vec<_>>();
    let (left_keys, right_keys) = (keys(left), keys(right));
    let distance = |l: usize, r: usize| parameter_distance(&left[l], &right[r]);
    if left_keys == right_keys && (0..left.len()).all(|row| distance(row, row) <= SAME_PARAMETERS) {
        return (0..left.len()).map(|row| (row, row)).collect();
    }
    nearest_in_group(&left_keys, &right_keys, distance, SAME_PARAMETERS)
}

/// Root of the mean square of the differences over the standard deviations of the left side.
fn parameter_distance(left: &BoundParameters, right: &BoundParameters) -> f64 {
    let variances = left.covariance.diagonal();
    let squares: f64 = (0..5)
        .map(|i| {
            let d = difference(left.vector[i], right.vector[i]);
            let d = if i == 2 && d.is_finite() { wrapped(d) } else { d };
            if d == 0.0 { 0.0 } else { d * d / f64::from(variances[i]) }
        })
        .sum();
    // A variance that is no positive number measures nothing.
    if squares >= 0.0 { (squares / 5.0).sqrt() } else { f64::INFINITY }
}

/// Zero for equal values, also where both are infinite or not a number; infinite where only one is a number.
fn difference(left: Scalar, right: Scalar) -> f64 {
    let (left, right) = (f64::from(left), f64::from(right));
    let equal = left.total_cmp(&right).is_eq() || (left.is_nan() && right.is_nan());
    let difference = if equal { 0.0 } else { left - right };
    if difference.is_nan() { f64::INFINITY } else { difference }
}

/// For each left row, in order, the nearest free right row of the same group.
fn nearest_in_group(
    left: &[u32],
    right: &[u32],
    distance: impl Fn(usize, usize) -> f64,
    limit: f64,
) -> Pairs {
    let mut groups: HashMap<u32, Vec<usize>> = HashMap::new();
    for (row, &key) in right.iter().enumerate() {
        groups.entry(key).or_default().push(row);
    }
    let mut pairs = Pairs::new();
    for (row, key) in left.iter().enumerate() {
        let Some(free) = groups.get_mut(key) else { continue };
        let candidates = free.iter().enumerate().map(|(place, &r)| (distance(row, r), place));
        let nearest = candidates.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        if let Some((_, place)) = nearest.filter(|&(d, _)| d <= limit) {
            pairs.push((row, free.remove(place)));
        }
    }
    pairs
}

/// The measurements that a seed is made of, as numbers of the other side where `names` translates.
pub(super) fn seed_key(seed: &Seed, spacepoints: &Spacepoints, names: &Names) -> [[u32; 2]; 3] {
    [seed.bottom, seed.middle, seed.top].map(|row| point_key(spacepoints, row.get(), names))
}

/// The measurements of a space point, as numbers of the other side where `names` translates.
pub(super) fn point_key(spacepoints: &Spacepoints, row: usize, names: &Names) -> [u32; 2] {
    spacepoints.measurements[row].map(|measurement| names.of(measurement))
}

/// The measurements of a track, as numbers of the other side where `names` translates.
pub(super) fn track_key(tracks: &Tracks, row: usize, names: &Names) -> Vec<u32> {
    tracks.measurements.row(row).iter().map(|&m| names.of(m)).collect()
}

/// No number of a measurement, and not that of none.
const LACKING: u32 = u32::MAX - 1;

/// Translates measurement numbers of the left side into those of the right one.
pub(super) enum Names {
    /// Both sides have the same measurements in the same order.
    Same,
    /// The right number for each left one.
    Paired(HashMap<u32, u32>),
}

impl Names {
    /// `rows` are the numbers of measurements of both sides.
    pub(super) fn new(pairs: &Pairs, rows: [usize; 2]) -> Self {
        let complete = rows == [pairs.len(); 2];
        if complete && pairs.iter().all(|(left, right)| left == right) {
            return Self::Same;
        }
        Self::Paired(pairs.iter().map(|&(l, r)| (l as u32, r as u32)).collect())
    }

    /// [`LACKING`] for a measurement that the right side lacks; no measurement stays none.
    pub(super) fn of(&self, measurement: MeasurementIndex) -> u32 {
        match self {
            Self::Paired(names) if measurement.is_some() => {
                names.get(&measurement.0).copied().unwrap_or(LACKING)
            }
            Self::Same | Self::Paired(_) => measurement.0,
        }
    }
}

/// How many left tracks without a pair share at least half of the measurements of both with a right one without pair.
pub(super) fn similar(left: &Tracks, right: &Tracks, pairs: &Pairs, names: &Names) -> usize {
    let mut paired = vec![false; right.len()];
    let mut left_paired = vec![false; left.len()];
    for &(l, r) in pairs {
        left_paired[l] = true;
        paired[r] = true;
    }
    let mut owners: HashMap<u32, Vec<usize>> = HashMap::new();
    for row in (0..right.len()).filter(|&row| !paired[row]) {
        for measurement in right.measurements.row(row) {
            owners.entry(measurement.0).or_default().push(row);
        }
    }
    let mut count = 0;
    for row in (0..left.len()).filter(|&row| !left_paired[row]) {
        let key = track_key(left, row, names);
        let mut shared: HashMap<usize, usize> = HashMap::new();
        for owner in key.iter().filter_map(|m| owners.get(m)).flatten() {
            *shared.entry(*owner).or_default() += 1;
        }
        let enough = |(&other, &n): (&usize, &usize)| {
            2 * n >= key.len().max(right.measurements.row(other).len())
        };
        count += usize::from(shared.iter().any(enough));
    }
    count
}
