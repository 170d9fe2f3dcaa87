//! Tensors in JSON: numbers in a flat array, or in arrays within arrays.

use crate::infer::{ENTRIES, Parameters, SMALL, ServeError};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;
use std::marker::PhantomData;
use traccc_protocol::DataType;

/// The most bytes that the elements can have.
pub(super) fn most_bytes(data_type: DataType, data: &RawValue) -> usize {
    let commas = data.get().bytes().filter(|&byte| byte == b',').count();
    (commas + 1).saturating_mul(data_type.size())
}

/// The elements as bytes, row after row, little-endian. Unsigned numbers beyond INT64 keep their bits. `most` is
/// [`most_bytes`], `whole` the JSON that the data stand in; the error says what is wrong and where.
pub(super) fn elements(
    data_type: DataType,
    data: &RawValue,
    most: usize,
    whole: &[u8],
) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(most);
    let mut deserializer = serde_json::Deserializer::from_str(data.get());
    match (Elements { data_type, bytes: &mut bytes }).deserialize(&mut deserializer) {
        Ok(()) => Ok(bytes),
        Err(error) => {
            let element = bytes.len() / data_type.size();
            Err(format!("element {element}: {}", placed(whole, data.get(), &error)))
        }
    }
}

/// A list of at most [`ENTRIES`]: in memory, entries are larger than in JSON.
#[derive(Debug)]
pub(super) struct Few<T>(pub(super) Vec<T>);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FewVisitor(PhantomData))
    }
}

struct FewVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FewVisitor<T> {
    type Value = Few<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of at most {ENTRIES}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Few<T>, A::Error> {
        let mut few = Vec::new();
        while let Some(entry) = entries.next_element()? {
            if few.len() == ENTRIES {
                return Err(A::Error::invalid_length(ENTRIES + 1, &self));
            }
            few.push(entry);
        }
        Ok(Few(few))
    }
}

/// Parameters of a request or tensor, with at most [`SMALL`] bytes in JSON; `whole` is the JSON that they stand in.
pub(super) fn parameters(
    whole: &[u8],
    raw: Option<&RawValue>,
    owner: &str,
) -> Result<Parameters, ServeError> {
    let Some(text) = raw.map(RawValue::get) else {
        return Ok(Parameters::new());
    };
    let wrong = |reason| ServeError::JsonParameters { owner: owner.to_owned(), reason };
    if text.len() > SMALL {
        return Err(wrong(format!("{} bytes, expected at most {SMALL}", text.len())));
    }
    let read: Result<Parameters, _> = serde_json::from_str(text);
    let mut parameters = read.map_err(|error| wrong(placed(whole, text, &error)))?;
    parameters.retain(|_, value| !value.is_null());
    Ok(parameters)
}

/// What is wrong with `part` of `whole`, and where in the whole.
fn placed(whole: &[u8], part: &str, error: &serde_json::Error) -> String {
    let before = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    let before = &whole[..before.min(whole.len())];
    let mut lines = before.rsplit(|&byte| byte == b'\n');
    let in_line = lines.next().map_or(0, <[u8]>::len);
    let column = if error.line() == 1 { in_line + error.column() } else { error.column() };
    let line = lines.count() + error.line();
    let text = error.to_string();
    let own = format!(" at line {} column {}", error.line(), error.column());
    format!("{} at line {line} column {column}", text.strip_suffix(&own).unwrap_or(&text))
}

struct Elements<'a> {
    data_type: DataType,
    bytes: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Elements<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} or an array of them", self.data_type)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let Self { data_type, bytes } = self;
        while elements.next_element_seed(Elements { data_type, bytes })?.is_some() {}
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        match self.data_type {
            DataType::Int64 => self.bytes.extend(value.to_le_bytes()),
            DataType::Uint32 => return Err(E::custom(format_args!("{value} is no UINT32"))),
            DataType::Fp32 => self.bytes.extend((value as f32).to_le_bytes()),
        }
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        match self.data_type {
            DataType::Int64 => self.bytes.extend(value.to_le_bytes()),
            DataType::Uint32 => {
                let value = u32::try_from(value)
                    .map_err(|_| E::custom(format_args!("{value} is no UINT32")))?;
                self.bytes.extend(value.to_le_bytes());
            }
            DataType::Fp32 => self.bytes.extend((value as f32).to_le_bytes()),
        }
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        if self.data_type != DataType::Fp32 {
            return Err(E::custom(format_args!("{value:?} is no {}", self.data_type)));
        }
        self.bytes.extend((value as f32).to_le_bytes());
        Ok(())
    }
}

/// The elements of a tensor as one flat array. Numbers that are not finite become `null`.
#[derive(Debug)]
pub(super) struct Flat<'a> {
    pub(super) data_type: DataType,
    pub(super) bytes: &'a [u8],
}

impl Serialize for Flat<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let words = self.bytes.as_chunks::<4>().0.iter();
        match self.data_type {
            DataType::Int64 => {
                let longs = self.bytes.as_chunks::<8>().0.iter();
                serializer.collect_seq(longs.map(|&bytes| i64::from_le_bytes(bytes)))
            }
            DataType::Uint32 => {
                serializer.collect_seq(words.map(|&bytes| u32::from_le_bytes(bytes)))
            }
            DataType::Fp32 => serializer.collect_seq(words.map(|&bytes| f32::from_le_bytes(bytes))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data_type: DataType, text: &str) -> Result<Vec<u8>, String> {
        let raw: &RawValue = serde_json::from_str(text).map_err(|error| error.to_string())?;
        elements(data_type, raw, most_bytes(data_type, raw), text.as_bytes())
    }

    #[test]
    fn errors_have_their_place_in_the_whole() {
        let whole = "{\"a\": 1,\n  \"data\": [1,\n 2, \"x\"], \"more\": {\"y\":\n\n 3,}}";
        let part = |from: &str, to: &str| {
            let begin = whole.find(from).unwrap();
            &whole[begin..begin + whole[begin..].find(to).unwrap() + to.len()]
        };
        let data: &RawValue = serde_json::from_str(part("[1", "]")).unwrap();
        let error = elements(DataType::Fp32, data, 12, whole.as_bytes()).unwrap_err();
        assert_eq!(
            error,
            "element 2: invalid type: string \"x\", expected FP32 or an array of them at line 3 column 7"
        );
        let more = part("{\"y\"", "}");
        let error = serde_json::from_str::<Parameters>(more).unwrap_err();
        assert_eq!(placed(whole.as_bytes(), more, &error), "trailing comma at line 5 column 4");
        let column = whole.lines().nth(2).unwrap().find('x').unwrap() + 2;
        assert_eq!(column, 7, "the end of the text is column 7");
    }

    #[test]
    fn flat_and_nested_arrays_are_the_same() {
        let flat = read(DataType::Fp32, "[1, 2.5, -3, 4e-1]").unwrap();
        assert_eq!(flat, read(DataType::Fp32, "[[1, 2.5], [-3, 4e-1]]").unwrap());
        let expected: Vec<u8> =
            [1.0_f32, 2.5, -3.0, 0.4].into_iter().flat_map(f32::to_le_bytes).collect();
        assert_eq!(flat, expected);
        assert!(read(DataType::Int64, "[]").unwrap().is_empty());
    }

    #[test]
    fn identifiers_keep_all_their_bits() {
        let ids = [i64::MAX, i64::MIN, 576_460_752_303_423_487];
        let bytes: Vec<u8> = ids.into_iter().flat_map(i64::to_le_bytes).collect();
        let flat = Flat { data_type: DataType::Int64, bytes: &bytes };
        let text = serde_json::to_string(&flat).unwrap();
        assert_eq!(read(DataType::Int64, &text).unwrap(), bytes);
        let unsigned = read(DataType::Int64, "[18446744073709551615]").unwrap();
        assert_eq!(unsigned, (-1_i64).to_le_bytes());
    }

    #[test]
    fn every_fp32_survives_the_text() {
        let values = [f32::MIN_POSITIVE, f32::MAX, 0.1, 1.0 / 3.0, -0.0, 1.0e-45];
        let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
        let text =
            serde_json::to_string(&Flat { data_type: DataType::Fp32, bytes: &bytes }).unwrap();
        assert_eq!(read(DataType::Fp32, &text).unwrap(), bytes);
    }

    #[test]
    fn what_is_no_number_of_the_type_is_refused() {
        for (data_type, text) in [
            (DataType::Int64, "[1.5]"),
            (DataType::Int64, "[\"1\"]"),
            (DataType::Int64, "[18446744073709551616]"),
            (DataType::Uint32, "[-1]"),
            (DataType::Uint32, "[4294967296]"),
            (DataType::Fp32, "[null]"),
            (DataType::Fp32, "{}"),
        ] {
            assert!(read(data_type, text).is_err(), "{data_type} {text}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(read(DataType::Fp32, &deep).is_err());
    }
}
