//! Removal of candidates that follow the measurements of a better one.

use super::{Link, NO_LINK, Search};
use crate::Scalar;
use crate::index::MeasurementIndex;
use crate::math::probability;
use rayon::prelude::*;

impl Search<'_> {
    /// For each link from `first` on whether it survives the others of its step.
    ///
    /// A candidate dies when all its measurements are the last ones of another candidate, whatever their seeds, and the
    /// other one's chi2 is more probable (equally probable: the other one comes first). Both need more than `min_length`
    /// measurements, and the one that dies degrees of freedom.
    pub(super) fn survivors(&self, first: usize, step: u32, min_length: u32) -> Vec<bool> {
        let links = &self.links[first..];
        // Links with the same last measurement in a chain: the newest of each measurement, and the one before of each link.
        let mut newest = vec![NO_LINK; self.measurements.len()];
        let mut before = vec![NO_LINK; links.len()];
        let mut last = vec![NO_LINK; links.len()];
        let mut quality = vec![0.0; links.len()];
        for (i, link) in links.iter().enumerate() {
            if step + 1 - link.holes <= min_length {
                continue;
            }
            let Some(row) = self.last_measurement((first + i) as u32) else { continue };
            let head = &mut newest[self.links[row as usize].measurement.get()];
            before[i] = std::mem::replace(head, i as u32);
            last[i] = row;
            quality[i] = probability(link.chi2_sum, link.coordinates as i32 - 5);
        }
        let dominated = |i: usize| {
            if last[i] == NO_LINK || links[i].coordinates <= 5 {
                return false;
            }
            let mut other = newest[self.links[last[i] as usize].measurement.get()];
            while other != NO_LINK {
                let j = other as usize;
                if j != i
                    && better(quality[j], j, quality[i], i)
                    && self.ends_with(last[j], last[i])
                {
                    return true;
                }
                other = before[j];
            }
            false
        };
        (0..links.len()).into_par_iter().with_min_len(256).map(|i| !dominated(i)).collect()
    }

    /// The last link with a measurement at or before `row`.
    fn last_measurement(&self, mut row: u32) -> Option<u32> {
        while row != NO_LINK {
            let link = &self.links[row as usize];
            if link.measurement.is_some() {
                return Some(row);
            }
            row = link.previous;
        }
        None
    }

    /// Whether the measurements up to link `long` end with all those up to link `short`.
    fn ends_with(&self, mut long: u32, mut short: u32) -> bool {
        loop {
            if self.links[long as usize].measurement != self.links[short as usize].measurement {
                return false;
            }
            let earlier = |row: u32| self.last_measurement(self.links[row as usize].previous);
            match (earlier(long), earlier(short)) {
                (_, None) => return true,
                (None, Some(_)) => return false,
                (Some(l), Some(s)) => (long, short) = (l, s),
            }
        }
    }

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
