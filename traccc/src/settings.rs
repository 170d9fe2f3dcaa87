//! Settings of a chain as TOML.
//!
//! One table for each stage, one key for each field of [`ChainConfig`]; `traccc run --print-config` writes all of them. A
//! file may leave out what it does not change:
//!
//! ```
//! use traccc::{ChainConfig, settings};
//!
//! let text = "[finding]\nmin_measurements = 7\n";
//! let config = settings::from_toml(text, &ChainConfig::service())?;
//! assert_eq!(config.finding.min_measurements, 7);
//! assert_eq!(config.finding.max_holes, ChainConfig::service().finding.max_holes);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::error::Error;
use std::path::Path;
use toml::{Table, Value};
use traccc_core::ChainConfig;

/// The settings of `base` with those that `text` names in their place.
///
/// Values are not checked against their ranges: [`ChainConfig::validate`] and [`Engine::chain`](crate::Engine::chain) do.
///
/// # Errors
/// Text that is no TOML, or has a key or value that no setting has; the message shows the line.
pub fn from_toml(text: &str, base: &ChainConfig) -> Result<ChainConfig, toml::de::Error> {
    // Parsed on its own first: only the text knows the line of a wrong key.
    toml::from_str::<ChainConfig>(text)?;
    let base = toml::to_string(base).map_err(serde::de::Error::custom)?;
    let mut merged: Table = toml::from_str(&base)?;
    merge(&mut merged, toml::from_str(text)?);
    merged.try_into()
}

/// The settings of `base` with those of a TOML file in their place.
///
/// # Errors
/// [`Error::ReadSettings`] or [`Error::Settings`].
pub fn read(path: impl AsRef<Path>, base: &ChainConfig) -> Result<ChainConfig, Error> {
    let path = path.as_ref();
    let text = std::fs::read_to_string(path)
        .map_err(|source| Error::ReadSettings { path: path.to_owned(), source })?;
    from_toml(&text, base)
        .map_err(|source| Error::Settings { path: path.to_owned(), source: Box::new(source) })
}

/// All settings as TOML.
///
/// # Errors
/// None for settings that a program can hold; the serialiser's interface has them.
pub fn to_toml(config: &ChainConfig) -> Result<String, toml::ser::Error> {
    toml::to_string(config)
}

/// Tables are merged key by key, except where a key stands for one of several forms: those are replaced.
fn merge(base: &mut Table, changes: Table) {
    for (key, change) in changes {
        match (base.get_mut(&key), change) {
            (Some(Value::Table(old)), Value::Table(new)) if !is_choice(&key) => merge(old, new),
            (_, change) => {
                base.insert(key, change);
            }
        }
    }
}

/// Whether a table is an enum with data, such as `field = { constant = 2.0 }`.
fn is_choice(key: &str) -> bool {
    key == "field"
}

#[cfg(test)]
mod tests {
    use super::*;
    use traccc_core::parameters::FieldSource;
    use traccc_core::seeding::SeedingAlgorithm;

    #[test]
    fn all_settings_survive_a_round_trip_through_toml() {
        for config in [ChainConfig::full(), ChainConfig::service()] {
            let text = to_toml(&config).unwrap();
            assert_eq!(from_toml(&text, &ChainConfig::full()).unwrap(), config);
            assert_eq!(from_toml(&text, &ChainConfig::service()).unwrap(), config);
            assert_eq!(from_toml("", &config).unwrap(), config);
        }
    }

    #[test]
    fn a_file_wins_over_the_base_also_where_it_states_the_default() {
        let base = ChainConfig::service();
        let config = from_toml("[fitting]\nenabled = true", &base).unwrap();
        assert!(config.fitting.enabled && !config.ambiguity.enabled);
    }

    #[test]
    fn one_form_of_a_choice_replaces_another() {
        let constant = "[parameters]\nfield = { constant = 1.5 }";
        let config = from_toml(constant, &ChainConfig::full()).unwrap();
        assert_eq!(config.parameters.field, FieldSource::Constant(1.5));
        let config = from_toml("[parameters]\nfield = \"map\"", &config).unwrap();
        assert_eq!(config.parameters.field, FieldSource::Map);
        let config = from_toml("[parameters]\nfield = { constant = 2.0 }", &config).unwrap();
        assert_eq!(config.parameters.field, FieldSource::Constant(2.0));
    }

    #[test]
    fn the_seeding_algorithm_stands_beside_the_settings_of_the_triplets() {
        let text = "[seeding]\nalgorithm = \"triplet\"\nmin_pt = 0.9";
        let config = from_toml(text, &ChainConfig::full()).unwrap();
        assert_eq!(config.seeding.algorithm, SeedingAlgorithm::Triplet);
        assert!((config.seeding.min_pt - 0.9).abs() < 1e-6);
        let unknown = from_toml("[seeding]\nalgorithm = \"triplets\"", &config).unwrap_err();
        let message = unknown.to_string();
        for part in ["line 2", "`triplets`", "expected `triplet`"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_wrong_key_or_value_is_an_error_with_its_line() {
        for (text, part) in [
            ("[finding]\n\nmin_pt = 0.5\nmin_tp = 1.0", "line 4"),
            ("[seeding]\nmin_pt = \"low\"", "line 2"),
            ("[seeding\n", "line 1"),
        ] {
            let message = from_toml(text, &ChainConfig::full()).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
