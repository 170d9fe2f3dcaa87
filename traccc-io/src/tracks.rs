//! Writing tracks.

use serde::Serialize;
use std::io::Write;
use traccc_core::Scalar;
use traccc_core::detector::Detector;
use traccc_core::event::{Track, Tracks};
use traccc_core::math::Symmetric5;

/// The header of [`write_tracks_csv`], for a file that holds several events.
///
/// | column | meaning |
/// |---|---|
/// | event, track | event number; row of the track in the event |
/// | outcome | how the fit ended, for example `success`; `not_fitted` for tracks as found |
/// | chi2, ndf, p_value | of the whole track |
/// | holes, measurement_count | sensors crossed without a measurement; measurements |
/// | loc0, loc1 | local position on the surface, in mm (rad for polar angles) |
/// | phi, theta, q_over_p | direction in rad, charge over momentum in e/GeV |
/// | time | c·t, in mm |
/// | geometry_id, detray_id | the surface: ACTS geometry id (`source`) and detray barcode |
/// | cov_A_B | covariance of A and B, the lower triangle of (loc0, loc1, phi, theta, q_over_p) row by row |
/// | var_time | variance of the time, in mm² |
/// | measurements | rows of the event's measurements in the order of flight, separated by `;` |
pub const TRACKS_CSV_HEADER: &str = "event,track,outcome,chi2,ndf,p_value,holes,measurement_count,\
loc0,loc1,phi,theta,q_over_p,time,geometry_id,detray_id,\
cov_loc0_loc0,cov_loc1_loc0,cov_loc1_loc1,cov_phi_loc0,cov_phi_loc1,cov_phi_phi,\
cov_theta_loc0,cov_theta_loc1,cov_theta_phi,cov_theta_theta,\
cov_q_over_p_loc0,cov_q_over_p_loc1,cov_q_over_p_phi,cov_q_over_p_theta,cov_q_over_p_q_over_p,\
var_time,measurements";

/// Writes the tracks of one event as CSV lines with the columns of [`TRACKS_CSV_HEADER`], without the header.
///
/// Numbers are the shortest that give the same bits when read. The ids of a surface that `detector` does not have are 0.
///
/// # Errors
/// Those of `out`.
pub fn write_tracks_csv(
    out: &mut impl Write,
    event: u64,
    tracks: &Tracks,
    detector: &Detector,
) -> std::io::Result<()> {
    for row in 0..tracks.len() {
        let track = Line::new(event, row, tracks, detector);
        let Line { outcome, chi2, ndf, p_value, holes, measurement_count, .. } = track;
        write!(
            out,
            "{event},{row},{outcome},{chi2:?},{ndf},{p_value:?},{holes},{measurement_count}"
        )?;
        for value in [track.loc0, track.loc1, track.phi, track.theta, track.q_over_p, track.time] {
            write!(out, ",{value:?}")?;
        }
        write!(out, ",{},{}", track.geometry_id, track.detray_id)?;
        for value in track.covariance.iter().chain([&track.var_time]) {
            write!(out, ",{value:?}")?;
        }
        for (i, measurement) in track.measurements.iter().enumerate() {
            write!(out, "{}{measurement}", if i == 0 { ',' } else { ';' })?;
        }
        // A track without measurements still has the field.
        writeln!(out, "{}", if track.measurements.is_empty() { "," } else { "" })?;
    }
    Ok(())
}

/// Writes the tracks of one event as JSON lines: one object for each track with the keys of [`TRACKS_CSV_HEADER`], but
/// `covariance` as a list of fifteen numbers in that order and `measurements` as a list. Numbers that are not finite are
/// `null`.
///
/// # Errors
/// Those of `out`.
pub fn write_tracks_json_lines(
    out: &mut impl Write,
    event: u64,
    tracks: &Tracks,
    detector: &Detector,
) -> std::io::Result<()> {
    for row in 0..tracks.len() {
        serde_json::to_writer(&mut *out, &Line::new(event, row, tracks, detector))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// One track as both formats have it.
#[derive(Serialize)]
struct Line {
    event: u64,
    track: usize,
    outcome: &'static str,
    chi2: Scalar,
    ndf: i32,
    p_value: Scalar,
    holes: u32,
    measurement_count: usize,
    loc0: Scalar,
    loc1: Scalar,
    phi: Scalar,
    theta: Scalar,
    q_over_p: Scalar,
    time: Scalar,
    geometry_id: u64,
    detray_id: u64,
    covariance: [Scalar; 15],
    var_time: Scalar,
    measurements: Vec<u32>,
}

impl Line {
    fn new(event: u64, row: usize, tracks: &Tracks, detector: &Detector) -> Self {
        let Track { parameters, chi2, ndf, p_value, holes, outcome } = tracks.tracks[row];
        let measurements: Vec<u32> = tracks.measurements.row(row).iter().map(|m| m.0).collect();
        let [loc0, loc1, phi, theta, q_over_p] = parameters.vector;
        let Symmetric5(covariance) = parameters.covariance;
        let surface = parameters.surface.get();
        Self {
            event,
            track: row,
            outcome: outcome.name(),
            chi2,
            ndf,
            p_value,
            holes,
            measurement_count: measurements.len(),
            loc0,
            loc1,
            phi,
            theta,
            q_over_p,
            time: parameters.time,
            geometry_id: detector.geometry_ids.get(surface).copied().unwrap_or_default(),
            detray_id: detector.barcodes.get(surface).copied().unwrap_or_default(),
            covariance,
            var_time: parameters.time_variance,
            measurements,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sensors;
    use traccc_core::event::{BoundParameters, FitOutcome};
    use traccc_core::{MeasurementIndex, SurfaceIndex};

    fn tracks() -> Tracks {
        let parameters = BoundParameters {
            vector: [0.1, -1.0e-9, 3.0, 0.3, 1.0 / 3.0],
            time: 7.0e20,
            covariance: Symmetric5(std::array::from_fn(|i| 1.0 / (3.0 + i as Scalar))),
            time_variance: 2.0,
            surface: SurfaceIndex(2),
        };
        let outcome = FitOutcome::SUCCESS;
        let track = Track { parameters, chi2: 1.1, ndf: -1, p_value: 0.0, holes: 2, outcome };
        let mut tracks = Tracks::new();
        tracks.tracks = vec![track, Track::default()].into();
        tracks.measurements.push([MeasurementIndex(8), MeasurementIndex(3)]);
        tracks.measurements.push([]);
        tracks
    }

    #[test]
    fn csv_fields_match_the_header_and_give_the_same_bits() {
        let (detector, _) = sensors();
        let mut out = Vec::new();
        write_tracks_csv(&mut out, 12, &tracks(), &detector).unwrap();
        let text = String::from_utf8(out).unwrap();
        let names: Vec<&str> = TRACKS_CSV_HEADER.split(',').collect();
        let lines: Vec<Vec<&str>> = text.lines().map(|l| l.split(',').collect()).collect();
        assert!(lines.iter().all(|fields| fields.len() == names.len()), "{text}");
        let field = |name: &str| lines[0][names.iter().position(|n| *n == name).unwrap()];
        assert_eq!(
            (field("event"), field("outcome"), field("measurements")),
            ("12", "success", "8;3")
        );
        assert_eq!(field("geometry_id"), detector.geometry_ids[2].to_string());
        assert_eq!(field("detray_id"), detector.barcodes[2].to_string());
        let number = |name: &str| field(name).parse::<Scalar>().unwrap().to_bits();
        let track = tracks().tracks[0];
        for (i, name) in ["loc0", "loc1", "phi", "theta", "q_over_p"].into_iter().enumerate() {
            assert_eq!(number(name), track.parameters.vector[i].to_bits(), "{name}");
        }
        assert_eq!(number("time"), track.parameters.time.to_bits());
        assert_eq!(number("cov_theta_phi"), track.parameters.covariance[(3, 2)].to_bits());
        assert_eq!(number("cov_q_over_p_loc1"), track.parameters.covariance[(4, 1)].to_bits());
    }

    #[test]
    fn json_lines_hold_the_same_numbers() {
        let (detector, _) = sensors();
        let mut out = Vec::new();
        write_tracks_json_lines(&mut out, 12, &tracks(), &detector).unwrap();
        let lines: Vec<serde_json::Value> = std::str::from_utf8(&out)
            .unwrap()
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["measurements"], serde_json::json!([8, 3]));
        assert_eq!(lines[0]["detray_id"], detector.barcodes[2]);
        let covariance = lines[0]["covariance"].as_array().unwrap();
        let read: Vec<Scalar> = covariance.iter().map(|v| v.as_f64().unwrap() as Scalar).collect();
        assert_eq!(read, tracks().tracks[0].parameters.covariance.0);
    }
}
