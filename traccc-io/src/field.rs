//! Field maps in covfie's binary format.

use crate::error::{Error, FieldProblem, Result};
use std::io::Write;
use std::path::Path;
use traccc_core::field::{FieldGrid, FieldMap};

const HEADER: u32 = 0xc04f_1eab;
const FOOTER: u32 = 0xc04f_1e70;
/// Added to the number of a layer in its footer.
const CLOSE: u32 = 0x2000_0000;
const FIELD: u32 = 0xab00_0000;
const ARRAY: u32 = 0xab01_0000;
const AFFINE: u32 = 0xab02_0000;
const STRIDED: u32 = 0xab02_0010;

/// One T in covfie's unit of field, GeV/(e mm).
const TESLA: f64 = 0.000_299_792_458;

/// Bytes of everything but the field vectors.
const FRAME: u64 = 148;

/// Reads a field map from a covfie file of the layers affine, linear, strided and array, with values of 4 or 8 bytes.
///
/// # Errors
/// A file that cannot be read, has other layers, is longer or shorter than its header says, or holds numbers that are
/// not finite.
pub fn read_field_map(path: impl AsRef<Path>) -> Result<FieldMap> {
    let path = path.as_ref();
    let bytes = crate::input::read(path)?;
    parse(&bytes).map_err(|problem| Error::Field { path: path.to_owned(), problem })
}

/// A place in a file that is known to be long enough for its header.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], FieldProblem> {
        let taken = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk).copied();
        self.at += N;
        taken.ok_or(FieldProblem::Length {
            found: self.bytes.len() as u64,
            expected: self.at as u64,
        })
    }

    fn magic(&mut self, layer: u32) -> Result<(), FieldProblem> {
        self.expect(HEADER)?;
        self.expect(layer)
    }

    fn end(&mut self, layer: u32) -> Result<(), FieldProblem> {
        self.expect(FOOTER)?;
        self.expect(layer + CLOSE)
    }

    fn expect(&mut self, expected: u32) -> Result<(), FieldProblem> {
        let offset = self.at;
        let found = u32::from_le_bytes(self.take()?);
        if found == expected {
            return Ok(());
        }
        Err(FieldProblem::Magic { offset, found, name: layer_name(found), expected })
    }
}

fn parse(bytes: &[u8]) -> Result<FieldMap, FieldProblem> {
    let mut cursor = Cursor { bytes, at: 0 };
    cursor.magic(FIELD)?;
    cursor.magic(AFFINE)?;
    let mut to_node = [[0.0; 4]; 3];
    for element in to_node.as_flattened_mut() {
        *element = f32::from_le_bytes(cursor.take()?);
        if !element.is_finite() {
            return Err(FieldProblem::NotFinite { what: "affine map" });
        }
    }
    cursor.magic(STRIDED)?;
    let nodes = [(); 3].map(|()| cursor.take().map(u64::from_le_bytes));
    let [x, y, z] = nodes;
    let nodes = [x?, y?, z?];
    cursor.magic(ARRAY)?;
    let width = u32::from_le_bytes(cursor.take()?);
    let count = u64::from_le_bytes(cursor.take()?);
    if width != 4 && width != 8 {
        return Err(FieldProblem::Width { found: width });
    }
    let grid_nodes = nodes.map(|n| u32::try_from(n).unwrap_or(0));
    let product = nodes[0].checked_mul(nodes[1]).and_then(|n| n.checked_mul(nodes[2]));
    if product != Some(count) || grid_nodes.contains(&0) {
        return Err(FieldProblem::Nodes { nodes, found: count });
    }
    // Compared before anything of that size is allocated.
    let expected = count.saturating_mul(3 * u64::from(width)).saturating_add(FRAME);
    if bytes.len() as u64 != expected {
        return Err(FieldProblem::Length { found: bytes.len() as u64, expected });
    }
    let mut values = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let mut vector = [0.0; 3];
        for component in &mut vector {
            let native = if width == 4 {
                f64::from(f32::from_le_bytes(cursor.take()?))
            } else {
                f64::from_le_bytes(cursor.take()?)
            };
            *component = (native / TESLA) as f32;
        }
        if !vector.iter().all(|v| v.is_finite()) {
            return Err(FieldProblem::NotFinite { what: "field" });
        }
        values.push(vector);
    }
    for layer in [ARRAY, STRIDED, AFFINE, FIELD] {
        cursor.end(layer)?;
    }
    Ok(FieldMap { grid: FieldGrid { to_node, nodes: grid_nodes }, values })
}

/// What a layer number stands for, where a file has another structure.
fn layer_name(magic: u32) -> &'static str {
    match magic {
        HEADER => "begin of a layer",
        FOOTER => "end of a layer",
        FIELD => "field",
        ARRAY => "array",
        AFFINE => "affine",
        STRIDED => "strided",
        0xab01_0001 => "constant",
        0xab01_0002 => "identity",
        0xab02_0001 => "backup",
        0xab02_0002 => "clamp",
        0xab02_0003 => "dereference",
        0xab02_0004 => "hilbert",
        0xab02_0006 => "morton",
        0xab02_0008 => "covariant cast",
        0xab02_0009 => "shuffle",
        0xab02_0011 => "covariant select",
        _ => "not a covfie layer",
    }
}

/// Writes a field map as a covfie file that upstream reads, with values of 4 bytes.
///
/// # Errors
/// A file that cannot be written; [`Error::NotWritable`] when the number of values is not that of the nodes or a number
/// is not finite.
pub fn write_field_map(path: impl AsRef<Path>, map: &FieldMap) -> Result<()> {
    let refuse = |reason| Err(Error::NotWritable { what: "the field map".into(), reason });
    let [x, y, z] = map.grid.nodes.map(|n| n as usize);
    let product = x.checked_mul(y).and_then(|n| n.checked_mul(z));
    if product != Some(map.values.len()) || map.values.is_empty() {
        return refuse("it needs at least one node and as many values as nodes");
    }
    let mut numbers = map.grid.to_node.as_flattened().iter().chain(map.values.as_flattened());
    if !numbers.all(|v| v.is_finite()) {
        return refuse("all numbers must be finite");
    }
    crate::output::write_file(path.as_ref(), |file| {
        let begin = |layers: &[u32]| -> Vec<u8> {
            layers.iter().flat_map(|l| [HEADER, *l]).flat_map(u32::to_le_bytes).collect()
        };
        file.write_all(&begin(&[FIELD, AFFINE]))?;
        for element in map.grid.to_node.as_flattened() {
            file.write_all(&element.to_le_bytes())?;
        }
        file.write_all(&begin(&[STRIDED]))?;
        for nodes in map.grid.nodes {
            file.write_all(&u64::from(nodes).to_le_bytes())?;
        }
        file.write_all(&begin(&[ARRAY]))?;
        file.write_all(&4_u32.to_le_bytes())?;
        file.write_all(&(map.values.len() as u64).to_le_bytes())?;
        for value in map.values.as_flattened() {
            file.write_all(&((f64::from(*value) * TESLA) as f32).to_le_bytes())?;
        }
        for layer in [ARRAY, STRIDED, AFFINE, FIELD] {
            file.write_all(&FOOTER.to_le_bytes())?;
            file.write_all(&(layer + CLOSE).to_le_bytes())?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture() -> Vec<u8> {
        std::fs::read(testdata::path("field.cvf")).unwrap()
    }

    #[test]
    fn the_fixture_is_2_tesla_at_the_origin_and_z_runs_fastest() {
        let map = parse(&fixture()).unwrap();
        assert_eq!(map.grid.nodes, [3, 2, 4]);
        let at_origin = map.at(&traccc_core::math::Vector3::zeros());
        assert!((at_origin.z - 2.0).abs() < 1e-6, "{at_origin}");
        // The fixture's Bx counts the values in the order of the file, in thousandths of a tesla.
        assert!((map.values[5][0] - 0.005).abs() < 1e-9);
    }

    #[test]
    fn what_is_written_is_read_back_to_the_last_but_one_bit() {
        let map = parse(&fixture()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.cvf");
        write_field_map(&path, &map).unwrap();
        let again = read_field_map(&path).unwrap();
        assert_eq!(again.grid, map.grid);
        for (a, b) in again.values.as_flattened().iter().zip(map.values.as_flattened()) {
            assert!((a - b).abs() <= 2.0 * f32::EPSILON * b.abs(), "{a} {b}");
        }
    }

    #[test]
    fn values_of_8_bytes_give_the_same_field() {
        let narrow = fixture();
        let values = narrow[116..narrow.len() - 32].chunks_exact(4);
        let wide =
            values.flat_map(|v| f64::from(f32::from_le_bytes(v.try_into().unwrap())).to_le_bytes());
        let mut bytes = narrow[..116].to_vec();
        bytes[104] = 8;
        bytes.extend(wide);
        bytes.extend(&narrow[narrow.len() - 32..]);
        assert_eq!(parse(&bytes).unwrap(), parse(&narrow).unwrap());
    }

    #[test]
    fn every_truncation_and_every_wrong_magic_is_an_error() {
        let good = fixture();
        for cut in 0..good.len() {
            assert!(parse(&good[..cut]).is_err(), "cut at {cut}");
        }
        assert!(matches!(parse(&[&good[..], b"x"].concat()), Err(FieldProblem::Length { .. })));
        let places = [0, 4, 8, 12, 64, 68, 96, 100]
            .into_iter()
            .chain((good.len() - 32..good.len()).step_by(4));
        for place in places {
            let mut bad = good.clone();
            bad[place] ^= 1;
            assert!(
                matches!(parse(&bad), Err(FieldProblem::Magic { offset, .. }) if offset == place)
            );
        }
        let mut clamp = good.clone();
        clamp[68..72].copy_from_slice(&0xab02_0002_u32.to_le_bytes());
        assert!(parse(&clamp).unwrap_err().to_string().contains("(clamp) at byte 68"));
        let mut more = good.clone();
        more[72] += 1;
        assert!(matches!(parse(&more), Err(FieldProblem::Nodes { .. })));
        let mut huge = good;
        huge[72..96].fill(0xff);
        assert!(matches!(parse(&huge), Err(FieldProblem::Nodes { .. })));
    }
}
