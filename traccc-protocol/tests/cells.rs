//! Cells survive the way through tensors, and nothing that a client can send harms the decoder.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use proptest::prelude::*;
use std::sync::OnceLock;
use traccc_core::ModuleIndex;
use traccc_core::detector::{Detector, Modules};
use traccc_core::event::{Cell, Cells, Duplicates, RawCell, RawCells};
use traccc_protocol::contract::input;
use traccc_protocol::{
    CellForm, OwnedTensor, RequestError, SensorTable, Tensor, decode_cells, encode_cells,
};
use traccc_sim::detectors::{ToyConfig, pixel_modules, toy_detector};

/// A toy detector with the sensors named by their detray barcodes.
struct Setup {
    modules: Modules,
    sensors: SensorTable,
}

fn setup() -> &'static Setup {
    static SETUP: OnceLock<Setup> = OnceLock::new();
    SETUP.get_or_init(|| {
        let detector = Detector::compile(&toy_detector(&ToyConfig::full()).unwrap()).unwrap();
        let modules = pixel_modules(&detector, [0.05, 0.05]).unwrap();
        let sensors = SensorTable::detray(&detector, &modules);
        Setup { modules, sensors }
    })
}

fn decode(tensors: &[OwnedTensor]) -> Result<Cells, RequestError> {
    let tensors: Vec<Tensor<'_>> = tensors.iter().map(OwnedTensor::view).collect();
    let Setup { modules, sensors } = setup();
    decode_cells(&tensors, sensors, modules.len(), Duplicates::Merge).map(|arranged| arranged.cells)
}

fn raw(cell: Cell) -> RawCell {
    let Setup { modules, sensors } = setup();
    let Cell { channel0, channel1, activation, time, module } = cell;
    let geometry_id = sensors.id(modules.surface[module.get()]);
    RawCell { geometry_id, channel0, channel1, activation, time }
}

/// Cells in order, each channel once.
fn cells() -> impl Strategy<Value = Cells> {
    let modules = setup().modules.len() as u32;
    let cell = (0..modules.min(40), 0_u32..30, 0_u32..30, 0.0_f32..1.0e6, -10.0_f32..10.0)
        .prop_map(|(module, channel0, channel1, activation, time)| Cell {
            channel0,
            channel1,
            activation,
            time,
            module: ModuleIndex(module),
        });
    prop::collection::vec(cell, 0..80).prop_map(|mut rows| {
        let key = |cell: &Cell| (cell.module, cell.channel1, cell.channel0);
        rows.sort_by_key(key);
        rows.dedup_by_key(|cell| key(cell));
        rows.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn cells_come_back_in_every_form_and_from_any_order(
        (cells, order) in cells().prop_flat_map(|cells| {
            let rows: Vec<usize> = (0..cells.len()).collect();
            (Just(cells), Just(rows).prop_shuffle())
        })
    ) {
        let sent: RawCells = order.iter().map(|&row| raw(cells.get(row))).collect();
        for form in [CellForm::Plain, CellForm::CompactWithTime] {
            prop_assert_eq!(&decode(&encode_cells(&sent, form).unwrap()).unwrap(), &cells);
        }
        let without_time: Cells = cells.iter().map(|cell| Cell { time: 0.0, ..cell }).collect();
        prop_assert_eq!(decode(&encode_cells(&sent, CellForm::Compact).unwrap()).unwrap(), without_time);
    }

    #[test]
    fn no_tensor_panics_and_what_is_accepted_is_valid(
        tensors in prop::collection::vec(any_tensor(), 0..5)
    ) {
        let views: Vec<Tensor<'_>> = tensors
            .iter()
            .map(|(name, data_type, shape, bytes)| Tensor { name, data_type, shape, bytes })
            .collect();
        let Setup { modules, sensors } = setup();
        if let Ok(arranged) = decode_cells(&views, sensors, modules.len(), Duplicates::Merge) {
            prop_assert_eq!(arranged.cells.validate(modules), Ok(()));
        }
    }

    #[test]
    fn a_damaged_request_is_refused_or_valid(
        cells in cells(),
        compact in any::<bool>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in 0_usize..9,
    ) {
        let sent: RawCells = cells.iter().map(raw).collect();
        let form = if compact { CellForm::CompactWithTime } else { CellForm::Plain };
        let mut tensors = encode_cells(&sent, form).unwrap();
        for (at, value) in damage {
            for tensor in &mut tensors {
                if !tensor.bytes.is_empty() {
                    let at = at.index(tensor.bytes.len());
                    tensor.bytes[at] = value;
                }
            }
        }
        if cut < 8 {
            let shorter = tensors[1].bytes.len().saturating_sub(cut);
            tensors[1].bytes.truncate(shorter);
        }
        if let Ok(decoded) = decode(&tensors) {
            prop_assert_eq!(decoded.validate(&setup().modules), Ok(()));
        }
    }
}

/// Names, types, shapes and lengths that mostly fit, so that all checks are reached.
fn any_tensor() -> impl Strategy<Value = (String, String, Vec<i64>, Vec<u8>)> {
    let name = prop::sample::select(vec![0_usize, 0, 1, 1, 2, 3, 4]);
    let rows = prop_oneof![0_i64..4, Just(-1), Just(i64::MAX), Just(1 << 61)];
    let columns = prop_oneof![0_i64..6, Just(-1), Just(i64::MAX)];
    (name, rows, columns, any::<u8>(), any::<bool>(), 0_usize..4).prop_flat_map(
        |(name, rows, columns, fill, fits, rank)| {
            let spec = input::ALL.get(name);
            let columns = spec.filter(|_| fits).map_or(columns, |s| s.dims[1].max(2));
            let size = spec.map_or(1, |s| s.data_type.size() as i64);
            let length = rows.saturating_mul(columns).saturating_mul(size).clamp(0, 4096) as usize;
            let shape = if rank == 0 { vec![rows; 3] } else { vec![rows, columns] };
            let name = spec.map_or("CELLS", |s| s.name).to_owned();
            let data_type = spec.map_or("FP64", |s| s.data_type.name()).to_owned();
            let bytes = prop::collection::vec(prop_oneof![Just(0_u8), Just(fill)], length);
            (Just(name), Just(data_type), Just(shape), bytes)
        },
    )
}

/// Two cells of one sensor, the second with what `change` makes of it.
fn refused(change: impl Fn(&mut RawCell)) -> String {
    let first = raw(Cell { module: ModuleIndex(3), activation: 1.0, ..Cell::default() });
    let mut second = RawCell { channel0: 1, ..first };
    change(&mut second);
    let sent: RawCells = [first, second].into_iter().collect();
    decode(&encode_cells(&sent, CellForm::Plain).unwrap()).unwrap_err().to_string()
}

#[test]
fn an_error_names_tensor_and_row() {
    let message = refused(|cell| cell.geometry_id = 77);
    assert!(
        message
            .starts_with("tensor `CELL_POSITIONS`, row 1: 77 is no detray barcode of the detector"),
        "{message}"
    );
    let message = refused(|cell| cell.channel1 = 1_000_000);
    assert!(
        message.starts_with("tensor `CELL_POSITIONS`, row 1: channel1 is 1000000, but"),
        "{message}"
    );
    let message = refused(|cell| cell.activation = -0.5);
    assert!(
        message.starts_with("tensor `CELL_PROPERTIES`, row 1: the activation is -0.5"),
        "{message}"
    );
    let message = refused(|cell| cell.activation = f32::NAN);
    assert!(message.contains("the activation is NaN"), "{message}");
    let message = refused(|cell| cell.time = f32::INFINITY);
    assert!(message.contains("row 1: the time is inf"), "{message}");
}

#[test]
fn negative_and_huge_channels_do_not_wrap() {
    let cell = raw(Cell { module: ModuleIndex(0), activation: 1.0, ..Cell::default() });
    let sent: RawCells = [cell].into_iter().collect();
    for channel in [-1_i64, i64::MIN, i64::MAX, 1 << 32] {
        let mut tensors = encode_cells(&sent, CellForm::Plain).unwrap();
        tensors[0].bytes[16..24].copy_from_slice(&channel.to_le_bytes());
        let message = decode(&tensors).unwrap_err().to_string();
        assert!(message.contains(&format!("row 0: channel0 is {channel}, but")), "{message}");
    }
}

#[test]
fn forms_are_complete_and_not_mixed() {
    let cell = raw(Cell { module: ModuleIndex(0), activation: 1.0, ..Cell::default() });
    let sent: RawCells = [cell].into_iter().collect();
    let plain = encode_cells(&sent, CellForm::Plain).unwrap();
    let compact = encode_cells(&sent, CellForm::Compact).unwrap();
    let missing = |tensor| Err(RequestError::Missing { tensor });
    assert_eq!(decode(&[]), missing("CELL_POSITIONS"));
    assert_eq!(decode(&plain[..1]), missing("CELL_PROPERTIES"));
    assert_eq!(decode(&plain[1..]), missing("CELL_POSITIONS"));
    assert_eq!(decode(&compact[..1]), missing("COMPACT_CELLS"));
    assert_eq!(decode(&compact[1..]), missing("COMPACT_MODULES"));
    let [a, b] = plain;
    assert_eq!(decode(&[a.clone(), b.clone(), compact[0].clone()]), Err(RequestError::TwoForms));
    assert_eq!(decode(&[a.clone(), b, a]), Err(RequestError::Twice { tensor: "CELL_POSITIONS" }));
}

#[test]
fn counts_of_the_compact_form_must_add_up() {
    let cell = |channel0| Cell { module: ModuleIndex(0), channel0, ..Cell::default() };
    let sent: RawCells = (0..3).map(|channel| raw(cell(channel))).collect();
    for (count, part) in
        [(2_i64, "but `COMPACT_MODULES` has 2"), (4, "4 cells, but 3 are left"), (-1, "-1 cells")]
    {
        let mut tensors = encode_cells(&sent, CellForm::Compact).unwrap();
        tensors[0].bytes[8..16].copy_from_slice(&count.to_le_bytes());
        let message = decode(&tensors).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_channel_too_large_for_the_compact_form_is_refused_by_the_encoder() {
    let cell = RawCell { channel1: 65_536, ..RawCell::default() };
    let sent: RawCells = [cell].into_iter().collect();
    assert!(encode_cells(&sent, CellForm::Compact).is_err());
    assert!(encode_cells(&sent, CellForm::Plain).is_ok());
}

#[test]
fn duplicates_are_merged_or_refused_as_asked() {
    let cell = raw(Cell { module: ModuleIndex(0), activation: 1.5, ..Cell::default() });
    let sent: RawCells = [cell, cell].into_iter().collect();
    let tensors = encode_cells(&sent, CellForm::Plain).unwrap();
    assert_eq!(decode(&tensors).unwrap().activation, [3.0]);
    let views = tensors.each_ref().map(OwnedTensor::view);
    let Setup { modules, sensors } = setup();
    let refused = decode_cells(&views, sensors, modules.len(), Duplicates::Refuse);
    assert_eq!(refused, Err(RequestError::Duplicate { tensor: "CELL_POSITIONS", row: 1 }));
}
