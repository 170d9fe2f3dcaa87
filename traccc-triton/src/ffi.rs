//! The part of Triton's C API that is used, written by hand: types, numbers and functions of `tritonbackend.h` and
//! `tritonserver.h`, named as there.
//!
//! Triton binds all symbols when it loads a backend: a function that an older server lacks would make it refuse the
//! library. All of these exist in servers with API version [`API_MAJOR`].[`API_MINOR`].
#![expect(unsafe_code, reason = "declares functions of another library")]

use crate::status::Status;
use std::ffi::{c_char, c_int, c_void};

/// Major version of the backend API: another one is another API.
pub(crate) const API_MAJOR: u32 = 1;
/// Minor version of the backend API: a later one has more, an earlier one was not tried.
pub(crate) const API_MINOR: u32 = 19;

macro_rules! opaque {
    ($($name:ident: $what:literal;)*) => {
        $(
            #[doc = $what]
            #[repr(C)]
            pub(crate) struct $name {
                _private: [u8; 0],
            }
        )*
    };
}

opaque! {
    Backend: "This library, as Triton sees it.";
    Error: "A code and a message.";
    Input: "An input tensor of a request.";
    Message: "A text that Triton owns.";
    Metric: "A metric with its labels.";
    MetricFamily: "Metrics of one name.";
    Model: "A version of a model.";
    ModelInstance: "An instance of a model.";
    Output: "An output tensor of a response.";
    Parameter: "A name and a value.";
    Request: "A request for one inference.";
    Response: "The response to a request.";
}

pub(crate) const ARTIFACT_FILESYSTEM: u32 = 0;
pub(crate) const CONFIG_VERSION: u32 = 1;

pub(crate) const ERROR_INTERNAL: u32 = 1;
pub(crate) const ERROR_INVALID_ARG: u32 = 3;
pub(crate) const ERROR_UNAVAILABLE: u32 = 4;
pub(crate) const ERROR_UNSUPPORTED: u32 = 5;
pub(crate) const ERROR_CANCELLED: u32 = 7;

pub(crate) const INSTANCE_KIND_CPU: u32 = 1;
pub(crate) const INSTANCE_KIND_GPU: u32 = 2;

pub(crate) const LOG_INFO: u32 = 0;
pub(crate) const LOG_WARN: u32 = 1;
pub(crate) const LOG_ERROR: u32 = 2;
pub(crate) const LOG_VERBOSE: u32 = 3;

pub(crate) const MEMORY_CPU: u32 = 0;
pub(crate) const MEMORY_CPU_PINNED: u32 = 1;

pub(crate) const METRIC_COUNTER: u32 = 0;

pub(crate) const PARAMETER_STRING: u32 = 0;
pub(crate) const PARAMETER_INT: u32 = 1;
pub(crate) const PARAMETER_BOOL: u32 = 2;
pub(crate) const PARAMETER_DOUBLE: u32 = 3;

pub(crate) const RELEASE_ALL: u32 = 1;
pub(crate) const RESPONSE_COMPLETE_FINAL: u32 = 1;

pub(crate) const TYPE_UINT32: u32 = 4;
pub(crate) const TYPE_INT64: u32 = 9;
pub(crate) const TYPE_FP32: u32 = 11;

unsafe extern "C" {
    // Errors, logs, messages, parameters.
    pub(crate) fn TRITONSERVER_ErrorNew(code: u32, message: *const c_char) -> Status;
    pub(crate) fn TRITONSERVER_ErrorCode(error: *mut Error) -> u32;
    pub(crate) fn TRITONSERVER_ErrorMessage(error: *mut Error) -> *const c_char;
    pub(crate) fn TRITONSERVER_ErrorDelete(error: *mut Error);
    pub(crate) safe fn TRITONSERVER_LogIsEnabled(level: u32) -> bool;
    pub(crate) fn TRITONSERVER_LogMessage(
        level: u32,
        file: *const c_char,
        line: c_int,
        message: *const c_char,
    ) -> Status;
    pub(crate) fn TRITONSERVER_MessageSerializeToJson(
        message: *mut Message,
        base: *mut *const c_char,
        byte_size: *mut usize,
    ) -> Status;
    pub(crate) fn TRITONSERVER_MessageDelete(message: *mut Message) -> Status;
    pub(crate) safe fn TRITONSERVER_DataTypeString(data_type: u32) -> *const c_char;
    pub(crate) fn TRITONSERVER_ParameterNew(
        name: *const c_char,
        kind: u32,
        value: *const c_void,
    ) -> *mut Parameter;
    pub(crate) fn TRITONSERVER_ParameterDelete(parameter: *mut Parameter);

    // Metrics.
    pub(crate) fn TRITONSERVER_MetricFamilyNew(
        family: *mut *mut MetricFamily,
        kind: u32,
        name: *const c_char,
        description: *const c_char,
    ) -> Status;
    pub(crate) fn TRITONSERVER_MetricFamilyDelete(family: *mut MetricFamily) -> Status;
    pub(crate) fn TRITONSERVER_MetricNew(
        metric: *mut *mut Metric,
        family: *mut MetricFamily,
        labels: *const *const Parameter,
        label_count: u64,
    ) -> Status;
    pub(crate) fn TRITONSERVER_MetricDelete(metric: *mut Metric) -> Status;
    pub(crate) fn TRITONSERVER_MetricIncrement(metric: *mut Metric, value: f64) -> Status;

    // The backend and its models.
    pub(crate) fn TRITONBACKEND_ApiVersion(major: *mut u32, minor: *mut u32) -> Status;
    pub(crate) fn TRITONBACKEND_ModelName(model: *mut Model, name: *mut *const c_char) -> Status;
    pub(crate) fn TRITONBACKEND_ModelVersion(model: *mut Model, version: *mut u64) -> Status;
    pub(crate) fn TRITONBACKEND_ModelRepository(
        model: *mut Model,
        artifact_type: *mut u32,
        location: *mut *const c_char,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_ModelConfig(
        model: *mut Model,
        config_version: u32,
        config: *mut *mut Message,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_ModelState(model: *mut Model, state: *mut *mut c_void) -> Status;
    pub(crate) fn TRITONBACKEND_ModelSetState(model: *mut Model, state: *mut c_void) -> Status;

    // Instances.
    pub(crate) fn TRITONBACKEND_ModelInstanceName(
        instance: *mut ModelInstance,
        name: *mut *const c_char,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_ModelInstanceKind(
        instance: *mut ModelInstance,
        kind: *mut u32,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_ModelInstanceDeviceId(
        instance: *mut ModelInstance,
        device: *mut i32,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_ModelInstanceModel(
        instance: *mut ModelInstance,
        model: *mut *mut Model,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_ModelInstanceState(
        instance: *mut ModelInstance,
        state: *mut *mut c_void,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_ModelInstanceSetState(
        instance: *mut ModelInstance,
        state: *mut c_void,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_ModelInstanceReportStatistics(
        instance: *mut ModelInstance,
        request: *mut Request,
        success: bool,
        exec_start_ns: u64,
        compute_start_ns: u64,
        compute_end_ns: u64,
        exec_end_ns: u64,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_ModelInstanceReportBatchStatistics(
        instance: *mut ModelInstance,
        batch_size: u64,
        exec_start_ns: u64,
        compute_start_ns: u64,
        compute_end_ns: u64,
        exec_end_ns: u64,
    ) -> Status;

    // Requests and their inputs.
    pub(crate) fn TRITONBACKEND_RequestInputCount(request: *mut Request, count: *mut u32)
    -> Status;
    pub(crate) fn TRITONBACKEND_RequestInputByIndex(
        request: *mut Request,
        index: u32,
        input: *mut *mut Input,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_InputProperties(
        input: *mut Input,
        name: *mut *const c_char,
        data_type: *mut u32,
        shape: *mut *const i64,
        dims_count: *mut u32,
        byte_size: *mut u64,
        buffer_count: *mut u32,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_InputBuffer(
        input: *mut Input,
        index: u32,
        buffer: *mut *const c_void,
        byte_size: *mut u64,
        memory_type: *mut u32,
        memory_type_id: *mut i64,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_RequestOutputCount(
        request: *mut Request,
        count: *mut u32,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_RequestOutputName(
        request: *mut Request,
        index: u32,
        name: *mut *const c_char,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_RequestParameterCount(
        request: *mut Request,
        count: *mut u32,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_RequestParameter(
        request: *mut Request,
        index: u32,
        key: *mut *const c_char,
        kind: *mut u32,
        value: *mut *const c_void,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_RequestIsCancelled(
        request: *mut Request,
        cancelled: *mut bool,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_RequestRelease(request: *mut Request, flags: u32) -> Status;

    // Responses and their outputs.
    pub(crate) fn TRITONBACKEND_ResponseNew(
        response: *mut *mut Response,
        request: *mut Request,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_ResponseDelete(response: *mut Response) -> Status;
    pub(crate) fn TRITONBACKEND_ResponseSetIntParameter(
        response: *mut Response,
        name: *const c_char,
        value: i64,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_ResponseOutput(
        response: *mut Response,
        output: *mut *mut Output,
        name: *const c_char,
        data_type: u32,
        shape: *const i64,
        dims_count: u32,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_OutputBuffer(
        output: *mut Output,
        buffer: *mut *mut c_void,
        byte_size: u64,
        memory_type: *mut u32,
        memory_type_id: *mut i64,
    ) -> Status;
    pub(crate) fn TRITONBACKEND_ResponseSend(
        response: *mut Response,
        flags: u32,
        error: *mut Error,
    ) -> Status;
}
