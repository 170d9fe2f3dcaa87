//! Tensors in shared memory.

use crate::support::{Client, INFER, assert_works, fixture, get, good_request, grpc, post, start};
use serde_json::json;
use std::path::PathBuf;
use tonic::Code;
use traccc_protocol::Output;
use traccc_protocol::grpc::infer_parameter::ParameterChoice;
use traccc_protocol::grpc::{
    CudaSharedMemoryRegisterRequest, CudaSharedMemoryStatusRequest,
    CudaSharedMemoryUnregisterRequest, InferParameter, SystemSharedMemoryRegisterRequest,
    SystemSharedMemoryStatusRequest, SystemSharedMemoryUnregisterRequest,
};

/// A shared memory object that is removed at the end.
struct Object {
    key: String,
    path: PathBuf,
}

impl Object {
    fn new(name: &str, content: &[u8]) -> Self {
        let key = format!("/traccc-server-test-{}-{name}", std::process::id());
        let path = PathBuf::from("/dev/shm").join(&key[1..]);
        std::fs::write(&path, content).unwrap();
        Self { key, path }
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn register(
    client: &mut Client,
    name: &str,
    key: &str,
    byte_size: usize,
) -> Result<(), tonic::Status> {
    let (name, key, byte_size) = (name.into(), key.into(), byte_size as u64);
    let request = SystemSharedMemoryRegisterRequest { name, key, offset: 0, byte_size };
    client.system_shared_memory_register(request).await.map(|_| ())
}

fn region(name: &str, offset: usize, byte_size: usize) -> [(String, InferParameter); 3] {
    let value = |choice| InferParameter { parameter_choice: Some(choice) };
    [
        ("shared_memory_region".into(), value(ParameterChoice::StringParam(name.into()))),
        ("shared_memory_offset".into(), value(ParameterChoice::Int64Param(offset as i64))),
        ("shared_memory_byte_size".into(), value(ParameterChoice::Int64Param(byte_size as i64))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn cells_and_tracks_go_through_shared_memory() {
    let (server, fixture) = (start(|config| config.shared_memory = true).await, fixture());
    let mut client = grpc(&server).await;
    let [positions, properties] = &fixture.tensors;
    let content = [&[0; 3][..], &positions.bytes, &properties.bytes].concat();
    let (input, output) = (Object::new("in", &content), Object::new("out", &[0; 1 << 20]));
    register(&mut client, "in", &input.key, content.len()).await.unwrap();
    register(&mut client, "out", &output.key, 1 << 20).await.unwrap();

    let mut request = good_request();
    request.raw_input_contents.clear();
    request.outputs.truncate(2);
    let split = 3 + positions.bytes.len();
    request.inputs[0].parameters.extend(region("in", 3, positions.bytes.len()));
    request.inputs[1].parameters.extend(region("in", split, properties.bytes.len()));
    request.outputs[0].parameters.extend(region("out", 5, 500_000));
    let response = client.model_infer(request.clone()).await.unwrap().into_inner();
    let (_, shape, tracks) =
        fixture.expected.iter().find(|(o, ..)| *o == Output::TrackParameters).unwrap();
    assert_eq!(&response.outputs[0].shape, shape);
    assert!(response.raw_output_contents[0].is_empty());
    let (.., measurements) = &fixture.expected[1];
    assert!(response.raw_output_contents[1] == measurements[..]);
    let written = std::fs::read(&output.path).unwrap();
    assert!(written[5..5 + tracks.len()] == tracks[..]);

    // The same over HTTP.
    std::fs::write(&output.path, [0; 1 << 20]).unwrap();
    let place = |name: &str, offset: usize, size: usize| json!({ "shared_memory_region": name, "shared_memory_offset": offset, "shared_memory_byte_size": size });
    let json = json!({
        "inputs": [
            { "name": "CELL_POSITIONS", "datatype": "INT64", "shape": positions.shape,
              "parameters": place("in", 3, positions.bytes.len()) },
            { "name": "CELL_PROPERTIES", "datatype": "FP32", "shape": properties.shape,
              "parameters": place("in", split, properties.bytes.len()) },
        ],
        "outputs": [{ "name": "TRK_PARAMS", "parameters": place("out", 0, 1 << 20) }],
    });
    let reply = post(server.http_address(), INFER, "", json.to_string().as_bytes());
    assert_eq!(
        reply.json()["outputs"],
        json!([{ "name": "TRK_PARAMS", "datatype": "FP32", "shape": shape }])
    );
    assert!(std::fs::read(&output.path).unwrap()[..tracks.len()] == tracks[..]);

    // What does not fit is told; what is unregistered is gone.
    request.outputs[0].parameters.extend(region("out", 0, 10));
    let status = client.model_infer(request.clone()).await.unwrap_err();
    assert!(status.message().contains("`TRK_PARAMS` takes"), "{status}");
    let name = "out".to_owned();
    client
        .system_shared_memory_unregister(SystemSharedMemoryUnregisterRequest { name })
        .await
        .unwrap();
    let status = client.model_infer(request).await.unwrap_err();
    assert!(status.message().contains("`out` is not registered"), "{status}");
    let regions =
        client.system_shared_memory_status(SystemSharedMemoryStatusRequest::default()).await;
    assert_eq!(regions.unwrap().into_inner().regions.into_keys().collect::<Vec<_>>(), ["in"]);
    let listed = get(server.http_address(), "/v2/systemsharedmemory/status").json();
    assert_eq!(
        listed,
        json!([{ "name": "in", "key": input.key, "offset": 0, "byte_size": content.len() }])
    );
    assert_works(&mut client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_reach_nothing_but_shared_memory() {
    let server = start(|config| config.shared_memory = true).await;
    let mut client = grpc(&server).await;
    let secret = fixture().repository.path().join("traccc/config.pbtxt");
    let path = format!("/../..{}", secret.display());
    for key in ["/../etc/passwd", "/..", "/etc/passwd", &path, &secret.display().to_string(), ""] {
        let status = register(&mut client, "x", key, 1).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{key}: {status}");
        let body = json!({ "key": key, "offset": 0, "byte_size": 1 }).to_string();
        let reply = post(
            server.http_address(),
            "/v2/systemsharedmemory/region/x/register",
            "",
            body.as_bytes(),
        );
        assert_eq!(reply.status, 400, "{key}");
    }
    assert_works(&mut client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_memory_is_off_unless_it_is_switched_on() {
    let server = start(|_| {}).await;
    let mut client = grpc(&server).await;
    let object = Object::new("off", &[0; 8]);
    let status = register(&mut client, "x", &object.key, 8).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(status.message().contains("--shared-memory"), "{status}");
    let mut request = good_request();
    request.inputs[0].parameters.extend(region("x", 0, 8));
    let status = client.model_infer(request).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    let body = json!({ "key": object.key, "byte_size": 8 }).to_string();
    let path = "/v2/systemsharedmemory/region/x/register";
    let reply = post(server.http_address(), path, "", body.as_bytes());
    assert_eq!(reply.status, 403);
    assert!(reply.error().contains("--shared-memory"), "{}", reply.error());
    assert_works(&mut client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_may_begin_by_unregistering_everything() {
    for enabled in [false, true] {
        let server = start(|config| config.shared_memory = enabled).await;
        let (mut client, http) = (grpc(&server).await, server.http_address());
        let all = SystemSharedMemoryUnregisterRequest::default();
        client.system_shared_memory_unregister(all).await.unwrap();
        let all = CudaSharedMemoryUnregisterRequest::default();
        client.cuda_shared_memory_unregister(all).await.unwrap();
        for kind in ["systemsharedmemory", "cudasharedmemory"] {
            for path in ["unregister", "region/x/unregister"] {
                assert_eq!(
                    post(http, &format!("/v2/{kind}/{path}"), "", b"").status,
                    200,
                    "{path}"
                );
            }
            let listed = get(http, &format!("/v2/{kind}/status"));
            assert_eq!((listed.status, listed.json()), (200, json!([])), "{kind}");
        }
        let listed =
            client.system_shared_memory_status(SystemSharedMemoryStatusRequest::default()).await;
        assert!(listed.unwrap().into_inner().regions.is_empty());
        let listed =
            client.cuda_shared_memory_status(CudaSharedMemoryStatusRequest::default()).await;
        assert!(listed.unwrap().into_inner().regions.is_empty());

        let request = CudaSharedMemoryRegisterRequest { name: "x".into(), ..Default::default() };
        let status = client.cuda_shared_memory_register(request).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
        assert!(status.message().contains("CUDA shared memory is not supported"), "{status}");
        let path = "/v2/cudasharedmemory/region/x/register";
        let reply =
            post(http, path, "", br#"{"raw_handle": {"b64": ""}, "device_id": 0, "byte_size": 8}"#);
        assert_eq!(reply.status, 501);
        assert!(reply.error().contains("CUDA shared memory is not supported"), "{}", reply.error());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_input_is_refused_before_shared_memory_is_read() {
    let server = start(|config| config.shared_memory = true).await;
    let mut client = grpc(&server).await;
    let object = Object::new("twice", &[0; 64]);
    register(&mut client, "x", &object.key, 64).await.unwrap();
    // Reading would now be an error of its own.
    std::fs::write(&object.path, []).unwrap();
    let mut request = good_request();
    request.raw_input_contents.clear();
    request.inputs[0].parameters.extend(region("x", 0, 64));
    request.inputs[1] = request.inputs[0].clone();
    let status = client.model_infer(request).await.unwrap_err();
    assert!(status.message().contains("`CELL_POSITIONS` is sent twice"), "{status}");
}
