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
use std::fmt;
use std::path::Path;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};
use traccc_core::ChainConfig;

/// The settings of `base` with those that `text` names in their place.
///
/// Values are not checked against their ranges: [`ChainConfig::validate`] and [`Engine::chain`](crate::Engine::chain) do.
///
/// # Errors
/// Text that is no TOML, or has a key or value that no setting has (any more); the message shows the line.
pub fn from_toml(text: &str, base: &ChainConfig) -> Result<ChainConfig, SettingsError> {
    // Parsed on its own first: only the text knows the line of a wrong key.
    if let Err(error) = toml::from_str::<ChainConfig>(text) {
        let settings = removed_settings(text);
        return Err(if settings.is_empty() {
            error.into()
        } else {
            SettingsError::Removed { settings }
        });
    }
    let base = toml::to_string(base).map_err(<toml::de::Error as serde::de::Error>::custom)?;
    let mut merged: Table = toml::from_str(&base)?;
    merge(&mut merged, toml::from_str(text)?);
    Ok(merged.try_into()?)
}

/// The settings of `base` with those of a TOML file in their place.
///
/// # Errors
/// [`Error::ReadSettings`] or [`Error::Settings`].
pub fn read(path: impl AsRef<Path>, base: &ChainConfig) -> Result<ChainConfig, Error> {
    let path = path.as_ref();
    let text = std::fs::read_to_string(path)
        .map_err(|source| Error::ReadSettings { path: path.to_owned(), source })?;
    from_toml(&text, base).map_err(|source| Error::Settings { path: path.to_owned(), source })
}

/// All settings as TOML.
///
/// # Errors
/// None for settings that a program can hold; the serialiser's interface has them.
pub fn to_toml(config: &ChainConfig) -> Result<String, toml::ser::Error> {
    toml::to_string(config)
}

/// Why a text holds no settings of a chain.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// No TOML, or a key or value that no setting has. The message shows line and column.
    #[error(transparent)]
    Toml(Box<toml::de::Error>),
    /// Settings that there were in earlier versions: files that were written then name all of them.
    #[error("{}", joined(.settings))]
    Removed {
        /// All of them, in the order of the text.
        settings: Vec<RemovedSetting>,
    },
}

impl From<toml::de::Error> for SettingsError {
    fn from(error: toml::de::Error) -> Self {
        Self::Toml(Box::new(error))
    }
}

fn joined(settings: &[RemovedSetting]) -> String {
    settings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// A setting that there was in earlier versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedSetting {
    /// Its line, from 1.
    pub line: usize,
    /// Its name, such as `seeding.bz`; with the value where only that was removed.
    pub setting: String,
    /// Why it was removed, and what serves instead.
    pub reason: &'static str,
}

impl fmt::Display for RemovedSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, setting, reason } = self;
        write!(f, "line {line}: `{setting}` is removed: delete this line, because {reason}")
    }
}

/// Table, key, value (`None`: any) of the settings that were removed, and why.
const REMOVED: [(&str, &str, Option<&str>, &str); 5] = [
    (
        "seeding",
        "bz",
        None,
        "seeding takes the field of the setup (to name another: `field = { constant = 2.0 }`)",
    ),
    (
        "parameters",
        "field",
        Some("map"),
        "parameters take the field of the setup unless told otherwise",
    ),
    (
        "propagation",
        "search_window",
        None,
        "search grids are complete since they are made so when the detector is read",
    ),
    (
        "ambiguity",
        "max_iterations",
        None,
        "the resolution ends by itself, when no track shares too many measurements",
    ),
    ("finding", "smoother", Some("kalman"), "`fitting.enabled` says whether tracks are fitted"),
];

/// The removed settings in a text, in its order.
fn removed_settings(text: &str) -> Vec<RemovedSetting> {
    let Ok(document) = DeTable::parse(text) else { return Vec::new() };
    let mut found = Vec::new();
    for (table, settings) in document.get_ref() {
        let DeValue::Table(settings) = settings.get_ref() else { continue };
        for (key, value) in settings {
            let known = REMOVED.iter().find(|&&(in_table, name, which, _)| {
                let is_value = |text| matches!(value.get_ref(), DeValue::String(v) if v == text);
                table.get_ref() == in_table && key.get_ref() == name && which.is_none_or(is_value)
            });
            if let Some(&(table, key_name, which, reason)) = known {
                let line = text[..key.span().start].matches('\n').count() + 1;
                let value = which.map_or_else(String::new, |value| format!(" = \"{value}\""));
                let setting = format!("{table}.{key_name}{value}");
                found.push(RemovedSetting { line, setting, reason });
            }
        }
    }
    found.sort_by_key(|removed| removed.line);
    found
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
    use traccc_core::field::FieldChoice;
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
        assert_eq!(config.parameters.field, FieldChoice::Constant(1.5));
        let config = from_toml("[parameters]\nfield = \"setup\"", &config).unwrap();
        assert_eq!(config.parameters.field, FieldChoice::Setup);
        let config = from_toml("[seeding]\nfield = { constant = 2.0 }", &config).unwrap();
        assert_eq!(config.seeding.field, FieldChoice::Constant(2.0));
    }

    #[test]
    fn settings_that_were_removed_are_named_with_lines_and_reasons() {
        let text = "[seeding]\nmin_pt = 0.5\nbz = 1.99724\n\n[parameters]\nfield = \"map\"\n";
        let error = from_toml(text, &ChainConfig::full()).unwrap_err();
        let SettingsError::Removed { settings } = &error else { panic!("{error}") };
        let names = settings.iter().map(|s| (s.line, s.setting.as_str()));
        let expected = [(3, "seeding.bz"), (6, "parameters.field = \"map\"")];
        assert_eq!(names.collect::<Vec<_>>(), expected);
        let message = error.to_string();
        let part = "line 3: `seeding.bz` is removed: delete this line, because seeding takes";
        assert!(message.starts_with(part), "{message}");
        for (table, key, value, _) in REMOVED {
            let line = format!("[{table}]\n{key} = \"{}\"", value.unwrap_or("x"));
            let [removed] = &removed_settings(&line)[..] else { panic!("{line}") };
            assert_eq!(removed.line, 2);
        }
        // Another wrong key is told as before.
        let error = from_toml("[seeding]\nbx = 1.0", &ChainConfig::full()).unwrap_err();
        assert!(matches!(error, SettingsError::Toml(_)), "{error}");
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
