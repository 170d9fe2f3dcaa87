//! Every bit that a reconstruction gave, as one hash for each stage.
//!
//! FNV-1a over the bytes of the rows in their order; a row is its columns in the order of their declaration, a track its
//! own row, the numbers of its measurements and its states. The goal of every engine: equal hashes, not close numbers.

use serde::{Deserialize, Serialize};
use traccc::Reconstruction;
use traccc::event::{Measurements, Spacepoints, Tracks};

/// What one stage gave for one event.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Fingerprint {
    pub event: u64,
    pub chain: String,
    pub stage: String,
    /// FNV-1a of 64 bits, in hexadecimal digits.
    hash: String,
    /// One hash of 16 bits for each row, four digits each: to name the first row that differs.
    rows: String,
}

/// A stage's name and the bytes of its rows.
type Stage = (&'static str, Vec<Vec<u8>>);

impl Fingerprint {
    /// All stages of one event.
    pub(crate) fn of_stages(event: u64, chain: &str, done: &Reconstruction) -> Vec<Self> {
        stages(done)
            .into_iter()
            .map(|(stage, rows)| {
                let row = |row: &Vec<u8>| format!("{:04x}", fnv(row) & 0xffff);
                Self {
                    event,
                    chain: chain.to_owned(),
                    stage: stage.to_owned(),
                    hash: format!("{:016x}", fnv(rows.iter().flatten())),
                    rows: rows.iter().map(row).collect(),
                }
            })
            .collect()
    }

    /// Panics with the stage and the first row that differs.
    pub(crate) fn assert_equals(&self, expected: &Self, what: &str) {
        let Self { event, chain, stage, .. } = self;
        if self == expected {
            return;
        }
        let digits = |rows: &str| rows.as_bytes().chunks(4).map(<[u8]>::to_vec).collect::<Vec<_>>();
        let (found, wanted) = (digits(&self.rows), digits(&expected.rows));
        let same = found.iter().zip(&wanted).take_while(|(a, b)| a == b).count();
        panic!(
            "{what}: event {event}, chain {chain}: {stage} differ first in row {same} ({} rows, expected {}); stages \
             before it are equal. When the change is meant, see the head of this test.",
            found.len(),
            wanted.len()
        );
    }
}

fn fnv<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn stages(done: &Reconstruction) -> Vec<Stage> {
    let Reconstruction {
        measurements,
        cell_measurements,
        spacepoints,
        seeds,
        parameters,
        found,
        resolved,
        fitted,
    } = done;
    let mut stages = vec![
        ("measurements", measurement_rows(measurements)),
        ("labels", rows(cell_measurements)),
        ("space points", spacepoint_rows(spacepoints)),
        ("seeds", rows(seeds)),
        ("parameters", rows(parameters)),
        ("found tracks", track_rows(found)),
    ];
    stages.extend(resolved.as_ref().map(|tracks| ("resolved tracks", track_rows(tracks))));
    stages.extend(fitted.as_ref().map(|tracks| ("fitted tracks", track_rows(tracks))));
    stages
}

fn bytes<T: bytemuck::NoUninit>(value: &T) -> &[u8] {
    bytemuck::bytes_of(value)
}

fn rows<T: bytemuck::NoUninit>(rows: &[T]) -> Vec<Vec<u8>> {
    rows.iter().map(|row| bytes(row).to_vec()).collect()
}

fn measurement_rows(measurements: &Measurements) -> Vec<Vec<u8>> {
    let Measurements { local, variance, time, subspace, surface, cells } = measurements;
    let row = |i: usize| {
        [
            bytes(&local[i]),
            bytes(&variance[i]),
            bytes(&time[i]),
            bytes(&subspace[i]),
            bytes(&surface[i]),
            bytes(&cells[i]),
        ]
        .concat()
    };
    (0..measurements.len()).map(row).collect()
}

fn spacepoint_rows(spacepoints: &Spacepoints) -> Vec<Vec<u8>> {
    let Spacepoints { x, y, z, measurement } = spacepoints;
    let row =
        |i: usize| [bytes(&x[i]), bytes(&y[i]), bytes(&z[i]), bytes(&measurement[i])].concat();
    (0..spacepoints.len()).map(row).collect()
}

fn track_rows(tracks: &Tracks) -> Vec<Vec<u8>> {
    let row = |i: usize| {
        [
            bytes(&tracks.tracks[i]),
            bytemuck::cast_slice(tracks.measurements.row(i)),
            bytemuck::cast_slice(tracks.states_of(i)),
        ]
        .concat()
    };
    (0..tracks.len()).map(row).collect()
}
