use std::path::PathBuf;
use std::time::Duration;

/// What a server serves, where, and within which limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// The model repository: a folder for each model.
    pub repository: PathBuf,
    /// Where gRPC is offered, as `HOST:PORT`: at all addresses of the host that this machine has. Port 0 takes a free one.
    pub grpc_address: String,
    /// Where HTTP is offered, likewise.
    pub http_address: String,
    /// Where Prometheus reads, likewise; without TLS.
    pub metrics_address: String,
    /// TLS for gRPC and HTTP; `None`: neither is encrypted.
    pub tls: Option<TlsFiles>,
    /// Whether clients may name POSIX shared memory objects of this machine. Whoever reaches the server can then read and
    /// write every object that it can.
    pub shared_memory: bool,
    /// The limits.
    pub limits: Limits,
    /// How the server ends.
    pub drain: Drain,
}

impl ServerConfig {
    /// The models of `repository` on free ports of the loopback address.
    pub fn new(repository: impl Into<PathBuf>) -> Self {
        let loopback = || "127.0.0.1:0".to_owned();
        Self {
            repository: repository.into(),
            grpc_address: loopback(),
            http_address: loopback(),
            metrics_address: loopback(),
            tls: None,
            shared_memory: false,
            limits: Limits::default(),
            drain: Drain::default(),
        }
    }
}

/// PEM files of a server with TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, then those that lead to its authority.
    pub certificates: PathBuf,
    /// The key of the server's certificate.
    pub key: PathBuf,
    /// Authorities of clients: a client must then have a certificate of one of them.
    pub client_authorities: Option<PathBuf>,
}

/// What one client, and all of them together, may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest request, in bytes; for compressed ones before and after unpacking. A cell takes 40.
    pub request_bytes: usize,
    /// The most memory, in bytes, of all requests that have come in whole or in part and are not decoded; at least
    /// [`Self::request_bytes`].
    pub memory: usize,
    /// The most requests that are answered at once, over all models and both protocols.
    pub requests: usize,
    /// The most requests that wait for an instance of a model.
    pub queue: usize,
    /// The most connections of each protocol; further ones wait to be accepted.
    pub connections: usize,
    /// How long an HTTP connection may send no complete header, and a gRPC one nothing at all.
    pub idle: Duration,
    /// How long the body of a request, or the reader of a reply, may stand still. gRPC connections of such readers are closed,
    /// with all else that they carry.
    pub stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes: 256 << 20,
            memory: 2 << 30,
            requests: 512,
            queue: 256,
            connections: 400,
            idle: Duration::from_secs(75),
            stall: Duration::from_secs(30),
        }
    }
}

/// How a server ends: it says that it is not ready, goes on for [`Self::delay`], then takes no more connections and answers
/// what it has begun, for [`Self::timeout`] at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// Time for load balancers to see that this server is not ready.
    pub delay: Duration,
    /// Time for the requests in flight.
    pub timeout: Duration,
}

impl Default for Drain {
    fn default() -> Self {
        Self { delay: Duration::ZERO, timeout: Duration::from_secs(30) }
    }
}
