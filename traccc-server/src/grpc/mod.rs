//! KServe v2 over gRPC.

mod bounds;
mod calls;
mod codec;
mod health;
mod incoming;
mod infer;

use crate::infer::{Code, SMALL, ServeError};
use crate::reply::{Connection, ReplyBody};
use crate::service::Service;
use crate::shared_memory::SharedMemoryError;
use crate::ticket::Ticket;
use axum::body::Body;
use axum::extract::{Request as HttpRequest, State};
use axum::http::HeaderValue;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response as HttpResponse;
use axum::{Extension, Router};
use health::AnyHealth;
use incoming::Incoming;
use std::pin::Pin;
use std::sync::Arc;
use tokio_stream::Stream;
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic::{Extensions, Request, Response, Status, Streaming};
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};
use traccc_protocol::grpc::grpc_inference_service_server::{
    GrpcInferenceService, GrpcInferenceServiceServer,
};
use traccc_protocol::grpc::{
    CudaSharedMemoryRegisterRequest, CudaSharedMemoryRegisterResponse,
    CudaSharedMemoryStatusRequest, CudaSharedMemoryStatusResponse,
    CudaSharedMemoryUnregisterRequest, CudaSharedMemoryUnregisterResponse, ModelConfigRequest,
    ModelConfigResponse, ModelInferRequest, ModelInferResponse, ModelMetadataRequest,
    ModelMetadataResponse, ModelReadyRequest, ModelReadyResponse, ModelStatisticsRequest,
    ModelStatisticsResponse, ModelStreamInferResponse, RepositoryIndexRequest,
    RepositoryIndexResponse, ServerLiveRequest, ServerLiveResponse, ServerMetadataRequest,
    ServerMetadataResponse, ServerReadyRequest, ServerReadyResponse,
    SystemSharedMemoryRegisterRequest, SystemSharedMemoryRegisterResponse,
    SystemSharedMemoryStatusRequest, SystemSharedMemoryStatusResponse,
    SystemSharedMemoryUnregisterRequest, SystemSharedMemoryUnregisterResponse,
};

/// All gRPC services.
pub(crate) fn router(service: Arc<Service>, health: HealthReporter) -> Router {
    let grpc = GrpcService { service: service.clone() };
    let small = GrpcInferenceServiceServer::new(grpc.clone())
        .max_decoding_message_size(SMALL)
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Deflate);
    let health = HealthServer::new(AnyHealth(HealthService::from_health_reporter(health)));
    Routes::new(small)
        .add_service(health.max_decoding_message_size(SMALL))
        .into_axum_router()
        .merge(calls::router(grpc))
        .layer(from_fn_with_state(service, admit))
}

/// Gives each call its ticket. Requests for events beyond the limit are refused before anything of them is read.
async fn admit(
    State(service): State<Arc<Service>>,
    Extension(connection): Extension<Connection>,
    mut request: HttpRequest,
    next: Next,
) -> HttpResponse {
    let ticket = Ticket::new(&service.budget);
    let method = request.uri().path().to_owned();
    let (one, many) = (method == calls::MODEL_INFER, method == calls::MODEL_STREAM_INFER);
    request.extensions_mut().insert(ticket.clone());
    let stall = service.limits.stall;
    let request = request.map(|body| Body::new(Incoming::new(body, ticket.clone(), stall, many)));
    let mut response = match one.then(|| service.permit()).transpose() {
        Ok(permit) => {
            permit.into_iter().for_each(|permit| ticket.admit(permit));
            next.run(request).await
        }
        Err(error) => Status::from(error).into_http(),
    };
    if is_unknown_call(&response) {
        // tonic says nothing at all.
        let message = ServeError::NoCall { method: method.clone() }.message();
        response = Status::unimplemented(message).into_http();
    }
    if let Some(status) = response.headers_mut().get_mut(Status::GRPC_STATUS) {
        let code = as_clients_know_it(tonic::Code::from_bytes(status.as_bytes()));
        *status = HeaderValue::from(code as i32);
        if one && code != tonic::Code::Ok && !ticket.is_counted() {
            service.refused.count(code);
        }
    }
    response.map(|body| Body::new(ReplyBody::watched(body, ticket, connection, stall)))
}

fn is_unknown_call(response: &HttpResponse) -> bool {
    let status = response.headers().get(Status::GRPC_STATUS);
    status.is_some_and(|status| {
        tonic::Code::from_bytes(status.as_bytes()) == tonic::Code::Unimplemented
    }) && !response.headers().contains_key(Status::GRPC_MESSAGE)
}

/// Only tonic itself says OUT_OF_RANGE, of messages beyond the limit; clients know that as RESOURCE_EXHAUSTED.
fn as_clients_know_it(code: tonic::Code) -> tonic::Code {
    if code == tonic::Code::OutOfRange { tonic::Code::ResourceExhausted } else { code }
}

/// The service.
#[derive(Clone, Debug)]
pub(crate) struct GrpcService {
    service: Arc<Service>,
}

impl GrpcService {
    /// The ticket that [`admit`] gave the call.
    fn ticket(&self, extensions: &Extensions) -> Ticket {
        extensions.get().cloned().unwrap_or_else(|| Ticket::new(&self.service.budget))
    }
}

impl From<ServeError> for Status {
    fn from(error: ServeError) -> Self {
        Self::new(error.code().into(), error.message())
    }
}

impl From<Code> for tonic::Code {
    fn from(code: Code) -> Self {
        match code {
            Code::InvalidArgument => Self::InvalidArgument,
            Code::NotFound => Self::NotFound,
            Code::AlreadyExists => Self::AlreadyExists,
            Code::PermissionDenied => Self::PermissionDenied,
            Code::Unsupported => Self::Unimplemented,
            Code::TooLarge => Self::ResourceExhausted,
            Code::TimedOut => Self::DeadlineExceeded,
            Code::Unavailable => Self::Unavailable,
            Code::Cancelled => Self::Cancelled,
            Code::Internal => Self::Internal,
        }
    }
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
        let ready = self.service.served_model(name, version).is_ok() && self.service.is_ready();
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
        let (_, extensions, request) = request.into_parts();
        let ticket = self.ticket(&extensions);
        let memory = ticket.take_memory();
        Ok(Response::new(infer::answer(&self.service, &ticket, request, memory).await?))
    }

    async fn model_stream_infer(
        &self,
        request: Request<Streaming<ModelInferRequest>>,
    ) -> Answer<Self::ModelStreamInferStream> {
        let (_, extensions, requests) = request.into_parts();
        let (service, ticket) = (self.service.clone(), self.ticket(&extensions));
        Ok(Response::new(Box::pin(infer::answer_each(service, ticket, requests))))
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
        self.service.shared_memory.unregister(&request.get_ref().name);
        Ok(Response::new(SystemSharedMemoryUnregisterResponse {}))
    }

    async fn cuda_shared_memory_status(
        &self,
        _: Request<CudaSharedMemoryStatusRequest>,
    ) -> Answer<CudaSharedMemoryStatusResponse> {
        Ok(Response::new(CudaSharedMemoryStatusResponse::default()))
    }

    async fn cuda_shared_memory_register(
        &self,
        _: Request<CudaSharedMemoryRegisterRequest>,
    ) -> Answer<CudaSharedMemoryRegisterResponse> {
        Err(ServeError::from(SharedMemoryError::Cuda).into())
    }

    async fn cuda_shared_memory_unregister(
        &self,
        _: Request<CudaSharedMemoryUnregisterRequest>,
    ) -> Answer<CudaSharedMemoryUnregisterResponse> {
        Ok(Response::new(CudaSharedMemoryUnregisterResponse {}))
    }
}
