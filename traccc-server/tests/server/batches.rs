//! Requests whose events are reconstructed together.

use crate::support::{assert_expected, fixture, good_request, grpc};
use tokio::task::JoinSet;
use traccc_protocol::Output;
use traccc_protocol::grpc::ModelStatisticsRequest;
use traccc_server::{Server, ServerConfig};

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_wait_make_a_batch_and_wrong_ones_fail_alone() {
    let folder = tempfile::tempdir().unwrap();
    let from = fixture().repository.path().join("traccc");
    let model = folder.path().join("traccc");
    std::fs::create_dir_all(model.join("1")).unwrap();
    let config = std::fs::read_to_string(from.join("config.pbtxt")).unwrap();
    let parameter = |key, value| {
        format!("parameters {{ key: \"{key}\" value {{ string_value: \"{value}\" }} }}\n")
    };
    let config = config
        .replace("\".\"", &format!("{:?}", from.join("1")))
        .replace("\"chain.toml\"", &format!("{:?}", from.join("1/chain.toml")))
        + &parameter("max_batch_events", "4")
        + &parameter("max_batch_delay_us", "1000");
    std::fs::write(model.join("config.pbtxt"), config).unwrap();
    let server = Server::start(ServerConfig::new(folder.path())).await.unwrap();
    let mut client = grpc(&server).await;

    let (sent, mut tasks) = (40, JoinSet::new());
    for i in 0..sent {
        let (mut client, mut request) = (client.clone(), good_request());
        let wrong = i % 8 == 3;
        if wrong {
            // No such sensor.
            let mut bytes = request.raw_input_contents[0].to_vec();
            bytes[..8].copy_from_slice(&77_i64.to_le_bytes());
            request.raw_input_contents[0] = bytes.into();
        }
        tasks.spawn(async move { (wrong, client.model_infer(request).await) });
    }
    while let Some(task) = tasks.join_next().await {
        match task.unwrap() {
            (false, reply) => assert_expected(&reply.unwrap().into_inner(), &Output::UPSTREAM),
            (true, reply) => assert_eq!(reply.unwrap_err().code(), tonic::Code::InvalidArgument),
        }
    }
    let request = ModelStatisticsRequest { name: "traccc".into(), version: String::new() };
    let statistics = client.model_statistics(request).await.unwrap().into_inner();
    let statistics = &statistics.model_stats[0];
    let batches = statistics.batch_stats.iter();
    let batches: Vec<(u64, u64)> =
        batches.map(|b| (b.batch_size, b.compute_infer.unwrap().count)).collect();
    assert_eq!(
        batches.iter().map(|(size, count)| size * count).sum::<u64>(),
        sent - 5,
        "{batches:?}"
    );
    assert_eq!(batches.iter().map(|(_, count)| count).sum::<u64>(), statistics.execution_count);
    assert!(batches.iter().all(|(size, _)| *size <= 4), "{batches:?}");
    assert!(batches.iter().any(|(size, _)| *size > 1), "40 requests at once: {batches:?}");
    assert!(server.shutdown().await);
}
