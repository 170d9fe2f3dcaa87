//! KServe v2 over gRPC.

use crate::infer::{
    Code, Content, InferReply, InferRequest, Input, Parameters, RequestedOutput, ServeError,
    request_parameters, requested_output, window,
};
use crate::service::Service;
use axum::Router;
use axum::extract::{Request as HttpRequest, State};
use axum::http::HeaderValue;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response as HttpResponse;
use bytes::Bytes;
use serde_json::Value;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use tokio_stream::{Stream, StreamExt};
use tonic::codec::CompressionEncoding;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};
use tonic_health::pb::health_server::{Health, HealthServer};
use tower_http::timeout::RequestBodyTimeoutLayer;
use traccc_protocol::grpc::grpc_inference_service_server::{
    GrpcInferenceService, GrpcInferenceServiceServer,
};
use traccc_protocol::grpc::infer_parameter::ParameterChoice;
use traccc_protocol::grpc::model_infer_request::InferInputTensor;
use traccc_protocol::grpc::model_infer_response::InferOutputTensor;
use traccc_protocol::grpc::{
    InferParameter, InferTensorContents, ModelConfigRequest, ModelConfigResponse,
    ModelInferRequest, ModelInferResponse, ModelMetadataRequest, ModelMetadataResponse,
    ModelReadyRequest, ModelReadyResponse, ModelStatisticsRequest, ModelStatisticsResponse,
    ModelStreamInferResponse, RepositoryIndexRequest, RepositoryIndexResponse, ServerLiveRequest,
    ServerLiveResponse, ServerMetadataRequest, ServerMetadataResponse, ServerReadyRequest,
    ServerReadyResponse, SystemSharedMemoryRegisterRequest, SystemSharedMemoryRegisterResponse,
    SystemSharedMemoryStatusRequest, SystemSharedMemoryStatusResponse,
    SystemSharedMemoryUnregisterRequest, SystemSharedMemoryUnregisterResponse,
};

/// The name under which the health of the service is asked for.
pub(crate) const SERVICE_NAME: &str =
    <GrpcInferenceServiceServer<GrpcService> as NamedService>::NAME;

/// All gRPC services.
pub(crate) fn router(service: Arc<Service>, health: HealthServer<impl Health>) -> Router {
    let grpc = GrpcInferenceServiceServer::new(GrpcService { service: service.clone() })
        .max_decoding_message_size(service.limits.request_bytes)
        // Replies stay as they are: many clients offer gzip to everybody, and it takes a fifth of the time of an event.
        .accept_compressed(CompressionEncoding::Gzip);
    let stall = RequestBodyTimeoutLayer::new(service.limits.stall);
    Routes::new(grpc)
        .add_service(health)
        .into_axum_router()
        .layer(stall)
        .layer(from_fn_with_state(service, admit))
}

/// Refuses requests for events beyond the limit, before anything of them is read.
async fn admit(
    State(service): State<Arc<Service>>,
    request: HttpRequest,
    next: Next,
) -> HttpResponse {
    let permit = if request.uri().path().ends_with("/ModelInfer") {
        match service.permit() {
            Ok(permit) => Some(permit),
            Err(error) => return Status::from(error).into_http(),
        }
    } else {
        None
    };
    let mut response = next.run(request).await;
    drop(permit);
    // Only tonic itself says OUT_OF_RANGE, of messages beyond the limit; clients know that as RESOURCE_EXHAUSTED.
    if let Some(status) = response.headers_mut().get_mut(Status::GRPC_STATUS)
        && status == "11"
    {
        *status = HeaderValue::from_static("8");
    }
    response
}

/// The service.
#[derive(Clone, Debug)]
pub(crate) struct GrpcService {
    service: Arc<Service>,
}

impl From<ServeError> for Status {
    fn from(error: ServeError) -> Self {
        let code = match error.code() {
            Code::InvalidArgument => tonic::Code::InvalidArgument,
            Code::NotFound => tonic::Code::NotFound,
            Code::AlreadyExists => tonic::Code::AlreadyExists,
            Code::PermissionDenied => tonic::Code::PermissionDenied,
            Code::TooLarge => tonic::Code::ResourceExhausted,
            Code::TimedOut => tonic::Code::DeadlineExceeded,
            Code::Unavailable => tonic::Code::Unavailable,
            Code::Cancelled => tonic::Code::Cancelled,
            Code::Internal => tonic::Code::Internal,
        };
        Self::new(code, error.to_string())
    }
}

async fn answer(
    service: &Service,
    request: ModelInferRequest,
) -> Result<ModelInferResponse, ServeError> {
    let engine = service.engine(&request.model_name, &request.model_version)?;
    let id = request.id.clone();
    let reply = engine.infer(read(service, request)?).await?;
    Ok(write(engine.name.clone(), engine.version, id, reply))
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

fn read(service: &Service, request: ModelInferRequest) -> Result<InferRequest, ServeError> {
    let (memory, limit) = (&service.shared_memory, service.limits.request_bytes);
    let parameters = request_parameters(&plain(request.parameters))?;
    let any_raw = !request.raw_input_contents.is_empty();
    let mut raw = request.raw_input_contents.into_iter();
    let mut inputs = Vec::with_capacity(request.inputs.len());
    for tensor in request.inputs {
        let InferInputTensor { name, datatype, shape, parameters, contents } = tensor;
        let content = match window(memory, &name, &plain(parameters), limit)? {
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
        let output = requested_output(&requested.name, &outputs)?;
        let target = window(memory, &requested.name, &plain(requested.parameters), usize::MAX)?;
        outputs.push(RequestedOutput { output, target });
    }
    Ok(InferRequest { inputs, outputs, parameters })
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

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl GrpcInferenceService for GrpcService {
    type ModelStreamInferStream =
        Pin<Box<dyn Stream<Item = Result<ModelStreamInferResponse, Status>> + Send>>;

    async fn server_live(&self, _: Request<ServerLiveRequest>) -> Answer<ServerLiveResponse> {
        Ok(Response::new(ServerLiveResponse { live: true }))
    }

    async fn server_ready(&self, _: Request<ServerReadyRequest>) -> Answer<ServerReadyResponse> {
        Ok(Response::new(ServerReadyResponse { ready: self.service.is_ready() }))
    }

    async fn model_ready(&self, request: Request<ModelReadyRequest>) -> Answer<ModelReadyResponse> {
        let ModelReadyRequest { name, version } = request.get_ref();
        // As Triton: a model that is not there is not ready.
        let ready = self.service.engine(name, version).is_ok() && self.service.is_ready();
        Ok(Response::new(ModelReadyResponse { ready }))
    }

    async fn server_metadata(
        &self,
        _: Request<ServerMetadataRequest>,
    ) -> Answer<ServerMetadataResponse> {
        Ok(Response::new(self.service.metadata()))
    }

    async fn model_metadata(
        &self,
        request: Request<ModelMetadataRequest>,
    ) -> Answer<ModelMetadataResponse> {
        let ModelMetadataRequest { name, version } = request.get_ref();
        Ok(Response::new(self.service.model_metadata(name, version)?))
    }

    async fn model_infer(&self, request: Request<ModelInferRequest>) -> Answer<ModelInferResponse> {
        Ok(Response::new(answer(&self.service, request.into_inner()).await?))
    }

    async fn model_stream_infer(
        &self,
        request: Request<Streaming<ModelInferRequest>>,
    ) -> Answer<Self::ModelStreamInferStream> {
        let service = self.service.clone();
        // One after the other: a client that wants several at once has several calls.
        let replies = request.into_inner().then(move |request| {
            let service = service.clone();
            async move {
                let request = request?;
                let id = request.id.clone();
                let reply = match service.permit() {
                    Ok(_permit) => answer(&service, request).await,
                    Err(error) => Err(error),
                };
                Ok(match reply {
                    Ok(reply) => ModelStreamInferResponse {
                        error_message: String::new(),
                        infer_response: Some(reply),
                    },
                    Err(error) => ModelStreamInferResponse {
                        error_message: error.to_string(),
                        // So that the client knows which of its requests failed.
                        infer_response: Some(ModelInferResponse {
                            id,
                            ..ModelInferResponse::default()
                        }),
                    },
                })
            }
        });
        Ok(Response::new(Box::pin(replies)))
    }

    async fn model_config(
        &self,
        request: Request<ModelConfigRequest>,
    ) -> Answer<ModelConfigResponse> {
        let ModelConfigRequest { name, version } = request.get_ref();
        let config = Some(self.service.model_config(name, version)?);
        Ok(Response::new(ModelConfigResponse { config }))
    }

    async fn model_statistics(
        &self,
        request: Request<ModelStatisticsRequest>,
    ) -> Answer<ModelStatisticsResponse> {
        let ModelStatisticsRequest { name, version } = request.get_ref();
        Ok(Response::new(self.service.statistics(name, version)?))
    }

    async fn repository_index(
        &self,
        _: Request<RepositoryIndexRequest>,
    ) -> Answer<RepositoryIndexResponse> {
        Ok(Response::new(self.service.index()))
    }

    async fn system_shared_memory_status(
        &self,
        request: Request<SystemSharedMemoryStatusRequest>,
    ) -> Answer<SystemSharedMemoryStatusResponse> {
        let status = self.service.shared_memory.status(&request.get_ref().name);
        let regions = status.map_err(ServeError::from)?.into_iter();
        let regions = regions.map(|region| (region.name.clone(), region)).collect();
        Ok(Response::new(SystemSharedMemoryStatusResponse { regions }))
    }

    async fn system_shared_memory_register(
        &self,
        request: Request<SystemSharedMemoryRegisterRequest>,
    ) -> Answer<SystemSharedMemoryRegisterResponse> {
        let SystemSharedMemoryRegisterRequest { name, key, offset, byte_size } = request.get_ref();
        let registered = self.service.shared_memory.register(name, key, *offset, *byte_size);
        registered.map_err(ServeError::from)?;
        Ok(Response::new(SystemSharedMemoryRegisterResponse {}))
    }

    async fn system_shared_memory_unregister(
        &self,
        request: Request<SystemSharedMemoryUnregisterRequest>,
    ) -> Answer<SystemSharedMemoryUnregisterResponse> {
        let unregistered = self.service.shared_memory.unregister(&request.get_ref().name);
        unregistered.map_err(ServeError::from)?;
        Ok(Response::new(SystemSharedMemoryUnregisterResponse {}))
    }
}
