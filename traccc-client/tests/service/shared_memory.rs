//! Tensors in shared memory.

use crate::events::SAMPLE;
use crate::mock::{Behaviour, Mock};
use std::time::Duration;
use traccc_client::{
    ClientError, InferOptions, Request, RetryPolicy, SharedMemory, SharedMemoryPool,
};
use traccc_protocol::grpc::ModelInferResponse;
use traccc_protocol::{CellForm, Output, RequestParameters};

/// The files of a server's regions.
fn files(mock: &Mock) -> Vec<String> {
    let regions = mock.regions.lock().unwrap();
    regions.values().map(|(key, _)| format!("/dev/shm{key}")).collect()
}

#[tokio::test]
async fn tensors_in_shared_memory_are_those_of_messages() {
    let mock = Mock::start(Behaviour::default());
    let mut memory = SharedMemory::open(&mock.client().await, 1 << 20).await.unwrap();
    let files = files(&mock);
    assert!(files.len() == 2 && files.iter().all(|file| std::fs::exists(file).unwrap()));
    for event in [0, 1, 2] {
        let options = InferOptions {
            outputs: Output::ALL.to_vec(),
            form: [CellForm::Plain, CellForm::Compact, CellForm::CompactWithTime][event],
            ..InferOptions::default()
        };
        let response = memory.infer(&SAMPLE.events[event], &options).await.unwrap();
        for tensor in &response.tensors {
            let expected = SAMPLE.expected(event, RequestParameters::default(), tensor.output);
            assert!(tensor.bytes == expected, "{:?}", tensor.output);
        }
    }
    memory.close().await.unwrap();
    assert!(mock.regions.lock().unwrap().is_empty());
    assert!(files.iter().all(|file| !std::fs::exists(file).unwrap()), "{files:?}");
}

#[tokio::test]
async fn an_event_without_cells_is_sent_too() {
    let mock = Mock::start(Behaviour::default());
    let mut memory = SharedMemory::open(&mock.client().await, 1 << 20).await.unwrap();
    let response = memory.infer(&Default::default(), &InferOptions::default()).await.unwrap();
    assert_eq!(response.tracks().unwrap().tracks, []);
}

#[tokio::test]
async fn more_cells_than_there_is_room_for_get_more_room() {
    let mock = Mock::start(Behaviour::default());
    let mut memory = SharedMemory::open(&mock.client().await, 1 << 20).await.unwrap();
    let mut cells = SAMPLE.events[0].clone();
    while cells.len() < 40_000 {
        // Merged by the server.
        SAMPLE.events[0].iter().for_each(|cell| cells.push(cell));
    }
    let response = memory.infer(&cells, &InferOptions::default()).await.unwrap();
    assert!(!response.tracks().unwrap().tracks.is_empty());
    assert_eq!(mock.regions.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_region_that_is_too_small_is_reported_with_the_size_it_needs() {
    let mock = Mock::start(Behaviour::default());
    let client = mock.client().await;
    let options = InferOptions::default();
    let mut tiny = SharedMemory::open(&client, 4096).await.unwrap();
    let error = tiny.infer(&SAMPLE.events[0], &options).await.unwrap_err();
    assert!(matches!(error, ClientError::RegionTooSmall { available: 0, .. }), "{error}");
    assert_eq!(mock.requests(), 0);
    let mut memory = SharedMemory::open(&client, 10_000).await.unwrap();
    let error = memory.infer(&SAMPLE.events[0], &options).await.unwrap_err();
    let ClientError::RegionTooSmall { region, .. } = error else {
        panic!("{error}");
    };
    // The parts are in proportion to an average track: a second step may be needed, not more.
    let mut memory = SharedMemory::open(&client, region).await.unwrap();
    let mut outcome = memory.infer(&SAMPLE.events[0], &options).await;
    if let Err(ClientError::RegionTooSmall { region, .. }) = outcome {
        memory = SharedMemory::open(&client, region).await.unwrap();
        outcome = memory.infer(&SAMPLE.events[0], &options).await;
    }
    assert!(!outcome.unwrap().tracks().unwrap().tracks.is_empty());
}

#[tokio::test]
async fn a_shape_beyond_the_region_is_not_read() {
    fn lie(response: &mut ModelInferResponse) {
        response.outputs[1].shape[0] = 1 << 40;
    }
    let mock = Mock::start(Behaviour { tamper: lie, ..Behaviour::default() });
    let mut memory = SharedMemory::open(&mock.client().await, 1 << 20).await.unwrap();
    let error = memory.infer(&SAMPLE.events[0], &InferOptions::default()).await.unwrap_err();
    assert!(matches!(error, ClientError::RegionTooSmall { output: "MEASUREMENTS", .. }), "{error}");
}

#[tokio::test]
async fn a_call_after_one_without_an_answer_has_memory_of_its_own() {
    let mock = Mock::start(Behaviour { delay: Duration::from_secs(1), ..Behaviour::default() });
    let mut memory = SharedMemory::open(&mock.client().await, 1 << 20).await.unwrap();
    let patient = InferOptions::default();
    let hasty = InferOptions { deadline: Some(Duration::from_millis(200)), ..patient.clone() };
    for dropped in [false, true] {
        let before = files(&mock);
        if dropped {
            let call = memory.infer(&SAMPLE.events[0], &patient);
            tokio::time::timeout(Duration::from_millis(200), call).await.unwrap_err();
        } else {
            let error = memory.infer(&SAMPLE.events[0], &hasty).await.unwrap_err();
            assert!(matches!(error, ClientError::Deadline { .. }), "{error}");
        }
        // The server still works on that one.
        let response = memory.infer(&SAMPLE.events[1], &patient).await.unwrap();
        let expected = SAMPLE.expected(1, RequestParameters::default(), Output::Covariances);
        assert!(response.tensors[2].bytes == expected);
        let now = files(&mock);
        assert!(now.len() == 2 && now.iter().all(|file| !before.contains(file)), "{now:?}");
        assert!(before.iter().all(|file| !std::fs::exists(file).unwrap()), "{before:?}");
        // With an answer it is kept.
        memory.infer(&SAMPLE.events[0], &patient).await.unwrap();
        assert!(files(&mock).iter().all(|file| now.contains(file)));
    }
    memory.infer(&SAMPLE.events[0], &hasty).await.unwrap_err();
    memory.close().await.unwrap();
    assert!(mock.regions.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_server_that_was_started_anew_is_told_of_the_regions() {
    let mock = Mock::start(Behaviour::default());
    let address = mock.address;
    let mut memory = SharedMemory::open(&mock.client().await, 1 << 20).await.unwrap();
    drop(mock);
    let next = Mock::start_at(address, Behaviour { unavailable: 1, ..Behaviour::default() });
    let retry = RetryPolicy { first_pause: Duration::from_millis(20), ..RetryPolicy::default() };
    let options = InferOptions { retry, ..InferOptions::default() };
    let response = memory.infer(&SAMPLE.events[0], &options).await.unwrap();
    assert!(!response.tracks().unwrap().tracks.is_empty());
    // Without any failed attempt in between, too.
    next.regions.lock().unwrap().clear();
    memory.infer(&SAMPLE.events[1], &options).await.unwrap();
}

#[tokio::test]
async fn memory_that_is_dropped_is_removed_and_unregistered() {
    let mock = Mock::start(Behaviour::default());
    let memory = SharedMemory::open(&mock.client().await, 1 << 20).await.unwrap();
    let files = files(&mock);
    drop(memory);
    assert!(files.len() == 2 && files.iter().all(|file| !std::fs::exists(file).unwrap()));
    for _ in 0..200 {
        if mock.regions.lock().unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still registered");
}

#[tokio::test]
async fn requests_at_once_do_not_overwrite_each_other() {
    // The server reads cells when all of them are written.
    let mock = Mock::start(Behaviour { delay: Duration::from_millis(200), ..Behaviour::default() });
    let pool = SharedMemoryPool::new(&mock.client().await, 1 << 20);
    pool.reserve(2).await.unwrap();
    assert_eq!(mock.regions.lock().unwrap().len(), 4);
    let files = files(&mock);
    let calls: Vec<_> = (0..4)
        .map(|event| {
            let request = Request::new(&SAMPLE.events[event], &InferOptions::default()).unwrap();
            let pool = pool.clone();
            tokio::spawn(async move { pool.send(&request).await.unwrap() })
        })
        .collect();
    for (event, call) in calls.into_iter().enumerate() {
        for tensor in call.await.unwrap().tensors {
            let expected = SAMPLE.expected(event, RequestParameters::default(), tensor.output);
            assert!(tensor.bytes == expected, "event {event}, {:?}", tensor.output);
        }
    }
    assert_eq!(mock.regions.lock().unwrap().len(), 8);
    pool.close().await.unwrap();
    assert!(mock.regions.lock().unwrap().is_empty());
    assert!(files.iter().all(|file| !std::fs::exists(file).unwrap()), "{files:?}");
}

#[tokio::test]
async fn a_pool_ends_with_the_memory_of_calls_that_were_dropped() {
    let mock = Mock::start(Behaviour { delay: Duration::from_secs(60), ..Behaviour::default() });
    let pool = SharedMemoryPool::new(&mock.client().await, 1 << 20);
    let request = Request::new(&SAMPLE.events[0], &InferOptions::default()).unwrap();
    let call = {
        let pool = pool.clone();
        tokio::spawn(async move { pool.send(&request).await })
    };
    while mock.requests() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    call.abort();
    pool.close().await.unwrap();
    assert!(mock.regions.lock().unwrap().is_empty());
}
