//! Removal of candidates that follow the measurements of a better one.

use super::{Link, NO_LINK, Search};
use crate::Scalar;
use crate::index::MeasurementIndex;
use crate::math::probability;
use rayon::prelude::*;

/// For each link from `first` on, those of one step, whether it survives the others of its step.
///
/// A candidate dies when all its measurements are the last ones of another candidate, whatever their seeds, and the
/// other one's chi2 is more probable (equally probable: the other one comes first). Both need more than `min_length`
/// measurements, and the one that dies degrees of freedom.
///
/// A function of the links alone: each asks whether another one exists, be that one removed or not. So it does not matter
/// who asks first, and whoever follows candidates one by one may ask the same of the links it has kept, step by step.
///
/// `measurements` is the number of measurements of the event, `step` counts from 0.
pub(super) fn survivors(
    links: &[Link],
    first: usize,
    measurements: usize,
    step: u32,
    min_length: u32,
) -> Vec<bool> {
    let here = &links[first..];
    // Links with the same last measurement in a chain: the newest of each measurement, and the one before of each link.
    let mut newest = vec![NO_LINK; measurements];
    let mut before = vec![NO_LINK; here.len()];
    let mut last = vec![NO_LINK; here.len()];
    let mut quality = vec![0.0; here.len()];
    for (i, link) in here.iter().enumerate() {
        if step + 1 - link.holes <= min_length {
            continue;
        }
        let Some(row) = last_measurement(links, (first + i) as u32) else { continue };
        let head = &mut newest[links[row as usize].measurement.get()];
        before[i] = std::mem::replace(head, i as u32);
        last[i] = row;
        quality[i] = probability(link.chi2_sum, link.coordinates as i32 - 5);
    }
    let dominated = |i: usize| {
        if last[i] == NO_LINK || here[i].coordinates <= 5 {
            return false;
        }
        let mut other = newest[links[last[i] as usize].measurement.get()];
        while other != NO_LINK {
            let j = other as usize;
            if j != i && better(quality[j], j, quality[i], i) && ends_with(links, last[j], last[i])
            {
                return true;
            }
            other = before[j];
        }
        false
    };
    (0..here.len()).into_par_iter().with_min_len(256).map(|i| !dominated(i)).collect()
}

/// The last link with a measurement at or before `row`.
fn last_measurement(links: &[Link], mut row: u32) -> Option<u32> {
    while row != NO_LINK {
        let link = &links[row as usize];
        if link.measurement.is_some() {
            return Some(row);
        }
        row = link.previous;
    }
    None
}

/// Whether the measurements up to link `long` end with all those up to link `short`.
fn ends_with(links: &[Link], mut long: u32, mut short: u32) -> bool {
    loop {
        if links[long as usize].measurement != links[short as usize].measurement {
            return false;
        }
        let earlier = |row: u32| last_measurement(links, links[row as usize].previous);
        match (earlier(long), earlier(short)) {
            (_, None) => return true,
            (None, Some(_)) => return false,
            (Some(l), Some(s)) => (long, short) = (l, s),
        }
    }
}

impl Search<'_> {
    /// The measurements up to a link, last first.
    pub(super) fn measurements_back<'a>(
        &'a self,
        tip: u32,
    ) -> impl Iterator<Item = MeasurementIndex> + 'a {
        self.links_back(tip).map(|(_, link)| link.measurement).filter(|m| m.is_some())
    }

    /// The links up to and with `tip`, last first, with their rows.
    pub(super) fn links_back<'a>(&'a self, tip: u32) -> impl Iterator<Item = (u32, &'a Link)> + 'a {
        let mut row = tip;
        std::iter::from_fn(move || {
            let link = self.links.get(row as usize)?;
            let here = row;
            row = link.previous;
            Some((here, link))
        })
    }
}

fn better(quality: Scalar, row: usize, than: Scalar, than_row: usize) -> bool {
    quality > than || (quality >= than && row < than_row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Links of several steps: for each a link of the step before, a measurement or a hole, and a chi2.
    fn forest() -> impl Strategy<Value = Vec<Vec<(usize, Option<u32>, u8)>>> {
        let link = (any::<prop::sample::Index>(), prop::option::weighted(0.8, 0_u32..4), 0_u8..6);
        let link =
            link.prop_map(|(previous, measurement, chi2)| (previous.index(64), measurement, chi2));
        prop::collection::vec(prop::collection::vec(link, 1..14), 1..6)
    }

    /// All links, and where the last step begins.
    fn links(forest: &[Vec<(usize, Option<u32>, u8)>]) -> (Vec<Link>, usize) {
        let mut links: Vec<Link> = Vec::new();
        let (mut before, mut first) = (0..0, 0);
        for step in forest {
            first = links.len();
            for &(previous, measurement, chi2) in step {
                let previous = if before.is_empty() {
                    NO_LINK
                } else {
                    (before.start + previous % before.len()) as u32
                };
                let parent = links.get(previous as usize).copied();
                let (holes, chi2_sum, coordinates) =
                    parent.map_or((0, 0.0, 0), |p| (p.holes, p.chi2_sum, p.coordinates));
                let hole = u32::from(measurement.is_none());
                let chi2 = if hole == 1 { 0.0 } else { Scalar::from(chi2) };
                links.push(Link {
                    previous,
                    measurement: measurement.map_or(MeasurementIndex::NONE, MeasurementIndex),
                    seed: 0,
                    holes: holes + hole,
                    consecutive_holes: 0,
                    chi2,
                    chi2_sum: chi2_sum + chi2,
                    coordinates: coordinates + 2 - 2 * hole,
                });
            }
            before = first..links.len();
        }
        (links, first)
    }

    /// Every pair, by lists of measurements.
    fn by_definition(links: &[Link], first: usize, min_length: usize) -> Vec<bool> {
        let chain = |mut row: u32| {
            let mut ids = Vec::new();
            while let Some(link) = links.get(row as usize) {
                ids.extend(link.measurement.is_some().then_some(link.measurement.0));
                row = link.previous;
            }
            ids.reverse();
            ids
        };
        let rows = first..links.len();
        let chains: Vec<Vec<u32>> = rows.map(|row| chain(row as u32)).collect();
        let quality =
            |row: usize| probability(links[row].chi2_sum, links[row].coordinates as i32 - 5);
        let dies = |i: usize| {
            let long = |j: usize| chains[j].len() > min_length;
            let beats = |j: usize| {
                let (mine, other) = (quality(first + i), quality(first + j));
                j != i
                    && long(j)
                    && (other > mine || (other >= mine && j < i))
                    && chains[j].ends_with(&chains[i])
            };
            long(i) && links[first + i].coordinates > 5 && (0..chains.len()).any(beats)
        };
        (0..chains.len()).map(|i| !dies(i)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn survivors_are_those_of_all_pairs(forest in forest(), min_length in 0_u32..4) {
            let (links, first) = links(&forest);
            let step = forest.len() as u32 - 1;
            let found = survivors(&links, first, 4, step, min_length);
            prop_assert_eq!(found, by_definition(&links, first, min_length as usize));
        }

        /// Links of different probability live or die in whatever order they were made.
        #[test]
        fn the_order_of_the_links_does_not_matter(
            forest in forest(),
            order in prop::collection::vec(any::<u32>(), 14),
        ) {
            let step = forest.len() as u32 - 1;
            let (mut all, first) = links(&forest);
            let last = all.len() - first;
            for (i, link) in all[first..].iter_mut().enumerate() {
                // Small ones would all be as probable as can be.
                link.chi2_sum += (i + 1) as Scalar * 0.37;
            }
            let mut places: Vec<usize> = (0..last).collect();
            places.sort_by_key(|&i| (order[i], i));
            let mut shuffled = all.clone();
            for (to, &from) in places.iter().enumerate() {
                shuffled[first + to] = all[first + from];
            }
            let (before, after) =
                (survivors(&all, first, 4, step, 0), survivors(&shuffled, first, 4, step, 0));
            for (to, &from) in places.iter().enumerate() {
                prop_assert_eq!(before[from], after[to]);
            }
        }
    }
}
