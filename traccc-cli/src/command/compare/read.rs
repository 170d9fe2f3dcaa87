//! Tracks from the files that `traccc run --output` writes.

use crate::output::Format;
use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use traccc::event::{BoundParameters, FitOutcome, Track, Tracks};
use traccc::io;
use traccc::math::Symmetric5;
use traccc::{MeasurementIndex, Scalar, SurfaceIndex};

/// The tracks of each event in a folder; events without tracks are left out.
pub(super) fn read_tracks(directory: &Path) -> Result<BTreeMap<u64, Tracks>> {
    let files: Vec<_> = Format::ALL
        .map(|f| (f, directory.join(f.file_name())))
        .into_iter()
        .filter(|(_, p)| p.is_file())
        .collect();
    let [(format, path)] = files.as_slice() else {
        bail!("`{}` must hold either tracks.csv or tracks.jsonl", directory.display());
    };
    let bytes = io::read_file(path)?;
    let text = std::str::from_utf8(&bytes).with_context(|| format!("`{}`", path.display()))?;
    let mut lines = text.lines().zip(1..);
    let header =
        if *format == Format::Csv { lines.next().map_or("", |(line, _)| line) } else { "" };
    let mut events: BTreeMap<u64, Tracks> = BTreeMap::new();
    for (line, number) in lines {
        let row = match format {
            Format::Csv => Row::from_csv(header, line),
            Format::Jsonl => serde_json::from_str(line).map_err(anyhow::Error::from),
        };
        let row = row.with_context(|| format!("`{}`, line {number}", path.display()))?;
        row.add_to(events.entry(row.event).or_default());
    }
    Ok(events)
}

/// A number that JSON may not have: null is what is not finite.
type Number = Option<Scalar>;

#[derive(Debug, Deserialize, PartialEq)]
struct Row {
    event: u64,
    outcome: String,
    chi2: Number,
    ndf: i32,
    p_value: Number,
    holes: u32,
    loc0: Number,
    loc1: Number,
    phi: Number,
    theta: Number,
    q_over_p: Number,
    time: Number,
    detray_id: u64,
    covariance: [Number; 15],
    var_time: Number,
    measurements: Vec<u32>,
}

impl Row {
    fn from_csv(header: &str, line: &str) -> Result<Self> {
        let fields = Fields { header, line };
        let mut covariance = [None; 15];
        let columns = header.split(',').filter(|name| name.starts_with("cov_"));
        for (element, name) in covariance.iter_mut().zip(columns) {
            *element = fields.number(name)?;
        }
        let measurements = fields.text("measurements")?.split(';').filter(|row| !row.is_empty());
        Ok(Self {
            event: fields.parse("event")?,
            outcome: fields.text("outcome")?.to_owned(),
            chi2: fields.number("chi2")?,
            ndf: fields.parse("ndf")?,
            p_value: fields.number("p_value")?,
            holes: fields.parse("holes")?,
            loc0: fields.number("loc0")?,
            loc1: fields.number("loc1")?,
            phi: fields.number("phi")?,
            theta: fields.number("theta")?,
            q_over_p: fields.number("q_over_p")?,
            time: fields.number("time")?,
            detray_id: fields.parse("detray_id")?,
            covariance,
            var_time: fields.number("var_time")?,
            measurements: measurements.map(str::parse).collect::<Result<_, _>>()?,
        })
    }

    fn add_to(&self, tracks: &mut Tracks) {
        let value = |number: Number| number.unwrap_or(Scalar::NAN);
        let parameters = BoundParameters {
            vector: [self.loc0, self.loc1, self.phi, self.theta, self.q_over_p].map(value),
            time: value(self.time),
            covariance: Symmetric5(self.covariance.map(value)),
            time_variance: value(self.var_time),
            // The surface number is 21 bits of the detray barcode.
            surface: SurfaceIndex((self.detray_id >> 27) as u32 & 0x1f_ffff),
        };
        let outcome = (0..7).map(FitOutcome).find(|outcome| outcome.name() == self.outcome);
        tracks.tracks.push(Track {
            parameters,
            chi2: value(self.chi2),
            ndf: self.ndf,
            p_value: value(self.p_value),
            holes: self.holes,
            outcome: outcome.unwrap_or(FitOutcome(u32::MAX)),
        });
        tracks.measurements.push(self.measurements.iter().copied().map(MeasurementIndex));
    }
}

/// A line of a CSV file by the names of its columns.
struct Fields<'a> {
    header: &'a str,
    line: &'a str,
}

impl<'a> Fields<'a> {
    fn text(&self, name: &str) -> Result<&'a str> {
        let column = self.header.split(',').position(|column| column == name);
        let field = column.and_then(|column| self.line.split(',').nth(column));
        field.ok_or_else(|| anyhow!("there is no column `{name}`, or the line is too short"))
    }

    fn parse<T: FromStr>(&self, name: &str) -> Result<T> {
        let text = self.text(name)?;
        text.parse().map_err(|_| anyhow!("`{name}` is `{text}`, expected a whole number"))
    }

    fn number(&self, name: &str) -> Result<Number> {
        let text = self.text(name)?;
        let value: Scalar =
            text.parse().map_err(|_| anyhow!("`{name}` is `{text}`, expected a number"))?;
        Ok(Some(value).filter(|v| v.is_finite()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use traccc_sim::detectors::{TelescopeConfig, telescope};

    #[test]
    fn both_forms_give_the_same_tracks() {
        let parameters = BoundParameters {
            vector: [0.1, -1e-9, 3.0, 0.3, 1.0 / 3.0],
            covariance: Symmetric5(std::array::from_fn(|i| 1.0 / (3.0 + i as Scalar))),
            surface: SurfaceIndex(2),
            ..BoundParameters::default()
        };
        let mut tracks = Tracks::new();
        let outcome = FitOutcome::SUCCESS;
        tracks.tracks.push(Track { parameters, chi2: 1.1, ndf: -1, outcome, ..Track::default() });
        tracks.tracks.push(Track {
            parameters,
            outcome: FitOutcome::FILTER_FAILED,
            ..Track::default()
        });
        tracks.measurements.push([MeasurementIndex(8), MeasurementIndex(3)]);
        tracks.measurements.push([]);
        let model = telescope(&TelescopeConfig::default()).unwrap();
        let detector = traccc::detector::Detector::compile(&model).unwrap();

        let (csv, json) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut text = format!("{}\n", io::TRACKS_CSV_HEADER).into_bytes();
        io::write_tracks_csv(&mut text, 5, &tracks, &detector).unwrap();
        std::fs::write(csv.path().join("tracks.csv"), text).unwrap();
        let mut text = Vec::new();
        io::write_tracks_json_lines(&mut text, 5, &tracks, &detector).unwrap();
        std::fs::write(json.path().join("tracks.jsonl"), text).unwrap();

        let expected = BTreeMap::from([(5, tracks)]);
        assert_eq!(read_tracks(csv.path()).unwrap(), expected);
        assert_eq!(read_tracks(json.path()).unwrap(), expected);
    }

    #[test]
    fn a_damaged_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tracks.csv"), "event,outcome\n0,success\n").unwrap();
        let message = format!("{:#}", read_tracks(folder.path()).unwrap_err());
        assert!(message.contains("line 2") && message.contains("no column"), "{message}");
        std::fs::write(folder.path().join("tracks.jsonl"), "").unwrap();
        assert!(read_tracks(folder.path()).unwrap_err().to_string().contains("either"));
    }
}
