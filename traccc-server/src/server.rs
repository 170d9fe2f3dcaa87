use crate::address::bind;
use crate::config::{Drain, ServerConfig};
use crate::error::ServerError;
use crate::listener::{Handler, Listener, Protocol};
use crate::service::Service;
use crate::{grpc, http, metrics, misdirected, tls};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// A server that runs. Dropped without [`Self::shutdown`], it breaks off what it does.
#[derive(Debug)]
pub struct Server {
    service: Arc<Service>,
    health: HealthReporter,
    addresses: [SocketAddr; 3],
    tasks: Tasks,
    metrics: Tasks,
    drain: Drain,
}

/// Tasks that end by themselves when they are told to, or are aborted when dropped.
#[derive(Debug)]
struct Tasks {
    drain: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Tasks {
    fn spawn(listeners: impl IntoIterator<Item = Listener>) -> Self {
        let (drain, seen) = watch::channel(false);
        let spawn = |listener: Listener| tokio::spawn(listener.serve(seen.clone()));
        Self { drain, tasks: listeners.into_iter().map(spawn).collect() }
    }

    /// Accepts nothing more and waits for what has begun.
    async fn finish(&mut self) {
        self.drain.send_replace(true);
        for task in &mut self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a listener has failed");
            }
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Server {
    /// Loads all models, then takes the addresses: whoever can connect gets answers.
    ///
    /// # Errors
    /// A repository, model, certificate or address that cannot be used.
    pub async fn start(config: ServerConfig) -> Result<Self, ServerError> {
        let (config, service) = load(config).await?;
        let health = HealthReporter::new();
        let grpc = bind(&config.grpc_address).await?;
        let http = bind(&config.http_address).await?;
        let metrics = bind(&config.metrics_address).await?;
        let addresses = [grpc.first, http.first, metrics.first];
        let [grpc_port, http_port, _] = addresses.map(|address| address.port());

        let handler =
            |protocol: Protocol, router, misdirected, encrypted: bool| -> Result<_, ServerError> {
                let files = config.tls.as_ref().filter(|_| encrypted);
                let tls = files.map(|files| tls::acceptor(files, protocol.alpn())).transpose()?;
                Ok(Handler { protocol, router, misdirected, tls, limits: config.limits })
            };
        let (at_grpc, at_http) = (misdirected::at_grpc(http_port), misdirected::at_http(grpc_port));
        let router = grpc::router(service.clone(), health.clone());
        let grpc_handler = handler(Protocol::Http2, router, at_grpc, true)?;
        let router = http::router(service.clone());
        let http_handler = handler(Protocol::Http1, router, at_http.clone(), true)?;
        let router = metrics::router(service.clone());
        let metrics_handler = handler(Protocol::Http1, router, at_http, false)?;
        let served = Listener::all(grpc.listeners, grpc_handler)
            .chain(Listener::all(http.listeners, http_handler));
        Ok(Self {
            service,
            health,
            addresses,
            tasks: Tasks::spawn(served),
            metrics: Tasks::spawn(Listener::all(metrics.listeners, metrics_handler)),
            drain: config.drain,
        })
    }

    /// Where gRPC is offered: the first address of a name that has several.
    pub fn grpc_address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Where HTTP is offered: the first address of a name that has several.
    pub fn http_address(&self) -> SocketAddr {
        self.addresses[1]
    }

    /// Where Prometheus reads, at `/metrics`: the first address of a name that has several.
    pub fn metrics_address(&self) -> SocketAddr {
        self.addresses[2]
    }

    /// Ends the server as its [`Drain`] says. What is then still not answered is broken off; `false` tells that.
    pub async fn shutdown(self) -> bool {
        let Self { service, health, mut tasks, mut metrics, drain, .. } = self;
        service.drain();
        health.set_service_status("", ServingStatus::NotServing).await;
        tokio::time::sleep(drain.delay).await;
        let finished = tokio::time::timeout(drain.timeout, tasks.finish()).await.is_ok();
        if !finished {
            tracing::warn!(seconds = drain.timeout.as_secs(), "requests are broken off");
        }
        drop(tasks);
        // Instances look for clients that have gone between two stages.
        let stopped = tokio::task::spawn_blocking(move || service.stop()).await;
        if let Err(error) = stopped {
            tracing::error!(%error, "the instances have not ended");
        }
        // A scraper that keeps its connection open is not waited for.
        let _ = tokio::time::timeout(std::time::Duration::from_millis(100), metrics.finish()).await;
        finished
    }
}

/// Loads the models on a thread that may be kept busy.
async fn load(config: ServerConfig) -> Result<(ServerConfig, Arc<Service>), ServerError> {
    let loading = tokio::task::spawn_blocking(move || {
        let service = Service::load(&config)?;
        Ok((config, Arc::new(service)))
    });
    match loading.await {
        Ok(loaded) => loaded,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(ServerError::Thread(error.into())),
        },
    }
}
