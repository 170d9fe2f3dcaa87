//! A repository with the toy detector, servers of it, and clients that may misbehave.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tempfile::TempDir;
use tonic::transport::Channel;
use traccc::event::{Cells, RawCell, RawCells};
use traccc::io;
use traccc::{Backend, Setup, SetupFiles};
use traccc_protocol::contract::input;
use traccc_protocol::grpc::grpc_inference_service_client::GrpcInferenceServiceClient;
use traccc_protocol::grpc::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use traccc_protocol::grpc::{ModelInferRequest, ModelInferResponse};
use traccc_protocol::{CellForm, Output, OwnedTensor, RequestParameters, encode_cells};
use traccc_server::{Server, ServerConfig};
use traccc_service::{Model, ModelOptions, Reply, SetupCache};
use traccc_sim::detectors::{ToyConfig, pixel_modules, toy_detector};
use traccc_sim::{Gun, SimulationConfig, simulate_event};

pub(crate) type Client = GrpcInferenceServiceClient<Channel>;

/// What all tests share: a model repository, and an event with the answer.
pub(crate) struct Fixture {
    pub(crate) repository: TempDir,
    pub(crate) cells: Cells,
    pub(crate) raw: RawCells,
    pub(crate) tensors: [OwnedTensor; 2],
    /// Each output, as the chain in process gives it.
    pub(crate) expected: Vec<(Output, Vec<i64>, Vec<u8>)>,
}

pub(crate) fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(make_fixture)
}

fn make_fixture() -> Fixture {
    let repository = tempfile::tempdir().unwrap();
    let version = repository.path().join("traccc/1");
    std::fs::create_dir_all(&version).unwrap();
    let model = toy_detector(&ToyConfig::full()).unwrap();
    io::write_detector(&version, &model).unwrap();
    let detector = traccc::detector::Detector::compile(&model).unwrap();
    let modules = pixel_modules(&detector, [0.05, 0.05]).unwrap();
    let digitization = io::Digitization::from_modules(&detector, &modules).unwrap();
    io::write_digitization(version.join("toy_digitization.json"), &digitization).unwrap();
    let settings = "[finding]\nmin_measurements = 3\n";
    std::fs::write(version.join("chain.toml"), settings).unwrap();
    std::fs::write(repository.path().join("traccc/config.pbtxt"), configuration()).unwrap();

    let setup = Setup::read(&SetupFiles::in_dir(&version).unwrap()).unwrap();
    let gun = Gun { particles: 200, ..Gun::default() };
    let simulation = SimulationConfig { gun, ..SimulationConfig::default() };
    let event =
        simulate_event(&setup.detector, &setup.modules, &setup.field, &simulation, 1, 0).unwrap();
    let id = |cell: traccc::event::Cell| {
        setup.detector.geometry_ids[setup.modules.surface[cell.module.get()].get()]
    };
    let raw: RawCells = event
        .cells
        .iter()
        .map(|cell| RawCell {
            geometry_id: id(cell),
            channel0: cell.channel0,
            channel1: cell.channel1,
            activation: cell.activation,
            time: cell.time,
        })
        .collect();
    let tensors = encode_cells(&raw, CellForm::Plain).unwrap();
    let reply = in_process(&version, &tensors);
    let expected = Output::ALL.map(|output| {
        let mut bytes = vec![0; reply.byte_size(output)];
        reply.write(output, &mut bytes).unwrap();
        (output, reply.shape(output), bytes)
    });
    Fixture { repository, cells: event.cells, raw, tensors, expected: expected.into() }
}

/// All tensors of the contract, one instance with one thread.
fn configuration() -> String {
    let mut text =
        "backend: \"traccc\"\ninstance_group [ { count: 1 kind: KIND_CPU } ]\n".to_owned();
    for spec in input::ALL {
        writeln!(
            text,
            "input [ {{ name: \"{}\" data_type: TYPE_{} dims: {:?} optional: true }} ]",
            spec.name, spec.data_type, spec.dims
        )
        .unwrap();
    }
    for spec in Output::ALL.map(Output::spec) {
        writeln!(
            text,
            "output [ {{ name: \"{}\" data_type: TYPE_{} dims: {:?} }} ]",
            spec.name, spec.data_type, spec.dims
        )
        .unwrap();
    }
    for (key, value) in [("detector", "."), ("config", "chain.toml"), ("threads", "1")] {
        writeln!(text, "parameters {{ key: \"{key}\" value {{ string_value: \"{value}\" }} }}")
            .unwrap();
    }
    text
}

fn in_process(version: &Path, tensors: &[OwnedTensor; 2]) -> Reply {
    let parameters = [("detector", "."), ("config", "chain.toml")];
    let parameters = parameters.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let options = ModelOptions::from_parameters(&parameters, version).unwrap();
    let model = Arc::new(Model::load(&options, &SetupCache::new()).unwrap());
    let mut instance = model.instance(Backend::Cpu, 1).unwrap();
    let views = tensors.each_ref().map(OwnedTensor::view);
    let decoded = instance.decode(&views, RequestParameters::default()).unwrap();
    instance.reconstruct(&decoded).unwrap()
}

/// A server on free ports, changed as the test needs it.
pub(crate) async fn start(change: impl FnOnce(&mut ServerConfig)) -> Server {
    let mut config = ServerConfig::new(fixture().repository.path());
    change(&mut config);
    Server::start(config).await.unwrap()
}

pub(crate) async fn grpc(server: &Server) -> Client {
    let channel = Channel::from_shared(format!("http://{}", server.grpc_address())).unwrap();
    Client::new(channel.connect().await.unwrap()).max_decoding_message_size(usize::MAX)
}

/// A request with these tensors, for upstream's outputs.
pub(crate) fn request(tensors: &[OwnedTensor]) -> ModelInferRequest {
    let input = |tensor: &OwnedTensor| InferInputTensor {
        name: tensor.name.to_owned(),
        datatype: tensor.data_type.name().to_owned(),
        shape: tensor.shape.clone(),
        ..InferInputTensor::default()
    };
    let output = |output: Output| InferRequestedOutputTensor {
        name: output.spec().name.to_owned(),
        ..InferRequestedOutputTensor::default()
    };
    ModelInferRequest {
        model_name: "traccc".to_owned(),
        inputs: tensors.iter().map(input).collect(),
        outputs: Output::UPSTREAM.into_iter().map(output).collect(),
        raw_input_contents: tensors.iter().map(|tensor| tensor.bytes.clone().into()).collect(),
        ..ModelInferRequest::default()
    }
}

/// A request for the event of the fixture.
pub(crate) fn good_request() -> ModelInferRequest {
    request(&fixture().tensors)
}

/// Panics unless the response has the outputs of the chain in process, in the order of `outputs`.
pub(crate) fn assert_expected(response: &ModelInferResponse, outputs: &[Output]) {
    let names: Vec<&str> = response.outputs.iter().map(|tensor| &tensor.name[..]).collect();
    assert_eq!(names, outputs.iter().map(|output| output.spec().name).collect::<Vec<_>>());
    for (i, output) in outputs.iter().enumerate() {
        let (_, shape, bytes) = fixture().expected.iter().find(|(o, ..)| o == output).unwrap();
        assert_eq!(&response.outputs[i].shape, shape, "{output:?}");
        assert_eq!(response.outputs[i].datatype, output.spec().data_type.name());
        assert!(response.raw_output_contents[i] == bytes[..], "{output:?}");
    }
}

pub(crate) async fn assert_works(client: &mut Client) {
    let response = client.model_infer(good_request()).await.unwrap().into_inner();
    assert_expected(&response, &Output::UPSTREAM);
}

/// A reply over HTTP.
#[derive(Debug)]
pub(crate) struct HttpReply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl HttpReply {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Sends bytes as they are, and reads to the end of the connection.
pub(crate) fn exchange(address: SocketAddr, bytes: &[u8]) -> HttpReply {
    let mut stream = connect(address);
    // A server that refuses early may close before it has read everything.
    let _ = stream.write_all(bytes);
    read_reply(&mut stream)
}

pub(crate) fn read_reply(stream: &mut TcpStream) -> HttpReply {
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply);
    let end = reply.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(reply.len());
    let head = String::from_utf8_lossy(&reply[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    HttpReply { status, head, body: reply.get(end + 4..).unwrap_or_default().to_vec() }
}

pub(crate) fn get(address: SocketAddr, path: &str) -> HttpReply {
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    exchange(address, head.as_bytes())
}

pub(crate) fn post(address: SocketAddr, path: &str, headers: &str, body: &[u8]) -> HttpReply {
    exchange(address, &[post_head(path, headers, body.len()).as_bytes(), body].concat())
}

pub(crate) fn post_head(path: &str, headers: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    )
}

pub(crate) const INFER: &str = "/v2/models/traccc/infer";

/// The JSON and the binary tensors of a request over HTTP.
pub(crate) fn binary_request(
    tensors: &[OwnedTensor],
    more: &serde_json::Value,
) -> (String, Vec<u8>) {
    let inputs = tensors.iter().map(|tensor| {
        serde_json::json!({
            "name": tensor.name,
            "datatype": tensor.data_type.name(),
            "shape": tensor.shape,
            "parameters": { "binary_data_size": tensor.bytes.len() },
        })
    });
    let mut json = serde_json::json!({ "inputs": inputs.collect::<Vec<_>>() });
    for (key, value) in more.as_object().unwrap() {
        json[key] = value.clone();
    }
    let mut body = json.to_string().into_bytes();
    let header = format!("Inference-Header-Content-Length: {}\r\n", body.len());
    tensors.iter().for_each(|tensor| body.extend_from_slice(&tensor.bytes));
    (header, body)
}

/// Panics unless the event of the fixture is reconstructed over HTTP.
pub(crate) fn assert_http_works(server: &Server) {
    let more = serde_json::json!({ "parameters": { "binary_data_output": true } });
    let (header, body) = binary_request(&fixture().tensors, &more);
    let reply = post(server.http_address(), INFER, &header, &body);
    assert_eq!(reply.status, 200, "{}", reply.head);
    let length: usize = reply.header("Inference-Header-Content-Length").unwrap().parse().unwrap();
    let all: Vec<u8> = fixture().expected.iter().flat_map(|(.., bytes)| bytes.clone()).collect();
    assert!(reply.body[length..] == all[..]);
}
