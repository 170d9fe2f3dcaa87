//! How much memory a `ModelInferRequest` would take, found before it is decoded: an empty entry of `inputs` is 2 bytes in the
//! request and 300 in memory, a number in `contents` 1 and 8.

use crate::infer::{ENTRIES, SMALL, ServeError};

/// Fields of `ModelInferRequest`, `InferInputTensor` and `InferTensorContents`.
mod field {
    pub(super) const INPUTS: u64 = 5;
    pub(super) const OUTPUTS: u64 = 6;
    pub(super) const RAW_INPUT_CONTENTS: u64 = 7;
    pub(super) const CONTENTS: u64 = 5;
    pub(super) const INT64_CONTENTS: u64 = 3;
    pub(super) const UINT_CONTENTS: u64 = 4;
    pub(super) const FP32_CONTENTS: u64 = 6;
}

/// The bytes that numbers in `contents` take once decoded; raw contents stay where they are.
///
/// # Errors
/// No protobuf message; more than [`ENTRIES`] entries, [`SMALL`] other bytes, or `limit` bytes of content.
pub(super) fn typed_size(message: &[u8], limit: usize) -> Result<usize, ServeError> {
    let mut sizes = Sizes { limit, content: 0, typed: 0, rest: 0 };
    let [mut inputs, mut outputs, mut raw] = [0; 3];
    for field in Fields(message) {
        let field = field?;
        match (field.number, field.bytes) {
            (field::INPUTS, Some(input)) => {
                count(&mut inputs, "inputs")?;
                add_input(input, &mut sizes)?;
            }
            (field::RAW_INPUT_CONTENTS, Some(content)) => {
                count(&mut raw, "raw_input_contents")?;
                sizes.add_content(content.len())?;
            }
            (number, _) => {
                if number == field::OUTPUTS {
                    count(&mut outputs, "outputs")?;
                }
                sizes.add_rest(field.size)?;
            }
        }
    }
    Ok(sizes.typed)
}

fn count(entries: &mut usize, field: &'static str) -> Result<(), ServeError> {
    *entries += 1;
    if *entries > ENTRIES {
        return Err(ServeError::TooManyEntries { field, limit: ENTRIES });
    }
    Ok(())
}

fn add_input(input: &[u8], sizes: &mut Sizes) -> Result<(), ServeError> {
    for field in Fields(input) {
        let field = field?;
        match (field.number, field.bytes) {
            (field::CONTENTS, Some(contents)) => add_contents(contents, sizes)?,
            _ => sizes.add_rest(field.size)?,
        }
    }
    Ok(())
}

fn add_contents(contents: &[u8], sizes: &mut Sizes) -> Result<(), ServeError> {
    // The last byte of each number, and no other, has no highest bit.
    let numbers = |packed: &[u8]| packed.iter().filter(|&&byte| byte < 0x80).count();
    for field in Fields(contents) {
        let field = field?;
        match (field.number, field.bytes) {
            (field::INT64_CONTENTS, packed) => sizes.add_typed(8 * packed.map_or(1, numbers))?,
            (field::UINT_CONTENTS, packed) => sizes.add_typed(4 * packed.map_or(1, numbers))?,
            (field::FP32_CONTENTS, packed) => sizes.add_typed(packed.map_or(4, <[u8]>::len))?,
            // Of types that no tensor has.
            _ => sizes.add_rest(field.size)?,
        }
    }
    Ok(())
}

struct Sizes {
    limit: usize,
    content: usize,
    typed: usize,
    rest: usize,
}

impl Sizes {
    fn add_content(&mut self, bytes: usize) -> Result<(), ServeError> {
        self.content = self.content.saturating_add(bytes);
        if self.content > self.limit {
            return Err(ServeError::TooLarge { limit: self.limit });
        }
        Ok(())
    }

    fn add_typed(&mut self, bytes: usize) -> Result<(), ServeError> {
        self.typed = self.typed.saturating_add(bytes);
        self.add_content(bytes)
    }

    fn add_rest(&mut self, bytes: usize) -> Result<(), ServeError> {
        self.rest += bytes;
        if self.rest > SMALL {
            return Err(ServeError::TooMuchBeside { limit: SMALL });
        }
        Ok(())
    }
}

/// The fields of a message, without what is in them.
struct Fields<'a>(&'a [u8]);

struct Field<'a> {
    number: u64,
    /// With number and length, in bytes.
    size: usize,
    /// What a field with a length has.
    bytes: Option<&'a [u8]>,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, ServeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or(ServeError::NoMessage))
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<Field<'a>> {
        let before = self.0.len();
        let key = self.varint()?;
        let bytes = match key % 8 {
            0 => {
                self.varint()?;
                None
            }
            1 => self.take(8).map(|_| None)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Some(self.take(length)?)
            }
            5 => self.take(4).map(|_| None)?,
            // Groups are of the protobuf of 2008.
            _ => return None,
        };
        Some(Field { number: key >> 3, size: before - self.0.len(), bytes })
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for (i, &byte) in self.0.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                self.0 = &self.0[i + 1..];
                return Some(value);
            }
        }
        None
    }
}
