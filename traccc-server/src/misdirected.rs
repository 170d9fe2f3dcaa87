//! Clients that speak one protocol at the port of the other: they are told where theirs is.

use crate::listener::Protocol;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpStream;
use tonic::Status;

/// The protocol of a connection by its first bytes, which stay unread; `None` if they are of neither.
pub(crate) async fn spoken(stream: &TcpStream) -> Option<Protocol> {
    let mut first = [0; 4];
    let length = stream.peek(&mut first).await.ok()?;
    match &first[..length] {
        // Every HTTP/2 connection begins with `PRI * HTTP/2.0`.
        b"PRI " => Some(Protocol::Http2),
        b"GET " | b"HEAD" | b"POST" | b"PUT " | b"PATC" | b"DELE" | b"OPTI" => {
            Some(Protocol::Http1)
        }
        _ => None,
    }
}

/// Answers whoever speaks HTTP/2 where HTTP/1.1 is spoken.
pub(crate) fn at_http(grpc_port: u16) -> Router {
    Router::new().fallback(async move |request: Request| -> Response {
        let message = format!("this port speaks HTTP/1.1: gRPC is offered at port {grpc_port}");
        let kind = request.headers().get(CONTENT_TYPE);
        if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc")) {
            return Status::unimplemented(message).into_http();
        }
        (StatusCode::HTTP_VERSION_NOT_SUPPORTED, Json(json!({ "error": message }))).into_response()
    })
}

/// Answers whoever speaks HTTP/1.1 where gRPC is spoken.
pub(crate) fn at_grpc(http_port: u16) -> Router {
    Router::new().fallback(async move || -> Response {
        let message = format!("this port speaks gRPC: HTTP is offered at port {http_port}");
        (StatusCode::BAD_REQUEST, Json(json!({ "error": message }))).into_response()
    })
}
