//! KServe v2 over HTTP.

mod body;
mod errors;
mod infer;
mod json;

use crate::infer::{Code, SMALL, ServeError};
use crate::messages;
use crate::service::Service;
use crate::shared_memory::SharedMemoryError;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;
use traccc_protocol::grpc::system_shared_memory_status_response::RegionStatus;

type Shared = State<Arc<Service>>;
type Names = Path<HashMap<String, String>>;
type Answer = Result<axum::Json<Value>, ServeError>;

/// All paths.
pub(crate) fn router(service: Arc<Service>) -> Router {
    let model = Router::new()
        .route("/", get(model_metadata))
        .route("/ready", get(model_ready))
        .route("/config", get(model_config))
        .route("/stats", get(statistics))
        .route("/infer", post(infer::infer));
    let memory = Router::new()
        .route("/status", get(memory_status))
        .route("/unregister", post(memory_unregister))
        .route("/region/{region}/status", get(memory_status))
        .route("/region/{region}/register", post(memory_register))
        .route("/region/{region}/unregister", post(memory_unregister));
    let cuda_memory = Router::new()
        .route("/status", get(|| async { axum::Json(json!([])) }))
        .route("/unregister", post(|| async {}))
        .route("/region/{region}/status", get(|| async { axum::Json(json!([])) }))
        .route("/region/{region}/register", post(cuda_memory_register))
        .route("/region/{region}/unregister", post(|| async {}));
    let stall = RequestBodyTimeoutLayer::new(service.limits.stall);
    let paths: Router = Router::new()
        .route("/v2", get(server_metadata))
        .route("/v2/health/live", get(|| async {}))
        .route("/v2/health/ready", get(ready))
        .route("/v2/models/stats", get(statistics))
        .route("/v2/repository/index", post(index))
        .nest("/v2/models/{model}", model.clone())
        .nest("/v2/models/{model}/versions/{version}", model)
        .nest("/v2/systemsharedmemory", memory)
        .nest("/v2/cudasharedmemory", cuda_memory)
        .fallback(no_path)
        .layer(RequestDecompressionLayer::new())
        .with_state(service);
    // Around the paths as a whole: which methods one has is told outside of its own layers.
    Router::new()
        .fallback_service(paths)
        .layer(from_fn(errors::as_json))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(stall)
}

impl IntoResponse for ServeError {
    fn into_response(self) -> Response {
        let status = match self.code() {
            Code::InvalidArgument => StatusCode::BAD_REQUEST,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::AlreadyExists => StatusCode::CONFLICT,
            Code::PermissionDenied => StatusCode::FORBIDDEN,
            Code::Unsupported => StatusCode::NOT_IMPLEMENTED,
            Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
            Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, axum::Json(json!({ "error": self.message() }))).into_response()
    }
}

fn name<'a>(names: &'a HashMap<String, String>, part: &str) -> &'a str {
    names.get(part).map_or("", String::as_str)
}

async fn no_path(uri: Uri) -> ServeError {
    ServeError::NoPath { path: uri.path().to_owned() }
}

async fn server_metadata(State(service): Shared) -> axum::Json<Value> {
    axum::Json(messages::json("ServerMetadataResponse", &service.metadata()))
}

async fn ready(State(service): Shared) -> Result<(), ServeError> {
    if service.is_ready() { Ok(()) } else { Err(ServeError::ShuttingDown) }
}

async fn model_ready(service: Shared, Path(names): Names) -> Result<(), ServeError> {
    service.served_model(name(&names, "model"), name(&names, "version"))?;
    ready(service).await
}

async fn model_metadata(State(service): Shared, Path(names): Names) -> Answer {
    let metadata = service.model_metadata(name(&names, "model"), name(&names, "version"))?;
    Ok(axum::Json(messages::json("ModelMetadataResponse", &metadata)))
}

async fn model_config(State(service): Shared, Path(names): Names) -> Answer {
    let config = service.model_config(name(&names, "model"), name(&names, "version"))?;
    Ok(axum::Json(messages::json("ModelConfig", &config)))
}

async fn statistics(State(service): Shared, Path(names): Names) -> Answer {
    let statistics = service.statistics(name(&names, "model"), name(&names, "version"))?;
    Ok(axum::Json(messages::json("ModelStatisticsResponse", &statistics)))
}

async fn index(State(service): Shared) -> axum::Json<Value> {
    let mut index = messages::json("RepositoryIndexResponse", &service.index());
    axum::Json(index["models"].take())
}

async fn memory_status(State(service): Shared, Path(names): Names) -> Answer {
    let regions = service.shared_memory.status(name(&names, "region"))?;
    let shown = |region: RegionStatus| {
        let RegionStatus { name, key, offset, byte_size } = region;
        json!({ "name": name, "key": key, "offset": offset, "byte_size": byte_size })
    };
    Ok(axum::Json(regions.into_iter().map(shown).collect()))
}

/// What is registered.
#[derive(Debug, Deserialize)]
struct Registration {
    key: String,
    #[serde(default)]
    offset: u64,
    byte_size: u64,
}

async fn memory_register(
    State(service): Shared,
    Path(names): Names,
    request: axum::extract::Request,
) -> Result<(), ServeError> {
    service.shared_memory.check_enabled()?;
    let (mut body, mut memory) = (request.into_body(), service.budget.reserve());
    let body = body::read(&mut body, None, SMALL, &mut memory).await?;
    let Registration { key, offset, byte_size } =
        serde_json::from_slice(&body).map_err(|source| ServeError::Json { source })?;
    Ok(service.shared_memory.register(name(&names, "region"), &key, offset, byte_size)?)
}

async fn memory_unregister(State(service): Shared, Path(names): Names) {
    service.shared_memory.unregister(name(&names, "region"));
}

async fn cuda_memory_register() -> ServeError {
    SharedMemoryError::Cuda.into()
}
