//! The backend from outside, through the C API of a server that is none.
#![expect(unsafe_code, reason = "calls the backend as Triton does")]

mod fixture;

use crate::execute::{self, Work};
use crate::ffi;
use crate::instance::InstanceHandle;
use crate::mock::{self, MockInstance, MockModel, MockRequest, MockValue};
use crate::request::Request;
use crate::response::Response;
use crate::status::ApiError;
use fixture::{
    FIXTURE, KIND_CPU, KIND_MODEL, assert_answered, error_of, execute, execute_on, finalize,
    initialize, model_with, request, start, stop, toy_model,
};
use std::ffi::CString;
use std::sync::Mutex;
use std::sync::atomic::Ordering::SeqCst;
use traccc_protocol::Output;

#[test]
fn events_of_one_execution_are_kept_apart() {
    let requests = [request(0), request(1), request(2), request(0)];
    let executions = execute("apart", &requests);
    for (request, event) in requests.iter().zip([0, 1, 2, 0]) {
        assert_answered(request, event, &Output::ALL);
    }
    assert_eq!(executions.iter().map(|(size, _)| *size).collect::<Vec<_>>(), [4]);
}

#[test]
fn a_bad_request_touches_no_other() {
    let mut bad = request(1);
    bad.inputs[0].pieces[0][8 * 4 * 5..][..8].copy_from_slice(&77_i64.to_le_bytes());
    let mut short = request(1);
    short.inputs[1].pieces[0].pop();
    let mut lacking = request(1);
    lacking.inputs.pop();
    let requests = [request(0), bad, short, lacking, request(2)];
    execute("bad", &requests);
    assert_answered(&requests[0], 0, &Output::ALL);
    assert_answered(&requests[4], 2, &Output::ALL);
    for (request, part) in requests[1..4].iter().zip([
        "`CELL_POSITIONS`, row 5: 77 is no ACTS geometry id",
        "`CELL_PROPERTIES` has",
        "`CELL_PROPERTIES` is missing",
    ]) {
        let error = error_of(request);
        assert_eq!(error.code, ffi::ERROR_INVALID_ARG);
        assert!(error.message.contains(part), "{}", error.message);
        assert!(!request.statistics.lock().unwrap()[0].0);
    }
}

#[test]
fn inputs_may_come_in_pieces_at_any_address_or_not_at_all() {
    let mut pieces = request(0);
    for input in &mut pieces.inputs {
        let whole = std::mem::take(&mut input.pieces[0]);
        input.pieces = whole.chunks(1001).map(<[u8]>::to_vec).collect();
    }
    let mut unaligned = request(1);
    for input in &mut unaligned.inputs {
        input.pieces[0].splice(0..0, [0; 3]);
        input.skip = 3;
    }
    let mut empty = request(0);
    for input in &mut empty.inputs {
        (input.shape[0], input.pieces) = (0, Vec::new());
    }
    let requests = [pieces, unaligned, empty];
    execute("pieces", &requests);
    assert_answered(&requests[0], 0, &Output::ALL);
    assert_answered(&requests[1], 1, &Output::ALL);
    let sent = requests[2].sent.lock().unwrap();
    assert_eq!(sent[0].error, None);
    assert_eq!(sent[0].outputs[0].shape, [0, 8]);
    assert_eq!(sent[0].outputs[4].bytes(), [0; 8], "TRACK_OFFSETS of no track");
}

#[test]
fn memory_of_a_gpu_is_refused() {
    const MEMORY_GPU: u32 = 2;
    let mut of_input = request(0);
    of_input.inputs[1].memory = MEMORY_GPU;
    let of_output = MockRequest { output_memory: MEMORY_GPU, ..request(0) };
    let pinned = MockRequest { output_memory: ffi::MEMORY_CPU_PINNED, ..request(0) };
    let requests = [of_input, of_output, pinned];
    execute("memory", &requests);
    for (request, what) in
        requests[..2].iter().zip(["input `CELL_PROPERTIES`", "output `TRK_PARAMS`"])
    {
        let error = error_of(request);
        assert_eq!(error.code, ffi::ERROR_UNSUPPORTED);
        assert!(
            error.message.contains(what) && error.message.contains("GPU 3"),
            "{}",
            error.message
        );
    }
    assert_answered(&requests[2], 0, &Output::ALL);
}

#[test]
fn only_requested_outputs_are_made() {
    let named = |names: &[&str]| {
        let outputs = names.iter().map(|&name| CString::new(name).unwrap()).collect();
        MockRequest { outputs, ..request(2) }
    };
    let requests =
        [named(&["GEOMETRY_IDS", "TRK_PARAMS"]), named(&["TRK_PARAMS", "LABELS"]), named(&[])];
    execute("outputs", &requests);
    assert_answered(&requests[0], 2, &[Output::TrackParameters, Output::GeometryIds]);
    assert_eq!(error_of(&requests[1]).message, "`LABELS` is no output of this model");
    assert_answered(&requests[2], 2, &Output::ALL);
}

#[test]
fn request_parameters_of_every_type_are_read() {
    let with = |name: &str, value| MockRequest {
        parameters: vec![
            (c"mode".into(), MockValue::Bool(true)),
            (CString::new(name).unwrap(), value),
        ],
        ..request(0)
    };
    let requests = [
        with("traccc_geometry_ids", MockValue::Text(c"acts".into())),
        with("traccc_min_measurements", MockValue::Integer(1000)),
        with("traccc_max_chi2_per_ndf", MockValue::Double(1.0e-6)),
        with("traccc_geometry_ids", MockValue::Bool(true)),
        with("traccc_geometry_ids", MockValue::Text(c"athena".into())),
    ];
    execute("parameters", &requests);
    assert_answered(&requests[0], 0, &Output::ALL);
    for request in &requests[1..3] {
        let sent = request.sent.lock().unwrap();
        assert_eq!(sent[0].error, None);
        assert_eq!(sent[0].parameters["traccc_tracks"], 0);
        assert_eq!(sent[0].parameters["traccc_excluded_tracks"], FIXTURE.tracks[0] as i64);
    }
    assert!(error_of(&requests[3]).message.contains("`true`"));
    assert!(error_of(&requests[4]).message.contains("athena_ids"));
}

#[test]
fn a_request_whose_client_is_gone_ends_between_stages() {
    let requests = [
        MockRequest { cancelled_after: Some(0), ..request(0) },
        MockRequest { cancelled_after: Some(2), ..request(0) },
        request(1),
    ];
    execute("cancelled", &requests);
    for request in &requests[..2] {
        assert_eq!(error_of(request).code, ffi::ERROR_CANCELLED);
    }
    assert_answered(&requests[2], 1, &Output::ALL);
}

/// Panics at the request of this handle, in one of the three passes.
struct Panics {
    at: *mut ffi::Request,
    pass: &'static str,
    batches: Mutex<Vec<usize>>,
}

impl Work for Panics {
    type Event = bool;
    type Reply = ();

    fn decode(&self, request: &Request) -> Result<bool, ApiError> {
        let here = request.as_ptr() == self.at;
        assert!(!here || self.pass != "decode", "the second");
        Ok(here)
    }

    fn reconstruct(
        &self,
        events: &[&bool],
        _: &(dyn Fn(usize) -> bool + Sync),
    ) -> Vec<Result<(), ApiError>> {
        self.batches.lock().unwrap().push(events.len());
        assert!(self.pass != "reconstruct", "the second");
        events.iter().map(|_| Ok(())).collect()
    }

    fn answer(&self, here: &bool, (): &(), response: &mut Response<'_>) -> Result<(), ApiError> {
        response.add_output(Output::TrackOffsets, &[1], 8)?.fill(0);
        assert!(!here || self.pass != "answer", "the second");
        Ok(())
    }
}

#[test]
fn a_panic_ends_its_request_only() {
    let model = MockModel::new("panic", "", "{}");
    let instance = MockInstance::new(&model, KIND_CPU, 0);
    // A panic while all are reconstructed is one of all; an instance contains it by itself.
    for (pass, failed, batch) in [
        ("decode", [false, true, false], 2),
        ("reconstruct", [true; 3], 3),
        ("answer", [false, true, false], 3),
    ] {
        let requests = [request(0), request(1), request(2)];
        let mut handles: Vec<_> = requests.iter().map(MockRequest::handle).collect();
        // SAFETY: the instance lives.
        let handle = unsafe { InstanceHandle::new(instance.handle()) }.unwrap();
        // SAFETY: there are three requests.
        let taken = unsafe { Request::take(handles.as_mut_ptr(), 3) };
        let work = Panics { at: requests[1].handle(), pass, batches: Mutex::default() };
        execute::run(&handle, &work, &taken);
        drop(taken);
        assert_eq!(*work.batches.lock().unwrap(), [batch], "{pass}: one batch of all events");
        for (request, failed) in requests.iter().zip(failed) {
            assert_eq!((request.released.load(SeqCst), request.sent.lock().unwrap().len()), (1, 1));
            let error = request.sent.lock().unwrap()[0].error.clone();
            assert_eq!(error.is_some(), failed, "{pass}");
            if let Some(error) = error {
                assert_eq!(error.code, ffi::ERROR_INTERNAL);
                assert!(error.message.contains("the second"), "{}", error.message);
            }
        }
    }
}

#[test]
fn a_request_that_gets_no_response_is_released_and_counted() {
    let model = toy_model("no_response");
    initialize(&model).unwrap();
    let instance = MockInstance::new(&model, KIND_MODEL, 0);
    start(&instance).unwrap();
    let requests = [MockRequest { no_response: true, ..request(0) }, request(1)];
    execute_on(&instance, &requests).unwrap();
    assert_eq!(requests[0].released.load(SeqCst), 1);
    assert!(!requests[0].statistics.lock().unwrap()[0].0);
    assert_answered(&requests[1], 1, &Output::ALL);
    stop(&instance);
    finalize(&model);
}

#[test]
fn times_ascend_and_those_of_requests_lie_within_their_execution() {
    let mut bad = request(1);
    bad.inputs.pop();
    let requests = [request(0), bad, request(2)];
    let before = crate::clock::now();
    let executions = execute("times", &requests);
    let after = crate::clock::now();
    let [(3, whole)] = executions[..] else { panic!("{executions:?}") };
    assert!(whole.is_sorted_by(|a, b| a < b) && whole[0] >= before && whole[3] <= after);
    let times = requests.each_ref().map(|request| request.statistics.lock().unwrap()[0].1);
    for times in times {
        assert!(times.is_sorted() && times[0] >= whole[0] && times[3] <= whole[3], "{times:?}");
    }
    for times in [times[0], times[2]] {
        assert_eq!(times[1..3], whole[1..3], "they are reconstructed together");
        assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
    }
    assert!(times[1][3] <= whole[1], "a wrong request costs nothing but its decoding");
}

#[test]
fn events_are_counted_in_metrics_while_the_model_is_loaded() {
    let model = toy_model("counted");
    initialize(&model).unwrap();
    let newer = toy_model("counted_newer");
    initialize(&newer).unwrap();
    let instance = MockInstance::new(&model, KIND_CPU, 0);
    start(&instance).unwrap();
    execute_on(&instance, &[request(0), request(1)]).unwrap();
    let tracks = (FIXTURE.tracks[0] + FIXTURE.tracks[1]) as f64;
    let name = r#"traccc_tracks_total{model="counted"}"#;
    assert_eq!(mock::metric(name), Some(tracks));
    let stage = r#"traccc_stage_seconds_total{model="counted",stage="finding"}"#;
    assert!(mock::metric(stage).unwrap() > 0.0);
    assert_eq!(mock::metric(r#"traccc_tracks_total{model="counted_newer"}"#), Some(0.0));
    stop(&instance);
    finalize(&model);
    assert_eq!(mock::metric(name), None);
    finalize(&newer);
}

#[test]
fn a_server_without_metrics_serves() {
    let requests = [request(0)];
    execute("without_metrics", &requests);
    assert_answered(&requests[0], 0, &Output::ALL);
}

#[test]
fn a_model_that_cannot_be_loaded_says_why() {
    for (parameters, part) in [
        (r#""detector": {"string_value": "nowhere"}"#, "nowhere"),
        (r#""detectors": {"string_value": "."}"#, "`detectors` does not exist"),
        ("", "`detector` is missing"),
    ] {
        let error = initialize(&model_with("unloadable", parameters)).unwrap_err();
        assert!(error.message.contains(part), "{}", error.message);
        assert_eq!(error.code, ffi::ERROR_INVALID_ARG);
    }
    let without_outputs = MockModel::new("unloadable", "", r#"{"input": [], "output": []}"#);
    assert!(initialize(&without_outputs).unwrap_err().message.contains("CELL_POSITIONS"));
}

#[test]
fn an_instance_on_a_gpu_is_refused_as_this_build_has_no_gpu() {
    let model = toy_model("gpu");
    initialize(&model).unwrap();
    let instance = MockInstance::new(&model, ffi::INSTANCE_KIND_GPU, 1);
    let error = start(&instance).unwrap_err();
    assert!(error.message.contains("cuda"), "{}", error.message);
    let none = MockInstance::new(&model, ffi::INSTANCE_KIND_GPU, -1);
    let error = start(&none).unwrap_err();
    assert!(error.message.contains("GPU -1"), "{}", error.message);
    // Requests stay Triton's.
    let requests = [request(0)];
    assert!(execute_on(&instance, &requests).unwrap_err().message.contains("not started"));
    assert_eq!(requests[0].released.load(SeqCst), 0);
    finalize(&model);
}
