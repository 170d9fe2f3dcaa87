//! Panics end here: unwinding into Triton would end the server.

use crate::status::{ApiError, Status};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

/// The body of a function that Triton calls.
pub(crate) fn guarded(body: impl FnOnce() -> Result<(), ApiError>) -> Status {
    match contained(body) {
        Ok(()) => Status::OK,
        Err(error) => error.into(),
    }
}

/// Runs `body`; a panic becomes an internal error.
///
/// What `body` was changing when it panicked must be fit for use or not be used any more.
pub(crate) fn contained<T>(body: impl FnOnce() -> Result<T, ApiError>) -> Result<T, ApiError> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Err(ApiError::internal(format!("internal error: {}", text.unwrap_or("panic"))))
    })
}

/// Logs a panic with its place.
pub(crate) fn log_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map_or_else(|| "unknown place".to_owned(), ToString::to_string);
    let text = info.payload_as_str().unwrap_or("panic");
    tracing::error!("panic at {place}: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi;

    #[test]
    fn a_panic_becomes_an_internal_error() {
        let rows = Vec::from([0; 3]);
        let index = rows.len();
        let status = guarded(|| if rows[index] == 0 { Ok(()) } else { panic!("unreachable") });
        let error = status.check().unwrap_err();
        assert_eq!(error.code, ffi::ERROR_INTERNAL);
        assert!(error.message.contains("index out of bounds: the len is 3"), "{}", error.message);
    }
}
