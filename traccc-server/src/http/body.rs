//! The body of a request, up to a limit.

use crate::infer::ServeError;
use crate::ticket::Reservation;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use std::time::Duration;
use tokio::time::timeout;
use tower_http::timeout::TimeoutError;

/// Room that is made for a body before any of it has come, in bytes.
const FIRST_ROOM: usize = 1 << 20;

/// Who sends nothing for so long has ended, or waits for the answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Reads a body of up to `limit` bytes, which `memory` takes; `announced` is what its header says of its length.
pub(super) async fn read(
    body: &mut Body,
    announced: Option<u64>,
    limit: usize,
    memory: &mut Reservation,
) -> Result<Bytes, ServeError> {
    let announced = usize::try_from(announced.unwrap_or(0)).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(ServeError::TooLarge { limit });
    }
    let mut bytes = BytesMut::with_capacity(announced.min(FIRST_ROOM));
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| unreadable(&error))?.into_data() else {
            continue;
        };
        if data.len() > limit - bytes.len() {
            return Err(ServeError::TooLarge { limit });
        }
        memory.grow(data.len())?;
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// Reads the rest of a refused request and drops it, for `time` at most and while it comes without a pause: many clients
/// look for the answer only when they have sent everything, and would find a closed connection instead.
pub(super) fn discard(mut body: Body, time: Duration) {
    if !body.is_end_stream() {
        let rest = async move {
            while let Ok(Some(Ok(_))) = timeout(PAUSE, body.frame()).await {
                // What comes out of a compressed body is always ready.
                tokio::task::yield_now().await;
            }
        };
        tokio::spawn(timeout(time, rest));
    }
}

fn unreadable(error: &axum::Error) -> ServeError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut reason = error.to_string();
    while let Some(error) = cause {
        if error.is::<TimeoutError>() {
            return ServeError::StoodStill;
        }
        reason = error.to_string();
        cause = error.source();
    }
    ServeError::Body { reason }
}
