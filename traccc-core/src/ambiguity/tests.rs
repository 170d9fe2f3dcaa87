use super::*;
use crate::event::Track;
use crate::{MeasurementIndex, Scalar};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn tracks(rows: &[(&[u32], Scalar)]) -> Tracks {
    let mut tracks = Tracks::new();
    for &(measurements, p_value) in rows {
        tracks.tracks.push(Track { p_value, ..Track::default() });
        tracks.measurements.push(measurements.iter().map(|&m| MeasurementIndex(m)));
    }
    tracks
}

fn resolve(rows: &[(&[u32], Scalar)], config: &AmbiguityConfig) -> Vec<Vec<u32>> {
    let resolved = resolve_ambiguities(&tracks(rows), 32, config);
    resolved.measurements.iter().map(|row| row.iter().map(|m| m.0).collect()).collect()
}

#[test]
fn tracks_that_share_nothing_stay_in_their_order() {
    let rows: [(&[u32], Scalar); 3] =
        [(&[5, 1, 11, 3], 0.23), (&[12, 10, 9, 8, 7, 6], 0.85), (&[4, 2, 13], 0.42)];
    let all = resolve(&rows, &AmbiguityConfig::default());
    assert_eq!(all, [vec![5, 1, 11, 3], vec![12, 10, 9, 8, 7, 6], vec![4, 2, 13]]);
    let long = AmbiguityConfig { min_measurements: 5, ..AmbiguityConfig::default() };
    assert_eq!(resolve(&rows, &long), [vec![12, 10, 9, 8, 7, 6]]);
}

#[test]
fn the_track_with_the_smaller_shared_fraction_wins() {
    let rows: [(&[u32], Scalar); 2] = [(&[5, 14, 1, 11, 18, 16, 3], 0.12), (&[3, 6, 5, 13], 0.53)];
    assert_eq!(resolve(&rows, &AmbiguityConfig::default()), [vec![5, 14, 1, 11, 18, 16, 3]]);
}

#[test]
fn the_better_p_value_wins_at_equal_shared_fractions() {
    let rows: [(&[u32], Scalar); 2] = [(&[1, 3, 5, 11], 0.8), (&[3, 5, 6, 13], 0.9)];
    assert_eq!(resolve(&rows, &AmbiguityConfig::default()), [vec![3, 5, 6, 13]]);
    let undefined: [(&[u32], Scalar); 2] = [(&[1, 3, 5, 11], 0.0), (&[3, 5, 6, 13], Scalar::NAN)];
    assert_eq!(resolve(&undefined, &AmbiguityConfig::default()), [vec![1, 3, 5, 11]]);
}

#[test]
fn of_equally_good_tracks_the_last_wins() {
    let rows: [(&[u32], Scalar); 3] = [(&[1, 3, 5], 0.5), (&[1, 3, 5], 0.5), (&[1, 3, 5], 0.5)];
    let resolved = resolve_ambiguities(&tracks(&rows), 32, &AmbiguityConfig::default());
    assert_eq!(resolved.len(), 1);
    let mut marked = tracks(&rows);
    marked.tracks[2].holes = 7;
    let resolved = resolve_ambiguities(&marked, 32, &AmbiguityConfig::default());
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
    let resolved = resolve(&rows, &AmbiguityConfig::default());
    assert_eq!(resolved, [vec![3, 21, 12, 6, 19, 14], vec![13, 16, 2, 7, 11]]);
}

#[test]
fn repeated_measurements_count_as_often_but_are_not_shared_with_oneself() {
    let rows: [(&[u32], Scalar); 4] =
        [(&[1, 2, 1, 1], 0.2), (&[3, 2, 1], 0.5), (&[2, 4, 5, 7, 2], 0.4), (&[6, 6, 6, 6], 0.1)];
    let resolved = resolve(&rows, &AmbiguityConfig::default());
    assert_eq!(resolved, [vec![3, 2, 1], vec![6, 6, 6, 6]]);

    let rows: [(&[u32], Scalar); 5] = [
        (&[7, 3, 5, 7, 7, 7, 2], 0.2),
        (&[2], 0.5),
        (&[8, 9, 7, 2, 3, 4, 3, 7], 0.4),
        (&[8, 9, 0, 8, 1, 4, 6], 0.1),
        (&[10, 3, 2], 0.9),
    ];
    let resolved = resolve(&rows, &AmbiguityConfig::default());
    assert_eq!(resolved, [vec![7, 3, 5, 7, 7, 7, 2], vec![8, 9, 0, 8, 1, 4, 6]]);
}

#[test]
fn removals_end_at_the_limit_of_iterations() {
    let rows: [(&[u32], Scalar); 4] =
        [(&[1, 2, 3], 0.1), (&[1, 2, 3], 0.2), (&[1, 2, 3], 0.3), (&[1, 2, 3], 0.4)];
    for max_iterations in 0..4 {
        let config = AmbiguityConfig { max_iterations, ..AmbiguityConfig::default() };
        assert_eq!(resolve(&rows, &config).len(), 4 - max_iterations as usize);
    }
}

#[test]
fn no_tracks_resolve_to_no_tracks() {
    assert!(resolve(&[], &AmbiguityConfig::default()).is_empty());
    let short = AmbiguityConfig { min_measurements: 0, ..AmbiguityConfig::default() };
    assert_eq!(resolve(&[(&[], 0.5)], &short).len(), 1);
}

#[test]
fn states_follow_their_tracks() {
    use crate::event::TrackState;
    let mut smoothed = tracks(&[(&[1, 2, 3], 0.1), (&[3, 4, 5, 6], 0.2), (&[7, 8, 9], 0.3)]);
    let state = |i: usize| TrackState { smoothed_chi2: i as Scalar, ..TrackState::default() };
    smoothed.states = (0..10).map(state).collect();
    let resolved = resolve_ambiguities(&smoothed, 32, &AmbiguityConfig::default());
    let chi2: Vec<usize> = resolved.states.iter().map(|s| s.smoothed_chi2 as usize).collect();
    assert_eq!(chi2, [3, 4, 5, 6, 7, 8, 9]);
}

/// The definition: recounts everything for each removal, and compares fractions by cross multiplication.
fn naive(rows: &[(Vec<u32>, Scalar)], config: &AmbiguityConfig) -> Vec<usize> {
    let mut left: Vec<usize> =
        (0..rows.len()).filter(|&t| rows[t].0.len() >= config.min_measurements as usize).collect();
    for _ in 0..config.max_iterations {
        let has = |t: usize, m: u32| rows[t].0.contains(&m);
        let shared = |t: usize| {
            let others = |&&m: &&u32| left.iter().any(|&o| o != t && has(o, m));
            rows[t].0.iter().filter(others).count()
        };
        let counts: Vec<usize> = left.iter().map(|&t| shared(t)).collect();
        let limit = config.max_shared_measurements as usize;
        if counts.iter().all(|&count| count < limit) {
            break;
        }
        let mut worst = 0;
        for i in 1..left.len() {
            let here = counts[i] * rows[left[worst]].0.len().max(1);
            let best = counts[worst] * rows[left[i]].0.len().max(1);
            if here > best || (here == best && rows[left[i]].1 < rows[left[worst]].1) {
                worst = i;
            }
        }
        left.remove(worst);
    }
    left
}

fn assert_equals_the_definition(rows: &[(Vec<u32>, Scalar)], ids: usize, config: &AmbiguityConfig) {
    let borrowed: Vec<(&[u32], Scalar)> = rows.iter().map(|(m, p)| (m.as_slice(), *p)).collect();
    let input = tracks(&borrowed);
    let expected = input.select(naive(rows, config));
    assert_eq!(resolve_ambiguities(&input, ids, config), expected);
}

proptest! {
    /// Few measurements and few p-values, so that sharing, repetition and ties are the rule.
    #[test]
    fn the_result_is_that_of_the_definition(
        rows in prop::collection::vec((prop::collection::vec(0_u32..25, 0..8), 0_u8..4), 0..40),
        min_measurements in 0_u32..4,
        max_shared_measurements in 1_u32..4,
        max_iterations in prop_oneof![Just(u32::MAX), 0_u32..20],
    ) {
        let rows: Vec<_> = rows.into_iter().map(|(m, p)| (m, Scalar::from(p) / 4.0)).collect();
        let config =
            AmbiguityConfig { enabled: true, min_measurements, max_shared_measurements, max_iterations };
        assert_equals_the_definition(&rows, 25, &config);
    }

    /// With a limit of one, no measurement is left to two tracks.
    #[test]
    fn nothing_is_shared_afterwards(
        rows in prop::collection::vec(prop::collection::vec(0_u32..60, 3..10), 0..60),
    ) {
        let rows: Vec<(&[u32], Scalar)> = rows.iter().map(|m| (m.as_slice(), 0.5)).collect();
        let resolved = resolve_ambiguities(&tracks(&rows), 60, &AmbiguityConfig::default());
        let distinct = |row: &[MeasurementIndex]| row.iter().copied().collect::<BTreeSet<_>>();
        let each: usize = resolved.measurements.iter().map(|row| distinct(row).len()).sum();
        prop_assert_eq!(each, distinct(&resolved.measurements.values).len());
    }
}

#[test]
fn no_track_shares_fewer_measurements_than_none() {
    let apart = tracks(&[(&[0, 1, 2], 0.5), (&[3, 4, 5], 0.5), (&[6, 7, 8], 0.5)]);
    let none = AmbiguityConfig { max_shared_measurements: 0, ..AmbiguityConfig::default() };
    assert_eq!(resolve_ambiguities(&apart, 9, &none).len(), 0);
    let two = AmbiguityConfig { max_iterations: 2, ..none };
    assert_eq!(resolve_ambiguities(&apart, 9, &two).len(), 1);
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
    let resolved = resolve_ambiguities(&input, 10_001, &AmbiguityConfig::default());
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
