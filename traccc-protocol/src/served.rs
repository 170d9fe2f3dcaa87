//! Tracks as a client reads them.

use crate::contract::Output;
use crate::error::ResponseError;
use crate::tensor::Tensor;

/// Tracks of a response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServedTracks {
    /// In the order of the response.
    pub tracks: Vec<ServedTrack>,
}

/// One track. What the client did not ask for is `None` or empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServedTrack {
    /// chi2 of the whole track.
    pub chi2: f32,
    /// Degrees of freedom.
    pub ndf: f32,
    /// loc0, loc1 in mm, phi, theta in rad, q/p in e/GeV at the first measurement.
    pub parameters: [f32; 5],
    /// Time as c·t, in mm.
    pub time: f32,
    /// p-value, holes, charge, number of measurements.
    pub quality: Option<[f32; 4]>,
    /// Along the flight.
    pub states: Vec<ServedState>,
}

/// The track at one measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ServedState {
    /// The sensor, in the numbering of the request.
    pub geometry_id: u64,
    /// Measured loc0, loc1 in mm.
    pub local: [f32; 2],
    /// Smoothed phi, theta in rad, q/p in e/GeV.
    pub direction: [f32; 3],
    /// Time as c·t, in mm.
    pub time: f32,
    /// Smoothed covariance of (loc0, loc1, phi, theta, q/p): the lower triangle, row by row.
    pub covariance: Option<[f32; 15]>,
    /// Variances of `local` in mm², filtered chi2, smoothed chi2.
    pub quality: Option<[f32; 4]>,
    /// Which measurement of the event.
    pub measurement: Option<u64>,
}

impl ServedTracks {
    /// Reads the tensors of a response: `TRK_PARAMS` always; `MEASUREMENTS` and `GEOMETRY_IDS` for the states, which
    /// `TRACK_OFFSETS`, or else the zeros of `GEOMETRY_IDS`, divide between the tracks; others where present.
    ///
    /// # Errors
    /// [`ResponseError`] for tensors that are missing, of another form, or contradict each other.
    pub fn decode(tensors: &[Tensor<'_>]) -> Result<Self, ResponseError> {
        let find = |output: Output| tensors.iter().find(|t| t.name == output.spec().name);
        let optional =
            |output: Output| find(output).map(|tensor| Rows::new(output, tensor)).transpose();
        let need = |output: Output| {
            optional(output)?.ok_or(ResponseError::Missing { tensor: output.spec().name })
        };
        let parameters = need(Output::TrackParameters)?;
        let quality = optional(Output::TrackQuality)?;
        expect_rows(&quality, parameters.count)?;
        let mut tracks: Vec<ServedTrack> = (0..parameters.count)
            .map(|row| {
                let [chi2, ndf, loc0, loc1, phi, theta, q_over_p, time] = parameters.floats(row);
                let parameters = [loc0, loc1, phi, theta, q_over_p];
                let quality = quality.as_ref().map(|rows| rows.floats(row));
                ServedTrack { chi2, ndf, parameters, time, quality, states: Vec::new() }
            })
            .collect();
        if find(Output::Measurements).is_none() {
            return Ok(Self { tracks });
        }
        let measurements = need(Output::Measurements)?;
        let states = States {
            ids: need(Output::GeometryIds)?,
            full: optional(Output::Covariances)?,
            packed: optional(Output::PackedCovariances)?,
            quality: optional(Output::StateQuality)?,
            indices: optional(Output::MeasurementIndices)?,
            measurements,
        };
        states.check(tracks.len())?;
        let offsets = match optional(Output::TrackOffsets)? {
            Some(offsets) => states.given_offsets(&offsets, tracks.len())?,
            None => states.separated_offsets(tracks.len())?,
        };
        for (i, track) in tracks.iter_mut().enumerate() {
            // A zero lies before each track but the first.
            track.states =
                (offsets[i]..offsets[i + 1]).map(|row| states.state(row, row + i)).collect();
        }
        Ok(Self { tracks })
    }
}

/// An output whose type, shape and length are checked.
struct Rows<'a> {
    output: Output,
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Rows<'a> {
    fn new(output: Output, tensor: &Tensor<'a>) -> Result<Self, ResponseError> {
        Ok(Self { output, count: tensor.rows(&output.spec())?, bytes: tensor.bytes })
    }

    /// Row `row` of an output with `N` columns of floats.
    fn floats<const N: usize>(&self, row: usize) -> [f32; N] {
        let words = &self.bytes.as_chunks::<4>().0[row * N..(row + 1) * N];
        std::array::from_fn(|i| f32::from_le_bytes(words[i]))
    }

    fn integer(&self, row: usize) -> i64 {
        i64::from_le_bytes(self.bytes.as_chunks::<8>().0[row])
    }
}

fn expect_rows(rows: &Option<Rows<'_>>, expected: usize) -> Result<(), ResponseError> {
    match rows {
        Some(rows) if rows.count != expected => {
            let (tensor, found) = (rows.output.spec().name, rows.count);
            Err(ResponseError::Rows { tensor, found, expected })
        }
        _ => Ok(()),
    }
}

/// The outputs with a row for each state.
struct States<'a> {
    measurements: Rows<'a>,
    ids: Rows<'a>,
    full: Option<Rows<'a>>,
    packed: Option<Rows<'a>>,
    quality: Option<Rows<'a>>,
    indices: Option<Rows<'a>>,
}

impl States<'_> {
    fn check(&self, tracks: usize) -> Result<(), ResponseError> {
        let states = self.measurements.count;
        for rows in [&self.full, &self.packed, &self.quality, &self.indices] {
            expect_rows(rows, states)?;
        }
        let (found, expected) = (self.ids.count, states + tracks.saturating_sub(1));
        if found != expected {
            let tensor = Output::GeometryIds.spec().name;
            return Err(ResponseError::Rows { tensor, found, expected });
        }
        Ok(())
    }

    fn given_offsets(
        &self,
        offsets: &Rows<'_>,
        tracks: usize,
    ) -> Result<Vec<usize>, ResponseError> {
        let measurements = self.measurements.count;
        if offsets.count != tracks + 1 {
            let (tensor, found) = (Output::TrackOffsets.spec().name, offsets.count);
            return Err(ResponseError::Rows { tensor, found, expected: tracks + 1 });
        }
        let mut least = 0;
        let mut checked = Vec::with_capacity(tracks + 1);
        for entry in 0..=tracks {
            let value = offsets.integer(entry);
            let end_is_right = match entry {
                0 => value == 0,
                _ if entry == tracks => value == measurements as i64,
                _ => true,
            };
            match usize::try_from(value) {
                Ok(offset) if offset >= least && offset <= measurements && end_is_right => {
                    least = offset;
                    checked.push(offset);
                }
                _ => return Err(ResponseError::Offsets { entry, value, measurements }),
            }
        }
        Ok(checked)
    }

    fn separated_offsets(&self, tracks: usize) -> Result<Vec<usize>, ResponseError> {
        let mut offsets = vec![0];
        for row in 0..self.ids.count {
            if self.ids.integer(row) == 0 {
                // The zeros before this one are no states.
                offsets.push(row + 1 - offsets.len());
            }
        }
        if tracks > 0 {
            offsets.push(self.measurements.count);
        }
        if offsets.len() != tracks + 1 {
            let tensor = Output::GeometryIds.spec().name;
            return Err(ResponseError::Rows { tensor, found: offsets.len() - 1, expected: tracks });
        }
        Ok(offsets)
    }

    fn state(&self, row: usize, id_row: usize) -> ServedState {
        let [loc0, loc1, phi, theta, q_over_p, time] = self.measurements.floats(row);
        let full = |rows: &Rows<'_>| lower_triangle(&rows.floats(row));
        ServedState {
            geometry_id: self.ids.integer(id_row) as u64,
            local: [loc0, loc1],
            direction: [phi, theta, q_over_p],
            time,
            covariance: match &self.packed {
                Some(packed) => Some(packed.floats(row)),
                None => self.full.as_ref().map(full),
            },
            quality: self.quality.as_ref().map(|rows| rows.floats(row)),
            measurement: self.indices.as_ref().map(|rows| rows.integer(row) as u64),
        }
    }
}

fn lower_triangle(full: &[f32; 25]) -> [f32; 15] {
    let mut next = (0..5).flat_map(|i| (0..=i).map(move |j| full[5 * i + j]));
    std::array::from_fn(|_| next.next().unwrap_or_default())
}
