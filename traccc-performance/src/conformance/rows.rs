//! The rules for everything before tracks.

use super::{Violation, require};
use traccc_core::detector::{Detector, Modules, SurfaceKind};
use traccc_core::event::{BoundParameters, Cells, Measurements, Spacepoint};
use traccc_core::{Keep, MeasurementIndex, Reconstruction, Scalar, SurfaceIndex};

/// Space points lie this close to the global position of their measurement, in mm: roundings of coordinates up to 3 m.
const PLACE: Scalar = 5.0e-3;

/// Cells and measurements refer to each other.
pub(super) fn labels(
    result: &Reconstruction,
    cells: &Cells,
    modules: &Modules,
) -> Result<(), Violation> {
    let labels = &result.cell_measurements;
    require(labels.len() == cells.len(), "each cell has a measurement", || {
        format!("{} labels for {} cells", labels.len(), cells.len())
    })?;
    let measurements = &result.measurements;
    let mut counts = vec![0_u32; measurements.len()];
    let mut opened = 0;
    for (cell, label) in labels.iter().enumerate() {
        require(label.get() < measurements.len(), "each cell has a measurement", || {
            format!("cell {cell} has number {} of {}", label.0, measurements.len())
        })?;
        counts[label.get()] += 1;
        // Cells ascend by module, so the order of first cells is also the order of surfaces.
        require(
            label.get() <= opened,
            "measurements come in the order of their first cells",
            || format!("cell {cell} opens measurement {} after {opened}", label.0),
        )?;
        opened += usize::from(label.get() == opened);
        let (sensor, surface) =
            (modules.surface[cells.module[cell].get()], measurements.surface[label.get()]);
        require(sensor == surface, "a measurement lies on the sensor of its cells", || {
            format!("cell {cell} is on surface {}, its measurement on {}", sensor.0, surface.0)
        })?;
    }
    for (m, (&counted, &stated)) in counts.iter().zip(&measurements.cells).enumerate() {
        require(
            counted > 0 && counted == stated,
            "a measurement knows the number of its cells",
            || format!("measurement {m} states {stated} cells, {counted} name it"),
        )?;
        let (size, width) = (measurements.size[m], measurements.width[m]);
        let channels = u64::from(size[0]) * u64::from(size[1]);
        require(
            channels >= u64::from(stated)
                && size.iter().all(|&n| n <= stated)
                && width.iter().all(|&w| w > 0.0),
            "a cluster is as large as its cells",
            || {
                format!(
                    "measurement {m} of {stated} cells is {size:?} channels, {width:?} mm (rad) large"
                )
            },
        )?;
    }
    Ok(())
}

/// The counts are those of the collections.
pub(super) fn counts(result: &Reconstruction, cells: &Cells) -> Result<(), Violation> {
    let (stated, counted) = (result.counts, result.clone().kept(Keep::Counts).counts);
    require(
        stated == counted && stated.cells == cells.len(),
        "the counts are those of the collections",
        || format!("{stated:?} of {} cells and {counted:?}", cells.len()),
    )
}

pub(super) fn measurements(
    measurements: &Measurements,
    detector: &Detector,
) -> Result<(), Violation> {
    require(
        measurements.surface.is_sorted(),
        "measurements ascend by surface",
        || "the surfaces do not ascend",
    )?;
    for (m, row) in measurements.iter().enumerate() {
        sensitive(detector, row.surface, || format!("measurement {m}"))?;
        require(
            (1..=3).contains(&row.subspace.0),
            "a measurement has one or two coordinates",
            || format!("measurement {m} has subspace {}", row.subspace.0),
        )?;
        for axis in (0..2).filter(|axis: &usize| row.subspace.measures(*axis)) {
            let (local, variance) = (row.local[axis], row.variance[axis]);
            require(
                local.is_finite() && variance.is_finite() && variance > 0.0,
                "measured coordinates are finite and uncertain",
                || format!("measurement {m} has {local} with variance {variance} on axis {axis}"),
            )?;
        }
    }
    Ok(())
}

pub(super) fn spacepoints(result: &Reconstruction, detector: &Detector) -> Result<(), Violation> {
    let (measurements, points) = (&result.measurements, &result.spacepoints);
    for (row, pair) in points.measurements.iter().enumerate() {
        let sensor = |m: MeasurementIndex| measurements.surface.get(m.get());
        let sound = sensor(pair[0]).is_some_and(|first| {
            !pair[1].is_some() || sensor(pair[1]).is_some_and(|second| first != second)
        });
        require(sound, "space points are made of measurements, of one or of two sensors", || {
            format!("space point {row} names {pair:?} of {}", measurements.len())
        })?;
    }
    let two = (0..measurements.len()).filter(|&m| measurements.subspace[m].dimensions() == 2);
    let alone = points.measurements.iter().filter(|pair| !pair[1].is_some());
    require(
        two.eq(alone.map(|pair| pair[0].get())) && points.measurements.is_sorted(),
        "each measurement of two coordinates has a space point, in order",
        || format!("{} points of {} measurements", points.len(), measurements.len()),
    )?;
    for (row, point) in points.iter().enumerate() {
        place(&point, measurements, detector).map_err(|found| Violation {
            found: format!("space point {row} {}", found.found),
            ..found
        })?;
    }
    Ok(())
}

/// One space point has numbers that can be, and lies where its only measurement is.
fn place(
    point: &Spacepoint,
    measurements: &Measurements,
    detector: &Detector,
) -> Result<(), Violation> {
    let (position, variances) = ([point.x, point.y, point.z], [point.r_variance, point.z_variance]);
    let [first, second] = point.measurements;
    let expected = if second.is_some() {
        position
    } else {
        let surface = &detector.surfaces[measurements.surface[first.get()].get()];
        surface.to_global(measurements.local[first.get()]).into()
    };
    let offsets = [0, 1, 2].map(|i| position[i] - expected[i]);
    let near = offsets.iter().all(|offset| offset.abs() <= PLACE);
    require(near, "a space point is where its measurement is", || {
        format!("is {offsets:?} mm away")
    })?;
    require(
        variances.iter().all(|v| v.is_finite() && *v >= 0.0),
        "the variances of space points are finite and not negative",
        || format!("has {variances:?}"),
    )
}

pub(super) fn seeds(result: &Reconstruction) -> Result<(), Violation> {
    let points = &result.spacepoints;
    for (row, seed) in result.seeds.iter().enumerate() {
        let triplet = [seed.bottom, seed.middle, seed.top];
        require(
            triplet.iter().all(|point| point.get() < points.len()),
            "seeds are made of space points",
            || format!("seed {row} names {triplet:?} of {}", points.len()),
        )?;
        let radius = |i: usize| {
            let point = triplet[i].get();
            // As seeding calculates it: another expression may order nearly equal radii the other way.
            let (x, y) = (points.x[point], points.y[point]);
            (x * x + y * y).sqrt()
        };
        require(
            radius(0) < radius(1) && radius(1) < radius(2),
            "the space points of a seed go outwards",
            || format!("seed {row} has radii {}, {}, {} mm", radius(0), radius(1), radius(2)),
        )?;
        require(seed.weight.is_finite(), "seeds have a weight", || {
            format!("seed {row} has {}", seed.weight)
        })?;
    }
    Ok(())
}

pub(super) fn parameters(result: &Reconstruction, detector: &Detector) -> Result<(), Violation> {
    let (parameters, seeds) = (result.parameters.len(), result.seeds.len());
    require(parameters <= seeds, "a seed has at most one set of parameters", || {
        format!("{parameters} sets for {seeds} seeds")
    })?;
    for (row, parameters) in result.parameters.iter().enumerate() {
        bound(parameters, detector, || format!("parameters {row}"))?;
    }
    Ok(())
}

/// Parameters are those of a direction on a sensor, and their covariance can be one.
pub(super) fn bound(
    parameters: &BoundParameters,
    detector: &Detector,
    whose: impl Fn() -> String,
) -> Result<(), Violation> {
    sensitive(detector, parameters.surface, &whose)?;
    let [loc0, loc1, phi, theta, q_over_p] = parameters.vector.map(f64::from);
    // The limits are those of `Scalar`: a rounded pi is a little off.
    let within = [loc0, loc1, q_over_p].iter().all(|v| v.is_finite())
        && phi.abs() <= std::f64::consts::PI + 1.0e-6
        && (0.0..=std::f64::consts::PI).contains(&theta)
        && q_over_p != 0.0;
    require(within, "parameters are finite and angles in their range", || {
        format!("{} have {:?}", whose(), parameters.vector)
    })?;
    let variances = parameters.covariance.diagonal();
    require(
        variances.iter().all(|v| v.is_finite() && *v > 0.0),
        "the variances of parameters are positive",
        || format!("{} have {variances:?}", whose()),
    )
}

/// A surface exists and is a sensor.
fn sensitive(
    detector: &Detector,
    surface: SurfaceIndex,
    whose: impl Fn() -> String,
) -> Result<(), Violation> {
    let found = detector.surfaces.get(surface.get());
    require(
        found.is_some_and(|s| s.kind == SurfaceKind::SENSITIVE),
        "measurements, parameters and states lie on sensors",
        || format!("{} on surface {} of {}", whose(), surface.0, detector.surfaces.len()),
    )
}
