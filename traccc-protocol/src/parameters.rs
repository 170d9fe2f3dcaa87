//! Parameters of a request. Ours begin with `traccc_`; all others belong to somebody else and are not looked at.

use crate::contract::VERSION;
use crate::error::RequestError;
use traccc_core::detector::Numbering;
use traccc_core::event::Duplicates;

/// What a request may ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RequestParameters {
    /// `traccc_geometry_ids`: the numbering; `None` is the model's.
    pub numbering: Option<Numbering>,
    /// `traccc_duplicates`: `merge` (default) or `refuse` several cells of one channel.
    pub duplicates: Duplicates,
    /// `traccc_min_measurements`: leave out shorter tracks.
    pub min_measurements: usize,
    /// `traccc_max_chi2_per_ndf`: leave out worse tracks.
    pub max_chi2_per_ndf: Option<f32>,
}

/// The prefix of our parameters.
pub const PREFIX: &str = "traccc_";

impl RequestParameters {
    /// Takes one parameter; its value as text.
    ///
    /// # Errors
    /// [`RequestError::Parameter`] for one of ours that does not exist or has a wrong value.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), RequestError> {
        let Some(own) = name.strip_prefix(PREFIX) else {
            return Ok(());
        };
        let expected = match own {
            "version" => match value.parse::<i64>() {
                Ok(version) if (1..=VERSION).contains(&version) => return Ok(()),
                _ => "1, the version of the contract",
            },
            "geometry_ids" => match Numbering::from_name(value) {
                Some(numbering) => {
                    self.numbering = Some(numbering);
                    return Ok(());
                }
                None => "`acts`, `detray` or `athena`",
            },
            "duplicates" => {
                self.duplicates = match value {
                    "merge" => Duplicates::Merge,
                    "refuse" => Duplicates::Refuse,
                    _ => return Err(wrong(name, value, "`merge` or `refuse`")),
                };
                return Ok(());
            }
            "min_measurements" => match value.parse() {
                Ok(minimum) => {
                    self.min_measurements = minimum;
                    return Ok(());
                }
                Err(_) => "a whole number from 0",
            },
            "max_chi2_per_ndf" => match value.parse::<f32>() {
                Ok(limit) if limit > 0.0 => {
                    self.max_chi2_per_ndf = Some(limit);
                    return Ok(());
                }
                _ => "a number above 0",
            },
            _ => {
                "no such parameter: there are traccc_version, traccc_geometry_ids, traccc_duplicates, \
                 traccc_min_measurements and traccc_max_chi2_per_ndf"
            }
        };
        Err(wrong(name, value, expected))
    }
}

fn wrong(name: &str, value: &str, expected: &'static str) -> RequestError {
    RequestError::Parameter { name: name.to_owned(), value: value.to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_others_are_not_looked_at() {
        let mut parameters = RequestParameters::default();
        parameters.set("sequence_id", "7").unwrap();
        assert_eq!(parameters, RequestParameters::default());
    }

    #[test]
    fn each_parameter_is_taken() {
        let mut parameters = RequestParameters::default();
        for (name, value) in [
            ("traccc_version", "1"),
            ("traccc_geometry_ids", "detray"),
            ("traccc_duplicates", "refuse"),
            ("traccc_min_measurements", "8"),
            ("traccc_max_chi2_per_ndf", "2.5"),
        ] {
            parameters.set(name, value).unwrap();
        }
        let expected = RequestParameters {
            numbering: Some(Numbering::Detray),
            duplicates: Duplicates::Refuse,
            min_measurements: 8,
            max_chi2_per_ndf: Some(2.5),
        };
        assert_eq!(parameters, expected);
    }

    #[test]
    fn a_wrong_name_or_value_is_refused() {
        for (name, value) in [
            ("traccc_version", "2"),
            ("traccc_geometry_ids", "ATLAS"),
            ("traccc_duplicates", ""),
            ("traccc_min_measurements", "-1"),
            ("traccc_max_chi2_per_ndf", "nan"),
            ("traccc_min_measurement", "1"),
        ] {
            let message = RequestParameters::default().set(name, value).unwrap_err().to_string();
            assert!(message.contains(name) && message.contains(value), "{message}");
        }
    }
}
