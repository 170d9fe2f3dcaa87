use crate::error::RequestError;
use std::fmt;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// Signed, 64 bits.
    Int64,
    /// Unsigned, 32 bits.
    Uint32,
    /// IEEE 754 single precision.
    Fp32,
}

impl DataType {
    /// The name in KServe messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int64 => "INT64",
            Self::Uint32 => "UINT32",
            Self::Fp32 => "FP32",
        }
    }

    /// Size of an element in bytes.
    pub fn size(self) -> usize {
        match self {
            Self::Int64 => 8,
            Self::Uint32 | Self::Fp32 => 4,
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the contract says of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// The name.
    pub name: &'static str,
    /// The type of its elements.
    pub data_type: DataType,
    /// The extent of each dimension; -1 where it varies.
    pub dims: &'static [i64],
    /// What it holds, in one sentence.
    pub meaning: &'static str,
}

/// A tensor as it came: row after row, little-endian, without any promise of alignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tensor<'a> {
    /// The name.
    pub name: &'a str,
    /// The KServe name of the elements' type.
    pub data_type: &'a str,
    /// The extent of each dimension.
    pub shape: &'a [i64],
    /// The elements.
    pub bytes: &'a [u8],
}

impl Tensor<'_> {
    /// Checks type, rank, extents and length; gives the number of rows (of elements for one dimension).
    ///
    /// # Errors
    /// [`RequestError::DataType`], [`RequestError::Shape`] or [`RequestError::Length`].
    pub fn rows(&self, spec: &TensorSpec) -> Result<usize, RequestError> {
        let tensor = spec.name;
        if self.data_type != spec.data_type.name() {
            let (found, expected) = (self.data_type.to_owned(), spec.data_type);
            return Err(RequestError::DataType { tensor, found, expected });
        }
        let wrong_shape =
            || RequestError::Shape { tensor, found: self.shape.to_vec(), expected: spec.dims };
        let fits =
            |(&found, &expected): (&i64, &i64)| found >= 0 && (expected < 0 || found == expected);
        if self.shape.len() != spec.dims.len() || !self.shape.iter().zip(spec.dims).all(fits) {
            return Err(wrong_shape());
        }
        // Never multiplied without a check: extents are the sender's word.
        let size = self.shape.iter().try_fold(spec.data_type.size(), |size, &extent| {
            usize::try_from(extent).ok().and_then(|extent| size.checked_mul(extent))
        });
        let expected = size.ok_or_else(wrong_shape)?;
        if self.bytes.len() != expected {
            return Err(RequestError::Length { tensor, found: self.bytes.len(), expected });
        }
        Ok(self.shape.first().map_or(1, |&rows| rows as usize))
    }
}

/// A tensor to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedTensor {
    /// The name.
    pub name: &'static str,
    /// The type of its elements.
    pub data_type: DataType,
    /// The extent of each dimension.
    pub shape: Vec<i64>,
    /// The elements, row after row, little-endian.
    pub bytes: Vec<u8>,
}

impl OwnedTensor {
    /// The same, borrowed.
    pub fn view(&self) -> Tensor<'_> {
        let Self { name, data_type, shape, bytes } = self;
        Tensor { name, data_type: data_type.name(), shape, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::input;

    fn view<'a>(data_type: &'a str, shape: &'a [i64], bytes: &'a [u8]) -> Tensor<'a> {
        Tensor { name: input::CELL_PROPERTIES.name, data_type, shape, bytes }
    }

    #[test]
    fn rows_are_counted_when_type_shape_and_length_agree() {
        let bytes = [0; 24];
        assert_eq!(view("FP32", &[3, 2], &bytes).rows(&input::CELL_PROPERTIES), Ok(3));
        assert_eq!(view("FP32", &[0, 2], &[]).rows(&input::CELL_PROPERTIES), Ok(0));
    }

    #[test]
    fn a_shape_is_never_trusted() {
        let bytes = [0; 24];
        for shape in
            [&[3][..], &[3, 3], &[-3, 2], &[3, -2], &[3, 2, 1], &[], &[i64::MAX, 2], &[4, 2]]
        {
            assert!(
                view("FP32", shape, &bytes).rows(&input::CELL_PROPERTIES).is_err(),
                "{shape:?}"
            );
        }
        let message =
            view("FP64", &[3, 2], &bytes).rows(&input::CELL_PROPERTIES).unwrap_err().to_string();
        assert_eq!(message, "tensor `CELL_PROPERTIES` has type FP64, expected FP32");
    }
}
