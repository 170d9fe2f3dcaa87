//! Requests that are wrong: each is refused with what is wrong in it, and the next one works.

use crate::support::{
    Client, HttpReply, INFER, assert_http_works, assert_works, binary_request, exchange, fixture,
    get, good_request, grpc, post, start,
};
use serde_json::json;
use std::net::SocketAddr;
use tonic::Code;
use traccc_protocol::OwnedTensor;
use traccc_protocol::grpc::infer_parameter::ParameterChoice;
use traccc_protocol::grpc::{InferParameter, InferTensorContents, ModelInferRequest};

/// Replaces bytes of a tensor's content.
fn patch(request: &mut ModelInferRequest, tensor: usize, at: usize, bytes: &[u8]) {
    let mut content = request.raw_input_contents[tensor].to_vec();
    content[at..at + bytes.len()].copy_from_slice(bytes);
    request.raw_input_contents[tensor] = content.into();
}

async fn refused(
    client: &mut Client,
    change: impl FnOnce(&mut ModelInferRequest),
) -> (Code, String) {
    let mut request = good_request();
    change(&mut request);
    let status = client.model_infer(request).await.expect_err("is refused");
    assert_works(client).await;
    (status.code(), status.message().to_owned())
}

/// A change of a request, and parts of the message that refuses it.
type Case = (fn(&mut ModelInferRequest), &'static [&'static str]);

async fn assert_refused(code: Code, cases: &[Case]) {
    let server = start(|_| {}).await;
    let mut client = grpc(&server).await;
    for (i, (change, parts)) in cases.iter().enumerate() {
        let (found, message) = refused(&mut client, change).await;
        assert_eq!(found, code, "case {i}: {message}");
        for part in *parts {
            assert!(message.contains(part), "case {i}: {message}");
        }
    }
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tensors_of_wrong_form_are_refused_by_name() {
    let cases: &[Case] = &[
        (|r| r.inputs[0].datatype = "INT32".into(), &["`CELL_POSITIONS`", "INT32", "INT64"]),
        (|r| r.inputs[1].datatype = "FP64".into(), &["`CELL_PROPERTIES`", "FP64", "FP32"]),
        (|r| r.inputs[0].shape[1] = 3, &["`CELL_POSITIONS`", "3]", "[-1, 4]"]),
        (|r| r.inputs[1].shape.push(1), &["`CELL_PROPERTIES`", "[-1, 2]"]),
        (|r| r.inputs[1].shape.clear(), &["`CELL_PROPERTIES`", "[]"]),
        (|r| r.inputs[0].shape[0] = -1, &["`CELL_POSITIONS`", "[-1, 4]"]),
        (|r| r.inputs[0].shape[0] = i64::MAX, &["`CELL_POSITIONS`", "9223372036854775807"]),
        (|r| r.inputs[0].shape[0] += 1, &["`CELL_POSITIONS`", "bytes"]),
        (|r| drop(r.raw_input_contents[1].split_off(5)), &["`CELL_PROPERTIES`", "has 5 bytes"]),
        (
            |r| {
                r.inputs[1].shape[0] -= 1;
                let length = r.raw_input_contents[1].len() - 8;
                r.raw_input_contents[1].truncate(length);
            },
            &["`CELL_POSITIONS`", "rows", "`CELL_PROPERTIES`"],
        ),
    ];
    assert_refused(Code::InvalidArgument, cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_values_are_refused_by_row() {
    let cases: &[Case] = &[
        (
            |r| patch(r, 0, 32 * 3 + 16, &(-1_i64).to_le_bytes()),
            &["`CELL_POSITIONS`, row 3", "channel0 is -1"],
        ),
        (
            |r| patch(r, 0, 32 * 4 + 24, &(1_i64 << 40).to_le_bytes()),
            &["row 4", "channel1 is 1099511627776"],
        ),
        (
            |r| patch(r, 0, 32 * 5, &77_i64.to_le_bytes()),
            &["`CELL_POSITIONS`, row 5", "77 is no ACTS geometry id"],
        ),
        (
            |r| patch(r, 0, 0, &0_i64.to_le_bytes()),
            &["`CELL_POSITIONS`, row 0", "0 is no ACTS geometry id"],
        ),
        (|r| patch(r, 1, 8 * 6 + 4, &f32::NAN.to_le_bytes()), &["`CELL_PROPERTIES`, row 6", "NaN"]),
        (|r| patch(r, 1, 8 * 7 + 4, &(-1.0_f32).to_le_bytes()), &["row 7", "activation is -1"]),
        (|r| patch(r, 1, 8 * 8, &f32::INFINITY.to_le_bytes()), &["row 8", "time is inf"]),
    ];
    assert_refused(Code::InvalidArgument, cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_sets_of_tensors_and_parameters_are_refused() {
    let cases: &[Case] = &[
        (
            |r| drop((r.inputs.remove(0), r.raw_input_contents.remove(0))),
            &["`CELL_POSITIONS` is missing"],
        ),
        (
            |r| drop((r.inputs.remove(1), r.raw_input_contents.remove(1))),
            &["`CELL_PROPERTIES` is missing"],
        ),
        (
            |r| [r.inputs.clear(), r.raw_input_contents.clear()].iter().for_each(drop),
            &["`CELL_POSITIONS` is missing"],
        ),
        (|r| r.inputs[0].name = "CELLS".into(), &["`CELLS` is no input"]),
        (|r| r.inputs[1] = r.inputs[0].clone(), &["`CELL_POSITIONS` is sent twice"]),
        (|r| drop(r.raw_input_contents.remove(1)), &["`CELL_PROPERTIES` has no content"]),
        (|r| r.raw_input_contents.push(vec![1].into()), &["1 raw_input_contents are left"]),
        (
            |r| r.inputs[1].contents = Some(InferTensorContents::default()),
            &["`CELL_PROPERTIES`", "raw_input_contents and contents"],
        ),
        (|r| r.outputs[0].name = "LABELS".into(), &["`LABELS` is no output"]),
        (|r| r.outputs[1] = r.outputs[0].clone(), &["`TRK_PARAMS` is requested twice"]),
        (
            |r| {
                let none = InferParameter { parameter_choice: None };
                r.parameters.insert("traccc_tracks".into(), none);
            },
            &["traccc_tracks", "no such parameter"],
        ),
        (
            |r| {
                let value = Some(ParameterChoice::DoubleParam(-1.0));
                r.parameters.insert(
                    "traccc_max_chi2_per_ndf".into(),
                    InferParameter { parameter_choice: value },
                );
            },
            &["traccc_max_chi2_per_ndf", "-1"],
        ),
    ];
    assert_refused(Code::InvalidArgument, cases).await;
    let cases: &[Case] = &[
        (|r| r.model_name = "traccc-gpu".into(), &["no model `traccc-gpu`"]),
        (|r| r.model_version = "2".into(), &["no version `2`", "served are 1"]),
        (|r| r.model_version = "latest".into(), &["no version `latest`"]),
    ];
    assert_refused(Code::NotFound, cases).await;
}

fn assert_status(reply: &HttpReply, status: u16, parts: &[&str]) {
    let error = if reply.body.is_empty() { String::new() } else { reply.error() };
    assert_eq!(reply.status, status, "{error}");
    for part in parts {
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_over_http_are_refused() {
    let server = start(|_| {}).await;
    let address = server.http_address();
    let (header, body) = binary_request(&fixture().tensors, &json!({}));
    let json = |text: &str| post(address, INFER, "", text.as_bytes());
    assert_status(&json("{"), 400, &["JSON", "line 1"]);
    assert_status(&json("[]"), 400, &["JSON"]);
    assert_status(&json(""), 400, &["JSON"]);
    let deep =
        format!(r#"{{"parameters":{{"x":{}{}}},"inputs":[]}}"#, "[".repeat(999), "]".repeat(999));
    assert_status(&json(&deep), 400, &["recursion"]);
    let one = |fields: &str| {
        json(&format!(
            r#"{{"inputs": [{{"name": "CELL_PROPERTIES", "shape": [1, 2], {fields}}}]}}"#
        ))
    };
    assert_status(&one(r#""datatype": "FP32""#), 400, &["`CELL_PROPERTIES` has no content"]);
    assert_status(
        &one(r#""datatype": "FP64", "data": [1, 2]"#),
        400,
        &["`CELL_PROPERTIES`", "FP64"],
    );
    assert_status(
        &one(r#""datatype": "FP32", "data": [1, "a"]"#),
        400,
        &["`CELL_PROPERTIES`", "\"a\""],
    );
    assert_status(&one(r#""datatype": "FP32", "data": [1, NaN]"#), 400, &["JSON"]);
    let size = r#""datatype": "FP32", "parameters": {"binary_data_size": 8}"#;
    assert_status(&one(size), 400, &["binary_data_size is 8, but 0 bytes are left"]);
    let size = r#""datatype": "FP32", "parameters": {"binary_data_size": -8}"#;
    assert_status(&one(size), 400, &["`CELL_PROPERTIES`", "`binary_data_size` is -8"]);
    let longer = [&body[..], b"x"].concat();
    assert_status(&post(address, INFER, &header, &longer), 400, &["1 bytes of the body are left"]);
    let header_length = |text: &str| {
        post(address, INFER, &format!("Inference-Header-Content-Length: {text}\r\n"), &body)
    };
    assert_status(
        &header_length("99999999"),
        400,
        &["Inference-Header-Content-Length", "99999999"],
    );
    assert_status(&header_length("-1"), 400, &["Inference-Header-Content-Length", "-1"]);
    assert_status(&header_length("7"), 400, &["JSON"]);
    let not_gzip = post(address, INFER, "Content-Encoding: gzip\r\n", &body);
    assert_status(&not_gzip, 400, &["body"]);

    let mut nan = fixture().tensors.clone();
    nan[1].bytes[4..8].copy_from_slice(&f32::NAN.to_le_bytes());
    assert_status(&send(address, &nan), 400, &["`CELL_PROPERTIES`, row 0", "NaN"]);
    let (header, body) =
        binary_request(&fixture().tensors, &json!({ "outputs": [{ "name": "LABELS" }] }));
    assert_status(&post(address, INFER, &header, &body), 400, &["`LABELS`"]);
    assert_status(&post(address, "/v2/models/x/infer", &header, &body), 404, &["`x`"]);
    assert_status(
        &post(address, "/v2/models/traccc/versions/2/infer", &header, &body),
        404,
        &["`2`"],
    );
    assert_status(&get(address, INFER), 405, &["method"]);
    assert_status(&get(address, "/v2/../../etc/passwd"), 404, &["no path"]);
    assert_status(&get(address, "/v2/models/..%2F..%2Fetc"), 404, &["no model"]);
    assert_http_works(&server);
}

fn send(address: SocketAddr, tensors: &[OwnedTensor]) -> HttpReply {
    let (header, body) = binary_request(tensors, &json!({}));
    post(address, INFER, &header, &body)
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_refused_or_cut_off() {
    let server = start(|_| {}).await;
    let garbage: Vec<u8> =
        (0..10_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let status = exchange(server.http_address(), &garbage).status;
    assert!(status == 400 || status == 0, "{status}");
    assert_eq!(exchange(server.http_address(), b"GET / HTTP/9.9\r\n\r\n").status, 400);
    let twice =
        b"POST /v2/models/traccc/infer HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx";
    assert_eq!(exchange(server.http_address(), twice).status, 400);
    // What comes back is the end of the connection, after frames at most.
    assert_eq!(exchange(server.grpc_address(), &garbage).status, 0);
    assert_http_works(&server);
    assert_works(&mut grpc(&server).await).await;
}
