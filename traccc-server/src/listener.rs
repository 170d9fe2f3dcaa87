//! Connections: accepted up to a limit, with or without TLS, ended when they stand still, drained at the end.

use crate::config::Limits;
use crate::misdirected::spoken;
use crate::reply::Connection;
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

/// Time for the handshake of TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// After an error of accepting, mostly too many open files.
const PAUSE: Duration = Duration::from_millis(50);
/// The largest header of an HTTP request, in bytes.
const MAX_HEADER: usize = 64 << 10;
/// How much of a request may be on its way, in bytes: for each stream and for each connection.
const WINDOWS: [u32; 2] = [4 << 20, 16 << 20];

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, for gRPC.
    Http2,
}

impl Protocol {
    /// The name in TLS.
    pub(crate) fn alpn(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::Http2 => "h2",
        }
    }
}

/// An address that is taken, and who answers there.
#[derive(Debug)]
pub(crate) struct Listener {
    listener: TcpListener,
    handler: Handler,
    /// For the connections of all addresses of a protocol.
    permits: Arc<Semaphore>,
}

/// Who answers.
#[derive(Clone)]
pub(crate) struct Handler {
    /// What is spoken.
    pub(crate) protocol: Protocol,
    /// Whom it is spoken to.
    pub(crate) router: Router,
    /// Those who speak the other protocol, unless connections are encrypted.
    pub(crate) misdirected: Router,
    /// Encryption.
    pub(crate) tls: Option<TlsAcceptor>,
    /// Limits.
    pub(crate) limits: Limits,
}

impl std::fmt::Debug for Handler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { protocol, limits, .. } = self;
        f.debug_struct("Handler").field("protocol", protocol).field("limits", limits).finish()
    }
}

impl Listener {
    /// Each with an address of a protocol.
    pub(crate) fn all(listeners: Vec<TcpListener>, handler: Handler) -> impl Iterator<Item = Self> {
        let permits = Arc::new(Semaphore::new(handler.limits.connections));
        listeners.into_iter().map(move |listener| Self {
            listener,
            handler: handler.clone(),
            permits: permits.clone(),
        })
    }

    /// Accepts connections until `drain` says so, then waits for them to end. When this future is dropped, so are they.
    pub(crate) async fn serve(self, mut drain: watch::Receiver<bool>) {
        let Self { listener, handler, permits } = self;
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = accept(&listener, &permits) => {
                    let (stream, permit) = accepted;
                    let (handler, drain) = (handler.clone(), drain.clone());
                    connections.spawn(async move {
                        handler.connection(stream, drain).await;
                        drop(permit);
                    });
                }
                Some(_) = connections.join_next() => {}
                () = told(&mut drain) => break,
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
    }
}

/// Waits until the server drains, or is dropped.
async fn told(drain: &mut watch::Receiver<bool>) {
    let _ = drain.wait_for(|&drain| drain).await;
}

/// The next connection, when one more may be open.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // Never closed.
    let permit = permits.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

impl Handler {
    async fn connection(self, stream: TcpStream, mut drain: watch::Receiver<bool>) {
        // Without it the end of a reply waits for the client's acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "connection");
        }
        let protocol = if self.tls.is_some() {
            // Agreed on in the handshake.
            self.protocol
        } else {
            let spoken = tokio::select! {
                spoken = tokio::time::timeout(self.limits.idle, spoken(&stream)) => spoken,
                () = told(&mut drain) => return,
            };
            let Ok(spoken) = spoken else { return };
            spoken.unwrap_or(self.protocol)
        };
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.limits.stall));
        if protocol == Protocol::Http2 {
            // Living clients answer pings.
            stream.set_read_timeout(Some(self.limits.idle));
        }
        let Some(tls) = self.tls.clone() else {
            return self.speak(protocol, Box::pin(stream), drain).await;
        };
        match tokio::time::timeout(HANDSHAKE, tls.accept(Box::pin(stream))).await {
            Ok(Ok(stream)) => self.speak(protocol, stream, drain).await,
            Ok(Err(error)) => tracing::debug!(%error, "TLS"),
            Err(_) => tracing::debug!("TLS: the client does not finish its handshake"),
        }
    }

    async fn speak<S>(self, protocol: Protocol, stream: S, drain: watch::Receiver<bool>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Self { router, misdirected, limits, .. } = self;
        let router = if protocol == self.protocol { router } else { misdirected };
        let (stream, service) = (TokioIo::new(stream), TowerToHyperService::new(router));
        match protocol {
            Protocol::Http1 => {
                let mut builder = http1::Builder::new();
                builder
                    .timer(TokioTimer::new())
                    .header_read_timeout(limits.idle)
                    .max_header_size(MAX_HEADER);
                converse(builder.serve_connection(stream, service), drain).await;
            }
            Protocol::Http2 => {
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder
                    .timer(TokioTimer::new())
                    .keep_alive_interval(limits.idle / 3)
                    .keep_alive_timeout(limits.idle / 3)
                    .max_header_list_size(MAX_HEADER as u32)
                    .initial_stream_window_size(WINDOWS[0])
                    .initial_connection_window_size(WINDOWS[1])
                    .max_concurrent_streams(streams(limits.requests));
                let connection = Connection::default();
                let known = connection.clone();
                let service = service_fn(move |mut request: Request<Incoming>| {
                    request.extensions_mut().insert(known.clone());
                    service.call(request)
                });
                tokio::select! {
                    () = converse(builder.serve_connection(stream, service), drain) => {}
                    () = connection.closed() => {}
                }
            }
        }
    }
}

/// How many requests one connection may have at once: not all, so that others get their turn.
fn streams(requests: usize) -> u32 {
    u32::try_from(requests.div_ceil(4)).unwrap_or(u32::MAX)
}

/// Serves a connection to its end; from `drain` on only what has begun.
async fn converse<C>(connection: C, mut drain: watch::Receiver<bool>)
where
    C: GracefulConnection,
    C::Error: std::fmt::Display,
{
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told(&mut drain) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection");
    }
}
