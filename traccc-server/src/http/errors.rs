//! Errors as JSON: also those of layers and of paths, which come as text or with nothing.

use crate::infer::shortened;
use axum::Json;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// More of a text than a client gets.
const TEXT: usize = 64 << 10;

/// Replies to a request; errors are `{"error": "..."}`.
pub(super) async fn as_json(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let encoding = text(request.headers(), &CONTENT_ENCODING);
    let response = next.run(request).await;
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    if !failed || text(response.headers(), &CONTENT_TYPE) == "application/json" {
        return response;
    }
    let (head, body) = response.into_parts();
    let error = match status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            let taken = text(&head.headers, &ACCEPT_ENCODING);
            format!("content encoding `{encoding}` is not taken: send one of {taken}, or none")
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            let allowed = text(&head.headers, &ALLOW);
            format!("`{method}` is no method of `{path}`: it has {allowed}")
        }
        _ => {
            let said = to_bytes(body, TEXT).await.unwrap_or_default();
            let said = String::from_utf8_lossy(&said).into_owned();
            if said.is_empty() { status.to_string() } else { said }
        }
    };
    let mut reply = (status, Json(json!({ "error": shortened(error) }))).into_response();
    for name in [ACCEPT_ENCODING, ALLOW] {
        if let Some(value) = head.headers.get(&name) {
            reply.headers_mut().insert(name, value.clone());
        }
    }
    reply
}

fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    headers
        .get(name)
        .map_or_else(String::new, |value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
