use crate::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use traccc_core::Scalar;
use traccc_core::field::MagneticField;
use traccc_core::math::Vector3;

/// Where the magnetic field comes from. As text: `constant:BX,BY,BZ` with three numbers in T, or the path of a covfie
/// file (`.cvf`, `.cvf.gz` or `.cvf.zst`).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FieldSource {
    /// The same vector everywhere, in T.
    Constant([Scalar; 3]),
    /// A covfie file.
    File(PathBuf),
}

impl FieldSource {
    /// Makes the field, reading its file if there is one.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that is not readable or no field map.
    pub fn read(&self) -> Result<MagneticField, Error> {
        Ok(match self {
            Self::Constant(field) => MagneticField::Constant(Vector3::from(*field)),
            Self::File(path) => MagneticField::Map(Box::new(traccc_io::read_field_map(path)?)),
        })
    }
}

/// 2 T along z, the field of the three detectors that the settings in `configs/` are for.
impl Default for FieldSource {
    fn default() -> Self {
        Self::Constant([0.0, 0.0, 2.0])
    }
}

impl FromStr for FieldSource {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let unknown = || Error::UnknownField { found: text.to_owned() };
        let Some(numbers) = text.strip_prefix("constant:") else {
            // A misspelt `constant` must not be taken for a file that does not exist.
            let compressed = [".gz", ".zst"].iter().find_map(|suffix| text.strip_suffix(suffix));
            return if compressed.unwrap_or(text).ends_with(".cvf") {
                Ok(Self::File(text.into()))
            } else {
                Err(unknown())
            };
        };
        let numbers: Vec<Scalar> = numbers
            .split(',')
            .map(|n| n.trim().parse())
            .collect::<Result<_, _>>()
            .map_err(|_| unknown())?;
        let field: [Scalar; 3] = numbers.try_into().map_err(|_| unknown())?;
        if field.iter().all(|b| b.is_finite()) { Ok(Self::Constant(field)) } else { Err(unknown()) }
    }
}

impl fmt::Display for FieldSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant([x, y, z]) => write!(f, "constant:{x},{y},{z}"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_read_back_from_its_text() {
        for text in
            ["constant:0,0,2", "constant:0.1,-0.5,1.99724", "maps/odd.cvf", "a.cvf.gz", "a.cvf.zst"]
        {
            assert_eq!(text.parse::<FieldSource>().unwrap().to_string(), text);
        }
        assert_eq!(FieldSource::default().to_string(), "constant:0,0,2");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "2",
            "const:0,0,2",
            "constant:",
            "constant:0,2",
            "constant:0,0,0,2",
            "constant:0,0,nan",
            "field.txt",
        ] {
            assert!(
                matches!(text.parse::<FieldSource>(), Err(Error::UnknownField { .. })),
                "{text}"
            );
        }
    }
}
