//! What the configuration of a model says, as Triton gives it: JSON.

use crate::ffi;
use crate::status::ApiError;
use serde::Deserialize;
use std::collections::BTreeMap;
use traccc_service::{ModelDescription, TensorDescription};

/// The configuration of a model.
#[derive(Debug, PartialEq)]
pub(crate) struct Config {
    pub(crate) description: ModelDescription,
    /// How many instances share the cores of this machine.
    pub(crate) instances: usize,
}

impl Config {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, ApiError> {
        let json: ModelJson = serde_json::from_slice(json).map_err(|error| {
            let message = format!("the configuration of the model cannot be read: {error}");
            ApiError::new(ffi::ERROR_INVALID_ARG, message)
        })?;
        let on_processor = json.instance_group.iter().filter(|group| group.kind != "KIND_GPU");
        let instances = on_processor.map(|group| group.count).sum::<usize>().max(1);
        let tensors = |tensors: Vec<TensorJson>| tensors.into_iter().map(Into::into).collect();
        let text = |(key, value): (String, ParameterJson)| (key, value.string_value);
        let description = ModelDescription {
            inputs: tensors(json.input),
            outputs: tensors(json.output),
            max_batch_size: json.max_batch_size,
            parameters: json.parameters.into_iter().map(text).collect(),
        };
        Ok(Self { description, instances })
    }
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct ModelJson {
    max_batch_size: i64,
    input: Vec<TensorJson>,
    output: Vec<TensorJson>,
    instance_group: Vec<GroupJson>,
    parameters: BTreeMap<String, ParameterJson>,
}

#[derive(Deserialize)]
struct TensorJson {
    name: String,
    data_type: String,
    dims: Vec<i64>,
}

impl From<TensorJson> for TensorDescription {
    fn from(TensorJson { name, data_type, dims }: TensorJson) -> Self {
        Self { name, data_type, dims }
    }
}

#[derive(Deserialize)]
struct GroupJson {
    kind: String,
    count: usize,
}

#[derive(Deserialize)]
struct ParameterJson {
    string_value: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_parameters_and_instances_are_taken() {
        let config = Config::parse(
            br#"{"name": "traccc", "max_batch_size": 0, "version_policy": {"latest": {"num_versions": 1}},
                "input": [{"name": "CELL_POSITIONS", "data_type": "TYPE_INT64", "format": "FORMAT_NONE", "dims": [-1, 4]}],
                "output": [{"name": "GEOMETRY_IDS", "data_type": "TYPE_INT64", "dims": [-1, 1], "label_filename": ""}],
                "instance_group": [
                    {"name": "a", "kind": "KIND_CPU", "count": 2, "gpus": []},
                    {"name": "b", "kind": "KIND_GPU", "count": 8, "gpus": [0]},
                    {"name": "c", "kind": "KIND_MODEL", "count": 1, "gpus": []}],
                "parameters": {"detector": {"string_value": "toy"}}}"#,
        )
        .unwrap();
        assert_eq!(config.instances, 3);
        assert_eq!(config.description.parameters["detector"], "toy");
        assert_eq!(config.description.inputs[0].dims, [-1, 4]);
        assert_eq!(config.description.outputs[0].name, "GEOMETRY_IDS");
    }

    #[test]
    fn a_text_that_is_no_configuration_is_refused() {
        let error = Config::parse(br#"{"input": 7}"#).unwrap_err();
        assert!(error.message.contains("cannot be read"), "{}", error.message);
    }
}
