//! `ModelInfer` and `ModelStreamInfer` with a codec of our own: the generated service can have only one that knows no limits.

use super::GrpcService;
use super::codec::InferCodec;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderMap, Response as HttpResponse};
use axum::routing::post;
use prost::Message;
use std::pin::Pin;
use std::time::Duration;
use tonic::codec::CompressionEncoding;
use tonic::server::{Grpc, StreamingService, UnaryService};
use tonic::{Request, Response, Status, Streaming};
use traccc_protocol::grpc::grpc_inference_service_server::GrpcInferenceService;
use traccc_protocol::grpc::{ModelInferRequest, ModelInferResponse, ModelStreamInferResponse};

/// The path of the call for one event.
pub(super) const MODEL_INFER: &str = "/inference.GRPCInferenceService/ModelInfer";
/// The path of the call for many events.
pub(super) const MODEL_STREAM_INFER: &str = "/inference.GRPCInferenceService/ModelStreamInfer";

/// Both calls.
pub(super) fn router(service: GrpcService) -> Router {
    Router::new()
        .route(MODEL_INFER, post(model_infer))
        .route(MODEL_STREAM_INFER, post(model_stream_infer))
        .with_state(service)
}

async fn model_infer(
    State(service): State<GrpcService>,
    request: HttpRequest,
) -> HttpResponse<Body> {
    let timeout = timeout(request.headers());
    let mut grpc = grpc(&service, &request);
    let answer = grpc.unary(ModelInfer(service), request);
    let response = match timeout {
        None => answer.await,
        // Breaks off the request, too: nobody waits for it any more.
        Some(timeout) => tokio::time::timeout(timeout, answer).await.unwrap_or_else(|_| {
            Status::deadline_exceeded("the deadline of the client has passed").into_http()
        }),
    };
    response.map(Body::new)
}

async fn model_stream_infer(
    State(service): State<GrpcService>,
    request: HttpRequest,
) -> HttpResponse<Body> {
    grpc(&service, &request).streaming(ModelStreamInfer(service), request).await.map(Body::new)
}

/// Reads the messages of a call within the limits.
fn grpc<M: Message + 'static>(service: &GrpcService, request: &HttpRequest) -> Grpc<InferCodec<M>> {
    let limit = service.service.limits.request_bytes;
    Grpc::new(InferCodec::new(service.ticket(request.extensions()), limit))
        .max_decoding_message_size(limit)
        // Replies stay as they are: many clients offer gzip to everybody, and it takes a fifth of the time of an event.
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Deflate)
}

/// How long the client waits, as `grpc-timeout` says: up to eight digits and a unit. Of another form: for ever.
fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(3600 * number),
        "M" => Duration::from_secs(60 * number),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

type Future<T> = Pin<Box<dyn std::future::Future<Output = Result<Response<T>, Status>> + Send>>;

struct ModelInfer(GrpcService);

impl UnaryService<ModelInferRequest> for ModelInfer {
    type Response = ModelInferResponse;
    type Future = Future<ModelInferResponse>;

    fn call(&mut self, request: Request<ModelInferRequest>) -> Self::Future {
        let service = self.0.clone();
        Box::pin(async move { service.model_infer(request).await })
    }
}

struct ModelStreamInfer(GrpcService);

impl StreamingService<ModelInferRequest> for ModelStreamInfer {
    type Response = ModelStreamInferResponse;
    type ResponseStream = <GrpcService as GrpcInferenceService>::ModelStreamInferStream;
    type Future = Future<Self::ResponseStream>;

    fn call(&mut self, request: Request<Streaming<ModelInferRequest>>) -> Self::Future {
        let service = self.0.clone();
        Box::pin(async move { service.model_stream_infer(request).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn timeouts_have_a_unit() {
        let read = |text: &'static str| {
            timeout(&HeaderMap::from_iter([(
                "grpc-timeout".parse().unwrap(),
                HeaderValue::from_bytes(text.as_bytes()).unwrap(),
            )]))
        };
        assert_eq!(read("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(read("3M"), Some(Duration::from_secs(180)));
        assert_eq!(read("99999999S"), Some(Duration::from_secs(99_999_999)));
        assert_eq!(read("250m"), Some(Duration::from_millis(250)));
        assert_eq!(read("1u"), Some(Duration::from_micros(1)));
        assert_eq!(read("1n"), Some(Duration::from_nanos(1)));
        for wrong in ["", "S", "1", "1s", "-1S", "+1S", "123456789n", "1\u{e9}"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(timeout(&HeaderMap::new()), None);
    }
}
