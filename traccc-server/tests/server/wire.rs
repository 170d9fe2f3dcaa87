//! What clients of Triton count on.

use crate::support::{
    Client, INFER, assert_expected, binary_request, exchange, fixture, get, good_request, grpc,
    post, start,
};
use serde_json::json;
use std::net::SocketAddr;
use tokio_stream::StreamExt;
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use traccc_protocol::Output;
use traccc_protocol::grpc::infer_parameter::ParameterChoice;
use traccc_protocol::grpc::{InferParameter, ServerLiveRequest};
use traccc_server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn every_reply_of_a_stream_is_marked_as_the_last_one_of_its_request() {
    let server = start(|_| {}).await;
    let mut client = grpc(&server).await;
    let mut wrong = good_request();
    wrong.inputs[0].datatype = "INT32".into();
    let mut unknown = good_request();
    unknown.model_name = "other".into();
    let requests = [good_request(), wrong, unknown, good_request()];
    let errors = [false, true, true, false];
    let mut replies =
        client.model_stream_infer(tokio_stream::iter(requests)).await.unwrap().into_inner();
    for error in errors {
        let reply = replies.next().await.unwrap().unwrap();
        assert_eq!(!reply.error_message.is_empty(), error, "{}", reply.error_message);
        let parameter = &reply.infer_response.unwrap().parameters["triton_final_response"];
        assert_eq!(parameter.parameter_choice, Some(ParameterChoice::BoolParam(true)));
    }
    assert!(replies.next().await.is_none());
    // A call for one event has one reply, and nothing to mark.
    let reply = client.model_infer(good_request()).await.unwrap().into_inner();
    assert!(!reply.parameters.contains_key("triton_final_response"));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_may_be_compressed_with_gzip_or_deflate() {
    let server = start(|_| {}).await;
    for encoding in [CompressionEncoding::Gzip, CompressionEncoding::Deflate] {
        let mut client = grpc(&server).await.send_compressed(encoding);
        assert!(client.server_live(ServerLiveRequest {}).await.unwrap().into_inner().live);
        let reply = client.model_infer(good_request()).await.unwrap().into_inner();
        assert_expected(&reply, &Output::UPSTREAM);
        let requests = tokio_stream::iter([good_request()]);
        let mut replies = client.model_stream_infer(requests).await.unwrap().into_inner();
        let reply = replies.next().await.unwrap().unwrap();
        assert_expected(&reply.infer_response.unwrap(), &Output::UPSTREAM);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_of_any_service_is_that_of_the_server() {
    let server = start(|_| {}).await;
    let channel = Channel::from_shared(format!("http://{}", server.grpc_address())).unwrap();
    let mut client = HealthClient::new(channel.connect().await.unwrap());
    for service in ["", "inference.GRPCInferenceService", "triton", "traccc"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        assert_eq!(
            client.check(request.clone()).await.unwrap().into_inner().status,
            1,
            "{service}"
        );
        let mut watch = client.watch(request).await.unwrap().into_inner();
        assert_eq!(watch.next().await.unwrap().unwrap().status, 1, "{service}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_the_protocol_of_the_other_port_is_told_so() {
    let server = start(|_| {}).await;
    let http_port = server.http_address().port();
    let grpc_port = server.grpc_address().port();
    for address in [server.http_address(), server.metrics_address()] {
        let channel = Channel::from_shared(format!("http://{address}")).unwrap();
        let mut client = Client::new(channel.connect().await.unwrap());
        let status = client.model_infer(good_request()).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
        let place = format!("gRPC is offered at port {grpc_port}");
        assert!(status.message().contains(&place), "{status}");
    }
    let reply = get(server.grpc_address(), "/v2/health/ready");
    assert_eq!(reply.status, 400);
    let place = format!("HTTP is offered at port {http_port}");
    assert!(reply.error().contains(&place), "{}", reply.error());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_does_not_exist_is_named() {
    let server = start(|_| {}).await;
    let channel = Channel::from_shared(format!("http://{}", server.grpc_address())).unwrap();
    let mut client = tonic::client::Grpc::new(channel.connect().await.unwrap());
    for call in ["/inference.GRPCInferenceService/TraceSetting", "/other.Service/Call"] {
        client.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<ServerLiveRequest, ServerLiveRequest>::default();
        let request = tonic::Request::new(ServerLiveRequest {});
        let status = client.unary(request, call.parse().unwrap(), codec).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
        assert!(status.message().contains(call), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_of_http_is_json() {
    let server = start(|_| {}).await;
    let address = server.http_address();
    let encoded = post(address, INFER, "Content-Encoding: br\r\n", b"{}");
    assert_eq!((encoded.status, encoded.header("Accept-Encoding")), (415, Some("gzip,deflate")));
    assert!(encoded.error().contains("`br`") && encoded.error().contains("gzip,deflate"));
    let undecodable = get(address, "/v2/models/%ff");
    assert_eq!(undecodable.status, 400);
    assert!(undecodable.error().contains("UTF-8"), "{}", undecodable.error());
    let method = get(address, INFER);
    assert_eq!((method.status, method.header("Allow")), (405, Some("POST")));
    assert!(method.error().contains("`GET`") && method.error().contains("POST"));
    // Long enough to be compressed by a client's leave, and so not readable as text any more.
    let long = format!("/v2/models/%ff/versions/{}", "7".repeat(500));
    let request = format!("GET {long} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(exchange(address, request.as_bytes()).error().contains("UTF-8"));
    for path in ["/", "/v3", "/v2/models", "/v2/models/traccc/x", "/v2/logging"] {
        let reply = get(address, path);
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.error().contains(path), "{}", reply.error());
    }
}

/// A request for the event of the fixture in JSON, with each `part` replaced by another text.
fn json_request(changes: &[(&str, &str)]) -> String {
    let inputs = fixture().tensors.each_ref().map(|tensor| {
        let data = match tensor.data_type.name() {
            "INT64" => json!(numbers(&tensor.bytes, i64::from_le_bytes)),
            _ => json!(numbers(&tensor.bytes, f32::from_le_bytes)),
        };
        let (name, shape) = (tensor.name, &tensor.shape);
        json!({ "name": name, "datatype": tensor.data_type.name(), "shape": shape, "data": data })
    });
    let mut text = json!({ "inputs": inputs, "outputs": [{ "name": "TRK_PARAMS" }] }).to_string();
    for (part, other) in changes {
        assert!(text.contains(part), "{part}");
        text = text.replacen(part, other, 1);
    }
    text
}

fn numbers<T, const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|&bytes| read(bytes)).collect()
}

fn infer(server: &Server, body: &str) -> (u16, serde_json::Value) {
    let reply = post(server.http_address(), INFER, "", body.as_bytes());
    (reply.status, reply.json())
}

#[tokio::test(flavor = "multi_thread")]
async fn null_is_as_good_as_nothing() {
    let server = start(|_| {}).await;
    let (status, expected) = infer(&server, &json_request(&[]));
    assert_eq!(status, 200, "{}", expected["error"]);
    let name = "\"name\":\"CELL_PROPERTIES\"";
    let named = format!("\"parameters\":null,{name}");
    let unset = format!(
        "\"parameters\":{{\"binary_data_size\":null,\"shared_memory_region\":null}},{name}"
    );
    let output = "{\"name\":\"TRK_PARAMS\"}";
    for change in [
        ("{\"inputs\"", "{\"id\":null,\"parameters\":null,\"inputs\""),
        ("{\"inputs\"", "{\"parameters\":{\"binary_data_output\":null},\"inputs\""),
        (name, &named),
        (name, &unset),
        (output, "{\"name\":\"TRK_PARAMS\",\"parameters\":null}"),
        (
            output,
            "{\"name\":\"TRK_PARAMS\",\"parameters\":{\"classification\":null,\"binary_data\":null}}",
        ),
    ] {
        let (status, reply) = infer(&server, &json_request(&[change]));
        assert_eq!((status, &reply["outputs"]), (200, &expected["outputs"]), "{change:?}");
    }
    let (status, reply) = infer(&server, &json_request(&[("[{\"name\":\"TRK_PARAMS\"}]", "null")]));
    assert_eq!((status, reply["outputs"].as_array().unwrap().len()), (200, 9));
    let (status, reply) = infer(&server, "{\"inputs\": null}");
    assert_eq!(status, 400, "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_json_are_placed_in_the_body() {
    let server = start(|_| {}).await;
    let place = |error: &str| -> usize {
        let (_, column) =
            error.rsplit_once(" at line 1 column ").unwrap_or_else(|| panic!("{error}"));
        column.parse().unwrap()
    };
    let properties = format!("\"data\":[{},", json!(fixture().raw.time[0]));
    let body = json_request(&[(&properties, "\"data\":[\"wrong\",")]);
    let (status, reply) = infer(&server, &body);
    let error = reply["error"].as_str().unwrap();
    assert_eq!(status, 400);
    assert!(error.contains("`CELL_PROPERTIES`") && error.contains("element 0"), "{error}");
    assert_eq!(place(error), body.find("wrong").unwrap() + "wrong\"".len());

    let name = "\"name\":\"CELL_PROPERTIES\"";
    let changed = format!("\"parameters\":{{\"a\":[1,]}},{name}");
    let body = json_request(&[(name, &changed)]);
    let (status, reply) = infer(&server, &body);
    assert_eq!(status, 400, "{reply}");
    let error = reply["error"].as_str().unwrap();
    assert_eq!(place(error), body.find("1,]").unwrap() + 3);

    let changed = format!("\"parameters\":[7],{name}");
    let (status, reply) = infer(&server, &json_request(&[(name, &changed)]));
    let error = reply["error"].as_str().unwrap();
    assert_eq!(status, 400);
    assert!(error.contains("parameters of CELL_PROPERTIES"), "{error}");
    let at = json_request(&[(name, &changed)]).find("[7]").unwrap();
    assert!((at..=at + 3).contains(&place(error)), "{error}: {at}");

    let changed = format!("\"parameters\":{{\"binary_data_size\":\"x\"}},{name}");
    let (status, reply) = infer(&server, &json_request(&[(name, &changed)]));
    assert_eq!(status, 400, "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tracks_have_no_classes() {
    let server = start(|_| {}).await;
    let mut client = grpc(&server).await;
    for (classes, refused) in [(3, true), (0, false)] {
        let mut request = good_request();
        let parameter_choice = Some(ParameterChoice::Int64Param(classes));
        let parameter = InferParameter { parameter_choice };
        request.outputs[0].parameters.insert("classification".into(), parameter);
        let outcome = client.model_infer(request).await;
        assert_eq!(outcome.is_err(), refused);
        if let Err(status) = outcome {
            assert_eq!(status.code(), Code::InvalidArgument);
            assert!(status.message().contains("`TRK_PARAMS`: parameter `classification` is 3"));
        }
        let outputs =
            json!([{ "name": "TRK_PARAMS", "parameters": { "classification": classes } }]);
        let (header, body) = binary_request(&fixture().tensors, &json!({ "outputs": outputs }));
        let reply = post(server.http_address(), INFER, &header, &body);
        assert_eq!(reply.status, if refused { 400 } else { 200 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_an_address_to_listen_on() {
    let server = start(|config| {
        config.grpc_address = "localhost:0".into();
        config.http_address = "localhost:0".into();
    })
    .await;
    let addresses = |port: u16| {
        use std::net::ToSocketAddrs;
        ("localhost", port).to_socket_addrs().unwrap().collect::<Vec<SocketAddr>>()
    };
    let reached = addresses(server.http_address().port())
        .into_iter()
        .filter(|&address| std::net::TcpStream::connect(address).is_ok());
    let reached: Vec<_> = reached.map(|address| get(address, "/v2/health/ready").status).collect();
    assert!(!reached.is_empty() && reached.iter().all(|&status| status == 200), "{reached:?}");
    let channel =
        Channel::from_shared(format!("http://localhost:{}", server.grpc_address().port()));
    let mut client = Client::new(channel.unwrap().connect().await.unwrap());
    assert!(client.server_live(ServerLiveRequest {}).await.unwrap().into_inner().live);
}
