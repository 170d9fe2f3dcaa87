//! What a server tells of itself.

use crate::support::{assert_works, exchange, fixture, get, good_request, grpc, post, start};
use serde_json::json;
use traccc_protocol::grpc::{
    ModelConfigRequest, ModelMetadataRequest, ModelReadyRequest, ModelStatisticsRequest,
    RepositoryIndexRequest, ServerLiveRequest, ServerMetadataRequest, ServerReadyRequest,
};
use traccc_server::{Server, ServerConfig};

#[tokio::test(flavor = "multi_thread")]
async fn both_protocols_tell_the_same_of_server_and_model() {
    let server = start(|_| {}).await;
    let (mut client, http) = (grpc(&server).await, server.http_address());
    assert!(client.server_live(ServerLiveRequest {}).await.unwrap().into_inner().live);
    assert!(client.server_ready(ServerReadyRequest {}).await.unwrap().into_inner().ready);
    let model = || ("traccc".to_owned(), String::new());
    let (name, version) = model();
    let ready = client.model_ready(ModelReadyRequest { name, version }).await.unwrap();
    assert!(ready.into_inner().ready);
    for (name, version) in [("none", ""), ("traccc", "7")] {
        let request = ModelReadyRequest { name: name.into(), version: version.into() };
        assert!(!client.model_ready(request).await.unwrap().into_inner().ready, "{name} {version}");
    }
    for path in
        ["health/live", "health/ready", "models/traccc/ready", "models/traccc/versions/1/ready"]
    {
        assert_eq!(get(http, &format!("/v2/{path}")).status, 200, "{path}");
    }
    let metadata = client.server_metadata(ServerMetadataRequest {}).await.unwrap().into_inner();
    assert_eq!(get(http, "/v2").json()["extensions"], json!(metadata.extensions));
    assert!(!metadata.extensions.contains(&"system_shared_memory".to_owned()));

    let (name, version) = model();
    let metadata = client.model_metadata(ModelMetadataRequest { name, version }).await;
    let metadata = metadata.unwrap().into_inner();
    assert_eq!((metadata.inputs.len(), metadata.outputs.len()), (4, 9));
    let json = get(http, "/v2/models/traccc").json();
    assert_eq!(
        json["inputs"][0],
        json!({ "name": "CELL_POSITIONS", "datatype": "INT64", "shape": [-1, 4] })
    );
    assert_eq!(json["versions"], json!(metadata.versions));

    let (name, version) = model();
    let config = client.model_config(ModelConfigRequest { name, version }).await;
    let config = config.unwrap().into_inner().config.unwrap();
    let json = get(http, "/v2/models/traccc/versions/1/config").json();
    assert_eq!((&config.name[..], config.max_batch_size), ("traccc", 0));
    assert_eq!(
        json["parameters"]["config"]["string_value"],
        config.parameters["config"].string_value
    );
    assert_eq!(json["instance_group"][0]["kind"], "KIND_CPU");

    let index = client.repository_index(RepositoryIndexRequest::default()).await.unwrap();
    assert_eq!(index.into_inner().models[0].state, "READY");
    let expected = json!([{ "name": "traccc", "version": "1", "state": "READY", "reason": "" }]);
    assert_eq!(post(http, "/v2/repository/index", "", b"{}").json(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_add_up_on_all_three_ports() {
    let server = start(|_| {}).await;
    let mut client = grpc(&server).await;
    let (good, bad) = (5, 3);
    for _ in 0..good {
        assert_works(&mut client).await;
    }
    for _ in 0..bad {
        let mut request = good_request();
        request.inputs[0].datatype = "INT32".into();
        client.model_infer(request).await.unwrap_err();
    }
    let all = client.model_statistics(ModelStatisticsRequest::default()).await.unwrap();
    let statistics = all.into_inner().model_stats.remove(0);
    assert_eq!((statistics.inference_count, statistics.execution_count), (good, good));
    let inference = statistics.inference_stats.unwrap();
    let [success, fail, queue, input, infer, output] = [
        inference.success,
        inference.fail,
        inference.queue,
        inference.compute_input,
        inference.compute_infer,
        inference.compute_output,
    ]
    .map(Option::unwrap);
    assert_eq!([success, queue, input, infer, output].map(|sum| sum.count), [good; 5]);
    assert_eq!(fail.count, bad);
    let parts = queue.ns + input.ns + infer.ns + output.ns;
    assert!(parts <= success.ns && parts > success.ns / 2, "{inference:?}");

    for path in
        ["/v2/models/stats", "/v2/models/traccc/stats", "/v2/models/traccc/versions/1/stats"]
    {
        let json = get(server.http_address(), path).json();
        let json = &json["model_stats"][0];
        assert_eq!(json["inference_stats"]["success"], json!({ "count": good, "ns": success.ns }));
        assert_eq!(json["batch_stats"][0]["batch_size"], 1);
    }
    let page = String::from_utf8(get(server.metrics_address(), "/metrics").body).unwrap();
    let value = |name: &str| -> f64 {
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} in {page}")).parse().unwrap()
    };
    let labels = r#"model="traccc",version="1""#;
    let near = |a: f64, b: f64| assert!((a - b).abs() < 0.5, "{a} {b}");
    near(value(&format!("nv_inference_request_success{{{labels}}}")), good as f64);
    near(value(&format!("nv_inference_request_failure{{{labels},reason=\"OTHER\"}}")), bad as f64);
    near(
        value(&format!("nv_inference_request_duration_us{{{labels}}}")),
        (success.ns / 1000) as f64,
    );
    near(value(&format!("nv_inference_pending_request_count{{{labels}}}")), 0.0);
    let cells = good as usize * fixture().cells.len();
    near(value(&format!("traccc_cells_total{{{labels}}}")), cells as f64);
    assert!(value(&format!("traccc_stage_seconds_total{{{labels},stage=\"finding\"}}")) > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_models_and_instances_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let from = fixture().repository.path().join("traccc");
    let config = std::fs::read_to_string(from.join("config.pbtxt")).unwrap();
    for (name, count) in [("traccc", 1), ("traccc-gpu", 3)] {
        let model = folder.path().join(name);
        std::fs::create_dir_all(model.join("1")).unwrap();
        let config = config
            .replace("count: 1", &format!("count: {count}"))
            .replace("\".\"", &format!("{:?}", from.join("1")))
            .replace("\"chain.toml\"", &format!("{:?}", from.join("1/chain.toml")));
        std::fs::write(model.join("config.pbtxt"), config).unwrap();
    }
    let server = Server::start(ServerConfig::new(folder.path())).await.unwrap();
    let client = grpc(&server).await;
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..12 {
        let mut client = client.clone();
        let mut request = good_request();
        request.model_name = ["traccc", "traccc-gpu"][i % 2].into();
        tasks.spawn(async move { client.model_infer(request).await });
    }
    while let Some(reply) = tasks.join_next().await {
        crate::support::assert_expected(
            &reply.unwrap().unwrap().into_inner(),
            &traccc_protocol::Output::UPSTREAM,
        );
    }
    assert!(server.shutdown().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_cannot_be_served_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (model, from) = (folder.path().join("traccc"), fixture().repository.path().join("traccc"));
    std::fs::create_dir_all(model.join("1")).unwrap();
    let config = std::fs::read_to_string(from.join("config.pbtxt")).unwrap();
    let config = config
        .replace("\".\"", &format!("{:?}", from.join("1")))
        .replace("\"chain.toml\"", &format!("{:?}", from.join("1/chain.toml")));
    let start = async |config: String| {
        std::fs::write(model.join("config.pbtxt"), config).unwrap();
        let mut error: &dyn std::error::Error =
            &Server::start(ServerConfig::new(folder.path())).await.unwrap_err();
        let mut text = error.to_string();
        while let Some(source) = error.source() {
            text = format!("{text}: {source}");
            error = source;
        }
        text
    };
    let gpus = start(config.replace("KIND_CPU", "KIND_GPU")).await;
    assert!(gpus.contains("`traccc_0` is for GPUs"), "{gpus}");
    let gpu = start(config.replace("KIND_CPU", "KIND_GPU gpus: [ 1 ]")).await;
    assert!(
        gpu.contains("model `traccc`, version 1") && gpu.to_lowercase().contains("cuda"),
        "{gpu}"
    );
    let dims = start(config.replace("[-1, 4]", "[-1, 5]")).await;
    assert!(dims.contains("CELL_POSITIONS"), "{dims}");
    let path = start(config.replace("chain.toml", "none.toml")).await;
    assert!(path.contains("none.toml"), "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_are_compressed_for_clients_that_want_it() {
    let server = start(|_| {}).await;
    let head = "GET /v2/models/traccc/config HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n";
    let reply = exchange(server.http_address(), head.as_bytes());
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
}
