//! A repository with the toy detector, its events, and how requests are made and their responses compared.

use crate::backend::{
    TRITONBACKEND_ModelFinalize, TRITONBACKEND_ModelInitialize, TRITONBACKEND_ModelInstanceExecute,
    TRITONBACKEND_ModelInstanceFinalize, TRITONBACKEND_ModelInstanceInitialize,
};
use crate::ffi;
use crate::mock::{MockInput, MockInstance, MockModel, MockRequest};
use crate::status::ApiError;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;
use traccc::detector::{Detector, SensorTable};
use traccc::io::{self, Digitization};
use traccc::{Backend, FieldSource, Setup};
use traccc_protocol::{CellForm, Output, OwnedTensor, RequestParameters, encode_cells};
use traccc_service::{Model, ModelOptions, SetupCache};
use traccc_sim::detectors::{ToyConfig, pixel_modules, toy_detector};
use traccc_sim::{SimulationConfig, simulate_event};

pub(super) const KIND_CPU: u32 = 1;
pub(super) const KIND_MODEL: u32 = 3;

/// A model repository, events, and their outputs made without any server.
pub(super) struct Fixture {
    pub(super) repository: TempDir,
    pub(super) events: Vec<[OwnedTensor; 2]>,
    pub(super) outputs: Vec<BTreeMap<&'static str, Vec<u8>>>,
    pub(super) tracks: Vec<usize>,
}

pub(super) static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let repository = tempfile::tempdir().unwrap();
    let folder = repository.path().join("1");
    std::fs::create_dir(&folder).unwrap();
    let description = toy_detector(&ToyConfig::full()).unwrap();
    let detector = Detector::compile(&description).unwrap();
    let modules = pixel_modules(&detector, [0.05; 2]).unwrap();
    let setup = Setup::new(detector, modules, FieldSource::default().read().unwrap());
    io::write_detector(&folder, &description).unwrap();
    let entries = Digitization::from_modules(&setup.detector, &setup.modules).unwrap();
    io::write_digitization(folder.join("toy_digitization.json"), &entries).unwrap();
    let settings = "[finding]\nmin_measurements = 3\n";
    std::fs::write(folder.join("chain.toml"), settings).unwrap();

    let parameters = [("detector", "."), ("config", "chain.toml"), ("threads", "1")];
    let parameters = parameters.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let options = ModelOptions::from_parameters(&parameters.into(), &folder).unwrap();
    let model = Arc::new(Model::load(&options, &SetupCache::new()).unwrap());
    let mut instance = model.instance(Backend::Cpu, 1).unwrap();

    let (mut events, mut outputs, mut tracks) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..3 {
        let event = simulate_event(
            &setup.detector,
            &setup.modules,
            &setup.field,
            &SimulationConfig::default(),
            7,
            number,
        );
        let sensors = SensorTable::acts(&setup.detector, &setup.modules);
        let (cells, folder) = (event.unwrap().cells, repository.path());
        io::write_cells(folder, number, &cells, None, &sensors).unwrap();
        let file = folder.join(format!("event{number:09}-cells.csv"));
        let cells = io::read_raw_cells(file).unwrap();
        let tensors = encode_cells(&cells, CellForm::Plain).unwrap();
        let views = tensors.each_ref().map(OwnedTensor::view);
        let decoded = instance.decode(&views, RequestParameters::default()).unwrap();
        let reply = instance.reconstruct(&decoded).unwrap();
        let written = Output::ALL.map(|output| {
            let mut bytes = vec![0; reply.byte_size(output)];
            reply.write(output, &mut bytes).unwrap();
            (output.spec().name, bytes)
        });
        tracks.push(reply.tracks());
        outputs.push(written.into());
        events.push(tensors);
    }
    assert!(tracks.iter().all(|&tracks| tracks > 0), "{tracks:?}");
    Fixture { repository, events, outputs, tracks }
});

/// A configuration with the optional inputs and all outputs.
pub(super) fn config(parameters: &str) -> String {
    let outputs = Output::ALL.map(|output| {
        let spec = output.spec();
        let (name, data_type, dims) = (spec.name, spec.data_type, spec.dims);
        format!(r#"{{"name": "{name}", "data_type": "TYPE_{data_type}", "dims": {dims:?}}}"#)
    });
    format!(
        r#"{{"max_batch_size": 0, "parameters": {{{parameters}}}, "output": [{}], "input": [
            {{"name": "CELL_POSITIONS", "data_type": "TYPE_INT64", "dims": [-1, 4], "optional": true}},
            {{"name": "CELL_PROPERTIES", "data_type": "TYPE_FP32", "dims": [-1, 2], "optional": true}},
            {{"name": "COMPACT_MODULES", "data_type": "TYPE_INT64", "dims": [-1, 2], "optional": true}},
            {{"name": "COMPACT_CELLS", "data_type": "TYPE_UINT32", "dims": [-1, -1], "optional": true}}
        ]}}"#,
        outputs.join(", ")
    )
}

pub(super) fn model_with(name: &str, parameters: &str) -> MockModel {
    MockModel::new(name, FIXTURE.repository.path().to_str().unwrap(), &config(parameters))
}

pub(super) fn toy_model(name: &str) -> MockModel {
    model_with(
        name,
        r#""detector": {"string_value": "."}, "config": {"string_value": "chain.toml"},
           "threads": {"string_value": "1"}"#,
    )
}

pub(super) fn initialize(model: &MockModel) -> Result<(), ApiError> {
    // SAFETY: the model lives.
    unsafe { TRITONBACKEND_ModelInitialize(model.handle()) }.check()
}

pub(super) fn finalize(model: &MockModel) {
    // SAFETY: the model lives, and has no instance any more.
    unsafe { TRITONBACKEND_ModelFinalize(model.handle()) }.check().unwrap();
}

/// Loads the toy model, starts an instance, has it execute `requests` at once, and ends both.
pub(super) fn execute(name: &str, requests: &[MockRequest]) -> Vec<(u64, [u64; 4])> {
    let model = toy_model(name);
    initialize(&model).unwrap();
    let instance = MockInstance::new(&model, KIND_CPU, 0);
    start(&instance).unwrap();
    execute_on(&instance, requests).unwrap();
    stop(&instance);
    finalize(&model);
    assert!(!model.has_state());
    for request in requests {
        let responses = request.sent.lock().unwrap().len();
        assert_eq!((responses, request.released.load(SeqCst)), (1, 1));
        assert_eq!(request.deleted.load(SeqCst), 0);
        assert_eq!(request.statistics.lock().unwrap().len(), 1);
    }
    instance.executions.into_inner().unwrap()
}

pub(super) fn execute_on(
    instance: &MockInstance<'_>,
    requests: &[MockRequest],
) -> Result<(), ApiError> {
    let mut handles: Vec<_> = requests.iter().map(MockRequest::handle).collect();
    let count = handles.len() as u32;
    // SAFETY: the instance lives, and there are `count` requests.
    unsafe { TRITONBACKEND_ModelInstanceExecute(instance.handle(), handles.as_mut_ptr(), count) }
        .check()
}

pub(super) fn input(tensor: &OwnedTensor) -> MockInput {
    let data_type = if tensor.data_type.size() == 8 { ffi::TYPE_INT64 } else { ffi::TYPE_FP32 };
    MockInput {
        name: CString::new(tensor.name).unwrap(),
        data_type,
        shape: tensor.shape.clone(),
        pieces: vec![tensor.bytes.clone()],
        skip: 0,
        memory: ffi::MEMORY_CPU,
    }
}

pub(super) fn request(event: usize) -> MockRequest {
    let inputs = FIXTURE.events[event].iter().map(input).collect();
    MockRequest { inputs, ..MockRequest::default() }
}

pub(super) fn error_of(request: &MockRequest) -> ApiError {
    let sent = request.sent.lock().unwrap();
    sent[0].error.clone().expect("an error")
}

/// Asserts that the response has these outputs of that event, byte by byte.
pub(super) fn assert_answered(request: &MockRequest, event: usize, outputs: &[Output]) {
    let sent = request.sent.lock().unwrap();
    assert_eq!(sent[0].error, None);
    let names: Vec<_> = sent[0].outputs.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(names, outputs.iter().map(|output| output.spec().name).collect::<Vec<_>>());
    for output in &sent[0].outputs {
        let expected = &FIXTURE.outputs[event][output.name.as_str()];
        assert!(output.bytes() == expected, "{} of event {event}", output.name);
        let size = if output.data_type == ffi::TYPE_INT64 { 8 } else { 4 };
        let elements: i64 = output.shape.iter().product();
        assert_eq!(elements as usize * size, expected.len(), "{}", output.name);
    }
    assert_eq!(sent[0].parameters["traccc_tracks"], FIXTURE.tracks[event] as i64);
    assert!(request.statistics.lock().unwrap()[0].0);
}

pub(super) fn start(instance: &MockInstance<'_>) -> Result<(), ApiError> {
    // SAFETY: the instance lives.
    unsafe { TRITONBACKEND_ModelInstanceInitialize(instance.handle()) }.check()
}

pub(super) fn stop(instance: &MockInstance<'_>) {
    // SAFETY: the instance lives and executes nothing.
    unsafe { TRITONBACKEND_ModelInstanceFinalize(instance.handle()) }.check().unwrap();
}
