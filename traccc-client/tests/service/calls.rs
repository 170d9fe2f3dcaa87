//! What works.

use crate::events::SAMPLE;
use crate::mock::{Behaviour, Mock};
use traccc_client::{InferOptions, Request};
use traccc_protocol::{CellForm, Numbering, Output, RequestParameters};

#[tokio::test]
async fn every_form_of_cells_gives_the_tensors_of_the_chain() {
    let mock = Mock::start(Behaviour::default());
    let client = mock.client().await;
    for form in [CellForm::Plain, CellForm::Compact, CellForm::CompactWithTime] {
        let outputs = Output::ALL.to_vec();
        let options =
            InferOptions { form, outputs, request_id: "seven".into(), ..InferOptions::default() };
        let response = client.infer(&SAMPLE.events[1], &options).await.unwrap();
        assert_eq!((response.model.as_str(), response.version.as_str()), ("traccc", "1"));
        assert_eq!((response.request_id.as_str(), response.attempts), ("seven", 1));
        let found: Vec<Output> = response.tensors.iter().map(|tensor| tensor.output).collect();
        assert_eq!(found, Output::ALL);
        for tensor in &response.tensors {
            let expected = SAMPLE.expected(1, RequestParameters::default(), tensor.output);
            assert!(tensor.bytes == expected, "{form:?}, {:?}", tensor.output);
        }
        let tracks = response.tracks().unwrap().tracks;
        assert!(tracks.len() > 10 && tracks.iter().all(|track| track.states.len() >= 3));
        assert_eq!(response.parameters["traccc_tracks"], tracks.len().to_string());
        assert_eq!(response.parameters["traccc_cells"], SAMPLE.events[1].len().to_string());
    }
}

#[tokio::test]
async fn parameters_of_the_request_reach_the_model() {
    let mock = Mock::start(Behaviour::default());
    let parameters = RequestParameters {
        numbering: Some(Numbering::Acts),
        min_measurements: 10,
        ..RequestParameters::default()
    };
    let options = InferOptions { parameters, ..InferOptions::default() };
    let response = mock.client().await.infer(&SAMPLE.events[0], &options).await.unwrap();
    assert_eq!(response.tensors[0].bytes, SAMPLE.expected(0, parameters, Output::TrackParameters));
    let all = SAMPLE.expected(0, RequestParameters::default(), Output::TrackParameters);
    assert_ne!(response.tensors[0].bytes, all, "the limit leaves nothing out");
}

#[tokio::test]
async fn an_event_without_cells_has_no_tracks() {
    let mock = Mock::start(Behaviour::default());
    let client = mock.client().await;
    let response = client.infer(&Default::default(), &InferOptions::default()).await.unwrap();
    assert_eq!(response.tracks().unwrap().tracks, []);
}

#[tokio::test]
async fn calls_side_by_side_get_their_own_tracks() {
    let mock = Mock::start(Behaviour::default());
    let client = mock.client().await;
    let mut calls = tokio::task::JoinSet::new();
    for call in 0..16 {
        let (client, event) = (client.clone(), call % SAMPLE.events.len());
        calls.spawn(async move {
            let options = InferOptions { request_id: call.to_string(), ..InferOptions::default() };
            let request = Request::new(&SAMPLE.events[event], &options).unwrap();
            let response = client.send(&request).await.unwrap();
            assert_eq!(response.request_id, call.to_string());
            let expected =
                SAMPLE.expected(event, RequestParameters::default(), Output::Covariances);
            assert!(response.tensors[2].bytes == expected);
        });
    }
    while let Some(done) = calls.join_next().await {
        done.unwrap();
    }
    assert_eq!(mock.requests(), 16);
}

#[tokio::test]
async fn questions_are_answered() {
    let mock = Mock::start(Behaviour::default());
    let client = mock.client().await;
    assert!(client.server_ready().await.unwrap());
    assert!(client.model_ready("traccc", "").await.unwrap());
    assert!(!client.model_ready("other", "").await.unwrap());
    assert_eq!(client.server_metadata().await.unwrap().name, "mock");
    assert_eq!(client.model_metadata("traccc", "1").await.unwrap().name, "traccc");
    let error = client.model_metadata("other", "").await.unwrap_err();
    assert_eq!(error.to_string(), "the server answered NOT_FOUND: no model `other`");
    client.infer(&SAMPLE.events[0], &InferOptions::default()).await.unwrap();
    assert_eq!(client.model_statistics("traccc", "").await.unwrap()[0].inference_count, 1);
}
