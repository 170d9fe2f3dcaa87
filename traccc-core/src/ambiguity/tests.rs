use super::*;
use crate::event::Track;
use crate::{MeasurementIndex, Scalar};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// A track can go that shares one measurement.
fn limit_of_one() -> AmbiguityConfig {
    AmbiguityConfig { max_shared_measurements: 1, ..AmbiguityConfig::default() }
}

fn tracks(rows: &[(&[u32], Scalar)]) -> Tracks {
    let mut tracks = Tracks::new();
    for &(measurements, p_value) in rows {
        tracks.tracks.push(Track { p_value, ..Track::default() });
        tracks.measurements.push(measurements.iter().map(|&m| MeasurementIndex(m)));
    }
    tracks
}

fn resolve(rows: &[(&[u32], Scalar)], config: &AmbiguityConfig) -> Vec<Vec<u32>> {
    let resolved = resolve_ambiguities(&tracks(rows), 32, &config.cuts());
    resolved.measurements.iter().map(|row| row.iter().map(|m| m.0).collect()).collect()
}

#[test]
fn tracks_that_share_nothing_stay_in_their_order() {
    let rows: [(&[u32], Scalar); 3] =
        [(&[5, 1, 11, 3], 0.23), (&[12, 10, 9, 8, 7, 6], 0.85), (&[4, 2, 13], 0.42)];
    let all = resolve(&rows, &limit_of_one());
    assert_eq!(all, [vec![5, 1, 11, 3], vec![12, 10, 9, 8, 7, 6], vec![4, 2, 13]]);
    let long = AmbiguityConfig { min_measurements: 5, ..limit_of_one() };
    assert_eq!(resolve(&rows, &long), [vec![12, 10, 9, 8, 7, 6]]);
}

#[test]
fn the_track_with_the_smaller_shared_fraction_wins() {
    let rows: [(&[u32], Scalar); 2] = [(&[5, 14, 1, 11, 18, 16, 3], 0.12), (&[3, 6, 5, 13], 0.53)];
    assert_eq!(resolve(&rows, &limit_of_one()), [vec![5, 14, 1, 11, 18, 16, 3]]);
}

#[test]
fn the_better_p_value_wins_at_equal_shared_fractions() {
    let rows: [(&[u32], Scalar); 2] = [(&[1, 3, 5, 11], 0.8), (&[3, 5, 6, 13], 0.9)];
    assert_eq!(resolve(&rows, &limit_of_one()), [vec![3, 5, 6, 13]]);
    let undefined: [(&[u32], Scalar); 2] = [(&[1, 3, 5, 11], 0.0), (&[3, 5, 6, 13], Scalar::NAN)];
    assert_eq!(resolve(&undefined, &limit_of_one()), [vec![1, 3, 5, 11]]);
}

#[test]
fn of_equally_good_tracks_the_last_wins() {
    let rows: [(&[u32], Scalar); 3] = [(&[1, 3, 5], 0.5), (&[1, 3, 5], 0.5), (&[1, 3, 5], 0.5)];
    let resolved = resolve_ambiguities(&tracks(&rows), 32, &limit_of_one().cuts());
    assert_eq!(resolved.len(), 1);
    let mut marked = tracks(&rows);
    marked.tracks[2].holes = 7;
    let resolved = resolve_ambiguities(&marked, 32, &limit_of_one().cuts());
    assert_eq!(resolved.tracks[0].holes, 7);
}

#[test]
fn a_chain_of_six_tracks_leaves_the_two_that_share_nothing() {
    let rows: [(&[u32], Scalar); 6] = [
        (&[5, 1, 11, 3], 0.2),
        (&[6, 2], 0.5),
        (&[3, 21, 12, 6, 19, 14], 0.4),
        (&[13, 16, 2, 7, 11], 0.1),
        (&[1, 7, 8], 0.3),
        (&[1, 3, 11, 22], 0.6),
    ];
    let resolved = resolve(&rows, &limit_of_one());
    assert_eq!(resolved, [vec![3, 21, 12, 6, 19, 14], vec![13, 16, 2, 7, 11]]);
}

#[test]
fn repeated_measurements_count_as_often_but_are_not_shared_with_oneself() {
    let rows: [(&[u32], Scalar); 4] =
        [(&[1, 2, 1, 1], 0.2), (&[3, 2, 1], 0.5), (&[2, 4, 5, 7, 2], 0.4), (&[6, 6, 6, 6], 0.1)];
    let resolved = resolve(&rows, &limit_of_one());
    assert_eq!(resolved, [vec![3, 2, 1], vec![6, 6, 6, 6]]);

    let rows: [(&[u32], Scalar); 5] = [
        (&[7, 3, 5, 7, 7, 7, 2], 0.2),
        (&[2], 0.5),
        (&[8, 9, 7, 2, 3, 4, 3, 7], 0.4),
        (&[8, 9, 0, 8, 1, 4, 6], 0.1),
        (&[10, 3, 2], 0.9),
    ];
    let resolved = resolve(&rows, &limit_of_one());
    assert_eq!(resolved, [vec![7, 3, 5, 7, 7, 7, 2], vec![8, 9, 0, 8, 1, 4, 6]]);
}

#[test]
fn no_tracks_resolve_to_no_tracks() {
    assert!(resolve(&[], &limit_of_one()).is_empty());
    let short = AmbiguityConfig { min_measurements: 0, ..limit_of_one() };
    assert_eq!(resolve(&[(&[], 0.5)], &short).len(), 1);
}

#[test]
fn states_follow_their_tracks() {
    use crate::event::TrackState;
    let mut smoothed = tracks(&[(&[1, 2, 3], 0.1), (&[3, 4, 5, 6], 0.2), (&[7, 8, 9], 0.3)]);
    let state = |i: usize| TrackState { smoothed_chi2: i as Scalar, ..TrackState::default() };
    smoothed.states = (0..10).map(state).collect();
    let resolved = resolve_ambiguities(&smoothed, 32, &limit_of_one().cuts());
    let chi2: Vec<usize> = resolved.states.iter().map(|s| s.smoothed_chi2 as usize).collect();
    assert_eq!(chi2, [3, 4, 5, 6, 7, 8, 9]);
}

type Rows = Vec<(Vec<u32>, Scalar)>;

/// How many measurements of each of the tracks `left` are shared, counted anew.
fn shared_counts(rows: &Rows, left: &[usize]) -> Vec<usize> {
    let has = |t: usize, m: u32| rows[t].0.contains(&m);
    let is_shared = |t: usize, m: u32| left.iter().any(|&o| o != t && has(o, m));
    left.iter().map(|&t| rows[t].0.iter().filter(|&&m| is_shared(t, m)).count()).collect()
}

/// Whether track `a` with `shares[0]` shared measurements is worse than `b`: fractions by cross multiplication.
fn is_worse(rows: &Rows, [a, b]: [usize; 2], shares: [usize; 2]) -> bool {
    let length = |t: usize| rows[t].0.len().max(1);
    let (here, there) = (shares[0] * length(b), shares[1] * length(a));
    here > there || (here == there && (rows[a].1 < rows[b].1 || (rows[a].1 <= rows[b].1 && a < b)))
}

fn long_enough(rows: &Rows, config: &AmbiguityConfig) -> Vec<usize> {
    (0..rows.len()).filter(|&t| rows[t].0.len() >= config.min_measurements as usize).collect()
}

/// Those of the tracks `left` that go in one round: everything is recounted.
fn going(rows: &Rows, left: &[usize], config: &AmbiguityConfig) -> Vec<usize> {
    let counts = shared_counts(rows, left);
    let removable: Vec<(usize, usize)> = left
        .iter()
        .copied()
        .zip(counts)
        .filter(|&(_, count)| count >= config.max_shared_measurements as usize)
        .collect();
    let meet = |a: usize, b: usize| a != b && rows[a].0.iter().any(|m| rows[b].0.contains(m));
    let goes = |&(a, shared): &(usize, usize)| {
        let mut neighbours = removable.iter().filter(|(b, _)| meet(a, *b));
        neighbours.all(|&(b, other)| is_worse(rows, [a, b], [shared, other]))
    };
    removable.iter().filter(|one| goes(one)).map(|one| one.0).collect()
}

/// The rounds as defined.
fn by_rounds(rows: &Rows, config: &AmbiguityConfig) -> Vec<usize> {
    let mut left = long_enough(rows, config);
    loop {
        let going = going(rows, &left, config);
        if going.is_empty() {
            return left;
        }
        left.retain(|track| !going.contains(track));
    }
}

/// The greedy resolution: the worst track of all goes, until none shares anything.
fn one_by_one(rows: &Rows, config: &AmbiguityConfig) -> Vec<usize> {
    let mut left = long_enough(rows, config);
    loop {
        let counts = shared_counts(rows, &left);
        if counts.iter().all(|&count| count == 0) {
            return left;
        }
        let worse = |i: usize, j: usize| is_worse(rows, [left[i], left[j]], [counts[i], counts[j]]);
        let worst = (0..left.len()).reduce(|i, j| if worse(j, i) { j } else { i });
        left.remove(worst.unwrap());
    }
}

fn resolved(rows: &Rows, ids: usize, config: &AmbiguityConfig) -> Tracks {
    let borrowed: Vec<(&[u32], Scalar)> = rows.iter().map(|(m, p)| (m.as_slice(), *p)).collect();
    resolve_ambiguities(&tracks(&borrowed), ids, &config.cuts())
}

fn selected(rows: &Rows, chosen: Vec<usize>) -> Tracks {
    let borrowed: Vec<(&[u32], Scalar)> = rows.iter().map(|(m, p)| (m.as_slice(), *p)).collect();
    tracks(&borrowed).select(chosen)
}

/// Few measurements and few p-values, so that sharing, repetition and ties are the rule.
fn crowded() -> impl Strategy<Value = Rows> {
    let row = (prop::collection::vec(0_u32..25, 0..8), 0_u8..4);
    prop::collection::vec(row.prop_map(|(m, p)| (m, Scalar::from(p) / 4.0)), 0..40)
}

proptest! {
    #[test]
    fn the_result_is_that_of_the_definition(
        rows in crowded(),
        min_measurements in 0_u32..4,
        max_shared_measurements in 1_u32..4,
    ) {
        let config = AmbiguityConfig { enabled: true, min_measurements, max_shared_measurements };
        prop_assert_eq!(resolved(&rows, 25, &config), selected(&rows, by_rounds(&rows, &config)));
    }

    /// Of the tracks that go in a round any one may go first, the others later.
    #[test]
    fn the_tracks_of_a_round_may_go_in_any_order(
        rows in crowded(),
        choices in prop::collection::vec(any::<prop::sample::Index>(), 40),
        max_shared_measurements in 1_u32..4,
    ) {
        let config = AmbiguityConfig { max_shared_measurements, ..limit_of_one() };
        let mut left = long_enough(&rows, &config);
        for choice in choices {
            let going = going(&rows, &left, &config);
            if !going.is_empty() {
                left.retain(|&track| track != *choice.get(&going));
            }
        }
        prop_assert_eq!(resolved(&rows, 25, &config), selected(&rows, left));
    }

    /// With a limit of one, rounds and single removals from the worst on leave the same tracks.
    #[test]
    fn with_a_limit_of_one_it_is_the_greedy_resolution(rows in crowded(), min_measurements in 0_u32..4) {
        let config = AmbiguityConfig { min_measurements, ..limit_of_one() };
        prop_assert_eq!(resolved(&rows, 25, &config), selected(&rows, one_by_one(&rows, &config)));
    }

    /// Tracks of different p-values remain or go in whatever order they come.
    #[test]
    fn the_order_of_the_tracks_does_not_matter(
        measurements in prop::collection::vec(prop::collection::vec(0_u32..25, 1..8), 0..40),
        seed in any::<u64>(),
        max_shared_measurements in 1_u32..4,
    ) {
        use rand::{SeedableRng, seq::SliceRandom};
        let count = measurements.len() as Scalar;
        let rows: Rows =
            measurements.into_iter().enumerate().map(|(i, m)| (m, i as Scalar / count)).collect();
        let mut shuffled = rows.clone();
        shuffled.shuffle(&mut rand_chacha::ChaCha8Rng::seed_from_u64(seed));
        let config = AmbiguityConfig { max_shared_measurements, ..limit_of_one() };
        let remaining = |rows: &Rows| {
            let mut p_values: Vec<Scalar> =
                resolved(rows, 25, &config).tracks.iter().map(|track| track.p_value).collect();
            p_values.sort_by(Scalar::total_cmp);
            p_values
        };
        prop_assert_eq!(remaining(&rows), remaining(&shuffled));
    }

    /// With a limit of one, no measurement is left to two tracks.
    #[test]
    fn nothing_is_shared_afterwards(
        rows in prop::collection::vec(prop::collection::vec(0_u32..60, 3..10), 0..60),
    ) {
        let rows: Vec<(&[u32], Scalar)> = rows.iter().map(|m| (m.as_slice(), 0.5)).collect();
        let resolved = resolve_ambiguities(&tracks(&rows), 60, &limit_of_one().cuts());
        let distinct = |row: &[MeasurementIndex]| row.iter().copied().collect::<BTreeSet<_>>();
        let each: usize = resolved.measurements.iter().map(|row| distinct(row).len()).sum();
        prop_assert_eq!(each, distinct(&resolved.measurements.values).len());
    }
}

#[test]
fn no_track_shares_fewer_measurements_than_none() {
    let apart = tracks(&[(&[0, 1, 2], 0.5), (&[3, 4, 5], 0.5), (&[6, 7, 8], 0.5)]);
    let none = AmbiguityConfig { max_shared_measurements: 0, ..limit_of_one() };
    assert_eq!(resolve_ambiguities(&apart, 9, &none.cuts()).len(), 0);
}

/// Upstream's test of 10,000 random tracks: 1 to 20 measurements out of 10,000, p-values uniform.
#[test]
fn ten_thousand_random_tracks_resolve_as_by_definition() {
    use rand::{Rng, SeedableRng};
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(42);
    let mut input = Tracks::new();
    for _ in 0..10_000 {
        let length = random.random_range(1..=20);
        let row: Vec<_> =
            (0..length).map(|_| MeasurementIndex(random.random_range(0..=10_000))).collect();
        input.measurements.push(row);
        input.tracks.push(Track { p_value: random.random(), ..Track::default() });
    }
    let resolved = resolve_ambiguities(&input, 10_001, &limit_of_one().cuts());
    assert_eq!(resolved, input.select(one_scan_per_removal(&input, 10_001)));
}

/// The definition with lists of tracks per measurement and one scan over all tracks per removal, as the recount
/// above would take hours for this many. Sharing limit 1, at least 3 measurements.
fn one_scan_per_removal(input: &Tracks, ids: usize) -> Vec<usize> {
    let row = |t: usize| input.measurements.row(t);
    let mut alive: Vec<bool> = (0..input.len()).map(|t| row(t).len() >= 3).collect();
    let mut owners = vec![BTreeSet::new(); ids];
    for t in (0..input.len()).filter(|&t| alive[t]) {
        row(t).iter().for_each(|m| {
            owners[m.get()].insert(t);
        });
    }
    let count = |owners: &[BTreeSet<usize>], t: usize| {
        row(t).iter().filter(|m| owners[m.get()].len() > 1).count()
    };
    let mut shared: Vec<usize> = (0..input.len()).map(|t| count(&owners, t)).collect();
    loop {
        let worst = (0..input.len()).filter(|&t| alive[t]).min_by(|&a, &b| {
            (shared[b] * row(a).len())
                .cmp(&(shared[a] * row(b).len()))
                .then(input.tracks[a].p_value.total_cmp(&input.tracks[b].p_value))
        });
        let Some(worst) = worst.filter(|&t| shared[t] > 0) else { break };
        alive[worst] = false;
        for m in row(worst) {
            owners[m.get()].remove(&worst);
            if let Some(&last) = owners[m.get()].first() {
                shared[last] = count(&owners, last);
            }
        }
    }
    (0..input.len()).filter(|&t| alive[t]).collect()
}
