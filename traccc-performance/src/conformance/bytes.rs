//! Results to the bit.

use bytemuck::cast_slice;
use traccc_core::Reconstruction;
use traccc_core::event::Tracks;

/// The first column that is not the same in both, byte by byte.
pub(super) fn different(left: &Reconstruction, right: &Reconstruction) -> Option<String> {
    if left.counts != right.counts {
        return Some("counts".to_owned());
    }
    let (left, right) = (columns(left), columns(right));
    let pairs = left.iter().zip(&right);
    let other = pairs.into_iter().find(|(l, r)| l != r).map(|((name, _), _)| name.clone());
    other.or_else(|| (left.len() != right.len()).then(|| "the last collection".to_owned()))
}

/// The first column of the tracks that is not the same in both.
pub(super) fn different_tracks(left: &Tracks, right: &Tracks) -> Option<&'static str> {
    let pairs = tracks(left).into_iter().zip(tracks(right));
    pairs.filter(|(l, r)| l != r).map(|((name, _), _)| name).next()
}

/// Names and bytes of all columns.
fn columns(event: &Reconstruction) -> Vec<(String, &[u8])> {
    let named =
        |collection: &'static str| move |(column, bytes)| (format!("{collection}.{column}"), bytes);
    let whole = [
        ("cell_measurements".to_owned(), cast_slice(&event.cell_measurements)),
        ("seeds".to_owned(), cast_slice(&event.seeds)),
        ("parameters".to_owned(), cast_slice(&event.parameters)),
    ];
    let mut columns: Vec<(String, &[u8])> = whole.into();
    columns.extend(event.measurements.bytes().into_iter().map(named("measurements")));
    columns.extend(event.spacepoints.bytes().into_iter().map(named("spacepoints")));
    columns.extend(tracks(&event.found).map(named("found")));
    for (name, collection) in [("resolved", &event.resolved), ("fitted", &event.fitted)] {
        columns.extend(collection.iter().flat_map(tracks).map(named(name)));
    }
    columns
}

fn tracks(tracks: &Tracks) -> [(&'static str, &[u8]); 4] {
    [
        ("tracks", cast_slice(&tracks.tracks)),
        ("measurements.offsets", cast_slice(&tracks.measurements.offsets)),
        ("measurements.values", cast_slice(&tracks.measurements.values)),
        ("states", cast_slice(&tracks.states)),
    ]
}
