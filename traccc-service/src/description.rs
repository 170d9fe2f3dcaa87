use crate::error::ModelError;
use std::collections::BTreeMap;
use std::fmt::Display;
use traccc_protocol::contract::input;
use traccc_protocol::{Output, TensorSpec};

/// What the configuration of a model says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelDescription {
    /// The input tensors.
    pub inputs: Vec<TensorDescription>,
    /// The output tensors.
    pub outputs: Vec<TensorDescription>,
    /// The largest batch; 0: requests have no batch dimension.
    pub max_batch_size: i64,
    /// The parameters.
    pub parameters: BTreeMap<String, String>,
}

/// A tensor in the configuration of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorDescription {
    /// The name.
    pub name: String,
    /// The type with or without the prefix `TYPE_`.
    pub data_type: String,
    /// The extent of each dimension; -1 where it varies.
    pub dims: Vec<i64>,
}

impl ModelDescription {
    /// Checks inputs, outputs and batching against the contract; gives the outputs in the configuration's order.
    ///
    /// Upstream's configuration passes, also where it has `GEOMETRY_IDS` with dims \[-1, 1\].
    ///
    /// # Errors
    /// The first [`ModelError`] that applies.
    pub fn check(&self) -> Result<Vec<Output>, ModelError> {
        if self.max_batch_size != 0 {
            return Err(ModelError::BatchSize { found: self.max_batch_size });
        }
        for tensor in &self.inputs {
            let Some(spec) = input::ALL.iter().find(|spec| spec.name == tensor.name) else {
                return Err(unknown("input", &tensor.name, input::ALL.map(|spec| spec.name)));
            };
            tensor.check(spec, spec.dims)?;
        }
        let has = |spec: &TensorSpec| self.inputs.iter().any(|tensor| tensor.name == spec.name);
        let pairs = [
            [&input::CELL_POSITIONS, &input::CELL_PROPERTIES],
            [&input::COMPACT_MODULES, &input::COMPACT_CELLS],
        ];
        for [first, second] in pairs {
            for (one, other) in [(first, second), (second, first)] {
                if has(one) && !has(other) {
                    return Err(ModelError::MissingInput { name: other.name });
                }
            }
        }
        if self.inputs.is_empty() {
            return Err(ModelError::MissingInput { name: input::CELL_POSITIONS.name });
        }
        if self.outputs.is_empty() {
            return Err(ModelError::NoOutput);
        }
        self.outputs.iter().map(TensorDescription::output).collect()
    }
}

impl TensorDescription {
    fn output(&self) -> Result<Output, ModelError> {
        let Some(output) = Output::from_name(&self.name) else {
            return Err(unknown(
                "output",
                &self.name,
                Output::ALL.map(|output| output.spec().name),
            ));
        };
        let spec = output.spec();
        match (output, &self.dims[..]) {
            (Output::GeometryIds, [-1, 1]) => self.check(&spec, &[-1, 1])?,
            _ => self.check(&spec, spec.dims)?,
        }
        Ok(output)
    }

    fn check(&self, spec: &TensorSpec, dims: &[i64]) -> Result<(), ModelError> {
        let data_type = self.data_type.strip_prefix("TYPE_").unwrap_or(&self.data_type);
        if data_type == spec.data_type.name() && self.dims == dims {
            return Ok(());
        }
        Err(ModelError::Tensor {
            name: self.name.clone(),
            found: shown(&data_type, &self.dims),
            expected: shown(&spec.data_type, spec.dims),
        })
    }
}

fn shown(data_type: &impl Display, dims: &[i64]) -> String {
    format!("{data_type} {dims:?}")
}

fn unknown<const N: usize>(kind: &'static str, name: &str, known: [&str; N]) -> ModelError {
    ModelError::UnknownTensor { kind, name: name.to_owned(), known: known.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, data_type: &str, dims: &[i64]) -> TensorDescription {
        TensorDescription { name: name.into(), data_type: data_type.into(), dims: dims.into() }
    }

    fn upstream() -> ModelDescription {
        ModelDescription {
            inputs: vec![
                tensor("CELL_POSITIONS", "TYPE_INT64", &[-1, 4]),
                tensor("CELL_PROPERTIES", "TYPE_FP32", &[-1, 2]),
            ],
            outputs: vec![
                tensor("TRK_PARAMS", "TYPE_FP32", &[-1, 8]),
                tensor("MEASUREMENTS", "TYPE_FP32", &[-1, 6]),
                tensor("COVARIANCES", "TYPE_FP32", &[-1, 25]),
                tensor("GEOMETRY_IDS", "TYPE_INT64", &[-1, 1]),
            ],
            ..ModelDescription::default()
        }
    }

    #[test]
    fn upstreams_configuration_passes() {
        assert_eq!(upstream().check().unwrap(), Output::UPSTREAM);
    }

    #[test]
    fn what_the_contract_does_not_have_is_refused() {
        let refused = |change: fn(&mut ModelDescription)| {
            let mut description = upstream();
            change(&mut description);
            description.check().unwrap_err().to_string()
        };
        assert!(refused(|d| d.max_batch_size = 8).contains("max_batch_size 8"));
        assert!(
            refused(|d| d.inputs[0].dims = vec![-1, 3])
                .contains("INT64 [-1, 3], expected INT64 [-1, 4]")
        );
        assert!(refused(|d| d.inputs[1].data_type = "TYPE_FP64".into()).contains("FP64"));
        assert!(
            refused(|d| d.inputs[1].name = "CELLS".into()).contains("there are CELL_POSITIONS")
        );
        assert!(refused(|d| drop(d.inputs.pop())).contains("lacks input `CELL_PROPERTIES`"));
        assert!(refused(|d| d.inputs.clear()).contains("lacks input `CELL_POSITIONS`"));
        assert!(refused(|d| d.outputs.clear()).contains("no output"));
        assert!(refused(|d| d.outputs[0].name = "LABELS".into()).contains("output `LABELS`"));
    }
}
