//! `ModelInfer` and `ModelStreamInfer`: from messages to a request, and from its reply to messages.

use super::as_clients_know_it;
use crate::infer::{
    Code, Content, InferReply, InferRequest, Input, Parameters, ServeError, request_parameters,
    requested_output, window,
};
use crate::service::Service;
use crate::ticket::{Reservation, Ticket};
use bytes::Bytes;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use tokio_stream::{Stream, StreamExt};
use tonic::{Status, Streaming};
use traccc_protocol::grpc::infer_parameter::ParameterChoice;
use traccc_protocol::grpc::model_infer_request::InferInputTensor;
use traccc_protocol::grpc::model_infer_response::InferOutputTensor;
use traccc_protocol::grpc::{
    InferParameter, InferTensorContents, ModelInferRequest, ModelInferResponse,
    ModelStreamInferResponse,
};

/// The parameter by which Triton marks the last reply to a request of a stream.
const FINAL: &str = "triton_final_response";

/// Answers one request, which takes this memory until it is decoded.
pub(super) async fn answer(
    service: &Service,
    ticket: &Ticket,
    request: ModelInferRequest,
    memory: Reservation,
) -> Result<ModelInferResponse, ServeError> {
    let model = service.served_model(&request.model_name, &request.model_version)?;
    ticket.set_counted();
    let (arrived, id) = (Instant::now(), request.id.clone());
    let request =
        read(service, request, memory).inspect_err(|error| model.refused(error, arrived))?;
    let reply = model.infer(request).await?;
    Ok(write(model.name.clone(), model.version, id, reply))
}

/// Answers the requests of a call one after the other: a client that wants several at once makes several calls.
pub(super) fn answer_each(
    service: Arc<Service>,
    ticket: Ticket,
    requests: Streaming<ModelInferRequest>,
) -> impl Stream<Item = Result<ModelStreamInferResponse, Status>> {
    // The room that the call has for messages: as large as the largest, until the call ends.
    let mut room = 0;
    requests.then(move |request| {
        let memory = ticket.take_memory();
        room = room.max(memory.size() - room);
        let kept = ticket.memory().grow_to(room);
        let (service, ticket) = (service.clone(), ticket.clone());
        async move {
            let request = request.map_err(|status| {
                let code = as_clients_know_it(status.code());
                service.refused.count(code);
                Status::new(code, status.message())
            })?;
            let id = request.id.clone();
            let reply = async {
                kept?;
                let permit = service.permit()?;
                let reply = answer(&service, &ticket, request, memory).await?;
                // Until the reader has the reply.
                ticket.admit(permit);
                Ok(reply)
            };
            let (error_message, mut reply) = match reply.await {
                Ok(reply) => (String::new(), reply),
                // With its name, so that the client knows which of its requests failed.
                Err::<_, ServeError>(error) => {
                    if matches!(error.code(), Code::NotFound | Code::Unavailable) {
                        service.refused.count(error.code().into());
                    }
                    (error.message(), ModelInferResponse { id, ..Default::default() })
                }
            };
            // Clients of decoupled models end a request with the reply that says so; here each has one.
            let parameter_choice = Some(ParameterChoice::BoolParam(true));
            reply.parameters.insert(FINAL.to_owned(), InferParameter { parameter_choice });
            Ok(ModelStreamInferResponse { error_message, infer_response: Some(reply) })
        }
    })
}

/// Parameters as the HTTP protocol has them.
fn plain(parameters: HashMap<String, InferParameter>) -> Parameters {
    let value = |parameter: InferParameter| match parameter.parameter_choice? {
        ParameterChoice::BoolParam(value) => Some(Value::from(value)),
        ParameterChoice::Int64Param(value) => Some(Value::from(value)),
        ParameterChoice::StringParam(value) => Some(Value::from(value)),
        ParameterChoice::DoubleParam(value) => Some(Value::from(value)),
        ParameterChoice::Uint64Param(value) => Some(Value::from(value)),
    };
    parameters
        .into_iter()
        .map(|(name, parameter)| (name, value(parameter).unwrap_or_default()))
        .collect()
}

fn read(
    service: &Service,
    request: ModelInferRequest,
    memory: Reservation,
) -> Result<InferRequest, ServeError> {
    let (regions, limit) = (&service.shared_memory, service.limits.request_bytes);
    let parameters = request_parameters(&plain(request.parameters))?;
    let any_raw = !request.raw_input_contents.is_empty();
    let mut raw = request.raw_input_contents.into_iter();
    let mut inputs = Vec::with_capacity(request.inputs.len());
    for tensor in request.inputs {
        let InferInputTensor { name, datatype, shape, parameters, contents } = tensor;
        let content = match window(regions, &name, &plain(parameters), limit)? {
            Some(_) if contents.is_some() => {
                let (first, second) = ("a shared memory region", "contents");
                return Err(ServeError::TwoContents { tensor: name, first, second });
            }
            Some(window) => Content::Shared(window),
            None => Content::Inline(match contents {
                Some(_) if any_raw => {
                    let (first, second) = ("raw_input_contents", "contents");
                    return Err(ServeError::TwoContents { tensor: name, first, second });
                }
                Some(contents) => little_endian(&datatype, &contents),
                None if any_raw => {
                    raw.next().ok_or_else(|| ServeError::NoContent { tensor: name.clone() })?
                }
                // Right for no rows; otherwise the length is found to be wrong.
                None => Bytes::new(),
            }),
        };
        inputs.push(Input { name, data_type: datatype, shape, content });
    }
    if raw.len() > 0 {
        return Err(ServeError::Left { left: raw.len(), unit: "raw_input_contents" });
    }
    let mut outputs = Vec::new();
    for requested in request.outputs {
        let parameters = plain(requested.parameters);
        outputs.push(requested_output(regions, &requested.name, &parameters, &outputs)?);
    }
    Ok(InferRequest { inputs, outputs, parameters, memory })
}

/// Typed contents as raw ones. Of another type than the tensor's: nothing, which is found to be too short.
fn little_endian(data_type: &str, contents: &InferTensorContents) -> Bytes {
    let bytes: Vec<u8> = match data_type {
        "INT64" => contents.int64_contents.iter().flat_map(|value| value.to_le_bytes()).collect(),
        "UINT32" => contents.uint_contents.iter().flat_map(|value| value.to_le_bytes()).collect(),
        "FP32" => contents.fp32_contents.iter().flat_map(|value| value.to_le_bytes()).collect(),
        _ => Vec::new(),
    };
    bytes.into()
}

fn write(model_name: String, version: i64, id: String, reply: InferReply) -> ModelInferResponse {
    let parameter = |(name, value): (&str, i64)| {
        let parameter_choice = Some(ParameterChoice::Int64Param(value));
        (name.to_owned(), InferParameter { parameter_choice })
    };
    let parameters = reply.parameters.into_iter().map(parameter).collect();
    // One entry for each output, as Triton: empty for those in shared memory.
    let mut raw_output_contents = Vec::with_capacity(reply.outputs.len());
    let mut outputs = Vec::with_capacity(reply.outputs.len());
    for tensor in reply.outputs {
        let spec = tensor.output.spec();
        raw_output_contents.push(tensor.bytes.unwrap_or_default());
        outputs.push(InferOutputTensor {
            name: spec.name.to_owned(),
            datatype: spec.data_type.name().to_owned(),
            shape: tensor.shape,
            parameters: HashMap::new(),
            contents: None,
        });
    }
    let model_version = version.to_string();
    ModelInferResponse { model_name, model_version, id, parameters, outputs, raw_output_contents }
}
