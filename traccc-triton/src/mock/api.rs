//! The functions of the C API.

use super::{
    API_VERSION, LOG, METRICS, MockInput, MockInstance, MockModel, MockOutput, MockRequest,
    MockResponse, MockValue, at, at_mut, give, put, take, text,
};
use crate::ffi;
use crate::status::{ApiError, Status};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::Ordering::SeqCst;

macro_rules! api {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty $body:block)*) => {
        $(
            #[unsafe(no_mangle)]
            extern "C" fn $name($($argument: $type),*) -> $result $body
        )*
    };
}

type Text = *const c_char;
type ErrorText = (u32, CString);

api! {
    TRITONSERVER_ErrorNew(code: u32, message: Text) -> *mut ffi::Error {
        give((code, CString::new(text(message)).unwrap()))
    }
    TRITONSERVER_ErrorCode(error: *mut ffi::Error) -> u32 { at::<ErrorText>(error).0 }
    TRITONSERVER_ErrorMessage(error: *mut ffi::Error) -> Text { at::<ErrorText>(error).1.as_ptr() }
    TRITONSERVER_ErrorDelete(error: *mut ffi::Error) -> () { drop(take::<ErrorText>(error)) }
    TRITONSERVER_LogIsEnabled(level: u32) -> bool { level != ffi::LOG_VERBOSE }
    TRITONSERVER_LogMessage(level: u32, _file: Text, _line: c_int, message: Text) -> Status {
        LOG.with_borrow_mut(|log| log.push((level, text(message))));
        Status::OK
    }
    TRITONSERVER_MessageSerializeToJson(message: *mut ffi::Message, base: *mut Text, size: *mut usize) -> Status {
        let json: &CString = at(message);
        put(size, json.count_bytes()).check().unwrap();
        put(base, json.as_ptr())
    }
    TRITONSERVER_MessageDelete(message: *mut ffi::Message) -> Status {
        drop(take::<CString>(message));
        Status::OK
    }
    TRITONSERVER_DataTypeString(data_type: u32) -> Text {
        let name: &CStr = match data_type {
            ffi::TYPE_INT64 => c"INT64",
            ffi::TYPE_FP32 => c"FP32",
            ffi::TYPE_UINT32 => c"UINT32",
            _ => c"FP64",
        };
        name.as_ptr()
    }
    TRITONSERVER_ParameterNew(name: Text, _kind: u32, value: *const c_void) -> *mut ffi::Parameter {
        give(format!("{}=\"{}\"", text(name), text(value.cast())))
    }
    TRITONSERVER_ParameterDelete(parameter: *mut ffi::Parameter) -> () {
        drop(take::<String>(parameter));
    }
    TRITONSERVER_MetricFamilyNew(family: *mut *mut ffi::MetricFamily, _kind: u32, name: Text, _help: Text) -> Status {
        put(family, give(text(name)))
    }
    TRITONSERVER_MetricFamilyDelete(family: *mut ffi::MetricFamily) -> Status {
        drop(take::<String>(family));
        Status::OK
    }
    TRITONSERVER_MetricNew(
        metric: *mut *mut ffi::Metric,
        family: *mut ffi::MetricFamily,
        labels: *const *mut ffi::Parameter,
        count: u64
    ) -> Status {
        // SAFETY: the backend passes an array of that length.
        let labels = unsafe { std::slice::from_raw_parts(labels, count as usize) };
        let labels: Vec<&str> = labels.iter().map(|&label| at::<String>(label).as_str()).collect();
        if labels[0].contains("without_metrics") {
            return ApiError::new(ffi::ERROR_UNSUPPORTED, "metrics are turned off").into();
        }
        let name = format!("{}{{{}}}", at::<String>(family), labels.join(","));
        METRICS.lock().unwrap().insert(name.clone(), 0.0);
        put(metric, give(name))
    }
    TRITONSERVER_MetricDelete(metric: *mut ffi::Metric) -> Status {
        METRICS.lock().unwrap().remove(&*take::<String>(metric));
        Status::OK
    }
    TRITONSERVER_MetricIncrement(metric: *mut ffi::Metric, by: f64) -> Status {
        *METRICS.lock().unwrap().get_mut(at::<String>(metric)).unwrap() += by;
        Status::OK
    }
    TRITONBACKEND_ApiVersion(major: *mut u32, minor: *mut u32) -> Status {
        put(major, API_VERSION.get().0).check().unwrap();
        put(minor, API_VERSION.get().1)
    }
    TRITONBACKEND_ModelName(model: *mut ffi::Model, name: *mut Text) -> Status {
        put(name, at::<MockModel>(model).name.as_ptr())
    }
    TRITONBACKEND_ModelVersion(_model: *mut ffi::Model, version: *mut u64) -> Status {
        put(version, 1)
    }
    TRITONBACKEND_ModelRepository(model: *mut ffi::Model, kind: *mut u32, location: *mut Text) -> Status {
        put(kind, ffi::ARTIFACT_FILESYSTEM).check().unwrap();
        put(location, at::<MockModel>(model).folder.as_ptr())
    }
    TRITONBACKEND_ModelConfig(model: *mut ffi::Model, _version: u32, config: *mut *mut ffi::Message) -> Status {
        put(config, give(at::<MockModel>(model).config.clone()))
    }
    TRITONBACKEND_ModelState(model: *mut ffi::Model, state: *mut *mut c_void) -> Status {
        put(state, at::<MockModel>(model).state.load(SeqCst))
    }
    TRITONBACKEND_ModelSetState(model: *mut ffi::Model, state: *mut c_void) -> Status {
        at::<MockModel>(model).state.store(state, SeqCst);
        Status::OK
    }
    TRITONBACKEND_ModelInstanceName(instance: *mut ffi::ModelInstance, name: *mut Text) -> Status {
        put(name, at::<MockInstance<'_>>(instance).model.name.as_ptr())
    }
    TRITONBACKEND_ModelInstanceKind(instance: *mut ffi::ModelInstance, kind: *mut u32) -> Status {
        put(kind, at::<MockInstance<'_>>(instance).kind)
    }
    TRITONBACKEND_ModelInstanceDeviceId(instance: *mut ffi::ModelInstance, device: *mut i32) -> Status {
        put(device, at::<MockInstance<'_>>(instance).device)
    }
    TRITONBACKEND_ModelInstanceModel(instance: *mut ffi::ModelInstance, model: *mut *mut ffi::Model) -> Status {
        put(model, at::<MockInstance<'_>>(instance).model.handle())
    }
    TRITONBACKEND_ModelInstanceState(instance: *mut ffi::ModelInstance, state: *mut *mut c_void) -> Status {
        put(state, at::<MockInstance<'_>>(instance).state.load(SeqCst))
    }
    TRITONBACKEND_ModelInstanceSetState(instance: *mut ffi::ModelInstance, state: *mut c_void) -> Status {
        at::<MockInstance<'_>>(instance).state.store(state, SeqCst);
        Status::OK
    }
    TRITONBACKEND_ModelInstanceReportStatistics(
        _instance: *mut ffi::ModelInstance,
        request: *mut ffi::Request,
        success: bool, a: u64, b: u64, c: u64, d: u64
    ) -> Status {
        at::<MockRequest>(request).alive().statistics.lock().unwrap().push((success, [a, b, c, d]));
        Status::OK
    }
    TRITONBACKEND_ModelInstanceReportBatchStatistics(
        instance: *mut ffi::ModelInstance, size: u64, a: u64, b: u64, c: u64, d: u64
    ) -> Status {
        at::<MockInstance<'_>>(instance).executions.lock().unwrap().push((size, [a, b, c, d]));
        Status::OK
    }
    TRITONBACKEND_RequestInputCount(request: *mut ffi::Request, count: *mut u32) -> Status {
        put(count, at::<MockRequest>(request).alive().inputs.len() as u32)
    }
    TRITONBACKEND_RequestInputByIndex(request: *mut ffi::Request, index: u32, input: *mut *mut ffi::Input) -> Status {
        let found = &at::<MockRequest>(request).alive().inputs[index as usize];
        put(input, (&raw const *found).cast_mut().cast())
    }
    TRITONBACKEND_InputProperties(
        input: *mut ffi::Input, name: *mut Text, data_type: *mut u32, shape: *mut *const i64,
        dims: *mut u32, size: *mut u64, count: *mut u32
    ) -> Status {
        let found: &MockInput = at(input);
        put(name, found.name.as_ptr()).check().unwrap();
        put(data_type, found.data_type).check().unwrap();
        put(shape, found.shape.as_ptr()).check().unwrap();
        put(dims, found.shape.len() as u32).check().unwrap();
        put(size, found.pieces.iter().map(|piece| (piece.len() - found.skip) as u64).sum()).check().unwrap();
        put(count, found.pieces.len() as u32)
    }
    TRITONBACKEND_InputBuffer(
        input: *mut ffi::Input, index: u32, buffer: *mut *const c_void, size: *mut u64, memory: *mut u32, id: *mut i64
    ) -> Status {
        let found: &MockInput = at(input);
        let piece = &found.pieces[index as usize][found.skip..];
        put(buffer, piece.as_ptr().cast()).check().unwrap();
        put(size, piece.len() as u64).check().unwrap();
        put(memory, found.memory).check().unwrap();
        put(id, 3)
    }
    TRITONBACKEND_RequestOutputCount(request: *mut ffi::Request, count: *mut u32) -> Status {
        put(count, at::<MockRequest>(request).alive().outputs.len() as u32)
    }
    TRITONBACKEND_RequestOutputName(request: *mut ffi::Request, index: u32, name: *mut Text) -> Status {
        put(name, at::<MockRequest>(request).alive().outputs[index as usize].as_ptr())
    }
    TRITONBACKEND_RequestParameterCount(request: *mut ffi::Request, count: *mut u32) -> Status {
        put(count, at::<MockRequest>(request).alive().parameters.len() as u32)
    }
    TRITONBACKEND_RequestParameter(
        request: *mut ffi::Request, index: u32, key: *mut Text, kind: *mut u32, value: *mut *const c_void
    ) -> Status {
        let (name, found) = &at::<MockRequest>(request).alive().parameters[index as usize];
        put(key, name.as_ptr()).check().unwrap();
        let (found_kind, found) = match found {
            MockValue::Text(text) => (ffi::PARAMETER_STRING, text.as_ptr().cast()),
            MockValue::Integer(number) => (ffi::PARAMETER_INT, (&raw const *number).cast()),
            MockValue::Bool(flag) => (ffi::PARAMETER_BOOL, (&raw const *flag).cast()),
            MockValue::Double(number) => (ffi::PARAMETER_DOUBLE, (&raw const *number).cast()),
        };
        put(kind, found_kind).check().unwrap();
        put(value, found)
    }
    TRITONBACKEND_RequestIsCancelled(request: *mut ffi::Request, cancelled: *mut bool) -> Status {
        let request = at::<MockRequest>(request).alive();
        let polls = request.polls.fetch_add(1, SeqCst);
        put(cancelled, request.cancelled_after.is_some_and(|after| polls >= after))
    }
    TRITONBACKEND_RequestRelease(request: *mut ffi::Request, flags: u32) -> Status {
        assert_eq!(flags, ffi::RELEASE_ALL);
        at::<MockRequest>(request).alive().released.fetch_add(1, SeqCst);
        Status::OK
    }
    TRITONBACKEND_ResponseNew(response: *mut *mut ffi::Response, request: *mut ffi::Request) -> Status {
        let found = at::<MockRequest>(request).alive();
        if found.no_response {
            return ApiError::internal("no responses today").into();
        }
        put(response, give(MockResponse { request: request.expose_provenance(), ..MockResponse::default() }))
    }
    TRITONBACKEND_ResponseDelete(response: *mut ffi::Response) -> Status {
        let response = take::<MockResponse>(response);
        let request = std::ptr::with_exposed_provenance_mut::<ffi::Request>(response.request);
        at::<MockRequest>(request).deleted.fetch_add(1, SeqCst);
        Status::OK
    }
    TRITONBACKEND_ResponseSetIntParameter(response: *mut ffi::Response, name: Text, value: i64) -> Status {
        at_mut::<MockResponse>(response).parameters.insert(text(name), value);
        Status::OK
    }
    TRITONBACKEND_ResponseOutput(
        response: *mut ffi::Response, output: *mut *mut ffi::Output, name: Text, data_type: u32,
        shape: *const i64, dims: u32
    ) -> Status {
        // SAFETY: the backend passes an array of that length.
        let shape = unsafe { std::slice::from_raw_parts(shape, dims as usize) }.to_vec();
        let response: &mut MockResponse = at_mut(response);
        let request = std::ptr::with_exposed_provenance_mut::<ffi::Request>(response.request);
        let memory = at::<MockRequest>(request).alive().output_memory;
        let made = MockOutput { name: text(name), data_type, shape, memory, buffer: Vec::new() };
        response.outputs.push(made);
        put(output, (&raw mut *response.outputs.last_mut().unwrap()).cast())
    }
    TRITONBACKEND_OutputBuffer(
        output: *mut ffi::Output, buffer: *mut *mut c_void, size: u64, memory: *mut u32, id: *mut i64
    ) -> Status {
        let output: &mut MockOutput = at_mut(output);
        put(memory, output.memory).check().unwrap();
        put(id, 3).check().unwrap();
        if size == 0 {
            return put(buffer, null_mut());
        }
        output.buffer = vec![0xaa; size as usize + 1];
        put(buffer, output.buffer[1..].as_mut_ptr().cast())
    }
    TRITONBACKEND_ResponseSend(response: *mut ffi::Response, flags: u32, error: *mut ffi::Error) -> Status {
        assert_eq!(flags, ffi::RESPONSE_COMPLETE_FINAL);
        let mut response = take::<MockResponse>(response);
        let request = std::ptr::with_exposed_provenance_mut::<ffi::Request>(response.request);
        if !error.is_null() {
            let (code, message) = at::<ErrorText>(error);
            response.error = Some(ApiError::new(*code, message.to_str().unwrap()));
        }
        at::<MockRequest>(request).alive().sent.lock().unwrap().push(*response);
        Status::OK
    }
}
