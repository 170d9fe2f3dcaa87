//! Reads an event's truth and upstream's dumps of it, as far as matching needs them.

use flate2::read::MultiGzDecoder;
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use traccc_core::event::{
    Cell, Cells, Particle, Seed, Spacepoint, Spacepoints, Track, Tracks, TruthCell, TruthEvent,
    TruthHit,
};
use traccc_core::{MeasurementIndex, ModuleIndex, SpacepointIndex};

/// An event in the order of upstream: modules by ascending ACTS id.
pub(crate) struct Event {
    pub(crate) truth: TruthEvent,
    pub(crate) cells: Cells,
    /// The cluster of each cell.
    pub(crate) labels: Vec<MeasurementIndex>,
    pub(crate) clusters: usize,
}

/// What upstream made of it, in terms of clusters.
pub(crate) struct Dump {
    pub(crate) spacepoints: Spacepoints,
    pub(crate) seeds: Vec<Seed>,
    pub(crate) found: Tracks,
}

/// `../shared/data` beside the checkout; `None`, with a message, where it is absent.
pub(crate) fn data() -> Option<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !data.is_dir() {
        eprintln!("skipped: ../shared is absent");
        return None;
    }
    Some(data)
}

fn text(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = Vec::new();
    MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// The named columns of a CSV file as text, row by row.
fn rows<const N: usize>(path: &Path, columns: [&str; N]) -> Vec<[String; N]> {
    let text = text(path);
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let places = columns.map(|name| header.iter().position(|&h| h == name).unwrap());
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            places.map(|place| fields[place].to_owned())
        })
        .collect()
}

pub(crate) fn event(data: &Path, detector: &str, sample: &str, number: usize) -> Event {
    let file = |suffix: &str| {
        data.join(detector).join("events").join(sample).join(format!("event{number:09}-{suffix}"))
    };
    let mut truth = TruthEvent::default();
    let names =
        ["particle_id", "particle_type", "process", "q", "vx", "vy", "vz", "px", "py", "pz"];
    for row in rows(&file("particles_initial.csv.gz"), names) {
        let [charge, vx, vy, vz, px, py, pz] =
            std::array::from_fn(|i| row[3 + i].parse::<f32>().unwrap());
        truth.particles.push(Particle {
            id: row[0].parse().unwrap(),
            pdg: row[1].parse().unwrap(),
            process: row[2].parse().unwrap(),
            charge,
            vertex: [vx, vy, vz],
            momentum: [px, py, pz],
            ..Particle::default()
        });
    }
    truth.particles.sort_by_key(|particle| particle.id);
    for [particle] in rows(&file("hits.csv.gz"), ["particle_id"]) {
        truth.hits.push(TruthHit { particle: particle.parse().unwrap(), ..TruthHit::default() });
    }
    let mut merged: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let map = rows(&file("measurement-simhit-map.csv.gz"), ["measurement_id", "hit_id"]);
    for row in map {
        let [measurement, hit] = row.map(|field| field.parse().unwrap());
        merged.entry(measurement).or_default().push(hit);
    }
    for measurement in 0..=*merged.keys().last().unwrap() {
        truth.measurement_hits.push(merged.remove(&measurement).unwrap_or_default());
    }
    let names = ["geometry_id", "channel1", "channel0", "measurement_id"];
    let mut channels: Vec<[u64; 4]> = rows(&file("cells.csv.gz"), names)
        .into_iter()
        .map(|row| row.map(|field| field.parse().unwrap()))
        .collect();
    channels.sort_unstable();
    let mut ids: Vec<u64> = channels.iter().map(|row| row[0]).collect();
    ids.dedup();
    let mut cells = Cells::new();
    for [id, channel1, channel0, measurement] in channels {
        let module = ModuleIndex::from(ids.binary_search(&id).unwrap());
        let [channel1, channel0, measurement] =
            [channel1, channel0, measurement].map(|n| u32::try_from(n).unwrap());
        truth.cells.push(TruthCell { module, channel1, channel0, measurement });
        let cell = Cell { channel0, channel1, activation: 1.0, time: 0.0, module };
        if cells.is_empty() || cells.get(cells.len() - 1) != cell {
            cells.push(cell);
        }
    }
    let (labels, clusters) = clusters(&cells);
    Event { truth, cells, labels, clusters }
}

/// Groups of cells that touch, corners included, by flood fill; numbered by their first cells.
fn clusters(cells: &Cells) -> (Vec<MeasurementIndex>, usize) {
    let key = |i: usize| (cells.module[i], cells.channel1[i], cells.channel0[i]);
    let places: HashMap<_, usize> = (0..cells.len()).map(|i| (key(i), i)).collect();
    let mut labels = vec![MeasurementIndex::NONE; cells.len()];
    let mut clusters = 0;
    for first in 0..cells.len() {
        if labels[first].is_some() {
            continue;
        }
        let mut open = vec![first];
        labels[first] = MeasurementIndex::from(clusters);
        while let Some(cell) = open.pop() {
            let (module, channel1, channel0) = key(cell);
            for neighbour in 0..9 {
                let near = (
                    module,
                    (channel1 + neighbour / 3).wrapping_sub(1),
                    (channel0 + neighbour % 3).wrapping_sub(1),
                );
                if let Some(&other) = places.get(&near)
                    && !labels[other].is_some()
                {
                    labels[other] = MeasurementIndex::from(clusters);
                    open.push(other);
                }
            }
        }
        clusters += 1;
    }
    (labels, clusters)
}

pub(crate) fn dump(data: &Path, detector: &str, sample: &str, number: usize) -> Dump {
    let file = |suffix: &str| {
        data.join(detector).join("upstream").join(sample).join(format!("event{number:09}-{suffix}"))
    };
    // All measurements of these detectors are space points: line i is cluster i, and its text its name.
    let points = text(&file("spacepoints.obj.gz"));
    let points: Vec<&str> = points.lines().filter(|line| line.starts_with('v')).collect();
    let places: HashMap<&str, usize> = points.iter().enumerate().map(|(i, &p)| (p, i)).collect();
    assert_eq!(places.len(), points.len(), "two space points at one place");
    let groups = |suffix: &str| -> Vec<Vec<usize>> {
        let text = text(&file(suffix));
        let vertices: Vec<usize> =
            text.lines().filter(|line| line.starts_with('v')).map(|line| places[line]).collect();
        let group = |line: &str| {
            let numbers = line.split_whitespace().skip(1);
            numbers.map(|n| vertices[n.parse::<usize>().unwrap() - 1]).collect()
        };
        text.lines().filter(|line| line.starts_with('l')).map(group).collect()
    };
    let seeds = groups("seeds.obj.gz")
        .into_iter()
        .map(|seed| {
            let [bottom, middle, top] = [0, 1, 2].map(|i| SpacepointIndex::from(seed[i]));
            Seed { bottom, middle, top, weight: 0.0 }
        })
        .collect();
    let mut found = Tracks::new();
    for track in groups("track-candidates.obj.gz") {
        found.tracks.push(Track::default());
        found.measurements.push(track.into_iter().map(MeasurementIndex::from));
    }
    let point =
        |i: usize| Spacepoint { measurement: MeasurementIndex::from(i), ..Spacepoint::default() };
    Dump { spacepoints: (0..points.len()).map(point).collect(), seeds, found }
}
