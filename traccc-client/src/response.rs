use crate::error::ClientError;
use bytes::Bytes;
use std::collections::BTreeMap;
use traccc_protocol::grpc::infer_parameter::ParameterChoice;
use traccc_protocol::grpc::model_infer_response::InferOutputTensor;
use traccc_protocol::grpc::{InferParameter, ModelInferResponse};
use traccc_protocol::{Output, ResponseError, ServedTracks, Tensor};

/// The answer to a request. Each of its tensors has type, shape and length of the contract.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The model that answered.
    pub model: String,
    /// Its version.
    pub version: String,
    /// The name of the request.
    pub request_id: String,
    /// What the server says of the event beside its tracks: `traccc_cells`, `traccc_tracks` and so on.
    pub parameters: BTreeMap<String, String>,
    /// The tensors, in the order of the response.
    pub tensors: Vec<OutputTensor>,
    /// How often the call was tried.
    pub attempts: usize,
}

/// A tensor of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputTensor {
    /// Which.
    pub output: Output,
    /// The extent of each dimension.
    pub shape: Vec<i64>,
    /// The elements, row after row, little-endian.
    pub bytes: Bytes,
}

impl OutputTensor {
    /// The same, borrowed.
    pub fn view(&self) -> Tensor<'_> {
        let spec = self.output.spec();
        let (name, data_type) = (spec.name, spec.data_type.name());
        Tensor { name, data_type, shape: &self.shape, bytes: &self.bytes }
    }
}

impl Response {
    /// The tensors as tracks.
    ///
    /// # Errors
    /// [`ResponseError`] for tensors that were not asked for and are needed, or that contradict each other.
    pub fn tracks(&self) -> Result<ServedTracks, ResponseError> {
        let views: Vec<_> = self.tensors.iter().map(OutputTensor::view).collect();
        ServedTracks::decode(&views)
    }

    /// Size of the tensors in bytes.
    pub fn byte_size(&self) -> usize {
        self.tensors.iter().map(|tensor| tensor.bytes.len()).sum()
    }

    /// Checks a response with its contents in it.
    pub(crate) fn read(
        mut reply: ModelInferResponse,
        requested: &[Output],
        attempts: usize,
    ) -> Result<Self, ClientError> {
        let contents = std::mem::take(&mut reply.raw_output_contents);
        if contents.len() != reply.outputs.len() {
            let (outputs, contents) = (reply.outputs.len(), contents.len());
            return Err(ClientError::Contents { outputs, contents });
        }
        let mut contents = contents.into_iter();
        Self::assemble(reply, requested, attempts, |_, _| Ok(contents.next().unwrap_or_default()))
    }

    /// Checks a response whose contents `content` fetches, one by one in the order of the response.
    pub(crate) fn assemble(
        reply: ModelInferResponse,
        requested: &[Output],
        attempts: usize,
        mut content: impl FnMut(Output, &[i64]) -> Result<Bytes, ClientError>,
    ) -> Result<Self, ClientError> {
        let mut tensors: Vec<OutputTensor> = Vec::with_capacity(reply.outputs.len());
        for InferOutputTensor { name, datatype, shape, .. } in reply.outputs {
            let output = Output::from_name(&name);
            let repeated = output.is_some_and(|output| tensors.iter().any(|t| t.output == output));
            let Some(output) = output.filter(|_| !repeated) else {
                return Err(ResponseError::Unexpected { tensor: name }.into());
            };
            let bytes = content(output, &shape)?;
            let view = Tensor { name: &name, data_type: &datatype, shape: &shape, bytes: &bytes };
            view.rows(&output.spec()).map_err(ResponseError::Tensor)?;
            tensors.push(OutputTensor { output, shape, bytes });
        }
        let missing = |output: &&Output| !tensors.iter().any(|t| t.output == **output);
        if let Some(output) = requested.iter().find(missing) {
            return Err(ResponseError::Missing { tensor: output.spec().name }.into());
        }
        let text = |(name, value)| Some((name, text(value)?));
        Ok(Self {
            model: reply.model_name,
            version: reply.model_version,
            request_id: reply.id,
            parameters: reply.parameters.into_iter().filter_map(text).collect(),
            tensors,
            attempts,
        })
    }
}

/// The value of a parameter, if it has one.
fn text(parameter: InferParameter) -> Option<String> {
    Some(match parameter.parameter_choice? {
        ParameterChoice::BoolParam(value) => value.to_string(),
        ParameterChoice::Int64Param(value) => value.to_string(),
        ParameterChoice::Uint64Param(value) => value.to_string(),
        ParameterChoice::DoubleParam(value) => value.to_string(),
        ParameterChoice::StringParam(value) => value,
    })
}
