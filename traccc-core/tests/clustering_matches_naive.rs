//! Clustering against a flood fill and a two-pass mean in double precision; space points of the measurements.
#![expect(clippy::disallowed_methods, reason = "answers by other means")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use proptest::prelude::*;
use traccc_core::clustering::{ClusterErrors, ClusteringConfig, Clusters};
use traccc_core::detector::{
    Detector, DetectorModel, MaskModel, ModuleDesign, Modules, Placement, Segmentation, Shape,
    SurfaceKind, SurfaceModel, VolumeModel,
};
use traccc_core::event::{Cell, Cells, Measurement, Measurements, Subspace};
use traccc_core::spacepoints::form_spacepoints;
use traccc_core::{MeasurementIndex, ModuleIndex, Scalar, SurfaceIndex};

/// Upstream's errors: they hold all that is known of the cells.
fn cluster(cells: &Cells, modules: &Modules) -> Clusters {
    let config = ClusteringConfig { errors: ClusterErrors::Upstream };
    traccc_core::clustering::cluster(cells, modules, &config.cuts())
}

/// Square planes across x, 20 mm apart from x = 20 mm on, with local x along y and local y along z.
fn telescope(planes: usize, pixels: usize) -> (Detector, Modules) {
    let plane = |i: usize| SurfaceModel {
        kind: SurfaceKind::SENSITIVE,
        source: i as u64,
        placement: Placement {
            translation: [20.0 * (i + 1) as f64, 0.0, 0.0],
            axes: [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]],
        },
        shape: Shape::Rectangle,
        masks: vec![MaskModel { bounds: vec![100.0, 100.0], link: None }],
        material: None,
    };
    let volume = VolumeModel { surfaces: (0..planes).map(plane).collect(), ..Default::default() };
    let model = DetectorModel { name: "telescope".into(), volumes: vec![volume] };
    let detector = Detector::compile(&model).unwrap();
    let designs = vec![
        ModuleDesign::equidistant([pixels, pixels], [-10.0, -5.0], [10.0, 5.0]),
        ModuleDesign::equidistant([pixels, 1], [-10.0, -50.0], [10.0, 50.0]),
    ];
    // Every third plane has strips, all are shifted.
    let design = |s: SurfaceIndex| Some((usize::from(s.0 % 3 == 2), [0.125, -0.25]));
    let modules = Modules::new(&detector, designs, design).unwrap();
    (detector, modules)
}

fn adjacent(a: &Cell, b: &Cell) -> bool {
    a.module == b.module
        && a.channel0.abs_diff(b.channel0) <= 1
        && a.channel1.abs_diff(b.channel1) <= 1
}

/// Labels by flood fill, numbered by first cells.
fn flood(cells: &Cells) -> Vec<u32> {
    let cells: Vec<Cell> = cells.iter().collect();
    let mut labels = vec![u32::MAX; cells.len()];
    let mut clusters = 0;
    for first in 0..cells.len() {
        if labels[first] != u32::MAX {
            continue;
        }
        let mut open = vec![first];
        while let Some(cell) = open.pop() {
            if labels[cell] == u32::MAX {
                labels[cell] = clusters;
                open.extend((0..cells.len()).filter(|&o| adjacent(&cells[cell], &cells[o])));
            }
        }
        clusters += 1;
    }
    labels
}

/// Along one axis by two passes in double precision: mean and variance of the channel centres, size and width.
fn moments(members: &[Cell], sensor: &Segmentation<'_>, axis: usize) -> (f64, f64, u32, Scalar) {
    let channel = |c: &Cell| [c.channel0, c.channel1][axis];
    let centre = |c: &Cell| f64::from(sensor.centre(axis, channel(c)));
    let total: f64 = members.iter().map(|c| f64::from(c.activation)).sum();
    let weight = |c: &Cell| {
        if total > 0.0 { f64::from(c.activation) / total } else { 1.0 / members.len() as f64 }
    };
    let mean: f64 = members.iter().map(|c| weight(c) * centre(c)).sum();
    let spread: f64 = members.iter().map(|c| weight(c) * (centre(c) - mean).powi(2)).sum();
    let lowest = members.iter().map(channel).min().unwrap() as usize;
    let highest = members.iter().map(channel).max().unwrap() as usize;
    let size = (highest - lowest + 1) as u32;
    let width = sensor.edges[axis][highest + 1] - sensor.edges[axis][lowest];
    let pitch = f64::from(width) / f64::from(size);
    (mean, spread + pitch * pitch / 12.0, size, width)
}

fn check(cells: &Cells, modules: &Modules, found: &Clusters) -> Result<(), TestCaseError> {
    let labels: Vec<u32> = found.labels.iter().map(|l| l.0).collect();
    prop_assert_eq!(&labels, &flood(cells));
    let clusters = labels.iter().max().map_or(0, |&l| l as usize + 1);
    prop_assert_eq!(found.measurements.len(), clusters);
    for (row, measurement) in found.measurements.iter().enumerate() {
        let members: Vec<Cell> = cells
            .iter()
            .zip(&labels)
            .filter(|(_, l)| **l as usize == row)
            .map(|(c, _)| c)
            .collect();
        let module = members[0].module;
        prop_assert_eq!(measurement.surface, modules.surface[module.get()]);
        prop_assert_eq!(measurement.subspace, modules.subspace[module.get()]);
        prop_assert_eq!(measurement.cells as usize, members.len());
        for axis in 0..2 {
            let (mean, variance, size, width) =
                moments(&members, &modules.segmentation(module), axis);
            prop_assert_eq!((measurement.size[axis], measurement.width[axis]), (size, width));
            let shifted = mean + f64::from(modules.translation[module.get()][axis]);
            prop_assert!((f64::from(measurement.local[axis]) - shifted).abs() < 1e-4);
            let error = (f64::from(measurement.variance[axis]) - variance).abs();
            prop_assert!(
                error < 1e-4 * (1.0 + variance),
                "{} {}",
                measurement.variance[axis],
                variance
            );
        }
    }
    Ok(())
}

fn cells(rows: &[(u32, u32, u32, f32)], modules: &Modules) -> Cells {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|r| (r.0, r.1, r.2));
    rows.dedup_by_key(|r| (r.0, r.1, r.2));
    let cell = |(module, channel1, channel0, activation): (u32, u32, u32, f32)| Cell {
        channel0,
        channel1,
        activation,
        time: 0.0,
        module: ModuleIndex(module),
    };
    let cells: Cells = rows.into_iter().map(cell).collect();
    cells.validate(modules).unwrap();
    cells
}

proptest! {
    #[test]
    fn clusters_are_those_of_a_flood_fill(
        pixels in 3_usize..30,
        rows in prop::collection::vec((0_u32..5, 0_u32..30, 0_u32..30, 0.0_f32..2.0), 0..300),
        silent in any::<bool>(),
    ) {
        let (_, modules) = telescope(5, pixels);
        let n = pixels as u32;
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(m, c1, c0, a)| {
                // Some events have channels that fire without a signal.
                let activation = if silent && a < 1.5 { 0.0 } else { a };
                (m, if m % 3 == 2 { 0 } else { c1 % n }, c0 % n, activation)
            })
            .collect();
        let cells = cells(&rows, &modules);
        check(&cells, &modules, &cluster(&cells, &modules))?;
    }
}

/// Three sensors: without errors, with errors of x, with others of both axes.
fn sensors_with_errors() -> (Detector, Modules) {
    let (detector, _) = telescope(3, 20);
    let plain = ModuleDesign::equidistant([20, 20], [-10.0; 2], [10.0; 2]);
    let designs = [[vec![], vec![]], [vec![0.5, 0.25], vec![]], [vec![0.75], vec![2.0, 0.125]]]
        .map(|errors| ModuleDesign { errors, ..plain.clone() });
    let modules = Modules::new(&detector, designs.into(), |s| Some((s.get(), [0.0; 2]))).unwrap();
    (detector, modules)
}

#[test]
fn errors_come_from_the_table_of_the_sensor_by_axis_and_size() {
    let (_, modules) = sensors_with_errors();
    // On each sensor one channel, and far away three along x of two rows.
    let rows: Vec<_> = (0..3)
        .flat_map(|m| [(m, 2, 2, 1.0), (m, 8, 8, 1.0), (m, 8, 9, 1.0), (m, 9, 10, 1.0)])
        .collect();
    let cells = cells(&rows, &modules);
    let with = |errors| {
        let config = ClusteringConfig { errors };
        traccc_core::clustering::cluster(&cells, &modules, &config.cuts()).measurements
    };
    let pitch = [1.0_f32 / 12.0, 1.0 / 48.0].map(Scalar::from);
    let near = |found: [Scalar; 2], expected: [Scalar; 2]| {
        assert!((0..2).all(|i| (found[i] - expected[i]).abs() < 1e-6), "{found:?} {expected:?}");
    };
    let (table, by_pitch) = (with(ClusterErrors::Table), with(ClusterErrors::Pitch));
    assert_eq!(table.size, [[1, 1], [3, 2]].repeat(3));
    let expected = [
        [pitch[0], pitch[0]],
        [pitch[1], pitch[1]],
        [0.25, pitch[0]],
        [0.0625, pitch[1]],
        [0.5625, 4.0],
        [0.5625, 0.015625],
    ];
    for (row, expected) in expected.into_iter().enumerate() {
        near(table.variance[row], expected);
        near(by_pitch.variance[row], [pitch[row % 2]; 2]);
    }
    assert_eq!((&table.local, &table.width), (&by_pitch.local, &by_pitch.width));
}

#[test]
fn equal_designs_are_one_row_and_equal_axes_share_their_edges() {
    let (detector, _) = telescope(4, 20);
    let of = |bins: [usize; 2], errors: &[Scalar]| ModuleDesign {
        errors: [errors.to_vec(), Vec::new()],
        ..ModuleDesign::equidistant(bins, [-10.0; 2], [10.0; 2])
    };
    let designs =
        vec![of([20, 30], &[]), of([20, 30], &[0.5]), of([30, 20], &[]), of([20, 30], &[])];
    let modules = Modules::new(&detector, designs.clone(), |s| Some((s.get(), [0.0; 2]))).unwrap();
    assert_eq!(modules.design, [0, 1, 2, 0]);
    assert_eq!(modules.edges.len(), 21 + 31);
    for (module, design) in designs.iter().enumerate() {
        let module = ModuleIndex::from(module);
        assert_eq!(modules.segmentation(module), design.segmentation());
        assert_eq!(modules.channels(module)[0], design.segmentation().channels(0));
    }
}

/// Upstream's single module: nine cells in four clusters.
#[test]
fn upstream_single_module_gives_four_measurements() {
    let (_, modules) = telescope(1, 20);
    let channels = [(1, 0), (8, 4), (10, 4), (9, 5), (10, 5), (12, 12), (3, 13), (11, 13), (4, 14)];
    let rows: Vec<_> =
        channels.iter().enumerate().map(|(i, &(c0, c1))| (0, c1, c0, i as f32 + 1.0)).collect();
    let cells = cells(&rows, &modules);
    let found = cluster(&cells, &modules);
    let labels: Vec<u32> = found.labels.iter().map(|l| l.0).collect();
    assert_eq!(labels, [0, 1, 1, 1, 1, 2, 3, 2, 3]);
    assert_eq!(found.measurements.len(), 4);
}

#[test]
fn no_cells_give_no_measurements() {
    let (detector, modules) = telescope(1, 20);
    let found = cluster(&Cells::new(), &modules);
    assert_eq!(found, Clusters::default());
    assert!(form_spacepoints(&found.measurements, &detector).is_empty());
}

/// Enough cells for several tasks: the same measurements from one thread and from four.
#[test]
fn the_number_of_threads_does_not_change_the_clusters() {
    let (_, modules) = telescope(200, 400);
    let rows: Vec<_> = (0..60_000_u32)
        .map(|i| {
            let module = (i / 300) / 3 * 3;
            (module, i % 900 / 30 * 2, i % 30 * 3 + i % 900 / 30, (i % 13) as f32)
        })
        .collect();
    let cells = cells(&rows, &modules);
    assert!(cells.len() > 40_000);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| cluster(&cells, &modules))
    };
    let alone = with(1);
    assert_eq!(alone, with(4));
    assert!(alone.measurements.surface.is_sorted());
    // Joined from several tasks, yet each label names a measurement of its own module.
    for (cell, label) in cells.iter().zip(&alone.labels) {
        assert_eq!(alone.measurements.surface[label.get()], modules.surface[cell.module.get()]);
    }
}

/// Upstream's telescope: planes across x from 20 to 180 mm.
#[test]
fn space_points_lie_on_their_planes() {
    let (detector, _) = telescope(9, 20);
    let measurements: Measurements = [([7.0, 2.0], 0), ([10.0, 15.0], 8)]
        .into_iter()
        .map(|(local, surface)| Measurement {
            local,
            surface: SurfaceIndex(surface),
            ..Measurement::default()
        })
        .collect();
    let points = form_spacepoints(&measurements, &detector);
    let positions: Vec<[Scalar; 3]> = points.iter().map(|p| [p.x, p.y, p.z]).collect();
    assert_eq!(positions, [[20.0, 7.0, 2.0], [180.0, 10.0, 15.0]]);
}

#[test]
fn strips_give_no_space_points() {
    let (detector, _) = telescope(3, 20);
    let measurements: Measurements = [Subspace::LOC0, Subspace::BOTH, Subspace::LOC1]
        .into_iter()
        .map(|subspace| Measurement {
            subspace,
            surface: SurfaceIndex(1),
            ..Measurement::default()
        })
        .collect();
    let points = form_spacepoints(&measurements, &detector);
    assert_eq!(points.len(), 1);
    assert_eq!(points.measurements_of(0), [MeasurementIndex(1)]);
}
