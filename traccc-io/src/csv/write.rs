//! Writing events. Numbers are written so that reading gives the same bits.

use super::cells::NO_MEASUREMENT;
use super::measurements::local_key;
use super::particle_ids::{COLUMNS, ParticleKey};
use crate::error::{Error, Result};
use crate::event_directory::EventFile;
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use traccc_core::SurfaceIndex;
use traccc_core::detector::SensorTable;
use traccc_core::event::{Cells, Measurements, TruthEvent};

fn file(directory: &Path, event: u64, kind: EventFile) -> PathBuf {
    directory.join(kind.file_name(event))
}

/// The geometry id of a sensor, or the error for one that has none.
fn id_of(surface: SurfaceIndex, sensors: &SensorTable) -> Result<u64> {
    sensors.own_id(surface).ok_or_else(|| Error::NotWritable {
        what: format!("the {} of surface {}", sensors.numbering(), surface.0),
        reason: "it has none of its own; detray barcodes are always unique",
    })
}

/// Writes the cells of an event to `eventNNNNNNNNN-cells.csv` in `directory`.
///
/// Columns: geometry_id, measurement_id, channel0, channel1, timestamp (c·t in mm), value. A cell that contributes to
/// several measurements of `truth` has a line for each, the first with its whole activation and the others with none, so
/// that merging gives the cell again; a cell of no measurement has the measurement_id 2⁶⁴ - 1.
///
/// # Errors
/// A file that cannot be written; [`Error::NotWritable`] for sensors without an id of their own.
pub fn write_cells(
    directory: impl AsRef<Path>,
    event: u64,
    cells: &Cells,
    truth: Option<&TruthEvent>,
    sensors: &SensorTable,
) -> Result<()> {
    let contributions = truth.map_or(&[][..], |truth| &truth.cells);
    let mut geometry_ids = Vec::with_capacity(cells.len());
    for (row, module) in cells.module.iter().enumerate() {
        match row.checked_sub(1).filter(|&before| cells.module[before] == *module) {
            Some(before) => geometry_ids.push(geometry_ids[before]),
            None => geometry_ids.push(id_of(sensors.surface(*module), sensors)?),
        }
    }
    crate::output::write_file(&file(directory.as_ref(), event, EventFile::Cells), |out| {
        writeln!(out, "geometry_id,measurement_id,channel0,channel1,timestamp,value")?;
        for (cell, id) in cells.iter().zip(geometry_ids) {
            let key = (cell.module, cell.channel1, cell.channel0);
            let first = contributions.partition_point(|c| (c.module, c.channel1, c.channel0) < key);
            let own = contributions[first..]
                .iter()
                .take_while(|c| (c.module, c.channel1, c.channel0) == key)
                .map(|c| u64::from(c.measurement));
            let mut measurements = own.peekable();
            let mut activation = cell.activation;
            let mut measurement = measurements.next().unwrap_or(NO_MEASUREMENT);
            loop {
                let (channel0, channel1, time) = (cell.channel0, cell.channel1, cell.time);
                writeln!(out, "{id},{measurement},{channel0},{channel1},{time:?},{activation:?}")?;
                let Some(next) = measurements.next() else { break };
                (measurement, activation) = (next, 0.0);
            }
        }
        Ok(())
    })
}

/// Writes measurements to `eventNNNNNNNNN-measurements.csv` in `directory`.
///
/// Columns as upstream's: measurement_id (the row), geometry_id, local_key (2: loc0, 4: loc1, 6: both), local0, local1,
/// phi, theta, time, var_local0, var_local1, var_phi, var_theta, var_time; angles and their variances are 0. After them
/// the sizes of the clusters in channels, size0, size1, and their widths in mm (rad), width0, width1.
///
/// # Errors
/// A file that cannot be written; [`Error::NotWritable`] for sensors without an id of their own.
pub fn write_measurements(
    directory: impl AsRef<Path>,
    event: u64,
    measurements: &Measurements,
    sensors: &SensorTable,
) -> Result<()> {
    let geometry_ids = measurements
        .surface
        .iter()
        .map(|&surface| id_of(surface, sensors))
        .collect::<Result<Vec<_>>>()?;
    crate::output::write_file(&file(directory.as_ref(), event, EventFile::Measurements), |out| {
        writeln!(
            out,
            "measurement_id,geometry_id,local_key,local0,local1,phi,theta,time,\
             var_local0,var_local1,var_phi,var_theta,var_time,size0,size1,width0,width1"
        )?;
        for (row, (m, id)) in measurements.iter().zip(geometry_ids).enumerate() {
            let (key, [l0, l1], [v0, v1]) = (local_key(m.subspace), m.local, m.variance);
            let ([s0, s1], [w0, w1]) = (m.size, m.width);
            write!(out, "{row},{id},{key},{l0:?},{l1:?},0,0,{:?},{v0:?},{v1:?},0,0,0,", m.time)?;
            writeln!(out, "{s0},{s1},{w0:?},{w1:?}")?;
        }
        Ok(())
    })
}

/// Writes the true hits of an event to `eventNNNNNNNNN-hits.csv` in `directory`.
///
/// Columns: particle_id, geometry_id, tx, ty, tz, tt (c·t in mm), tpx, tpy, tpz, te, deltapx, deltapy, deltapz, deltae,
/// index, and the five numbers that ACTS reads in place of particle_id (particle_id_pv to particle_id_subpart). Energies are those of the particle's mass (0 for hits of unknown particles); the index counts the hits of a
/// particle.
///
/// # Errors
/// A file that cannot be written; [`Error::NotWritable`] for sensors without an id of their own.
pub fn write_hits(
    directory: impl AsRef<Path>,
    event: u64,
    truth: &TruthEvent,
    sensors: &SensorTable,
) -> Result<()> {
    let geometry_ids =
        truth.hits.iter().map(|hit| id_of(hit.surface, sensors)).collect::<Result<Vec<_>>>()?;
    let masses: HashMap<u64, f32> = truth.particles.iter().map(|p| (p.id, p.mass)).collect();
    let mut counts: HashMap<u64, u32> = HashMap::new();
    crate::output::write_file(&file(directory.as_ref(), event, EventFile::Hits), |out| {
        writeln!(
            out,
            "particle_id,geometry_id,tx,ty,tz,tt,tpx,tpy,tpz,te,deltapx,deltapy,deltapz,deltae,index,{}",
            COLUMNS.join(",")
        )?;
        for (hit, id) in truth.hits.iter().zip(geometry_ids) {
            let mass = masses.get(&hit.particle).copied().unwrap_or_default();
            let energy = |p: [f32; 3]| {
                let squares = p.map(|v| f64::from(v) * f64::from(v));
                (squares.iter().sum::<f64>() + f64::from(mass) * f64::from(mass)).sqrt()
            };
            let (p, dp) = (hit.momentum, hit.momentum_change);
            let before = energy(p);
            let change = energy([p[0] + dp[0], p[1] + dp[1], p[2] + dp[2]]) - before;
            let (before, change) = (before as f32, change as f32);
            let index = counts.entry(hit.particle).or_default();
            let [x, y, z] = hit.position;
            write!(out, "{},{id},{x:?},{y:?},{z:?},{:?},", hit.particle, hit.time)?;
            write!(out, "{:?},{:?},{:?},{before:?},", p[0], p[1], p[2])?;
            write!(out, "{:?},{:?},{:?},{change:?},{index},", dp[0], dp[1], dp[2])?;
            writeln!(out, "{}", ParticleKey::from_packed(hit.particle).as_columns())?;
            *index += 1;
        }
        Ok(())
    })
}

/// Writes the generated particles of an event to `eventNNNNNNNNN-particles_initial.csv` in `directory`.
///
/// Columns: particle_id, particle_type (PDG number), process, vx, vy, vz (mm), vt (c·t in mm), px, py, pz (GeV), m (GeV),
/// q (e), and the five numbers that ACTS reads in place of particle_id (particle_id_pv to particle_id_subpart).
///
/// # Errors
/// A file that cannot be written.
pub fn write_particles(directory: impl AsRef<Path>, event: u64, truth: &TruthEvent) -> Result<()> {
    crate::output::write_file(&file(directory.as_ref(), event, EventFile::Particles), |out| {
        writeln!(
            out,
            "particle_id,particle_type,process,vx,vy,vz,vt,px,py,pz,m,q,{}",
            COLUMNS.join(",")
        )?;
        for p in &truth.particles {
            let ([x, y, z], [px, py, pz]) = (p.vertex, p.momentum);
            write!(out, "{},{},{},{x:?},{y:?},{z:?},{:?},", p.id, p.pdg, p.process, p.time)?;
            write!(out, "{px:?},{py:?},{pz:?},{:?},{:?},", p.mass, p.charge)?;
            writeln!(out, "{}", ParticleKey::from_packed(p.id).as_columns())?;
        }
        Ok(())
    })
}

/// Writes which hits make which measurement to `eventNNNNNNNNN-measurement-simhit-map.csv` in `directory`.
///
/// Columns: measurement_id, hit_id (rows of the other files).
///
/// # Errors
/// A file that cannot be written.
pub fn write_simhit_map(directory: impl AsRef<Path>, event: u64, truth: &TruthEvent) -> Result<()> {
    crate::output::write_file(&file(directory.as_ref(), event, EventFile::SimhitMap), |out| {
        writeln!(out, "measurement_id,hit_id")?;
        for (measurement, hits) in truth.measurement_hits.iter().enumerate() {
            for hit in hits {
                writeln!(out, "{measurement},{hit}")?;
            }
        }
        Ok(())
    })
}
