use crate::error::ClientError;
use crate::retry::RetryPolicy;
use bytes::Bytes;
use std::collections::HashMap;
use std::time::Duration;
use traccc_core::event::{Duplicates, RawCells};
use traccc_protocol::grpc::infer_parameter::ParameterChoice;
use traccc_protocol::grpc::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use traccc_protocol::grpc::{InferParameter, ModelInferRequest};
use traccc_protocol::{CellForm, Output, RequestParameters, encode_cells};

/// What is asked of a model, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct InferOptions {
    /// The model.
    pub model: String,
    /// Its version; empty: the newest.
    pub version: String,
    /// How cells are sent.
    pub form: CellForm,
    /// The tensors of the response, in this order; empty: all that the model makes.
    pub outputs: Vec<Output>,
    /// Numbering of sensors, duplicates, and which tracks are wanted.
    pub parameters: RequestParameters,
    /// A name for the request, which the server repeats and may log.
    pub request_id: String,
    /// The longest time for the call with all its repetitions; `None`: no limit.
    pub deadline: Option<Duration>,
    /// When the call is tried again.
    pub retry: RetryPolicy,
}

impl Default for InferOptions {
    /// Upstream's tensors both ways of the newest version of the model `traccc`, within 60 s.
    fn default() -> Self {
        Self {
            model: "traccc".to_owned(),
            version: String::new(),
            form: CellForm::default(),
            outputs: Output::UPSTREAM.to_vec(),
            parameters: RequestParameters::default(),
            request_id: String::new(),
            deadline: Some(Duration::from_secs(60)),
            retry: RetryPolicy::default(),
        }
    }
}

/// The cells of an event as they are sent.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) message: ModelInferRequest,
    pub(crate) options: InferOptions,
}

impl Request {
    /// Encodes the cells of an event.
    ///
    /// # Errors
    /// [`ClientError::Cells`] for a channel that the chosen form cannot hold.
    pub fn new(cells: &RawCells, options: &InferOptions) -> Result<Self, ClientError> {
        let mut message = ModelInferRequest {
            model_name: options.model.clone(),
            model_version: options.version.clone(),
            id: options.request_id.clone(),
            ..ModelInferRequest::default()
        };
        for (name, value) in named(&options.parameters) {
            message
                .parameters
                .insert(name.to_owned(), parameter(ParameterChoice::StringParam(value)));
        }
        for tensor in encode_cells(cells, options.form)? {
            message.inputs.push(InferInputTensor {
                name: tensor.name.to_owned(),
                datatype: tensor.data_type.name().to_owned(),
                shape: tensor.shape,
                ..InferInputTensor::default()
            });
            message.raw_input_contents.push(Bytes::from(tensor.bytes));
        }
        for output in &options.outputs {
            let (name, parameters) = (output.spec().name.to_owned(), HashMap::new());
            message.outputs.push(InferRequestedOutputTensor { name, parameters });
        }
        Ok(Self { message, options: options.clone() })
    }

    /// Size of the tensors in bytes.
    pub fn byte_size(&self) -> usize {
        self.message.raw_input_contents.iter().map(Bytes::len).sum()
    }
}

pub(crate) fn parameter(choice: ParameterChoice) -> InferParameter {
    InferParameter { parameter_choice: Some(choice) }
}

/// The parameters that differ from what a server assumes.
fn named(parameters: &RequestParameters) -> Vec<(&'static str, String)> {
    let mut named = Vec::new();
    if let Some(numbering) = parameters.numbering {
        named.push(("traccc_geometry_ids", numbering.name().to_owned()));
    }
    if parameters.duplicates == Duplicates::Refuse {
        named.push(("traccc_duplicates", "refuse".to_owned()));
    }
    if parameters.min_measurements > 0 {
        named.push(("traccc_min_measurements", parameters.min_measurements.to_string()));
    }
    if let Some(limit) = parameters.max_chi2_per_ndf {
        named.push(("traccc_max_chi2_per_ndf", limit.to_string()));
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use traccc_protocol::Numbering;

    #[test]
    fn a_server_reads_the_parameters_that_were_meant() {
        let all = RequestParameters {
            numbering: Some(Numbering::Athena),
            duplicates: Duplicates::Refuse,
            min_measurements: 7,
            max_chi2_per_ndf: Some(2.3),
        };
        for expected in [all, RequestParameters::default()] {
            let mut read = RequestParameters::default();
            for (name, value) in named(&expected) {
                read.set(name, &value).unwrap();
            }
            assert_eq!(read, expected);
        }
    }
}
