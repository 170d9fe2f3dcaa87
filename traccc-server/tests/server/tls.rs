//! Encrypted connections.

use crate::support::{Client, assert_works, fixture, start};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};
use traccc_protocol::grpc::ServerReadyRequest;
use traccc_server::{Server, ServerConfig, ServerError, TlsFiles};

/// Writes a certificate that is its own authority, and its key.
fn certificate(folder: &Path, name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    for (suffix, text) in [("crt", &certificate), ("key", &key)] {
        let mut file = std::fs::File::create(folder.join(format!("{name}.{suffix}"))).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
    (certificate, key)
}

fn files(folder: &TempDir, with_clients: bool) -> TlsFiles {
    let path = |name: &str| folder.path().join(name);
    TlsFiles {
        certificates: path("server.crt"),
        key: path("server.key"),
        client_authorities: with_clients.then(|| path("client.crt")),
    }
}

async fn client(server: &Server, tls: ClientTlsConfig) -> Result<Client, tonic::transport::Error> {
    let url = format!("https://localhost:{}", server.grpc_address().port());
    let channel = Channel::from_shared(url).unwrap().tls_config(tls)?;
    Ok(Client::new(channel.connect().await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_and_http_are_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, _) = certificate(folder.path(), "server");
    let server = start(|config| config.tls = Some(files(&folder, false))).await;
    let tls = || ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&authority));
    assert_works(&mut client(&server, tls()).await.unwrap()).await;
    let plain = Channel::from_shared(format!("http://{}", server.grpc_address())).unwrap();
    if let Ok(channel) = plain.connect().await {
        Client::new(channel).server_ready(ServerReadyRequest {}).await.unwrap_err();
    }

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(server.http_address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    stream
        .write_all(b"GET /v2/health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK"), "{reply}");
    assert!(server.shutdown().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_without_a_certificate_are_refused_where_one_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, _) = certificate(folder.path(), "server");
    let (own, key) = certificate(folder.path(), "client");
    let server = start(|config| config.tls = Some(files(&folder, true))).await;
    let tls = || ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&authority));
    if let Ok(mut client) = client(&server, tls()).await {
        client.server_ready(ServerReadyRequest {}).await.unwrap_err();
    }
    let known = tls().identity(Identity::from_pem(own, key));
    assert_works(&mut client(&server, known).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_certificate_or_key_are_told() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "server");
    let good = files(&folder, false);
    let other = fixture().repository.path().join("traccc/config.pbtxt");
    for tls in [
        TlsFiles { certificates: other.clone(), ..good.clone() },
        TlsFiles { key: other.clone(), ..good.clone() },
        TlsFiles { client_authorities: Some("none".into()), ..good.clone() },
    ] {
        let mut config = ServerConfig::new(fixture().repository.path());
        config.tls = Some(tls);
        let error = Server::start(config).await.unwrap_err();
        assert!(matches!(error, ServerError::Tls { .. }), "{error}");
    }
}
