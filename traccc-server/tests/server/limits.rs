//! Too much, too slow, too many, gone, and the end.

use crate::support::{
    INFER, assert_http_works, assert_works, binary_request, connect, exchange, fixture, get,
    good_request, grpc, post, post_head, read_reply, start,
};
use serde_json::json;
use std::io::{Read, Write};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use traccc_protocol::grpc::{ModelStatisticsRequest, ServerReadyRequest};

const MIB: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_beyond_the_limit_is_refused() {
    let server = start(|config| config.limits.request_bytes = MIB).await;
    let mut client = grpc(&server).await;
    let mut large = good_request();
    large.raw_input_contents[0] = vec![0; 2 * MIB].into();
    let status = client.model_infer(large.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(status.message().contains("1048576"), "{status}");
    // Small when compressed.
    let mut compressing = client.clone().send_compressed(tonic::codec::CompressionEncoding::Gzip);
    let status = compressing.model_infer(large).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");

    let address = server.http_address();
    // 1 GiB is announced: refused before any of it is sent.
    let reply = exchange(address, post_head(INFER, "", 1 << 30).as_bytes());
    assert_eq!(reply.status, 413);
    assert!(reply.error().contains("1048576"));
    let chunk = [format!("{MIB:x}\r\n").as_bytes(), &vec![b'x'; MIB], b"\r\n"].concat();
    let head = format!(
        "POST {INFER} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let mut stream = connect(address);
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&chunk).unwrap();
    stream.write_all(b"1\r\nx\r\n").unwrap();
    assert_eq!(read_reply(&mut stream).status, 413);

    assert_works(&mut client).await;
    assert_http_works(&server);
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_headers_are_refused() {
    let server = start(|_| {}).await;
    let header = format!("X-Long: {}\r\n", "x".repeat(MIB));
    assert_eq!(post(server.http_address(), INFER, &header, b"").status, 431);
    let many = "X-Many: x\r\n".repeat(1000);
    assert_eq!(post(server.http_address(), INFER, &many, b"").status, 431);
    let mut client = grpc(&server).await;
    let mut request = tonic::Request::new(ServerReadyRequest {});
    request.metadata_mut().insert("x-long", "x".repeat(MIB).parse().unwrap());
    assert!(client.server_ready(request).await.is_err());
    assert_works(&mut grpc(&server).await).await;
    assert_http_works(&server);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stands_still_is_cut_off() {
    let server = start(|config| {
        config.limits.idle = Duration::from_millis(300);
        config.limits.stall = Duration::from_millis(300);
    })
    .await;
    let (header, body) = binary_request(&fixture().tensors, &json!({}));
    let (http, start) = (server.http_address(), Instant::now());

    let mut half_body = connect(http);
    half_body.write_all(post_head(INFER, &header, body.len()).as_bytes()).unwrap();
    half_body.write_all(&body[..body.len() / 2]).unwrap();
    let mut half_header = connect(http);
    half_header.write_all(b"POST /v2").unwrap();
    let mut silent = [connect(http), connect(server.grpc_address())];
    // A reader that is slow: 40 MB of replies are asked for, and not read.
    let mut slow_reader = connect(http);
    let config = "GET /v2/models/traccc/config HTTP/1.1\r\nHost: x\r\n\r\n";
    let asked = 20_000;
    slow_reader.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    let _ = slow_reader.write_all(config.repeat(asked).as_bytes());

    let reply = read_reply(&mut half_body);
    assert_eq!(reply.status, 408, "{}", reply.head);
    assert!(reply.error().contains("stood still"));
    assert_eq!(read_reply(&mut half_header).status, 0);
    for stream in &mut silent {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(20));
    let mut replies = Vec::new();
    std::thread::sleep(Duration::from_secs(1));
    let _ = slow_reader.read_to_end(&mut replies);
    let answered = replies.windows(17).filter(|part| part == b"HTTP/1.1 200 OK\r\n").count();
    assert!((1..asked).contains(&answered), "{answered}");
    assert_http_works(&server);
    assert_works(&mut grpc(&server).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_and_goes_on() {
    for (queue, requests) in [(1, 100), (100, 2)] {
        let server = start(|config| {
            config.limits.queue = queue;
            config.limits.requests = requests;
        })
        .await;
        let mut tasks = JoinSet::new();
        // Connections of their own: on one, HTTP/2 itself would make them wait for each other.
        for _ in 0..12 {
            let mut client = grpc(&server).await;
            tasks.spawn(async move { client.model_infer(good_request()).await });
        }
        let (mut done, mut refused) = (0, 0);
        while let Some(reply) = tasks.join_next().await {
            match reply.unwrap() {
                Ok(_) => done += 1,
                Err(status) => {
                    assert_eq!(status.code(), Code::Unavailable, "{status}");
                    assert!(status.message().contains("try again later"), "{status}");
                    refused += 1;
                }
            }
        }
        assert!(done >= 1 && refused >= 1, "{done} {refused}");
        assert_works(&mut grpc(&server).await).await;
        assert_http_works(&server);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_clients_that_have_gone_are_not_begun() {
    let server = start(|_| {}).await;
    let mut client = grpc(&server).await;
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let mut client = client.clone();
        tasks.spawn(async move { client.model_infer(good_request()).await });
    }
    let (header, body) = binary_request(&fixture().tensors, &json!({}));
    let mut gone = connect(server.http_address());
    gone.write_all(post_head(INFER, &header, body.len()).as_bytes()).unwrap();
    gone.write_all(&body).unwrap();
    let mut half = connect(server.http_address());
    half.write_all(post_head(INFER, &header, body.len()).as_bytes()).unwrap();
    half.write_all(&body[..100]).unwrap();
    tasks.join_next().await.unwrap().unwrap().unwrap();
    drop((gone, half));
    tasks.shutdown().await;
    assert_works(&mut client).await;

    let request = ModelStatisticsRequest { name: "traccc".into(), ..Default::default() };
    let statistics = client.model_statistics(request).await.unwrap().into_inner();
    let statistics = &statistics.model_stats[0];
    let inference = statistics.inference_stats.as_ref().unwrap();
    let (success, fail) = (inference.success.unwrap().count, inference.fail.unwrap().count);
    assert!(success < 15 && fail > 5, "{success} {fail}");
    assert!(statistics.execution_count <= success + 2, "{statistics:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_drains_is_not_ready_but_answers() {
    let server = start(|config| config.drain.delay = Duration::from_secs(2)).await;
    let (http, address) = (server.http_address(), server.grpc_address());
    let mut client = grpc(&server).await;
    let channel = tonic::transport::Channel::from_shared(format!("http://{address}")).unwrap();
    let mut health = HealthClient::new(channel.connect().await.unwrap());
    let service = "inference.GRPCInferenceService";
    let check = || HealthCheckRequest { service: service.into() };
    assert_eq!(health.check(check()).await.unwrap().into_inner().status, 1);
    assert_eq!(get(http, "/v2/health/ready").status, 200);

    let shutdown = tokio::spawn(server.shutdown());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(health.check(check()).await.unwrap().into_inner().status, 2);
    assert_eq!(get(http, "/v2/health/ready").status, 503);
    assert_eq!(get(http, "/v2/models/traccc/ready").status, 503);
    assert_eq!(get(http, "/v2/health/live").status, 200);
    assert!(!client.server_ready(ServerReadyRequest {}).await.unwrap().into_inner().ready);
    assert_works(&mut client).await;
    assert!(shutdown.await.unwrap(), "everything was answered");
    assert!(std::net::TcpStream::connect(http).is_err());
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_the_queue_are_answered_before_the_end() {
    let server = start(|_| {}).await;
    let client = grpc(&server).await;
    let mut tasks = JoinSet::new();
    let sent = 40;
    for _ in 0..sent {
        let mut client = client.clone();
        tasks.spawn(async move { client.model_infer(good_request()).await });
    }
    let metrics = server.metrics_address();
    let arrived = || {
        let page = String::from_utf8(get(metrics, "/metrics").body).unwrap();
        let lines = page.lines().filter(|line| {
            line.starts_with("nv_inference_pending_request_count{")
                || line.starts_with("nv_inference_exec_count{")
        });
        lines.filter_map(|line| line.split(' ').next_back()?.parse::<usize>().ok()).sum::<usize>()
    };
    // One may be between the queue and its execution.
    while arrived() + 1 < sent {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(server.shutdown().await, "everything was answered");
    while let Some(reply) = tasks.join_next().await {
        reply.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_finish_is_broken_off_at_the_end() {
    let server = start(|config| config.drain.timeout = Duration::from_millis(100)).await;
    let mut half = connect(server.http_address());
    half.write_all(post_head(INFER, "", 1000).as_bytes()).unwrap();
    half.write_all(b"{").unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    assert!(!server.shutdown().await);
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(read_reply(&mut half).status, 0);
}
