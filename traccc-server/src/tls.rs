//! Certificates and keys from PEM files.

use crate::config::TlsFiles;
use crate::error::ServerError;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// What accepts encrypted connections of `protocol`, an ALPN name.
pub(crate) fn acceptor(files: &TlsFiles, protocol: &str) -> Result<TlsAcceptor, ServerError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&files.certificates, &error))?;
    let builder = match &files.client_authorities {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| wrong(path, &error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder
                .with_client_cert_verifier(verifier.build().map_err(|error| wrong(path, &error))?)
        }
    };
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| wrong(&files.key, &error))?;
    let mut config = builder
        .with_single_cert(certificates(&files.certificates)?, key)
        .map_err(|error| wrong(&files.certificates, &error))?;
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServerError> {
    let found = CertificateDer::pem_file_iter(path).map_err(|error| wrong(path, &error))?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(|error| wrong(path, &error))?;
    if found.is_empty() {
        return Err(wrong(path, &"it has no certificate"));
    }
    Ok(found)
}

fn wrong(path: &Path, reason: &impl Display) -> ServerError {
    ServerError::Tls { path: path.to_owned(), reason: reason.to_string() }
}
