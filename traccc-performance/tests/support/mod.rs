//! Reads a sample's detector, an event's truth, and upstream's dumps of it as far as matching needs them.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use traccc_core::SpacepointIndex;
use traccc_core::clustering::{ClusteringConfig, Clusters, cluster};
use traccc_core::detector::{Detector, Modules, SensorTable};
use traccc_core::event::{Cells, Seed, Spacepoints, Track, Tracks, TruthEvent};
use traccc_core::spacepoints::form_spacepoints;
use traccc_io::{DetectorFiles, Duplicates, EventDirectory, EventFile};

/// A detector of `../shared/data` with its samples.
pub(crate) struct Samples<'a> {
    folder: &'a Path,
    detector: Detector,
    modules: Modules,
}

pub(crate) struct Event {
    pub(crate) truth: TruthEvent,
    pub(crate) cells: Cells,
    pub(crate) clusters: Clusters,
    pub(crate) spacepoints: Spacepoints,
}

/// What upstream made of an event, in terms of our space points and measurements.
pub(crate) struct Dump {
    pub(crate) seeds: Vec<Seed>,
    pub(crate) found: Tracks,
}

impl<'a> Samples<'a> {
    pub(crate) fn new(folder: &'a Path) -> Self {
        let files = DetectorFiles::find(folder.join("geometry")).unwrap();
        let detector = Detector::compile(&traccc_io::read_detector(&files).unwrap()).unwrap();
        let digitization = traccc_io::read_digitization(files.digitization().unwrap()).unwrap();
        let modules = digitization.modules(&detector, None).unwrap();
        Self { folder, detector, modules }
    }

    pub(crate) fn event(&self, sample: &str, number: u64) -> Event {
        let directory = self.folder.join("events").join(sample);
        let path =
            EventDirectory::open(&directory).unwrap().path(number, EventFile::Cells).unwrap();
        let (detector, modules) = (&self.detector, &self.modules);
        let sensors = SensorTable::acts(detector, modules);
        let cells = traccc_io::read_cells(path, &sensors, Duplicates::Merge).unwrap().cells;
        let truth = traccc_io::read_truth(directory, number, &sensors).unwrap();
        let clusters = cluster(&cells, modules, &ClusteringConfig::default().cuts());
        let spacepoints = form_spacepoints(&clusters.measurements, detector);
        Event { truth, cells, clusters, spacepoints }
    }

    pub(crate) fn dump(&self, sample: &str, number: u64, event: &Event) -> Dump {
        let folder = self.folder.join("upstream").join(sample);
        let text = |suffix: &str| {
            let path = folder.join(format!("event{number:09}-{suffix}"));
            String::from_utf8(traccc_io::read_file(&path).unwrap()).unwrap()
        };
        // The text of a point is its name; seeds and tracks repeat it.
        let points = text("spacepoints.obj");
        let points: Vec<&str> = points.lines().filter(|line| line.starts_with('v')).collect();
        assert_eq!(points.len(), event.spacepoints.len(), "{sample}: space points");
        let places: HashMap<&str, usize> = points
            .iter()
            .enumerate()
            .map(|(row, &p)| (p, nearest(p, row, &event.spacepoints)))
            .collect();
        let distinct: HashSet<usize> = places.values().copied().collect();
        assert_eq!(distinct.len(), points.len(), "{sample}: two space points at one place");
        let groups = |suffix: &str| -> Vec<Vec<usize>> {
            let text = text(suffix);
            let vertices: Vec<usize> = text
                .lines()
                .filter(|line| line.starts_with('v'))
                .map(|line| places[line])
                .collect();
            let group = |line: &str| {
                let numbers = line.split_whitespace().skip(1);
                numbers.map(|n| vertices[n.parse::<usize>().unwrap() - 1]).collect()
            };
            text.lines().filter(|line| line.starts_with('l')).map(group).collect()
        };
        let seed = |seed: Vec<usize>| {
            let [bottom, middle, top] = [0, 1, 2].map(|i| SpacepointIndex::from(seed[i]));
            Seed { bottom, middle, top, weight: 0.0 }
        };
        let mut found = Tracks::new();
        for track in groups("track-candidates.obj") {
            found.tracks.push(Track::default());
            found
                .measurements
                .push(track.into_iter().map(|p| event.spacepoints.measurements[p][0]));
        }
        Dump { seeds: groups("seeds.obj").into_iter().map(seed).collect(), found }
    }
}

/// The space point at the place that a line `v x y z` states with six digits; most often that of row `likely`.
fn nearest(line: &str, likely: usize, spacepoints: &Spacepoints) -> usize {
    let place: Vec<f32> = line.split_whitespace().skip(1).map(|n| n.parse().unwrap()).collect();
    let squared = |row: usize| {
        let point = spacepoints.get(row);
        [point.x, point.y, point.z].iter().zip(&place).map(|(a, b)| (a - b) * (a - b)).sum::<f32>()
    };
    let near = |row: &usize| squared(*row) < 0.01 * 0.01;
    if near(&likely) {
        return likely;
    }
    (0..spacepoints.len()).find(near).unwrap_or_else(|| panic!("{line}: nothing within 10 um"))
}
