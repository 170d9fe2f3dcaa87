//! The body of a request, up to a limit.

use crate::config::Limits;
use crate::infer::ServeError;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tower_http::timeout::TimeoutError;

/// Room that is made for a body before any of it has come, in bytes.
const FIRST_ROOM: usize = 1 << 20;

/// Reads a body; `announced` is what its header says of its length.
pub(super) async fn read(
    mut body: Body,
    announced: Option<u64>,
    limits: &Limits,
) -> Result<Bytes, ServeError> {
    let limit = limits.request_bytes;
    let announced = usize::try_from(announced.unwrap_or(0)).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(ServeError::TooLarge { limit });
    }
    let mut bytes = BytesMut::with_capacity(announced.min(FIRST_ROOM));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| unreadable(&error, limits))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if data.len() > limit - bytes.len() {
            return Err(ServeError::TooLarge { limit });
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

fn unreadable(error: &axum::Error, limits: &Limits) -> ServeError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut reason = error.to_string();
    while let Some(error) = cause {
        if error.is::<TimeoutError>() {
            return ServeError::Stalled { seconds: limits.stall.as_secs() };
        }
        reason = error.to_string();
        cause = error.source();
    }
    ServeError::Body { reason }
}
