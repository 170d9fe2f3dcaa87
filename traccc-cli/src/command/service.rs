//! What the commands that talk to a server share.

use crate::args::numbering;
use anyhow::{Context, Result, anyhow};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use traccc_client::{
    Client, ClientIdentity, ConnectOptions, InferOptions, RetryPolicy, Route, SharedMemoryPool,
};
use traccc_protocol::{CellForm, Numbering, Output, RequestParameters};

/// The server, the model, and how it is asked.
#[derive(Args, Debug)]
#[command(next_help_heading = "Service")]
pub(crate) struct ServiceArguments {
    /// Address of the server's gRPC service
    #[arg(long, value_name = "http(s)://HOST:PORT", default_value = "http://127.0.0.1:8001")]
    url: String,
    /// Name of the model
    #[arg(long, default_value = "traccc")]
    model: String,
    /// Version of the model [default: the newest]
    #[arg(long, value_name = "N", default_value = "", hide_default_value = true)]
    model_version: String,
    /// How cells are sent
    #[arg(long, value_enum, default_value_t = Form::Plain)]
    form: Form,
    /// Tensors that are asked for
    #[arg(long, value_enum, default_value_t = Outputs::Upstream)]
    outputs: Outputs,
    /// Pass tensors in shared memory to a server on this machine, with this room for those of a response in bytes
    #[arg(long, value_name = "BYTES", num_args = 0..=1, require_equals = true,
          default_missing_value = "67108864")]
    shared_memory: Option<usize>,
    /// Numbering of the sensors in the event files [default: that of the model]
    #[arg(long, value_name = "NUMBERING", value_parser = numbering(&["acts", "detray", "athena"]))]
    geometry_ids: Option<Numbering>,
    /// Leave out tracks with fewer measurements
    #[arg(long, value_name = "N", default_value_t = 0)]
    min_measurements: usize,
    /// Longest time for the tracks of an event, with all repetitions, in ms
    #[arg(long, value_name = "MS", default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(1..))]
    deadline: u64,
    /// How often a request is sent again that no server took
    #[arg(long, value_name = "N", default_value_t = 5)]
    retries: usize,
    /// Certificate authorities to trust, in PEM [default: those of this machine]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Certificate of this client, in PEM
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_certificate: Option<PathBuf>,
    /// Key of that certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "client_certificate")]
    client_key: Option<PathBuf>,
}

/// How cells are sent.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// As upstream's clients send them: 40 bytes a cell
    Plain,
    /// Sensor by sensor without times: 8 bytes a cell
    Compact,
    /// Sensor by sensor: 12 bytes a cell
    CompactTime,
}

/// Tensors that are asked for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Outputs {
    /// The four that upstream's service has
    Upstream,
    /// All
    All,
}

impl ServiceArguments {
    /// The address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The server.
    pub(crate) fn connect_options(&self) -> Result<ConnectOptions> {
        let identity = match (&self.client_certificate, &self.client_key) {
            (Some(certificate), Some(key)) => {
                Some(ClientIdentity { certificate: read(certificate)?, key: read(key)? })
            }
            _ => None,
        };
        let ca_certificate = self.ca.as_deref().map(read).transpose()?;
        Ok(ConnectOptions { ca_certificate, identity, ..ConnectOptions::new(&self.url) })
    }

    /// How requests reach it.
    pub(crate) fn route(&self, client: Client) -> Route {
        match self.shared_memory {
            Some(bytes) => Route::SharedMemory(SharedMemoryPool::new(&client, bytes)),
            None => Route::Messages(client),
        }
    }

    /// The model, and how it is asked.
    pub(crate) fn infer_options(&self) -> InferOptions {
        let numbering = self.geometry_ids;
        let min_measurements = self.min_measurements;
        InferOptions {
            model: self.model.clone(),
            version: self.model_version.clone(),
            form: match self.form {
                Form::Plain => CellForm::Plain,
                Form::Compact => CellForm::Compact,
                Form::CompactTime => CellForm::CompactWithTime,
            },
            outputs: match self.outputs {
                Outputs::Upstream => Output::UPSTREAM.to_vec(),
                Outputs::All => Output::ALL.to_vec(),
            },
            parameters: RequestParameters {
                numbering,
                min_measurements,
                ..RequestParameters::default()
            },
            deadline: Some(Duration::from_millis(self.deadline)),
            retry: RetryPolicy { retries: self.retries, ..RetryPolicy::default() },
            ..InferOptions::default()
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("`{}` cannot be read", path.display()))
}

/// What calls run on. One thread is enough: it waits most of the time.
pub(crate) fn runtime() -> Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("the threads of the client cannot be started")
}

/// Does `work` to its end, or until somebody wants the program to end; has the server forget shared memory in either case.
pub(crate) async fn until_interrupted<T>(
    route: &Route,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut interrupt = Interrupt::listen()?;
    let outcome = tokio::select! {
        outcome = work => outcome,
        // Whatever is on the way is given up.
        () = interrupt.arrives() => Err(anyhow!("interrupted")),
    };
    let closed = route.close().await;
    if let (Err(_), Err(error)) = (&outcome, &closed) {
        tracing::warn!("shared memory is still registered: {error:#}");
    }
    let outcome = outcome?;
    closed?;
    Ok(outcome)
}

/// The signals by which somebody wants this program to end.
struct Interrupt {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupt {
    /// From now on they do not end the program by themselves.
    fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be listened to");
        let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
        Ok(Self { interrupt: listen(interrupt)?, terminate: listen(terminate)? })
    }

    async fn arrives(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
