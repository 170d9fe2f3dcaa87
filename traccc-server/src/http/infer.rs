//! `/infer`: JSON, with tensors in it or behind it in binary.

use super::json::{Few, Flat, elements, most_bytes, parameters};
use super::{Names, Shared, body, name};
use crate::infer::{
    Content, InferReply, InferRequest, Input, OutputTensor, Parameters, ServeError,
    request_parameters, requested_output, window,
};
use crate::reply::ReplyBody;
use crate::service::Service;
use crate::ticket::{Reservation, Ticket};
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use traccc_protocol::{DataType, RequestError, contract};

/// The length of the JSON before the binary tensors.
const HEADER_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");
/// JSON from this size on is not read or written on the threads that serve connections.
const LARGE_JSON: usize = 64 << 10;

/// `null` is as good as nothing for whatever may be left out: many clients write it for what is not set.
#[derive(Deserialize)]
struct JsonRequest<'a> {
    id: Option<String>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    inputs: Few<JsonInput<'a>>,
    #[serde(borrow)]
    outputs: Option<Few<JsonOutput<'a>>>,
}

#[derive(Deserialize)]
struct JsonInput<'a> {
    name: String,
    datatype: String,
    shape: Few<i64>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct JsonOutput<'a> {
    name: String,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
}

/// How the reply is to be written.
struct Form {
    id: String,
    /// For outputs that are not named.
    all_binary: bool,
    /// For each output that is named.
    binary: Vec<bool>,
}

impl Form {
    /// Whether output `i` of the reply is written in binary.
    fn is_binary(&self, i: usize) -> bool {
        self.binary.get(i).copied().unwrap_or(self.all_binary)
    }

    /// How many bytes of a reply become JSON numbers.
    fn json_bytes(&self, reply: &InferReply) -> usize {
        let outputs = reply.outputs.iter().enumerate().filter(|&(i, _)| !self.is_binary(i));
        outputs.filter_map(|(_, tensor)| tensor.bytes.as_ref().map(Bytes::len)).sum()
    }
}

/// Reconstructs the event of a request.
pub(super) async fn infer(
    State(service): Shared,
    Path(names): Names,
    request: Request,
) -> Result<Response, ServeError> {
    let arrived = Instant::now();
    let (head, mut body) = request.into_parts();
    let ticket = Ticket::new(&service.budget);
    let received = async {
        let model = service.served_model(name(&names, "model"), name(&names, "version"))?;
        let received = receive(&service, &ticket, &head.headers, &mut body).await;
        Ok((model, received.inspect_err(|error| model.refused(error, arrived))?))
    };
    let (model, (request, form)) = match received.await {
        Ok(received) => received,
        Err(error) => {
            // Who expects a word before the body has not sent it.
            if !head.headers.contains_key(EXPECT) {
                body::discard(body, service.limits.stall);
            }
            return Err(error);
        }
    };
    let reply = model.infer(request).await?;
    let (model, large) = (model.clone(), form.json_bytes(&reply) >= LARGE_JSON);
    let response = apart(large, move || write(&model.name, model.version, &form, &reply)).await??;
    Ok(response.map(|body| Body::new(ReplyBody::new(body, ticket))))
}

/// Admits and reads a request.
async fn receive(
    service: &Arc<Service>,
    ticket: &Ticket,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<(InferRequest, Form), ServeError> {
    ticket.admit(service.permit()?);
    let json_length = number(headers, &HEADER_LENGTH)?;
    // tower-http takes the header away from compressed bodies: what it says is not their length.
    let announced = number(headers, &CONTENT_LENGTH)?;
    let mut memory = ticket.take_memory();
    let body = body::read(body, announced, service.limits.request_bytes, &mut memory).await?;
    let (json, tensors) = split(body, json_length)?;
    let (large, service) = (json.len() >= LARGE_JSON, service.clone());
    apart(large, move || read(&service, &json, tensors, memory)).await?
}

/// Runs what may take long on a thread for that, if it is large.
async fn apart<T: Send + 'static>(
    large: bool,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ServeError> {
    if !large {
        return Ok(run());
    }
    tokio::task::spawn_blocking(run).await.map_err(|error| {
        let message = error.to_string();
        traccc_service::Failure::Panicked { message }.into()
    })
}

fn number(headers: &HeaderMap, header: &HeaderName) -> Result<Option<u64>, ServeError> {
    let Some(value) = headers.get(header) else {
        return Ok(None);
    };
    let parsed = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    let name =
        if *header == HEADER_LENGTH { "Inference-Header-Content-Length" } else { "Content-Length" };
    let wrong = || ServeError::Header {
        name,
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
        expected: "a whole number from 0",
    };
    parsed.ok_or_else(wrong).map(Some)
}

/// The JSON, and the binary tensors behind it.
fn split(mut body: Bytes, json_length: Option<u64>) -> Result<(Bytes, Bytes), ServeError> {
    let length = match json_length {
        None => body.len(),
        Some(length) => match usize::try_from(length) {
            Ok(length) if length <= body.len() => length,
            _ => {
                return Err(ServeError::Header {
                    name: "Inference-Header-Content-Length",
                    value: length.to_string(),
                    expected: "at most the length of the body",
                });
            }
        },
    };
    let json = body.split_to(length);
    Ok((json, body))
}

fn read(
    service: &Service,
    json: &[u8],
    mut tensors: Bytes,
    mut memory: Reservation,
) -> Result<(InferRequest, Form), ServeError> {
    let request: JsonRequest<'_> =
        serde_json::from_slice(json).map_err(|source| ServeError::Json { source })?;
    let of_request = parameters(json, request.parameters, "the request")?;
    let mut inputs = Vec::with_capacity(request.inputs.0.len());
    for input in request.inputs.0 {
        inputs.push(read_input(service, json, input, &mut tensors, &mut memory)?);
    }
    if !tensors.is_empty() {
        return Err(ServeError::Left { left: tensors.len(), unit: "bytes of the body" });
    }
    let all_binary = flag("request", &of_request, "binary_data_output")?.unwrap_or(false);
    let (mut outputs, mut binary) = (Vec::new(), Vec::new());
    for JsonOutput { name, parameters: raw } in request.outputs.unwrap_or_default().0 {
        let of_output = parameters(json, raw, &name)?;
        outputs.push(requested_output(&service.shared_memory, &name, &of_output, &outputs)?);
        binary.push(flag(&name, &of_output, "binary_data")?.unwrap_or(all_binary));
    }
    let form = Form { id: request.id.unwrap_or_default(), all_binary, binary };
    let parameters = request_parameters(&of_request)?;
    Ok((InferRequest { inputs, outputs, parameters, memory }, form))
}

fn read_input(
    service: &Service,
    json: &[u8],
    input: JsonInput<'_>,
    tensors: &mut Bytes,
    memory: &mut Reservation,
) -> Result<Input, ServeError> {
    let JsonInput { name, datatype, shape: Few(shape), parameters: raw, data } = input;
    let parameters = parameters(json, raw, &name)?;
    let two = |first, second| ServeError::TwoContents { tensor: name.clone(), first, second };
    let limit = service.limits.request_bytes;
    let shared = window(&service.shared_memory, &name, &parameters, limit)?;
    let content = match (shared, parameters.get("binary_data_size"), data) {
        (Some(_), Some(_), _) => return Err(two("a shared memory region", "binary_data_size")),
        (Some(_), _, Some(_)) => return Err(two("a shared memory region", "data")),
        (None, Some(_), Some(_)) => return Err(two("binary_data_size", "data")),
        (Some(window), None, None) => Content::Shared(window),
        (None, Some(size), None) => {
            let Some(size) = size.as_u64() else {
                let (parameter, found) = ("binary_data_size", size.to_string());
                let (tensor, expected) = (name, "a whole number from 0");
                return Err(ServeError::TensorParameter { tensor, parameter, found, expected });
            };
            let left = tensors.len();
            match usize::try_from(size) {
                Ok(size) if size <= left => Content::Inline(tensors.split_to(size)),
                _ => return Err(ServeError::BinarySize { tensor: name, size, left }),
            }
        }
        (None, None, Some(data)) => {
            Content::Inline(read_data(json, &name, &datatype, data, limit, memory)?.into())
        }
        (None, None, None) => return Err(ServeError::NoContent { tensor: name }),
    };
    Ok(Input { name, data_type: datatype, shape, content })
}

/// JSON numbers mean nothing without a type: it must be the one of the contract.
fn read_data(
    json: &[u8],
    name: &str,
    data_type: &str,
    data: &RawValue,
    limit: usize,
    memory: &mut Reservation,
) -> Result<Vec<u8>, ServeError> {
    let Some(spec) = contract::input::ALL.into_iter().find(|spec| spec.name == name) else {
        return Err(RequestError::Unknown { tensor: name.to_owned() }.into());
    };
    if data_type != spec.data_type.name() {
        let (tensor, found, expected) = (spec.name, data_type.to_owned(), spec.data_type);
        return Err(RequestError::DataType { tensor, found, expected }.into());
    }
    // A number of one digit and its comma become up to eight bytes.
    let size = most_bytes(spec.data_type, data);
    if size > limit {
        return Err(ServeError::TooLarge { limit });
    }
    memory.grow(size)?;
    elements(spec.data_type, data, size, json)
        .map_err(|reason| ServeError::JsonData { tensor: spec.name, reason })
}

fn flag(
    tensor: &str,
    parameters: &Parameters,
    parameter: &'static str,
) -> Result<Option<bool>, ServeError> {
    match parameters.get(parameter) {
        None => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(other) => Err(ServeError::TensorParameter {
            tensor: tensor.to_owned(),
            parameter,
            found: other.to_string(),
            expected: "true or false",
        }),
    }
}

#[derive(Serialize)]
struct JsonReply<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    id: &'a str,
    model_name: &'a str,
    model_version: String,
    parameters: BTreeMap<&'a str, i64>,
    outputs: Vec<JsonOutputTensor<'a>>,
}

#[derive(Serialize)]
struct JsonOutputTensor<'a> {
    name: &'static str,
    datatype: &'static str,
    shape: &'a [i64],
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<BinaryDataSize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Flat<'a>>,
}

#[derive(Serialize)]
struct BinaryDataSize {
    binary_data_size: usize,
}

fn write(
    model_name: &str,
    version: i64,
    form: &Form,
    reply: &InferReply,
) -> Result<Response, ServeError> {
    let mut behind: Vec<&Bytes> = Vec::new();
    let mut outputs = Vec::with_capacity(reply.outputs.len());
    for (i, tensor) in reply.outputs.iter().enumerate() {
        let OutputTensor { output, shape, bytes } = tensor;
        let spec = output.spec();
        let (name, data_type): (_, DataType) = (spec.name, spec.data_type);
        let binary = form.is_binary(i);
        let (parameters, data) = match bytes {
            None => (None, None),
            Some(bytes) if binary => {
                behind.push(bytes);
                (Some(BinaryDataSize { binary_data_size: bytes.len() }), None)
            }
            Some(bytes) => (None, Some(Flat { data_type, bytes })),
        };
        outputs.push(JsonOutputTensor {
            name,
            datatype: data_type.name(),
            shape,
            parameters,
            data,
        });
    }
    let json = JsonReply {
        id: &form.id,
        model_name,
        model_version: version.to_string(),
        parameters: BTreeMap::from(reply.parameters),
        outputs,
    };
    let mut body = serde_json::to_vec(&json).map_err(|source| ServeError::Json { source })?;
    if behind.is_empty() {
        return Ok(([(CONTENT_TYPE, "application/json")], Body::from(body)).into_response());
    }
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (HEADER_LENGTH, HeaderValue::from(body.len())),
    ];
    body.reserve_exact(behind.iter().map(|bytes| bytes.len()).sum());
    behind.into_iter().for_each(|bytes| body.extend_from_slice(bytes));
    Ok((headers, Body::from(body)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use traccc_protocol::Output;

    #[test]
    fn outputs_that_are_not_named_count_as_json_unless_all_are_binary() {
        let tensor = |output| OutputTensor {
            output,
            shape: vec![],
            bytes: Some(Bytes::from_static(&[0; 100])),
        };
        let outputs = Output::UPSTREAM.map(tensor).into();
        let reply = InferReply { outputs, parameters: [("", 0); 6] };
        let bytes = |all_binary, binary: &[bool]| {
            Form { id: String::new(), all_binary, binary: binary.into() }.json_bytes(&reply)
        };
        assert_eq!(bytes(false, &[]), 400);
        assert_eq!(bytes(true, &[]), 0);
        assert_eq!(bytes(false, &[true, false, true, true]), 100);
    }
}
