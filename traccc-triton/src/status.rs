//! Errors of the C API, there and back.
#![expect(unsafe_code, reason = "owns errors of the C API")]

use crate::ffi;
use std::error::Error;
use std::ffi::{CStr, CString, c_char};
use std::ptr::null_mut;
use traccc_service::{Failure, FailureKind, ModelError};

/// What a function of the C API returns: null, or an error that the receiver owns.
#[repr(transparent)]
#[must_use]
pub(crate) struct Status(*mut ffi::Error);

impl Status {
    /// No error.
    pub(crate) const OK: Self = Self(null_mut());

    /// The error, still owned by `self`; null for none.
    pub(crate) fn as_ptr(&self) -> *mut ffi::Error {
        self.0
    }

    /// The error as one of ours.
    pub(crate) fn check(self) -> Result<(), ApiError> {
        if self.0.is_null() {
            return Ok(());
        }
        // SAFETY: not null, so an error that `self` owns.
        let code = unsafe { ffi::TRITONSERVER_ErrorCode(self.0) };
        // SAFETY: the same.
        let message = unsafe { ffi::TRITONSERVER_ErrorMessage(self.0) };
        // SAFETY: the message is a C string that lives as long as the error, which `self` owns until the end of this function.
        let message = unsafe { c_text(message) }.unwrap_or("an error without a message").to_owned();
        Err(ApiError { code, message })
    }

    /// Logs the error, where there is nobody to return it to.
    pub(crate) fn or_log(self, what: &str) {
        if let Err(error) = self.check() {
            tracing::error!("{what}: {}", error.message);
        }
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: not null, so an error that `self` owns; it is dropped once.
            unsafe { ffi::TRITONSERVER_ErrorDelete(self.0) }
        }
    }
}

/// An error to return to Triton: one of its codes and a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) code: u32,
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(ffi::ERROR_INTERNAL, message)
    }
}

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        let message = c_string(&error.message);
        // SAFETY: `message` is a C string, which the function copies.
        unsafe { ffi::TRITONSERVER_ErrorNew(error.code, message.as_ptr()) }
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let code = match failure.kind() {
            FailureKind::InvalidArgument => ffi::ERROR_INVALID_ARG,
            FailureKind::Cancelled => ffi::ERROR_CANCELLED,
            FailureKind::Unavailable => ffi::ERROR_UNAVAILABLE,
            FailureKind::Internal => ffi::ERROR_INTERNAL,
        };
        Self::new(code, with_causes(&failure))
    }
}

impl From<ModelError> for ApiError {
    fn from(error: ModelError) -> Self {
        Self::new(ffi::ERROR_INVALID_ARG, with_causes(&error))
    }
}

/// The messages of an error and of what caused it.
fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// A C string; a text that has a 0 ends there.
pub(crate) fn c_string(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text.as_bytes()[..end]).unwrap_or_default()
}

/// The text of a C string; `None` for null and for what is not UTF-8.
///
/// # Safety
/// `text` is null or a C string that stays as it is for `'a`.
pub(crate) unsafe fn c_text<'a>(text: *const c_char) -> Option<&'a str> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, so a C string that stays as it is, by the caller's word.
    unsafe { CStr::from_ptr(text) }.to_str().ok()
}
