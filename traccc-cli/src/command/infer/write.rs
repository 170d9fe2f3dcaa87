//! Tracks of a server in files.

use crate::output::Format;
use anyhow::{Context, Result};
use serde::Serialize;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use traccc_protocol::{ServedState, ServedTrack};

/// Columns of tracks.csv: `measurement_count` is the number of the track's lines in states.csv.
const TRACKS: &str =
    "event,track,chi2,ndf,loc0,loc1,phi,theta,q_over_p,time,measurement_count,p_value,holes,charge";

/// Columns of states.csv: `local0` and `local1` are measured, `phi` to `q_over_p` and the covariance smoothed.
const STATES: &str = "event,track,state,geometry_id,local0,local1,phi,theta,q_over_p,time,\
cov_loc0_loc0,cov_loc1_loc0,cov_loc1_loc1,cov_phi_loc0,cov_phi_loc1,cov_phi_phi,\
cov_theta_loc0,cov_theta_loc1,cov_theta_phi,cov_theta_theta,\
cov_q_over_p_loc0,cov_q_over_p_loc1,cov_q_over_p_phi,cov_q_over_p_theta,cov_q_over_p_q_over_p,\
var_local0,var_local1,filtered_chi2,smoothed_chi2,measurement";

/// The files of all tracks.
#[derive(Debug)]
pub(crate) enum TrackWriter {
    Csv { tracks: Lines, states: Lines },
    Jsonl(Lines),
}

impl TrackWriter {
    /// Makes the folder, if need be, and begins the files.
    pub(crate) fn create(directory: &Path, format: Format) -> Result<Self> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("`{}` cannot be made", directory.display()))?;
        let tracks = Lines::create(directory.join(format.file_name()))?;
        Ok(match format {
            Format::Csv => {
                let (mut tracks, mut states) =
                    (tracks, Lines::create(directory.join("states.csv"))?);
                tracks.write(&format!("{TRACKS}\n"))?;
                states.write(&format!("{STATES}\n"))?;
                Self::Csv { tracks, states }
            }
            Format::Jsonl => Self::Jsonl(tracks),
        })
    }

    /// Appends the tracks of the next event.
    pub(crate) fn append(&mut self, event: u64, tracks: &[ServedTrack]) -> Result<()> {
        match self {
            Self::Csv { tracks: file, states } => {
                let (mut lines, mut state_lines) = (String::new(), String::new());
                for (row, track) in tracks.iter().enumerate() {
                    csv_track(&mut lines, event, row, track);
                    for (number, state) in track.states.iter().enumerate() {
                        csv_state(&mut state_lines, [event, row as u64, number as u64], state);
                    }
                }
                file.write(&lines)?;
                states.write(&state_lines)
            }
            Self::Jsonl(file) => {
                for (row, track) in tracks.iter().enumerate() {
                    file.write(
                        &(serde_json::to_string(&TrackLine::new(event, row, track))? + "\n"),
                    )?;
                }
                Ok(())
            }
        }
    }

    /// Writes what is still in memory.
    pub(crate) fn finish(self) -> Result<()> {
        match self {
            Self::Csv { tracks, states } => {
                tracks.finish()?;
                states.finish()
            }
            Self::Jsonl(tracks) => tracks.finish(),
        }
    }
}

/// A file of lines.
#[derive(Debug)]
pub(crate) struct Lines {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Lines {
    fn create(path: PathBuf) -> Result<Self> {
        let file = File::create(&path).with_context(|| cannot_write(&path))?;
        Ok(Self { path, file: BufWriter::new(file) })
    }

    fn write(&mut self, text: &str) -> Result<()> {
        self.file.write_all(text.as_bytes()).with_context(|| cannot_write(&self.path))
    }

    fn finish(mut self) -> Result<()> {
        self.file.flush().with_context(|| cannot_write(&self.path))
    }
}

fn cannot_write(path: &Path) -> String {
    format!("`{}` cannot be written", path.display())
}

/// Appends numbers, the shortest that give the same bits when read; as many empty fields when there are none.
fn fields<const N: usize>(line: &mut String, values: Option<[f32; N]>) {
    match values {
        Some(values) => values.iter().for_each(|value| *line += &format!(",{value:?}")),
        None => line.extend([","; N]),
    }
}

fn csv_track(line: &mut String, event: u64, row: usize, track: &ServedTrack) {
    let [loc0, loc1, phi, theta, q_over_p] = track.parameters;
    *line += &format!("{event},{row}");
    fields(line, Some([track.chi2, track.ndf, loc0, loc1, phi, theta, q_over_p, track.time]));
    *line += &format!(",{}", track.states.len());
    fields(line, track.quality.map(|[p_value, holes, charge, _]| [p_value, holes, charge]));
    *line += "\n";
}

fn csv_state(line: &mut String, [event, track, number]: [u64; 3], state: &ServedState) {
    *line += &format!("{event},{track},{number},{}", state.geometry_id);
    fields(line, Some(state.local));
    fields(line, Some(state.direction));
    fields(line, Some([state.time]));
    fields(line, state.covariance);
    fields(line, state.quality);
    *line += &state.measurement.map_or_else(|| ",\n".to_owned(), |row| format!(",{row}\n"));
}

/// A line of tracks.jsonl: the columns of both CSV files.
#[derive(Serialize)]
struct TrackLine {
    event: u64,
    track: usize,
    chi2: f32,
    ndf: f32,
    loc0: f32,
    loc1: f32,
    phi: f32,
    theta: f32,
    q_over_p: f32,
    time: f32,
    p_value: Option<f32>,
    holes: Option<f32>,
    charge: Option<f32>,
    states: Vec<StateLine>,
}

#[derive(Serialize)]
struct StateLine {
    geometry_id: u64,
    local: [f32; 2],
    phi: f32,
    theta: f32,
    q_over_p: f32,
    time: f32,
    covariance: Option<[f32; 15]>,
    local_variance: Option<[f32; 2]>,
    filtered_chi2: Option<f32>,
    smoothed_chi2: Option<f32>,
    measurement: Option<u64>,
}

impl TrackLine {
    fn new(event: u64, row: usize, track: &ServedTrack) -> Self {
        let [loc0, loc1, phi, theta, q_over_p] = track.parameters;
        let quality = |i: usize| track.quality.map(|quality| quality[i]);
        Self {
            event,
            track: row,
            chi2: track.chi2,
            ndf: track.ndf,
            loc0,
            loc1,
            phi,
            theta,
            q_over_p,
            time: track.time,
            p_value: quality(0),
            holes: quality(1),
            charge: quality(2),
            states: track.states.iter().map(StateLine::new).collect(),
        }
    }
}

impl StateLine {
    fn new(state: &ServedState) -> Self {
        let [phi, theta, q_over_p] = state.direction;
        Self {
            geometry_id: state.geometry_id,
            local: state.local,
            phi,
            theta,
            q_over_p,
            time: state.time,
            covariance: state.covariance,
            local_variance: state.quality.map(|[a, b, ..]| [a, b]),
            filtered_chi2: state.quality.map(|quality| quality[2]),
            smoothed_chi2: state.quality.map(|quality| quality[3]),
            measurement: state.measurement,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracks() -> Vec<ServedTrack> {
        let full = ServedState {
            geometry_id: 77,
            local: [0.1, 0.2],
            covariance: Some(std::array::from_fn(|i| i as f32)),
            quality: Some([1.0, 2.0, 3.0, 4.0]),
            measurement: Some(12),
            ..ServedState::default()
        };
        let states = vec![full, ServedState::default()];
        let quality = Some([0.5, 1.0, -1.0, 2.0]);
        let rich = ServedTrack { chi2: 0.1, quality, states, ..ServedTrack::default() };
        vec![rich, ServedTrack { chi2: f32::NAN, ..ServedTrack::default() }]
    }

    #[test]
    fn every_line_has_the_fields_of_the_header() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = TrackWriter::create(folder.path(), Format::Csv).unwrap();
        writer.append(3, &tracks()).unwrap();
        writer.finish().unwrap();
        let read = |name| -> Vec<Vec<String>> {
            let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
            text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
        };
        for (name, count) in [("tracks.csv", 3), ("states.csv", 3)] {
            let lines = read(name);
            assert_eq!(lines.len(), count, "{name}");
            assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{lines:?}");
        }
        let field = |name, row: usize, column: &str| {
            let lines: Vec<Vec<String>> = read(name);
            lines[row][lines[0].iter().position(|title| title == column).unwrap()].clone()
        };
        assert_eq!(field("tracks.csv", 1, "chi2"), "0.1");
        assert_eq!(field("tracks.csv", 1, "measurement_count"), "2");
        assert_eq!(field("tracks.csv", 1, "charge"), "-1.0");
        assert_eq!(field("tracks.csv", 2, "charge"), "");
        assert_eq!(field("states.csv", 1, "geometry_id"), "77");
        assert_eq!(field("states.csv", 1, "cov_q_over_p_q_over_p"), "14.0");
        assert_eq!(field("states.csv", 1, "smoothed_chi2"), "4.0");
        assert_eq!(field("states.csv", 1, "measurement"), "12");
        assert_eq!(field("states.csv", 2, "measurement"), "");
    }

    #[test]
    fn json_lines_hold_the_states_and_null_for_what_was_not_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = TrackWriter::create(folder.path(), Format::Jsonl).unwrap();
        writer.append(3, &tracks()).unwrap();
        writer.finish().unwrap();
        let text = std::fs::read_to_string(folder.path().join("tracks.jsonl")).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["states"][0]["covariance"][14], 14.0);
        assert_eq!(lines[0]["states"][1]["covariance"], serde_json::Value::Null);
        assert_eq!((&lines[1]["event"], &lines[1]["track"]), (&3.into(), &1.into()));
        assert!(lines[1]["chi2"].is_null() && lines[1]["p_value"].is_null());
    }
}
