use crate::error::{ClientError, causes};
use std::time::Duration;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

/// Where the server is and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectOptions {
    /// `http://HOST:PORT`, or `https://HOST:PORT` for an encrypted connection.
    pub url: String,
    /// Certificate authorities that are trusted for `https`, in PEM; `None`: those of this machine.
    pub ca_certificate: Option<Vec<u8>>,
    /// Who this client is, for servers that ask.
    pub identity: Option<ClientIdentity>,
    /// The longest time for one attempt to connect.
    pub connect_timeout: Duration,
    /// The largest response that is accepted, in bytes.
    pub max_response_bytes: usize,
}

/// Certificate and key of a client, in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The certificate.
    pub certificate: Vec<u8>,
    /// Its private key.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for ClientIdentity {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientIdentity").finish_non_exhaustive()
    }
}

impl ConnectOptions {
    /// A server without anything special: 5 s to connect, responses up to 1 GiB.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ca_certificate: None,
            identity: None,
            connect_timeout: Duration::from_secs(5),
            max_response_bytes: 1 << 30,
        }
    }

    pub(crate) fn endpoint(&self) -> Result<Endpoint, ClientError> {
        let url = || self.url.clone();
        let endpoint = Endpoint::from_shared(url()).map_err(|_| ClientError::Url { url: url() })?;
        let encrypted = match (endpoint.uri().scheme_str(), endpoint.uri().host()) {
            (Some("http"), Some(_)) => false,
            (Some("https"), Some(_)) => true,
            _ => return Err(ClientError::Url { url: url() }),
        };
        let endpoint = endpoint
            .connect_timeout(self.connect_timeout)
            .tcp_keepalive(Some(Duration::from_secs(30)))
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        if !encrypted {
            if self.ca_certificate.is_some() || self.identity.is_some() {
                return Err(ClientError::NotEncrypted { url: url() });
            }
            return Ok(endpoint);
        }
        let pem =
            self.ca_certificate.iter().chain(self.identity.iter().map(|own| &own.certificate));
        if let Some(other) =
            pem.into_iter().find(|pem| !String::from_utf8_lossy(pem).contains(BEGIN))
        {
            // Read as PEM it would be a list of no certificates.
            let reason = format!("`{BEGIN}` is not in its {} bytes", other.len());
            return Err(ClientError::Certificate { url: url(), reason });
        }
        let mut tls = ClientTlsConfig::new();
        tls = match &self.ca_certificate {
            Some(pem) => tls.ca_certificate(Certificate::from_pem(pem)),
            None => tls.with_native_roots(),
        };
        if let Some(ClientIdentity { certificate, key }) = &self.identity {
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        let unusable = |error| ClientError::Certificate { url: url(), reason: causes(&error) };
        endpoint.tls_config(tls).map_err(unusable)
    }
}

/// The first line of a certificate.
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// Bytes of a response that may be under way; the default of 64 kB makes large responses wait for the client.
const WINDOW: u32 = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_with_scheme_and_host_are_taken() {
        for url in ["", "127.0.0.1:8001", "localhost:8001", "ftp://localhost:1", "/a", "http://"] {
            let error = ConnectOptions::new(url).endpoint().unwrap_err();
            assert!(matches!(error, ClientError::Url { .. }), "{url}: {error}");
        }
        assert!(ConnectOptions::new("http://localhost:8001").endpoint().is_ok());
    }

    #[test]
    fn certificates_need_an_encrypted_address_and_must_be_some() {
        let mut options = ConnectOptions::new("http://localhost:8001");
        options.ca_certificate = Some(b"not PEM".to_vec());
        assert!(matches!(options.endpoint(), Err(ClientError::NotEncrypted { .. })));
        options.url = "https://localhost:8001".into();
        assert!(matches!(options.endpoint(), Err(ClientError::Certificate { .. })));
    }

    #[test]
    fn a_key_is_not_shown() {
        let identity = ClientIdentity { certificate: b"open".to_vec(), key: b"secret".to_vec() };
        let shown = format!("{identity:?}");
        assert!(!shown.contains("115, 101"), "{shown}");
    }
}
