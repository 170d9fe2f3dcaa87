//! Requests: input tensors, parameters, which outputs are wanted.
#![expect(unsafe_code, reason = "reads requests through the C API")]

use crate::ffi;
use crate::status::{ApiError, c_text};
use std::borrow::Cow;
use std::ffi::{c_char, c_void};
use std::ptr::{NonNull, null, null_mut};
use traccc_protocol::{Output, PREFIX, RequestError, RequestParameters, Tensor};
use traccc_service::Failure;

/// A request that Triton handed over. It is released when dropped, which ends the life of its inputs too.
pub(crate) struct Request(NonNull<ffi::Request>);

/// An input tensor of a request.
pub(crate) struct Input<'a> {
    name: &'a str,
    data_type: &'a str,
    shape: &'a [i64],
    bytes: Cow<'a, [u8]>,
}

impl Input<'_> {
    pub(crate) fn tensor(&self) -> Tensor<'_> {
        let Self { name, data_type, shape, bytes } = self;
        Tensor { name, data_type, shape, bytes }
    }
}

impl Request {
    /// The requests of one execution, of which each must be answered.
    ///
    /// # Safety
    /// `requests` are `count` requests that the caller owns and gives away.
    pub(crate) unsafe fn take(requests: *mut *mut ffi::Request, count: u32) -> Vec<Self> {
        // SAFETY: the pointer is that of an array of `count` requests, by the caller's word.
        let requests = unsafe { slice(requests.cast_const(), count as usize) };
        requests.iter().filter_map(|&request| NonNull::new(request)).map(Self).collect()
    }

    /// The request as the C API wants it.
    pub(crate) fn as_ptr(&self) -> *mut ffi::Request {
        self.0.as_ptr()
    }

    /// The input tensors. Their bytes are Triton's, unless they come in pieces.
    pub(crate) fn inputs(&self) -> Result<Vec<Input<'_>>, ApiError> {
        let mut count = 0;
        // SAFETY: the request is not released while `self` lives; `count` is a local variable.
        unsafe { ffi::TRITONBACKEND_RequestInputCount(self.as_ptr(), &raw mut count) }.check()?;
        (0..count).map(|index| self.input(index)).collect()
    }

    fn input(&self, index: u32) -> Result<Input<'_>, ApiError> {
        let mut input = null_mut();
        // SAFETY: the request is not released while `self` lives; `input` is a local variable.
        unsafe { ffi::TRITONBACKEND_RequestInputByIndex(self.as_ptr(), index, &raw mut input) }
            .check()?;
        let (mut name, mut data_type, mut shape) = (null(), 0, null());
        let (mut dims_count, mut byte_size, mut buffer_count) = (0, 0, 0);
        // SAFETY: `input` is of this request, which is not released while `self` lives; the rest are local variables.
        let status = unsafe {
            ffi::TRITONBACKEND_InputProperties(
                input,
                &raw mut name,
                &raw mut data_type,
                &raw mut shape,
                &raw mut dims_count,
                &raw mut byte_size,
                &raw mut buffer_count,
            )
        };
        status.check()?;
        // SAFETY: the name is a C string of the input, which lives as long as the request, so as `self`.
        let name = unsafe { required_text(name, "the name of an input") }?;
        let data_type = ffi::TRITONSERVER_DataTypeString(data_type);
        // SAFETY: names of types are constants of the server.
        let data_type = unsafe { required_text(data_type, "the type of an input") }?;
        // SAFETY: the shape has `dims_count` extents and lives as long as the request.
        let shape = unsafe { slice(shape, dims_count as usize) };
        let bytes = match buffer_count {
            0 => Cow::Borrowed(&[][..]),
            1 => Cow::Borrowed(self.buffer(input, name, 0)?),
            _ => {
                let mut bytes = Vec::with_capacity(usize::try_from(byte_size).unwrap_or(0));
                for index in 0..buffer_count {
                    bytes.extend_from_slice(self.buffer(input, name, index)?);
                }
                Cow::Owned(bytes)
            }
        };
        Ok(Input { name, data_type, shape, bytes })
    }

    /// One piece of an input of this request. It may begin at any address.
    fn buffer(&self, input: *mut ffi::Input, name: &str, index: u32) -> Result<&[u8], ApiError> {
        let (mut buffer, mut byte_size) = (null(), 0);
        let (mut memory_type, mut memory_type_id) = (ffi::MEMORY_CPU, 0);
        // SAFETY: `input` is of this request, which is not released while `self` lives; the rest are local variables.
        let status = unsafe {
            ffi::TRITONBACKEND_InputBuffer(
                input,
                index,
                &raw mut buffer,
                &raw mut byte_size,
                &raw mut memory_type,
                &raw mut memory_type_id,
            )
        };
        status.check()?;
        check_memory("input", name, memory_type, memory_type_id)?;
        // SAFETY: `buffer` has `byte_size` bytes of the processor's memory that live as long as the request. In shared
        // memory the client may not change them before it has the response: so says Triton's protocol.
        Ok(unsafe { slice(buffer.cast::<u8>(), usize::try_from(byte_size).unwrap_or(0)) })
    }

    /// The parameters that are ours.
    pub(crate) fn parameters(&self) -> Result<RequestParameters, ApiError> {
        let mut count = 0;
        // SAFETY: the request is not released while `self` lives; `count` is a local variable.
        unsafe { ffi::TRITONBACKEND_RequestParameterCount(self.as_ptr(), &raw mut count) }
            .check()?;
        let mut parameters = RequestParameters::default();
        for index in 0..count {
            let (mut key, mut kind, mut value) = (null(), 0, null());
            // SAFETY: the request is not released while `self` lives; the rest are local variables.
            let status = unsafe {
                ffi::TRITONBACKEND_RequestParameter(
                    self.as_ptr(),
                    index,
                    &raw mut key,
                    &raw mut kind,
                    &raw mut value,
                )
            };
            status.check()?;
            // SAFETY: the key is a C string of the request, which lives as long as `self`.
            let key = unsafe { required_text(key, "the name of a parameter") }?;
            if key.starts_with(PREFIX) {
                // SAFETY: Triton gives `value` as `kind` says, and it lives as long as the request.
                let value = unsafe { parameter_text(kind, value) };
                parameters.set(key, &value).map_err(Failure::Request)?;
            }
        }
        Ok(parameters)
    }

    /// The outputs that the request names, of those that the model has and in the order that it has them; all of them if it
    /// names none.
    pub(crate) fn outputs(&self, of_model: &[Output]) -> Result<Vec<Output>, ApiError> {
        let mut count = 0;
        // SAFETY: the request is not released while `self` lives; `count` is a local variable.
        unsafe { ffi::TRITONBACKEND_RequestOutputCount(self.as_ptr(), &raw mut count) }.check()?;
        if count == 0 {
            return Ok(of_model.to_vec());
        }
        let output = |index| {
            let mut name = null();
            // SAFETY: the request is not released while `self` lives; `name` is a local variable.
            unsafe { ffi::TRITONBACKEND_RequestOutputName(self.as_ptr(), index, &raw mut name) }
                .check()?;
            // SAFETY: the name is a C string of the request, which lives as long as `self`.
            let name = unsafe { required_text(name, "the name of an output") }?;
            let output = Output::from_name(name).filter(|output| of_model.contains(output));
            let unknown = || RequestError::UnknownOutput { name: name.to_owned() };
            Ok(output.ok_or_else(unknown).map_err(Failure::Request)?)
        };
        let named = (0..count).map(output).collect::<Result<Vec<Output>, ApiError>>()?;
        Ok(of_model.iter().copied().filter(|output| named.contains(output)).collect())
    }

    /// What may be asked from any thread: whether the client gave up.
    pub(crate) fn cancellation(&self) -> Cancellation<'_> {
        Cancellation(self)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        // SAFETY: the request was handed over to this value alone, and a value is dropped once.
        let status = unsafe { ffi::TRITONBACKEND_RequestRelease(self.as_ptr(), ffi::RELEASE_ALL) };
        status.or_log("a request cannot be released");
    }
}

/// Whether a client gave up.
pub(crate) struct Cancellation<'a>(&'a Request);

// SAFETY: the only use of the request is TRITONBACKEND_RequestIsCancelled, which reads an atomic flag.
unsafe impl Sync for Cancellation<'_> {}

impl Cancellation<'_> {
    pub(crate) fn is_requested(&self) -> bool {
        let mut cancelled = false;
        // SAFETY: the request is not released while it is borrowed; `cancelled` is a local variable.
        let status =
            unsafe { ffi::TRITONBACKEND_RequestIsCancelled(self.0.as_ptr(), &raw mut cancelled) };
        status.or_log("a request does not say whether it is cancelled");
        cancelled
    }
}

/// Refuses memory that the processor cannot reach.
pub(crate) fn check_memory(what: &str, name: &str, kind: u32, device: i64) -> Result<(), ApiError> {
    match kind {
        ffi::MEMORY_CPU | ffi::MEMORY_CPU_PINNED => Ok(()),
        _ => Err(ApiError::new(
            ffi::ERROR_UNSUPPORTED,
            format!(
                "{what} `{name}` is in the memory of GPU {device}: this instance needs it in the memory of the host"
            ),
        )),
    }
}

/// The value of a parameter as text.
///
/// # Safety
/// `value` is of the type that `kind` says.
unsafe fn parameter_text(kind: u32, value: *const c_void) -> String {
    if value.is_null() {
        return String::new();
    }
    match kind {
        // SAFETY: a parameter of this kind is a C string.
        ffi::PARAMETER_STRING => unsafe { c_text(value.cast()) }.unwrap_or_default().to_owned(),
        // SAFETY: a parameter of this kind is an integer of 64 bits.
        ffi::PARAMETER_INT => unsafe { value.cast::<i64>().read_unaligned() }.to_string(),
        // SAFETY: a parameter of this kind is a C bool.
        ffi::PARAMETER_BOOL => unsafe { value.cast::<bool>().read() }.to_string(),
        // SAFETY: a parameter of this kind is a double.
        ffi::PARAMETER_DOUBLE => unsafe { value.cast::<f64>().read_unaligned() }.to_string(),
        _ => "bytes".to_owned(),
    }
}

/// The text of a C string that must be one.
///
/// # Safety
/// As `c_text`.
unsafe fn required_text<'a>(text: *const c_char, what: &str) -> Result<&'a str, ApiError> {
    // SAFETY: by the caller's word.
    unsafe { c_text(text) }
        .ok_or_else(|| ApiError::new(ffi::ERROR_INVALID_ARG, format!("{what} is not UTF-8")))
}

/// A slice of the C API, where an empty one may have a null pointer.
///
/// # Safety
/// If `len` is not 0, `data` are `len` values that stay as they are for `'a`.
unsafe fn slice<'a, T>(data: *const T, len: usize) -> &'a [T] {
    if data.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: by the caller's word.
    unsafe { std::slice::from_raw_parts(data, len) }
}
