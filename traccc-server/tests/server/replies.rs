//! What is answered to requests that are right.

use crate::support::{
    INFER, assert_expected, assert_http_works, binary_request, fixture, good_request, grpc, post,
    request, start,
};
use serde_json::{Value, json};
use tokio_stream::StreamExt;
use traccc::ChainConfig;
use traccc::{Backend, Setup, SetupFiles};
use traccc_protocol::grpc::infer_parameter::ParameterChoice;
use traccc_protocol::grpc::{InferParameter, InferTensorContents};
use traccc_protocol::{CellForm, DataType, Output, encode_cells};

fn parameter(value: &str) -> InferParameter {
    InferParameter { parameter_choice: Some(ParameterChoice::StringParam(value.into())) }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reply_over_grpc_is_that_of_the_chain_in_process() {
    let (server, fixture) = (start(|_| {}).await, fixture());
    let mut client = grpc(&server).await;
    // The chain itself, without anything of the service.
    let files = SetupFiles::in_dir(fixture.repository.path().join("traccc/1")).unwrap();
    let mut config = ChainConfig::service();
    config.finding.min_measurements = 3;
    let mut chain = Setup::read(&files).unwrap().open(Backend::Cpu, &config).unwrap();
    let tracks = chain.reconstruct(&fixture.cells).unwrap().tracks().tracks.len();
    assert!(tracks > 100, "{tracks}");

    let request = || {
        tonic::Request::new({
            let mut request = good_request();
            request.id = "event 7".into();
            request
        })
    };
    let response = client.model_infer(request()).await.unwrap().into_inner();
    assert_expected(&response, &Output::UPSTREAM);
    assert_eq!(response.id, "event 7");
    assert_eq!((&response.model_name[..], &response.model_version[..]), ("traccc", "1"));
    let count = |name: &str| response.parameters[name].parameter_choice.clone();
    let cells = fixture.cells.len() as i64;
    assert_eq!(count("traccc_cells"), Some(ParameterChoice::Int64Param(cells)));
    let Some(ParameterChoice::Int64Param(sent)) = count("traccc_tracks") else { panic!() };
    let Some(ParameterChoice::Int64Param(excluded)) = count("traccc_excluded_tracks") else {
        panic!()
    };
    assert_eq!(sent + excluded, tracks as i64);
    assert!(sent > 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_requested_outputs_are_sent_and_all_if_none_is_named() {
    let server = start(|_| {}).await;
    let mut client = grpc(&server).await;
    let mut all = good_request();
    all.outputs.clear();
    assert_expected(&client.model_infer(all).await.unwrap().into_inner(), &Output::ALL);
    let mut some = good_request();
    some.outputs.drain(..2);
    some.outputs.reverse();
    let response = client.model_infer(some).await.unwrap().into_inner();
    assert_expected(&response, &[Output::GeometryIds, Output::Covariances]);
}

#[tokio::test(flavor = "multi_thread")]
async fn compact_cells_and_typed_contents_give_the_same_reply() {
    let (server, fixture) = (start(|_| {}).await, fixture());
    let mut client = grpc(&server).await;
    let compact = encode_cells(&fixture.raw, CellForm::CompactWithTime).unwrap();
    let response = client.model_infer(request(&compact)).await.unwrap().into_inner();
    assert_expected(&response, &Output::UPSTREAM);

    for tensors in [&compact, &fixture.tensors] {
        let mut typed = request(tensors);
        typed.raw_input_contents.clear();
        for (input, tensor) in typed.inputs.iter_mut().zip(tensors) {
            let mut contents = InferTensorContents::default();
            let words = tensor.bytes.as_chunks::<4>().0.iter().copied();
            let longs = tensor.bytes.as_chunks::<8>().0.iter().copied();
            match tensor.data_type {
                DataType::Int64 => {
                    contents.int64_contents = longs.map(i64::from_le_bytes).collect();
                }
                DataType::Uint32 => {
                    contents.uint_contents = words.map(u32::from_le_bytes).collect();
                }
                DataType::Fp32 => contents.fp32_contents = words.map(f32::from_le_bytes).collect(),
            }
            input.contents = Some(contents);
        }
        let response = client.model_infer(typed).await.unwrap().into_inner();
        assert_expected(&response, &Output::UPSTREAM);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packed_requests_are_understood_and_replies_are_not_packed() {
    let server = start(|_| {}).await;
    let gzip = tonic::codec::CompressionEncoding::Gzip;
    let mut client = grpc(&server).await.send_compressed(gzip).accept_compressed(gzip);
    let response = client.model_infer(good_request()).await.unwrap();
    assert!(response.metadata().get("grpc-encoding").is_none(), "{:?}", response.metadata());
    assert_expected(response.get_ref(), &Output::UPSTREAM);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cells_give_no_tracks() {
    let server = start(|_| {}).await;
    let mut client = grpc(&server).await;
    let none = encode_cells(&traccc::event::RawCells::default(), CellForm::Plain).unwrap();
    let mut without_entries = request(&none);
    without_entries.raw_input_contents.clear();
    for request in [request(&none), without_entries] {
        let response = client.model_infer(request).await.unwrap().into_inner();
        let shapes: Vec<&[i64]> = response.outputs.iter().map(|tensor| &tensor.shape[..]).collect();
        assert_eq!(shapes, [&[0, 8][..], &[0, 6], &[0, 25], &[0]]);
        assert!(response.raw_output_contents.iter().all(bytes::Bytes::is_empty));
    }
    let json = json!({ "inputs": [
        { "name": "CELL_POSITIONS", "datatype": "INT64", "shape": [0, 4], "data": [] },
        { "name": "CELL_PROPERTIES", "datatype": "FP32", "shape": [0, 2], "data": [] },
    ], "outputs": [{ "name": "TRK_PARAMS" }] });
    let reply = post(server.http_address(), INFER, "", json.to_string().as_bytes());
    assert_eq!(
        reply.json()["outputs"],
        json!([{ "name": "TRK_PARAMS", "datatype": "FP32", "shape": [0, 8], "data": [] }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_of_the_request_are_obeyed() {
    let (server, fixture) = (start(|_| {}).await, fixture());
    let mut client = grpc(&server).await;
    let mut long = good_request();
    long.parameters.insert("traccc_min_measurements".into(), parameter("1000"));
    long.parameters.insert("somebody_elses".into(), parameter("x"));
    let response = client.model_infer(long).await.unwrap().into_inner();
    assert_eq!(response.outputs[0].shape, [0, 8]);
    let more = json!({ "parameters": { "traccc_min_measurements": 1000 } });
    let (header, body) = binary_request(&fixture.tensors, &more);
    let reply = post(server.http_address(), INFER, &header, &body).json();
    assert_eq!(reply["outputs"][0]["shape"], json!([0, 8]));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_a_stream_are_answered_in_their_order() {
    let server = start(|_| {}).await;
    let mut client = grpc(&server).await;
    let requests: Vec<_> = ["traccc", "none", "traccc"]
        .into_iter()
        .zip(["a", "b", "c"])
        .map(|(model, id)| {
            let mut request = good_request();
            (request.model_name, request.id) = (model.into(), id.into());
            request
        })
        .collect();
    let replies = client.model_stream_infer(tokio_stream::iter(requests)).await.unwrap();
    let replies: Vec<_> = replies.into_inner().collect::<Result<Vec<_>, _>>().await.unwrap();
    assert_eq!(replies.len(), 3);
    for (reply, id) in [(&replies[0], "a"), (&replies[2], "c")] {
        let response = reply.infer_response.as_ref().unwrap();
        assert_expected(response, &Output::UPSTREAM);
        assert_eq!(response.id, id);
    }
    assert_eq!(replies[1].error_message, "there is no model `none`");
    assert_eq!(replies[1].infer_response.as_ref().unwrap().id, "b");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reply_over_http_is_that_of_the_chain_in_process() {
    let (server, fixture) = (start(|_| {}).await, fixture());
    assert_http_works(&server);
    // Numbers in JSON, there and back; one output in binary.
    let inputs = fixture.tensors.each_ref().map(|tensor| {
        let columns = tensor.shape[1] as usize;
        let data: Vec<Value> = match tensor.data_type {
            DataType::Int64 => values(&tensor.bytes, i64::from_le_bytes),
            _ => values(&tensor.bytes, f32::from_le_bytes),
        };
        let rows: Vec<&[Value]> = data.chunks(columns).collect();
        json!({ "name": tensor.name, "datatype": tensor.data_type.name(), "shape": tensor.shape, "data": rows })
    });
    let json = json!({ "id": "7", "inputs": inputs, "outputs": [
        { "name": "GEOMETRY_IDS" },
        { "name": "TRK_PARAMS", "parameters": { "binary_data": true } },
        { "name": "COVARIANCES", "parameters": { "binary_data": false } },
    ] });
    let path = "/v2/models/traccc/versions/1/infer";
    let reply = post(server.http_address(), path, "", json.to_string().as_bytes());
    let length: usize = reply.header("inference-header-content-length").unwrap().parse().unwrap();
    let (head, binary) = reply.body.split_at(length);
    let head: Value = serde_json::from_slice(head).unwrap();
    assert_eq!((&head["id"], &head["model_version"]), (&json!("7"), &json!("1")));
    let expected = |output| fixture.expected.iter().find(|(o, ..)| *o == output).unwrap();
    let (_, shape, ids) = expected(Output::GeometryIds);
    assert_eq!(head["outputs"][0]["data"], json!(values(ids, i64::from_le_bytes)));
    assert_eq!(head["outputs"][0]["shape"], json!(shape));
    let (.., tracks) = expected(Output::TrackParameters);
    assert_eq!(head["outputs"][1]["parameters"]["binary_data_size"], json!(tracks.len()));
    assert!(binary == &tracks[..]);
    let (.., covariances) = expected(Output::Covariances);
    let sent: Vec<u8> = head["outputs"][2]["data"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|value| (value.as_f64().unwrap() as f32).to_le_bytes())
        .collect();
    assert!(sent == covariances[..]);
}

fn values<const N: usize, T: Into<Value>>(bytes: &[u8], read: fn([u8; N]) -> T) -> Vec<Value> {
    bytes.as_chunks::<N>().0.iter().map(|&bytes| read(bytes).into()).collect()
}
