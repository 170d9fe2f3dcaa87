use crate::Verdict;
use crate::args::positive;
use anyhow::{Context, Result};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use traccc_server::{Drain, Limits, Server, ServerConfig, TlsFiles};

/// Arguments of `traccc serve`.
#[derive(Args, Debug)]
pub(crate) struct ServeArguments {
    /// Model repository, as `traccc model-repository` writes and Triton reads it
    #[arg(long, value_name = "DIR")]
    model_repository: PathBuf,
    /// Where gRPC is offered: at all addresses of the host, for localhost those of IPv4 and IPv6; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port, default_value = "127.0.0.1:8001")]
    grpc_address: String,
    /// Where HTTP is offered; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port, default_value = "127.0.0.1:8000")]
    http_address: String,
    /// Where Prometheus reads /metrics, without TLS; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port, default_value = "127.0.0.1:8002")]
    metrics_address: String,
    /// Let clients name POSIX shared memory objects of this machine; whoever reaches the server can then read and write
    /// them
    #[arg(long)]
    shared_memory: bool,
    #[command(flatten)]
    tls: TlsArguments,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    drain: DrainArguments,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "TLS")]
struct TlsArguments {
    /// PEM file: the server's certificate, then those that lead to its authority
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// PEM file: the key of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// PEM file: the authorities of clients, which must then have a certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Limits")]
struct LimitArguments {
    /// Largest request in MiB; a cell takes 40 bytes
    #[arg(long, value_name = "MIB", value_parser = positive, default_value_t = 256)]
    max_request_mib: usize,
    /// Memory of all requests that have come and are not decoded, in MiB; further ones get UNAVAILABLE or 503
    #[arg(long, value_name = "MIB", value_parser = positive, default_value_t = 2048)]
    max_memory_mib: usize,
    /// Requests that are answered at once; further ones get UNAVAILABLE or 503
    #[arg(long, value_name = "N", value_parser = positive, default_value_t = 512)]
    max_requests: usize,
    /// Requests that wait for an instance of a model; further ones get UNAVAILABLE or 503
    #[arg(long, value_name = "N", value_parser = positive, default_value_t = 256)]
    max_queue: usize,
    /// Open connections of each protocol; further ones wait
    #[arg(long, value_name = "N", value_parser = positive, default_value_t = 400)]
    max_connections: usize,
    /// Seconds after which a connection without a request (HTTP) or without life (gRPC) is closed
    #[arg(long, value_name = "SECONDS", value_parser = positive, default_value_t = 75)]
    idle_timeout: usize,
    /// Seconds that a client may stand still while it sends a request or reads a reply
    #[arg(long, value_name = "SECONDS", value_parser = positive, default_value_t = 30)]
    stall_timeout: usize,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "End, after SIGTERM or SIGINT")]
struct DrainArguments {
    /// Seconds to go on as before, but not ready: for load balancers, about twice the interval of their health checks
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    drain_delay: u64,
    /// Seconds for the requests in flight
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    drain_timeout: u64,
}

/// Whether there is such a host is found out when the server listens.
fn host_and_port(text: &str) -> Result<String, String> {
    let port = text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    port.map(|_| text.to_owned()).ok_or_else(|| "expected HOST:PORT".to_owned())
}

impl ServeArguments {
    fn config(&self) -> ServerConfig {
        let seconds = |n: usize| Duration::from_secs(n as u64);
        let Self { tls, limits, drain, .. } = self;
        let tls = match (&tls.tls_cert, &tls.tls_key) {
            (Some(certificates), Some(key)) => Some(TlsFiles {
                certificates: certificates.clone(),
                key: key.clone(),
                client_authorities: tls.tls_client_ca.clone(),
            }),
            _ => None,
        };
        ServerConfig {
            repository: self.model_repository.clone(),
            grpc_address: self.grpc_address.clone(),
            http_address: self.http_address.clone(),
            metrics_address: self.metrics_address.clone(),
            tls,
            shared_memory: self.shared_memory,
            limits: Limits {
                request_bytes: limits.max_request_mib.saturating_mul(1 << 20),
                memory: limits.max_memory_mib.saturating_mul(1 << 20),
                requests: limits.max_requests,
                queue: limits.max_queue,
                connections: limits.max_connections,
                idle: seconds(limits.idle_timeout),
                stall: seconds(limits.stall_timeout),
            },
            drain: Drain {
                delay: Duration::from_secs(drain.drain_delay),
                timeout: Duration::from_secs(drain.drain_timeout),
            },
        }
    }
}

/// Serves the models of a repository until a signal asks for the end.
pub(crate) fn serve(arguments: &ServeArguments) -> Result<Verdict> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(arguments.config()))
}

async fn run(config: ServerConfig) -> Result<Verdict> {
    // Before anything else: a signal while models are loaded ends the program too.
    let mut signals = Signals::listen()?;
    let server = tokio::select! {
        server = Server::start(config) => server.context("the server does not start")?,
        name = signals.next() => {
            tracing::warn!("{name}: ended before the models were loaded");
            return Ok(Verdict::Done);
        }
    };
    let [grpc, http, metrics] =
        [server.grpc_address(), server.http_address(), server.metrics_address()];
    let mut out = std::io::stdout();
    writeln!(out, "ready: grpc {grpc} http {http} metrics {metrics}")?;
    out.flush()?;
    // As warnings, so that the log of every server says why it ended.
    let name = signals.next().await;
    tracing::warn!("{name}: draining; a second signal breaks off");
    tokio::select! {
        finished = server.shutdown() => {
            let how = if finished { "all requests are answered" } else { "requests were broken off" };
            tracing::warn!("ended: {how}");
        }
        name = signals.next() => tracing::warn!("{name} again: broken off"),
    }
    Ok(Verdict::Done)
}

/// The signals by which somebody wants the server to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on they do not end the program by themselves.
    fn listen() -> Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one, and gives its name.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
