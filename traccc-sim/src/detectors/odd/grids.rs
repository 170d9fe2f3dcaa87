//! Search grids with the published bins: a bin for each stave and module of a barrel, some rings and sectors of a disc.

use super::rounded;
use super::sensors::Sensor;
use super::tables::{BARRELS, Barrel, ENDCAPS, Endcap};
use std::f64::consts::{PI, TAU};
use traccc_core::detector::{AxisModel, GridFrame, GridModel};

/// The grid of a layer; `first` is the number of its first sensor in the volume.
pub(super) fn grid(layer: (u8, u16), sensors: &[&Sensor], first: usize) -> GridModel {
    if let Some(barrel) = BARRELS.iter().find(|b| b.id == layer.0) {
        return barrel_grid(barrel, usize::from(layer.1 / 2 - 1), sensors, first);
    }
    let endcap = ENDCAPS.iter().find(|e| e.ids.contains(&layer.0));
    disc_grid(endcap.unwrap_or(&ENDCAPS[0]), sensors, first)
}

fn azimuth(bins: usize) -> AxisModel {
    AxisModel { bins, min: -PI, max: PI, circular: true }
}

/// Azimuths of a sensor with half a bin at each side.
fn azimuths(sensor: &Sensor, bins: usize) -> [f64; 2] {
    let middle = libm::atan2(sensor.centre.y, sensor.centre.x);
    let turns =
        sensor.corners().map(|c| (libm::atan2(c.y, c.x) - middle + PI).rem_euclid(TAU) - PI);
    let half = PI / bins as f64;
    [
        middle + turns.into_iter().fold(f64::MAX, f64::min) - half,
        middle + turns.into_iter().fold(f64::MIN, f64::max) + half,
    ]
}

/// The bins that a range overlaps.
fn bins_of(range: [f64; 2], axis: &AxisModel) -> Vec<usize> {
    let width = (axis.max - axis.min) / axis.bins as f64;
    // What only touches a border is not in.
    let first = libm::floor((range[0] - axis.min) / width + 1.0e-9) as i64;
    let last = libm::floor((range[1] - axis.min) / width - 1.0e-9) as i64;
    let bins = axis.bins as i64;
    if axis.circular {
        let last = last.min(first + bins - 1);
        (first..=last).map(|bin| bin.rem_euclid(bins) as usize).collect()
    } else {
        (first.max(0)..=last.min(bins - 1)).map(|bin| bin as usize).collect()
    }
}

/// Puts each sensor into all bins that its two ranges overlap.
fn fill(
    frame: GridFrame,
    axes: [AxisModel; 2],
    sensors: &[&Sensor],
    first: usize,
    ranges: impl Fn(&Sensor) -> [[f64; 2]; 2],
) -> GridModel {
    let mut bins = vec![Vec::new(); axes[0].bins * axes[1].bins];
    for (number, sensor) in sensors.iter().enumerate() {
        let [a, b] = ranges(sensor);
        for row in bins_of(b, &axes[1]) {
            for column in bins_of(a, &axes[0]) {
                bins[column + axes[0].bins * row].push((first + number) as u32);
            }
        }
    }
    GridModel {
        frame,
        axes: axes.map(|a| AxisModel { min: rounded(a.min), max: rounded(a.max), ..a }),
        bins,
    }
}

fn barrel_grid(barrel: &Barrel, layer: usize, sensors: &[&Sensor], first: usize) -> GridModel {
    let (staves, modules) = (barrel.layers[layer].staves, barrel.modules);
    let half = 0.5 * modules as f64 * (barrel.length + barrel.gap);
    let axes =
        [azimuth(staves), AxisModel { bins: modules, min: -half, max: half, circular: false }];
    fill(GridFrame::CYLINDER, axes, sensors, first, |sensor| {
        let z = sensor.corners().map(|c| c.z);
        let margin = half / modules as f64;
        let low = z.into_iter().fold(f64::MAX, f64::min) - margin;
        let high = z.into_iter().fold(f64::MIN, f64::max) + margin;
        [azimuths(sensor, staves), [low, high]]
    })
}

fn disc_grid(endcap: &Endcap, sensors: &[&Sensor], first: usize) -> GridModel {
    let [radial_bins, bins] = endcap.bins;
    let radii = |s: &Sensor| s.corners().map(|c| libm::hypot(c.x, c.y));
    let outer = sensors.iter().flat_map(|s| radii(s)).fold(0.0, f64::max);
    let ring = &endcap.rings[0];
    let inner = ring.radius - ring.half[2] + ring.radial_offset;
    let radial = AxisModel { bins: radial_bins, min: inner, max: outer, circular: false };
    fill(GridFrame::DISC, [radial, azimuth(bins)], sensors, first, |sensor| {
        let corners = sensor.corners();
        // The middle of the inner side is nearer to the beam than its ends.
        let middle = 0.5 * (corners[0] + corners[1]);
        let r = radii(sensor);
        let low = r.into_iter().fold(libm::hypot(middle.x, middle.y), f64::min);
        let high = r.into_iter().fold(f64::MIN, f64::max);
        let margin = endcap.radial_margin;
        [[low - margin, high + margin], azimuths(sensor, bins)]
    })
}
