//! Clients that ask for more memory or patience than is sound.

use crate::support::{
    Client, INFER, assert_expected, assert_http_works, assert_works, binary_request, connect,
    fixture, get, good_request, grpc, post, post_head, read_reply, start,
};
use axum::body::{Body, Bytes};
use axum::http;
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use std::convert::Infallible;
use std::io::{Read, Write};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};
use traccc_protocol::Output;
use traccc_protocol::grpc::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use traccc_protocol::grpc::{InferTensorContents, ModelInferRequest, ModelStatisticsRequest};
use traccc_server::Server;

const MIB: usize = 1 << 20;

/// The line of a metric with this beginning.
fn metric(server: &Server, beginning: &str) -> u64 {
    let page = String::from_utf8(get(server.metrics_address(), "/metrics").body).unwrap();
    let line = page.lines().find(|line| line.starts_with(beginning));
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

async fn failures(client: &mut Client) -> u64 {
    let request = ModelStatisticsRequest { name: "traccc".into(), ..Default::default() };
    let reply = client.model_statistics(request).await.unwrap().into_inner();
    reply.model_stats[0].inference_stats.as_ref().unwrap().fail.unwrap().count
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_grow_in_memory_are_refused_before_they_are_decoded() {
    let server = start(|config| config.limits.request_bytes = 64 * MIB).await;
    let client = grpc(&server).await;
    let mut packed = client.clone().send_compressed(CompressionEncoding::Gzip);
    let contents = |contents: InferTensorContents| {
        let mut request = good_request();
        request.raw_input_contents.clear();
        request.inputs[0].contents = Some(contents);
        request
    };
    let cases = [
        (
            ModelInferRequest {
                inputs: vec![InferInputTensor::default(); 200_000],
                ..Default::default()
            },
            Code::InvalidArgument,
            "64 entries of `inputs`",
        ),
        (
            ModelInferRequest {
                outputs: vec![InferRequestedOutputTensor::default(); 65],
                ..Default::default()
            },
            Code::InvalidArgument,
            "64 entries of `outputs`",
        ),
        (
            ModelInferRequest { raw_input_contents: vec![Bytes::new(); 65], ..Default::default() },
            Code::InvalidArgument,
            "64 entries of `raw_input_contents`",
        ),
        (
            ModelInferRequest { id: "x".repeat(70_000), ..Default::default() },
            Code::InvalidArgument,
            "65536 bytes beside",
        ),
        // A byte each in the request, eight in memory: one more than the limit.
        (
            contents(InferTensorContents {
                int64_contents: vec![0; 8 * MIB + 1],
                ..Default::default()
            }),
            Code::ResourceExhausted,
            "67108864",
        ),
        (
            contents(InferTensorContents {
                bytes_contents: vec![vec![]; 100_000],
                ..Default::default()
            }),
            Code::InvalidArgument,
            "65536 bytes beside",
        ),
    ];
    for (i, (request, code, message)) in cases.into_iter().enumerate() {
        let status = packed.model_infer(request).await.unwrap_err();
        assert_eq!(status.code(), code, "case {i}: {status}");
        assert!(status.message().contains(message), "case {i}: {status}");
    }
    assert_eq!(metric(&server, "traccc_refused_calls_total{status=\"InvalidArgument\"}"), 5);
    assert_eq!(metric(&server, "traccc_refused_calls_total{status=\"ResourceExhausted\"}"), 1);
    assert_works(&mut client.clone()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_grows_in_memory_is_refused() {
    let server = start(|_| {}).await;
    let address = server.http_address();
    let input =
        |fields: &str| format!(r#"{{"name":"CELL_POSITIONS","datatype":"INT64",{fields}}}"#);
    let none = input(r#""shape":[0,4],"data":[]"#);
    let zeros = format!("[{}0]", "0,".repeat(40_000));
    for (body, message) in [
        (format!(r#"{{"inputs":[{}]}}"#, vec![none.as_str(); 65].join(",")), "at most 64"),
        (format!(r#"{{"inputs":[{}]}}"#, input(&format!(r#""shape":{zeros}"#))), "at most 64"),
        (format!(r#"{{"inputs":[],"parameters":{{"x":{zeros}}}}}"#), "at most 65536"),
    ] {
        let reply = post(address, INFER, "", body.as_bytes());
        assert_eq!(reply.status, 400, "{}", reply.head);
        assert!(reply.error().contains(message), "{}", reply.error());
    }
    let long = format!(r#"{{"inputs":[{}]}}"#, input(&format!(r#""shape":"{}""#, "x".repeat(MIB))));
    let error = post(address, INFER, "", long.as_bytes()).error();
    assert!(error.len() < 2000, "{} bytes come back", error.len());
    assert_eq!(failures(&mut grpc(&server).await).await, 4, "all are in the statistics");
    assert_http_works(&server);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_requests_together_have_a_limit_of_memory() {
    let server = start(|config| {
        config.limits.request_bytes = MIB;
        config.limits.memory = MIB;
    })
    .await;
    let mut client = grpc(&server).await;
    let mut half = connect(server.http_address());
    half.write_all(post_head(INFER, "", MIB).as_bytes()).unwrap();
    half.write_all(&vec![b' '; MIB - 1000]).unwrap();
    // Until all of it has come.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let status = client.model_infer(good_request()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(status.message().contains("1048576 bytes, the limit: try again later"), "{status}");
    let (header, body) = binary_request(&fixture().tensors, &json!({}));
    let reply = post(server.http_address(), INFER, &header, &body);
    assert_eq!(reply.status, 503, "{}", reply.head);
    assert_eq!(metric(&server, "traccc_refused_calls_total{status=\"Unavailable\"}"), 1);
    drop(half);
    while client.model_infer(good_request()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_works(&mut client).await;
    assert_http_works(&server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_takes_the_memory_of_one_request_and_one_right_to_be_answered() {
    let server = start(|config| {
        config.limits.request_bytes = MIB;
        config.limits.memory = MIB;
        config.limits.requests = 1;
    })
    .await;
    let mut client = grpc(&server).await;
    let requests = (0..200).map(|i| {
        let mut request = good_request();
        if i % 50 != 0 {
            request.model_name = "none".to_owned();
        }
        request
    });
    let requests: Vec<_> = requests.collect();
    let sent: usize = requests[0].raw_input_contents.iter().map(Bytes::len).sum();
    assert!(200 * sent > 2 * MIB, "{sent} bytes a request");
    let replies = client.model_stream_infer(tokio_stream::iter(requests)).await.unwrap();
    let replies: Vec<_> = replies.into_inner().collect::<Result<_, _>>().await.unwrap();
    for (i, reply) in replies.iter().enumerate() {
        assert_eq!(reply.error_message.is_empty(), i % 50 == 0, "{i}: {}", reply.error_message);
    }
    assert_eq!(replies.len(), 200);
    assert_eq!(metric(&server, "traccc_refused_calls_total{status=\"NotFound\"}"), 196);
    assert_works(&mut client).await;
}

async fn channel(server: &Server, change: impl FnOnce(Endpoint) -> Endpoint) -> Channel {
    let address = format!("http://{}", server.grpc_address());
    change(Channel::from_shared(address).unwrap()).connect().await.unwrap()
}

/// A call whose body begins with `bytes` and does not end.
async fn unfinished_call(
    server: &Server,
    path: &str,
    timeout: &str,
    bytes: Vec<u8>,
) -> http::Response<Incoming> {
    let address = server.grpc_address();
    let begin = tokio_stream::once(Ok::<_, Infallible>(Frame::data(Bytes::from(bytes))));
    let body = StreamBody::new(begin.chain(tokio_stream::pending()));
    let path = format!("http://{address}/inference.GRPCInferenceService/{path}");
    let request = http::Request::post(path)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", timeout)
        .body(Box::pin(body))
        .unwrap();
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    sender.send_request(request).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_stands_still_is_ended_with_a_status_but_a_stream_may_pause() {
    let stall = Duration::from_millis(600);
    let server = start(|config| config.limits.stall = stall).await;
    let reply = unfinished_call(&server, "ModelInfer", "1H", vec![0, 0, 0, 0, 9, 1, 2]).await;
    assert_eq!(reply.headers()["grpc-status"], "4", "{:?}", reply.headers());
    assert_eq!(metric(&server, "traccc_refused_calls_total{status=\"DeadlineExceeded\"}"), 1);
    let reply = unfinished_call(&server, "ModelStreamInfer", "1H", vec![0, 0, 0]).await;
    let mut body = Body::new(reply.into_body());
    let trailers = http_body_util::BodyExt::frame(&mut body).await.unwrap().unwrap();
    assert_eq!(trailers.trailers_ref().unwrap()["grpc-status"], "4");

    let mut client = grpc(&server).await;
    let (sender, requests) = tokio::sync::mpsc::channel(1);
    let requests = ReceiverStream::new(requests);
    sender.send(good_request()).await.unwrap();
    let mut replies = client.model_stream_infer(requests).await.unwrap().into_inner();
    for _ in 0..2 {
        let reply = replies.next().await.unwrap().unwrap();
        assert_expected(&reply.infer_response.unwrap(), &Output::UPSTREAM);
        tokio::time::sleep(2 * stall).await;
        sender.send(good_request()).await.unwrap();
    }
    drop(sender);
    assert!(replies.next().await.unwrap().unwrap().error_message.is_empty());
    assert!(replies.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_takes_nothing_keeps_its_right_until_it_is_cut_off() {
    let server = start(|config| {
        config.limits.stall = Duration::from_secs(2);
        config.limits.requests = 1;
    })
    .await;
    let window = |endpoint: Endpoint| endpoint.initial_stream_window_size(0);
    let mut narrow = Client::new(channel(&server, window).await);
    let mut client = grpc(&server).await;
    let stuck = tokio::spawn(async move { narrow.model_infer(good_request()).await });
    while metric(&server, "nv_inference_request_success{") == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let status = client.model_infer(good_request()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let status = stuck.await.unwrap().expect_err("its connection is closed");
    assert!(!status.message().contains("try again"), "{status}");
    let start = Instant::now();
    while client.model_infer(good_request()).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(20), "the right has been given back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_of_a_client_is_obeyed() {
    let server = start(|_| {}).await;
    let mut client = grpc(&server).await;
    let reply = unfinished_call(&server, "ModelInfer", "100m", vec![0]).await;
    assert_eq!(reply.headers()["grpc-status"], "4", "{:?}", reply.headers());
    assert!(reply.headers()["grpc-message"].to_str().unwrap().contains("deadline"));
    let mut request = Request::new(good_request());
    request.metadata_mut().insert("grpc-timeout", "1H".parse().unwrap());
    assert_expected(client.model_infer(request).await.unwrap().get_ref(), &Output::UPSTREAM);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_everything_first_reads_why_it_is_refused() {
    let server = start(|config| config.limits.request_bytes = MIB).await;
    // Far more than sockets hold.
    let large = 64 * MIB;
    for path in [INFER, "/v2/models/none/infer"] {
        let mut stream = connect(server.http_address());
        stream.write_all(post_head(path, "", large).as_bytes()).unwrap();
        let part = vec![b'x'; MIB];
        for _ in 0..large / MIB {
            stream.write_all(&part).unwrap();
        }
        let reply = read_reply(&mut stream);
        assert_eq!(reply.status, if path == INFER { 413 } else { 404 }, "{}", reply.head);
    }
    assert_eq!(failures(&mut grpc(&server).await).await, 1);
    assert_http_works(&server);
}

#[tokio::test(flavor = "multi_thread")]
async fn small_messages_stay_small() {
    let server = start(|config| config.shared_memory = true).await;
    let mut client = grpc(&server).await;
    let request = ModelStatisticsRequest { name: "x".repeat(MIB), ..Default::default() };
    let status = client.model_statistics(request).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    let path = "/v2/systemsharedmemory/region/cells/register";
    let reply = post(server.http_address(), path, "", &vec![b' '; MIB]);
    assert_eq!(reply.status, 413, "{}", reply.head);
    let off = start(|_| {}).await;
    let mut stream = connect(off.http_address());
    // Refused without waiting for what it is.
    stream.write_all(post_head(path, "", MIB).as_bytes()).unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 403");
}
