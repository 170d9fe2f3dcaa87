//! The response to a request.
#![expect(unsafe_code, reason = "fills responses through the C API")]

use crate::ffi;
use crate::request::{Request, check_memory};
use crate::status::{ApiError, Status, c_string};
use std::marker::PhantomData;
use std::ptr::{NonNull, null_mut};
use traccc_protocol::{DataType, Output};

/// A response that is sent once, or deleted when dropped before.
pub(crate) struct Response<'a> {
    raw: NonNull<ffi::Response>,
    request: PhantomData<&'a Request>,
}

impl<'a> Response<'a> {
    pub(crate) fn new(request: &'a Request) -> Result<Self, ApiError> {
        let mut raw = null_mut();
        // SAFETY: the request is not released while it is borrowed; `raw` is a local variable.
        unsafe { ffi::TRITONBACKEND_ResponseNew(&raw mut raw, request.as_ptr()) }.check()?;
        let raw = NonNull::new(raw).ok_or_else(|| ApiError::internal("Triton gave no response"))?;
        Ok(Self { raw, request: PhantomData })
    }

    pub(crate) fn set_parameter(&mut self, name: &str, value: i64) -> Result<(), ApiError> {
        let name = c_string(name);
        let raw = self.raw.as_ptr();
        // SAFETY: the response is neither sent nor deleted while `self` lives; the name is a C string that is copied.
        unsafe { ffi::TRITONBACKEND_ResponseSetIntParameter(raw, name.as_ptr(), value) }.check()
    }

    /// Adds an output; gives the memory for it, `byte_size` bytes that may begin at any address.
    pub(crate) fn add_output(
        &mut self,
        output: Output,
        shape: &[i64],
        byte_size: usize,
    ) -> Result<&mut [u8], ApiError> {
        let spec = output.spec();
        let name = c_string(spec.name);
        let mut raw = null_mut();
        // SAFETY: the response is neither sent nor deleted while `self` lives; name and shape are copied.
        let status = unsafe {
            ffi::TRITONBACKEND_ResponseOutput(
                self.raw.as_ptr(),
                &raw mut raw,
                name.as_ptr(),
                data_type(spec.data_type),
                shape.as_ptr(),
                shape.len() as u32,
            )
        };
        status.check()?;
        let mut buffer = null_mut();
        let (mut memory_type, mut memory_type_id) = (ffi::MEMORY_CPU, 0);
        // SAFETY: `raw` is an output of this response; the rest are local variables.
        let status = unsafe {
            ffi::TRITONBACKEND_OutputBuffer(
                raw,
                &raw mut buffer,
                byte_size as u64,
                &raw mut memory_type,
                &raw mut memory_type_id,
            )
        };
        status.check()?;
        if byte_size == 0 {
            return Ok(&mut []);
        }
        check_memory("output", spec.name, memory_type, memory_type_id)?;
        let buffer = NonNull::new(buffer.cast::<u8>()).ok_or_else(|| {
            ApiError::internal(format!("no memory for {byte_size} bytes of `{}`", spec.name))
        })?;
        // SAFETY: the buffer has `byte_size` bytes of the processor's memory that live until the response is sent, which
        // cannot be while `self` is borrowed. Nobody else has them: inputs, of which a client could have said that they
        // are in the same shared memory, are not borrowed any more when outputs are made.
        Ok(unsafe { std::slice::from_raw_parts_mut(buffer.as_ptr(), byte_size) })
    }

    /// Sends what was added, or an error in its place.
    pub(crate) fn send(self, outcome: Result<(), ApiError>) -> Result<(), ApiError> {
        let error = outcome.map_or_else(Status::from, |()| Status::OK);
        let (raw, flags) = (self.raw.as_ptr(), ffi::RESPONSE_COMPLETE_FINAL);
        // Sending takes the response away whatever it returns.
        std::mem::forget(self);
        // SAFETY: the response was neither sent nor deleted: `self` is gone without its destructor. The error stays ours.
        unsafe { ffi::TRITONBACKEND_ResponseSend(raw, flags, error.as_ptr()) }.check()
    }
}

impl Drop for Response<'_> {
    fn drop(&mut self) {
        // SAFETY: the response was not sent, as `send` leaves out this destructor.
        let status = unsafe { ffi::TRITONBACKEND_ResponseDelete(self.raw.as_ptr()) };
        status.or_log("a response cannot be deleted");
    }
}

fn data_type(data_type: DataType) -> u32 {
    match data_type {
        DataType::Int64 => ffi::TYPE_INT64,
        DataType::Uint32 => ffi::TYPE_UINT32,
        DataType::Fp32 => ffi::TYPE_FP32,
    }
}
