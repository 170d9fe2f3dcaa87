//! What fails, and what is said of it.

use crate::events::SAMPLE;
use crate::mock::{Behaviour, Mock};
use crate::wire::Wire;
use rcgen::{CertificateParams, Issuer, KeyPair};
use std::time::{Duration, Instant};
use tonic::Code;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};
use traccc_client::{
    Client, ClientError, ClientIdentity, ConnectOptions, InferOptions, RetryPolicy,
};
use traccc_protocol::grpc::ModelInferResponse;
use traccc_protocol::{Output, ResponseError};

fn patient() -> InferOptions {
    let retry = RetryPolicy { first_pause: Duration::from_millis(5), ..RetryPolicy::default() };
    InferOptions { retry, ..InferOptions::default() }
}

#[tokio::test]
async fn a_server_that_cannot_yet_is_asked_again() {
    let mock = Mock::start(Behaviour { unavailable: 3, ..Behaviour::default() });
    let response = mock.client().await.infer(&SAMPLE.events[0], &patient()).await.unwrap();
    assert_eq!((response.attempts, mock.requests()), (4, 4));
}

#[tokio::test]
async fn repetitions_end_with_the_last_error() {
    let mock = Mock::start(Behaviour { unavailable: usize::MAX, ..Behaviour::default() });
    let error = mock.client().await.infer(&SAMPLE.events[0], &patient()).await.unwrap_err();
    assert_eq!(error.to_string(), "the server answered UNAVAILABLE: draining (tried 6 times)");
    assert_eq!(mock.requests(), 6);
}

#[tokio::test]
async fn a_refused_request_is_not_sent_again() {
    let mock = Mock::start(Behaviour::default());
    let mut cells = SAMPLE.events[0].clone();
    cells.geometry_id[5] = 17;
    let error = mock.client().await.infer(&cells, &patient()).await.unwrap_err();
    let ClientError::Status { code: Code::InvalidArgument, message, attempts: 1 } = error else {
        panic!("{error}");
    };
    assert!(message.contains("row 5"), "{message}");
}

#[tokio::test]
async fn a_silent_server_is_not_waited_for() {
    let mock = Mock::start(Behaviour { delay: Duration::from_secs(60), ..Behaviour::default() });
    let options = InferOptions { deadline: Some(Duration::from_millis(200)), ..patient() };
    let begin = Instant::now();
    let error = mock.client().await.infer(&SAMPLE.events[0], &options).await.unwrap_err();
    assert!(matches!(error, ClientError::Deadline { attempts: 1, .. }), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(10));
    assert_eq!(error.class(), "DEADLINE_EXCEEDED");
}

#[tokio::test]
async fn a_connection_that_fell_silent_is_replaced_after_a_deadline() {
    let mock = Mock::start(Behaviour::default());
    let wire = Wire::to(mock.address).await;
    let client = Client::connect(&ConnectOptions::new(wire.url())).await.unwrap();
    client.infer(&SAMPLE.events[0], &InferOptions::default()).await.unwrap();
    wire.cut();
    let options = InferOptions { deadline: Some(Duration::from_millis(300)), ..patient() };
    let clone = client.clone();
    let error = client.infer(&SAMPLE.events[0], &options).await.unwrap_err();
    assert!(matches!(error, ClientError::Deadline { .. }), "{error}");
    let options = InferOptions { deadline: Some(Duration::from_secs(20)), ..patient() };
    let response = clone.infer(&SAMPLE.events[0], &options).await.unwrap();
    assert_eq!(response.attempts, 1);
}

#[tokio::test]
async fn the_deadline_holds_for_all_repetitions_together() {
    let mock = Mock::start(Behaviour { unavailable: usize::MAX, ..Behaviour::default() });
    let retry = RetryPolicy {
        retries: usize::MAX,
        first_pause: Duration::from_millis(50),
        longest_pause: Duration::from_millis(50),
        ..RetryPolicy::default()
    };
    let deadline = Some(Duration::from_millis(300));
    let options = InferOptions { deadline, retry, ..InferOptions::default() };
    let begin = Instant::now();
    let error = mock.client().await.infer(&SAMPLE.events[0], &options).await.unwrap_err();
    assert!(matches!(error, ClientError::Status { code: Code::Unavailable, .. }), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(10) && mock.requests() > 2);
}

#[tokio::test]
async fn nobody_there_is_said_with_the_address() {
    // A port that was free a moment ago.
    let address = Mock::start(Behaviour::default()).address;
    let options = ConnectOptions::new(format!("http://{address}"));
    let error = Client::connect(&options).await.unwrap_err();
    assert!(matches!(error, ClientError::Transport { .. }), "{error}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    let error = Client::lazy(&options).unwrap().infer(&SAMPLE.events[0], &patient()).await;
    assert!(matches!(error, Err(ClientError::Transport { attempts: 6, .. })), "{error:?}");
}

#[tokio::test]
async fn a_killed_server_that_comes_back_answers_the_repeated_call() {
    let mock = Mock::start(Behaviour { delay: Duration::from_secs(60), ..Behaviour::default() });
    let (address, client) = (mock.address, mock.client().await);
    let retry =
        RetryPolicy { retries: 100, longest_pause: Duration::from_millis(50), ..patient().retry };
    let options = InferOptions { retry, ..InferOptions::default() };
    let call = tokio::spawn(async move { client.infer(&SAMPLE.events[0], &options).await });
    while mock.requests() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Killed while it works on the request.
    drop(mock);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let next = Mock::start_at(address, Behaviour::default());
    let response = call.await.unwrap().unwrap();
    assert!(response.attempts > 1 && next.requests() == 1, "{} attempts", response.attempts);
}

#[tokio::test]
async fn a_response_of_many_megabytes_is_read() {
    fn enlarge(response: &mut ModelInferResponse) {
        let columns = 25;
        let rows = (20 << 20) / (4 * columns);
        let at = response.outputs.iter().position(|o| o.name == "COVARIANCES").unwrap();
        response.outputs[at].shape = vec![rows as i64, columns as i64];
        response.raw_output_contents[at] = vec![0; rows * 4 * columns].into();
    }
    let mock = Mock::start(Behaviour { tamper: enlarge, ..Behaviour::default() });
    let options = InferOptions { outputs: vec![Output::Covariances], ..InferOptions::default() };
    let response = mock.client().await.infer(&SAMPLE.events[0], &options).await.unwrap();
    assert!(response.byte_size() > 20_000_000);

    let limited = ConnectOptions { max_response_bytes: 1 << 20, ..mock.options() };
    let client = Client::connect(&limited).await.unwrap();
    let error = client.infer(&SAMPLE.events[0], &options).await.unwrap_err();
    assert!(matches!(error, ClientError::Status { code: Code::OutOfRange, .. }), "{error}");
}

#[tokio::test]
async fn a_response_that_lies_is_refused() {
    type Lie = fn(&mut ModelInferResponse);
    let lies: [(Lie, &str); 9] = [
        (|r| r.outputs[1].shape[0] += 1, "MEASUREMENTS"),
        (|r| r.outputs[1].shape[0] = -1, "MEASUREMENTS"),
        (|r| r.outputs[2].shape = vec![i64::MAX, 25], "COVARIANCES"),
        (|r| r.outputs[0].datatype = "FP64".into(), "FP64"),
        (|r| r.outputs[0].name = "LABELS".into(), "LABELS"),
        (|r| r.outputs[1].name = "TRK_PARAMS".into(), "TRK_PARAMS"),
        (|r| drop(r.raw_output_contents.pop()), "describes 4 tensors, but has the contents of 3"),
        (|r| r.raw_output_contents.clear(), "contents of 0"),
        (|r| drop((r.outputs.pop(), r.raw_output_contents.pop())), "no tensor `GEOMETRY_IDS`"),
    ];
    for (tamper, named) in lies {
        let mock = Mock::start(Behaviour { tamper, ..Behaviour::default() });
        let client = mock.client().await;
        let error = client.infer(&SAMPLE.events[0], &InferOptions::default()).await.unwrap_err();
        assert_eq!(error.class(), "response", "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[tokio::test]
async fn tensors_that_contradict_each_other_are_no_tracks() {
    fn shorten(response: &mut ModelInferResponse) {
        response.outputs[0].shape[0] -= 1;
        let shorter = response.raw_output_contents[0].split_off(32);
        response.raw_output_contents[0] = shorter;
    }
    let mock = Mock::start(Behaviour { tamper: shorten, ..Behaviour::default() });
    let client = mock.client().await;
    let response = client.infer(&SAMPLE.events[0], &InferOptions::default()).await.unwrap();
    assert!(matches!(response.tracks(), Err(ResponseError::Rows { .. })));
}

/// A certificate authority, and certificate and key of a server on this machine and of a client.
struct Authority {
    certificate: String,
    server: (String, String),
    client: (String, String),
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut own = CertificateParams::new(Vec::new()).unwrap();
        own.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = own.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(own, key);
        let issue = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
            (parameters.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
        };
        Self { certificate, server: issue("127.0.0.1"), client: issue("a.client") }
    }

    /// A server that only takes clients of this authority.
    fn server(&self) -> Behaviour {
        let tls = ServerTlsConfig::new()
            .identity(Identity::from_pem(&self.server.0, &self.server.1))
            .client_ca_root(Certificate::from_pem(&self.certificate));
        Behaviour { tls: Some(tls), ..Behaviour::default() }
    }

    fn client(&self, mock: &Mock) -> ConnectOptions {
        let identity = ClientIdentity {
            certificate: self.client.0.clone().into(),
            key: self.client.1.clone().into(),
        };
        ConnectOptions {
            ca_certificate: Some(self.certificate.clone().into()),
            identity: Some(identity),
            ..ConnectOptions::new(format!("https://{}", mock.address))
        }
    }
}

#[tokio::test]
async fn an_encrypted_connection_needs_the_right_authority_on_both_sides() {
    let authority = Authority::new();
    let mock = Mock::start(authority.server());
    let trusted = authority.client(&mock);
    let client = Client::connect(&trusted).await.unwrap();
    client.infer(&SAMPLE.events[0], &InferOptions::default()).await.unwrap();

    let other = Authority::new();
    let wrong = ConnectOptions {
        ca_certificate: Some(other.certificate.clone().into()),
        ..trusted.clone()
    };
    let error = Client::connect(&wrong).await.unwrap_err();
    let ClientError::Transport { reason, .. } = error else {
        panic!("{error}");
    };
    assert!(reason.contains("certificate"), "{reason}");
    // A later attempt would see the same certificate.
    let late = Client::lazy(&wrong).unwrap().infer(&SAMPLE.events[0], &patient()).await;
    let Err(ClientError::Transport { reason, attempts: 1, .. }) = late else {
        panic!("{late:?}");
    };
    assert!(reason.contains("certificate"), "{reason}");
    // Of this machine's authorities none knows the server.
    let unknown = ConnectOptions { ca_certificate: None, ..trusted.clone() };
    assert!(Client::connect(&unknown).await.is_err());

    let stranger = ConnectOptions { identity: other.client(&mock).identity, ..trusted };
    let client = Client::lazy(&stranger).unwrap();
    let options = InferOptions { retry: RetryPolicy::NEVER, ..InferOptions::default() };
    let error = client.infer(&SAMPLE.events[0], &options).await.unwrap_err();
    assert!(matches!(error, ClientError::Transport { .. }), "{error}");
    assert_eq!(mock.requests(), 1);
}
