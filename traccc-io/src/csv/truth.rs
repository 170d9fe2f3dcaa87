//! The truth of an event: particles, hits, and which hits and cells make which measurement.

use super::lookup::SensorLookup;
use super::particle_ids::{ParticleColumns, ParticleIds, ParticleKey};
use super::table::Table;
use super::{cells, measurements};
use crate::error::{CsvProblem, Result};
use crate::event_directory::{EventDirectory, EventFile};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use traccc_core::detector::SensorTable;
use traccc_core::event::{Particle, TruthEvent, TruthHit};
use traccc_core::storage::Ragged;

/// Reads the truth of event `event` of a folder.
///
/// Needed are the files `particles_initial`, `hits` and `measurement-simhit-map`. Row i of
/// [`TruthEvent::measurement_hits`] is row i of the file `measurements`; where there is none, rows are the measurement
/// ids of the map and the cells in ascending order (so that id and row agree where ids count from 0). The hits of a
/// measurement come in the order of the map, wherever in it they are. Contributions of cells come from the column
/// `measurement_id` of the cells file, every line counting; without a cells file there are none. A cell whose
/// `measurement_id` (`hit_id` in files of older versions of ACTS) is 2⁶⁴ - 1 belongs to no measurement.
///
/// Particles are named by `particle_id`, or by the five columns `particle_id_pv`, `_sv`, `_part`, `_gen` and `_subpart`, of
/// which ACTS's packed identifier is made; where numbers of a particle are beyond its bits, all particles of the event are
/// numbered from 1. Hits of particles that are not listed belong to none; a warning is logged with their number.
///
/// # Errors
/// Files that are missing or cannot be read, and with file and line: fields that are missing or no numbers, unknown
/// geometry ids, particles or pairs of measurement and hit that occur twice, hits or measurements that do not exist.
pub fn read_truth(
    directory: impl AsRef<Path>,
    event: u64,
    sensors: &SensorTable,
) -> Result<TruthEvent> {
    let directory = EventDirectory::open(directory)?;
    let particles_file = directory.path(event, EventFile::Particles)?;
    let (particles, particle_ids) = with_table(&particles_file, read_particles)?;
    let hits_file = directory.path(event, EventFile::Hits)?;
    let (hits, unlisted) =
        with_table(&hits_file, |table| read_hits(table, sensors, &particle_ids))?;
    if let Some(first) = unlisted.first {
        tracing::warn!(
            "`{}`: {} of {} hits are of particles that `{}` does not list (the first: particle {first}): they count as of \
             no particle",
            hits_file.display(),
            unlisted.hits,
            hits.len(),
            particles_file.display()
        );
    }
    let map_file = directory.path(event, EventFile::SimhitMap)?;
    let links = with_table(&map_file, |table| read_links(table, hits.len()))?;
    let cells_file = match directory.find(event, EventFile::Cells) {
        Some(path) => Some((crate::input::read(&path)?, path)),
        None => None,
    };

    let rows = match directory.find(event, EventFile::Measurements) {
        Some(path) => with_table(&path, measurements::read_ids)?,
        None => number_ids(&links, cells_file.as_ref())?,
    };
    let row_of =
        |id: u64| rows.get(&id).copied().ok_or(CsvProblem::UnknownId { what: "measurement", id });

    let mut measured = Vec::with_capacity(links.len());
    for (i, &(measurement, hit)) in links.iter().enumerate() {
        match row_of(measurement) {
            Ok(row) => measured.push((row, hit)),
            Err(problem) => with_table(&map_file, |table| Err(table.row_error(i + 1, problem)))?,
        }
    }
    let measurement_hits = group(&measured, rows.len());

    let mut contributions = match &cells_file {
        Some((bytes, path)) => {
            cells::parse_contributions(bytes, path, &mut SensorLookup::new(sensors), row_of)?
        }
        None => Vec::new(),
    };
    contributions.sort_unstable();
    Ok(TruthEvent { particles, hits, measurement_hits, cells: contributions })
}

fn with_table<T>(path: &Path, read: impl FnOnce(&Table<'_>) -> Result<T>) -> Result<T> {
    let bytes = crate::input::read(path)?;
    read(&Table::new(&bytes, path)?)
}

/// The particles in ascending order of their identifiers.
fn read_particles(table: &Table<'_>) -> Result<(Vec<Particle>, ParticleIds)> {
    let id = ParticleColumns::find(table)?;
    let pdg = table.column("particle_type")?;
    let process = table.optional("process")?;
    let vertex = [table.column("vx")?, table.column("vy")?, table.column("vz")?];
    let time = table.optional("vt")?;
    let momentum = [table.column("px")?, table.column("py")?, table.column("pz")?];
    let (mass, charge) = (table.optional("m")?, table.column("q")?);
    let mut particles: Vec<(ParticleKey, Particle, usize)> = Vec::with_capacity(table.about_rows());
    table.for_each(|row| {
        let particle = Particle {
            id: 0,
            pdg: row.i32(pdg)?,
            process: row.i32(process)?,
            vertex: row.vector(vertex)?,
            time: row.f32(time)?,
            momentum: row.vector(momentum)?,
            mass: row.f32(mass)?,
            charge: row.f32(charge)?,
        };
        particles.push((id.key(row)?, particle, particles.len() + 1));
        Ok(())
    })?;
    particles.sort_by_key(|(key, ..)| *key);
    if let Some(pair) = particles.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let problem = CsvProblem::DuplicateParticle { id: pair[1].0.to_string() };
        return Err(table.row_error(pair[1].2, problem));
    }
    let ids = ParticleIds::new(particles.iter().map(|(key, ..)| *key).collect());
    let with_id = particles.iter().zip(ids.all());
    Ok((with_id.map(|((_, particle, _), id)| Particle { id, ..*particle }).collect(), ids))
}

/// Hits of particles that are not listed.
#[derive(Default)]
struct Unlisted {
    hits: usize,
    first: Option<ParticleKey>,
}

fn read_hits(
    table: &Table<'_>,
    sensors: &SensorTable,
    particles: &ParticleIds,
) -> Result<(Vec<TruthHit>, Unlisted)> {
    let (particle, geometry_id) = (ParticleColumns::find(table)?, table.column("geometry_id")?);
    let position = [table.column("tx")?, table.column("ty")?, table.column("tz")?];
    let time = table.optional("tt")?;
    let momentum = [table.column("tpx")?, table.column("tpy")?, table.column("tpz")?];
    let change =
        [table.optional("deltapx")?, table.optional("deltapy")?, table.optional("deltapz")?];
    let mut hits = Vec::with_capacity(table.about_rows());
    let mut unlisted = Unlisted::default();
    let mut sensors = SensorLookup::new(sensors);
    table.for_each(|row| {
        let key = particle.key(row)?;
        let particle = particles.find(&key);
        if particle.is_none() {
            unlisted.hits += 1;
            unlisted.first.get_or_insert(key);
        }
        hits.push(TruthHit {
            particle: particle.unwrap_or(TruthHit::NO_PARTICLE),
            surface: sensors.sensor(row.u64(geometry_id)?)?.surface,
            position: row.vector(position)?,
            time: row.f32(time)?,
            momentum: row.vector(momentum)?,
            momentum_change: row.vector(change)?,
        });
        Ok(())
    })?;
    Ok((hits, unlisted))
}

/// Pairs of a measurement's id and the row of a hit.
fn read_links(table: &Table<'_>, hits: usize) -> Result<Vec<(u64, u32)>> {
    let (measurement, hit) = (table.column("measurement_id")?, table.column("hit_id")?);
    let mut links = Vec::with_capacity(table.about_rows());
    let mut pairs = HashSet::with_capacity(table.about_rows());
    table.for_each(|row| {
        let id = row.u64(hit)?;
        let hit = u32::try_from(id).ok().filter(|&hit| (hit as usize) < hits);
        let hit = hit.ok_or(CsvProblem::UnknownId { what: "hit", id })?;
        let measurement = row.u64(measurement)?;
        if !pairs.insert((measurement, hit)) {
            return Err(CsvProblem::DuplicateLink { measurement, hit });
        }
        links.push((measurement, hit));
        Ok(())
    })?;
    Ok(links)
}

/// Numbers all measurement ids of the map and the cells in ascending order.
fn number_ids(
    links: &[(u64, u32)],
    cells_file: Option<&(Vec<u8>, PathBuf)>,
) -> Result<HashMap<u64, u32>> {
    let mut ids: Vec<u64> = links.iter().map(|link| link.0).collect();
    if let Some((bytes, path)) = cells_file {
        ids.extend(cells::parse_measurement_ids(bytes, path)?);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids.into_iter().zip(0..).collect())
}

/// The hits of each measurement, in their order in `measured`.
fn group(measured: &[(u32, u32)], measurements: usize) -> Ragged<u32> {
    let mut offsets = vec![0_u32; measurements + 1];
    for &(row, _) in measured {
        offsets[row as usize + 1] += 1;
    }
    for i in 0..measurements {
        offsets[i + 1] += offsets[i];
    }
    let mut next = offsets.clone();
    let mut values = vec![0; measured.len()];
    for &(row, hit) in measured {
        let slot = &mut next[row as usize];
        values[*slot as usize] = hit;
        *slot += 1;
    }
    Ragged { offsets: offsets.into(), values: values.into() }
}
