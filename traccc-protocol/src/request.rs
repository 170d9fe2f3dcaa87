//! Cells as tensors, there and back.

use crate::contract::input::{
    self, CELL_POSITIONS, CELL_PROPERTIES, COMPACT_CELLS, COMPACT_MODULES,
};
use crate::error::RequestError;
use crate::tensor::{OwnedTensor, Tensor, TensorSpec};
use traccc_core::detector::{Sensor, SensorTable};
use traccc_core::event::{ArrangeError, Arranged, Cell, Cells, Duplicates, RawCells};

/// The most cells of one event: rows are counted in 32 bits.
pub const MAX_CELLS: usize = u32::MAX as usize - 1;

/// The cells of a request, in the order that a chain needs. `modules` is the number of modules of the detector.
///
/// # Errors
/// What is wrong first, with tensor and row.
pub fn decode_cells(
    tensors: &[Tensor<'_>],
    sensors: &SensorTable,
    modules: usize,
    duplicates: Duplicates,
) -> Result<Arranged, RequestError> {
    let missing = |spec: TensorSpec| Err(RequestError::Missing { tensor: spec.name });
    let (cells, tensor) = match by_name(tensors)? {
        [Some(positions), Some(properties), None, None] => {
            (decode_plain(positions, properties, sensors)?, CELL_POSITIONS.name)
        }
        [None, None, Some(modules), Some(cells)] => {
            (decode_compact(modules, cells, sensors)?, COMPACT_CELLS.name)
        }
        [None, _, None, None] => return missing(CELL_POSITIONS),
        [Some(_), None, None, None] => return missing(CELL_PROPERTIES),
        [None, None, None, Some(_)] => return missing(COMPACT_MODULES),
        [None, None, Some(_), None] => return missing(COMPACT_CELLS),
        _ => return Err(RequestError::TwoForms),
    };
    cells.arrange(modules, duplicates).map_err(|error| match error {
        ArrangeError::Twice { row, .. } => RequestError::Duplicate { tensor, row },
        ArrangeError::Overflow { row, sum } => RequestError::Activation { tensor, row, value: sum },
    })
}

/// The tensors in the order of [`input::ALL`].
fn by_name<'a>(tensors: &[Tensor<'a>]) -> Result<[Option<Tensor<'a>>; 4], RequestError> {
    let mut found = [None; 4];
    for tensor in tensors {
        let Some(at) = input::ALL.iter().position(|spec| spec.name == tensor.name) else {
            return Err(RequestError::Unknown { tensor: tensor.name.to_owned() });
        };
        if found[at].replace(*tensor).is_some() {
            return Err(RequestError::Twice { tensor: input::ALL[at].name });
        }
    }
    Ok(found)
}

fn decode_plain(
    positions: Tensor<'_>,
    properties: Tensor<'_>,
    sensors: &SensorTable,
) -> Result<Cells, RequestError> {
    let tensor = CELL_POSITIONS.name;
    let rows = positions.rows(&CELL_POSITIONS)?;
    let expected = properties.rows(&CELL_PROPERTIES)?;
    if rows != expected {
        let (found, other) = (rows, CELL_PROPERTIES.name);
        return Err(RequestError::Rows { tensor, found, other, expected });
    }
    check_rows(tensor, rows)?;
    let positions = positions.bytes.as_chunks::<32>().0;
    let properties = properties.bytes.as_chunks::<8>().0;
    // Column by column: these loops have no branch but the rare error's, and become vector instructions.
    let column = |i: usize| properties.iter().map(move |row| f32::from_bits(word(row, i)));
    let (time, activation): (Vec<f32>, Vec<f32>) = (column(0).collect(), column(1).collect());
    check_signals(CELL_PROPERTIES.name, &activation, &time)?;
    let mut lookup = Lookup::new(tensor, sensors);
    let mut module = Vec::with_capacity(rows);
    let mut channels = [Vec::with_capacity(rows), Vec::with_capacity(rows)];
    for (row, position) in positions.iter().enumerate() {
        let sensor = lookup.sensor(row, int64(position, 0) as u64)?;
        for (axis, channels) in channels.iter_mut().enumerate() {
            channels.push(channel(tensor, row, sensor, axis, int64(position, 2 + axis))?);
        }
        module.push(sensor.module);
    }
    let [channel0, channel1] = channels;
    Ok(Cells { channel0, channel1, activation, time, module })
}

fn decode_compact(
    modules: Tensor<'_>,
    compact: Tensor<'_>,
    sensors: &SensorTable,
) -> Result<Cells, RequestError> {
    let tensor = COMPACT_CELLS.name;
    modules.rows(&COMPACT_MODULES)?;
    let rows = compact.rows(&COMPACT_CELLS)?;
    check_rows(tensor, rows)?;
    // The time is optional: two or three words a cell.
    let words = compact.shape[1] as usize;
    if !(2..=3).contains(&words) {
        let found = compact.shape.to_vec();
        return Err(RequestError::Shape { tensor, found, expected: &[-1, 2] });
    }
    let mut cells = Cells::with_capacity(rows);
    let mut lookup = Lookup::new(COMPACT_MODULES.name, sensors);
    let mut left = compact.bytes.chunks_exact(4 * words);
    for (row, module) in modules.bytes.as_chunks::<16>().0.iter().enumerate() {
        let sensor = lookup.sensor(row, int64(module, 0) as u64)?;
        let count = usize::try_from(int64(module, 1)).ok().filter(|&count| count <= left.len());
        let Some(count) = count else {
            let (tensor, value) = (COMPACT_MODULES.name, int64(module, 1));
            return Err(RequestError::Count { tensor, row, value, left: left.len() });
        };
        for cell in left.by_ref().take(count) {
            let row = cells.len();
            let (channels, activation) = (word(cell, 0), f32::from_bits(word(cell, 1)));
            let time = if words == 3 { f32::from_bits(word(cell, 2)) } else { 0.0 };
            let channel = |axis, value| channel(tensor, row, sensor, axis, i64::from(value));
            let (channel0, channel1) =
                (channel(0, channels & 0xffff)?, channel(1, channels >> 16)?);
            cells.push(Cell { channel0, channel1, activation, time, module: sensor.module });
        }
    }
    if left.len() > 0 {
        let (found, other, expected) = (rows, COMPACT_MODULES.name, cells.len());
        return Err(RequestError::Rows { tensor, found, other, expected });
    }
    check_signals(tensor, &cells.activation, &cells.time)?;
    Ok(cells)
}

/// Looks up sensors; neighbouring rows mostly name the same one.
struct Lookup<'a> {
    tensor: &'static str,
    sensors: &'a SensorTable,
    last: Option<&'a Sensor>,
}

impl<'a> Lookup<'a> {
    fn new(tensor: &'static str, sensors: &'a SensorTable) -> Self {
        Self { tensor, sensors, last: None }
    }

    #[inline]
    fn sensor(&mut self, row: usize, id: u64) -> Result<&'a Sensor, RequestError> {
        if let Some(sensor) = self.last
            && sensor.id == id
        {
            return Ok(sensor);
        }
        let (tensor, sensors) = (self.tensor, self.sensors);
        let none = || RequestError::Sensor { tensor, row, problem: sensors.why_none(id) };
        let sensor = sensors.sensor(id).ok_or_else(none)?;
        self.last = Some(sensor);
        Ok(sensor)
    }
}

fn check_rows(tensor: &'static str, rows: usize) -> Result<(), RequestError> {
    if rows > MAX_CELLS {
        return Err(RequestError::TooManyRows { tensor, found: rows, limit: MAX_CELLS });
    }
    Ok(())
}

#[inline]
fn channel(
    tensor: &'static str,
    row: usize,
    sensor: &Sensor,
    axis: usize,
    value: i64,
) -> Result<u32, RequestError> {
    let existing = sensor.channels[axis];
    if (0..i64::from(existing)).contains(&value) {
        Ok(value as u32)
    } else {
        Err(RequestError::Channel { tensor, row, axis, value, last: existing.saturating_sub(1) })
    }
}

fn check_signals(
    tensor: &'static str,
    activations: &[f32],
    times: &[f32],
) -> Result<(), RequestError> {
    // Negative numbers and all that are not finite have larger bits, but -0.
    let sound = |value: f32| value.to_bits() < f32::INFINITY.to_bits() || value == 0.0;
    let all_sound = activations.iter().fold(true, |all, &value| all & sound(value))
        & times.iter().fold(true, |all, value| all & value.is_finite());
    if all_sound {
        return Ok(());
    }
    for (row, (&activation, &time)) in activations.iter().zip(times).enumerate() {
        if !sound(activation) {
            return Err(RequestError::Activation { tensor, row, value: activation });
        }
        if !time.is_finite() {
            return Err(RequestError::Time { tensor, row, value: time });
        }
    }
    Ok(())
}

/// Element `i` of a row of INT64.
#[inline]
fn int64(row: &[u8], i: usize) -> i64 {
    row.as_chunks::<8>().0.get(i).map_or(0, |bytes| i64::from_le_bytes(*bytes))
}

/// Element `i` of a row of 32-bit words.
#[inline]
fn word(row: &[u8], i: usize) -> u32 {
    row.as_chunks::<4>().0.get(i).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// How a client sends cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CellForm {
    /// Upstream's two tensors: 40 bytes a cell.
    #[default]
    Plain,
    /// Sensor by sensor: 8 bytes a cell and 16 a sensor. Times are not sent, channels are below 65536.
    Compact,
    /// As [`Self::Compact`], with times: 12 bytes a cell.
    CompactWithTime,
}

/// The tensors of a request.
///
/// # Errors
/// [`RequestError::Channel`] for a channel that the compact form cannot hold.
pub fn encode_cells(cells: &RawCells, form: CellForm) -> Result<[OwnedTensor; 2], RequestError> {
    match form {
        CellForm::Plain => Ok(encode_plain(cells)),
        CellForm::Compact => encode_compact(cells, 2),
        CellForm::CompactWithTime => encode_compact(cells, 3),
    }
}

fn encode_plain(cells: &RawCells) -> [OwnedTensor; 2] {
    let mut positions = Vec::with_capacity(32 * cells.len());
    let mut properties = Vec::with_capacity(8 * cells.len());
    for cell in cells.iter() {
        positions.extend_from_slice(&cell.geometry_id.to_le_bytes());
        for value in [0, i64::from(cell.channel0), i64::from(cell.channel1)] {
            positions.extend_from_slice(&value.to_le_bytes());
        }
        properties.extend_from_slice(&cell.time.to_le_bytes());
        properties.extend_from_slice(&cell.activation.to_le_bytes());
    }
    [
        owned(CELL_POSITIONS, cells.len(), 4, positions),
        owned(CELL_PROPERTIES, cells.len(), 2, properties),
    ]
}

fn encode_compact(cells: &RawCells, words: usize) -> Result<[OwnedTensor; 2], RequestError> {
    // Stable: cells of one sensor stay in their order.
    let mut order: Vec<usize> = (0..cells.len()).collect();
    if !cells.geometry_id.is_sorted() {
        order.sort_by_key(|&row| cells.geometry_id[row]);
    }
    let mut modules = Vec::new();
    let mut compact = Vec::with_capacity(4 * words * cells.len());
    for run in order.chunk_by(|&a, &b| cells.geometry_id[a] == cells.geometry_id[b]) {
        modules.extend_from_slice(&cells.geometry_id[run[0]].to_le_bytes());
        modules.extend_from_slice(&(run.len() as i64).to_le_bytes());
        for &row in run {
            let cell = cells.get(row);
            for (axis, value) in [cell.channel0, cell.channel1].into_iter().enumerate() {
                if value > 0xffff {
                    let (tensor, value) = (COMPACT_CELLS.name, i64::from(value));
                    return Err(RequestError::Channel { tensor, row, axis, value, last: 0xffff });
                }
            }
            compact.extend_from_slice(&(cell.channel0 | cell.channel1 << 16).to_le_bytes());
            compact.extend_from_slice(&cell.activation.to_le_bytes());
            if words == 3 {
                compact.extend_from_slice(&cell.time.to_le_bytes());
            }
        }
    }
    Ok([
        owned(COMPACT_MODULES, modules.len() / 16, 2, modules),
        owned(COMPACT_CELLS, cells.len(), words, compact),
    ])
}

fn owned(spec: TensorSpec, rows: usize, columns: usize, bytes: Vec<u8>) -> OwnedTensor {
    let shape = vec![rows as i64, columns as i64];
    OwnedTensor { name: spec.name, data_type: spec.data_type, shape, bytes }
}
