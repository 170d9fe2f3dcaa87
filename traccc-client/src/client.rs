use crate::connect::ConnectOptions;
use crate::connection::{Connection, Stub};
use crate::error::{ClientError, Meaning, causes, meaning};
use crate::request::{InferOptions, Request};
use crate::response::Response;
use crate::retry::RetryPolicy;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonic::{Status, TimeoutExpired};
use traccc_core::event::RawCells;
use traccc_protocol::grpc;

/// The longest time for the answer to a question about the server or a model.
const QUESTION_DEADLINE: Duration = Duration::from_secs(10);

/// A connection to a server. Clones share it, and it carries any number of calls at once. When it breaks, or was silent for
/// as long as a call may take, the next call makes a new one.
#[derive(Clone, Debug)]
pub struct Client {
    connection: Arc<Connection>,
}

/// One attempt of a call.
pub(crate) struct Attempt {
    pub(crate) stub: Stub,
    /// Counted from 0.
    pub(crate) number: usize,
    /// The time that is left for it.
    pub(crate) left: Option<Duration>,
}

impl Attempt {
    /// A message that tells the server how much time is left.
    pub(crate) fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        if let Some(left) = self.left {
            request.set_timeout(left);
        }
        request
    }
}

impl Client {
    /// Connects to a server.
    ///
    /// # Errors
    /// [`ClientError::Url`], [`ClientError::NotEncrypted`] or [`ClientError::Certificate`] for unusable options,
    /// [`ClientError::Transport`] when nobody answers or the server is not trusted.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, ClientError> {
        Ok(Self { connection: Arc::new(Connection::open(options).await?) })
    }

    /// Connects with the first call, so that the retries of that call cover a server that is not there yet.
    ///
    /// # Errors
    /// [`ClientError::Url`], [`ClientError::NotEncrypted`] or [`ClientError::Certificate`] for unusable options.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn lazy(options: &ConnectOptions) -> Result<Self, ClientError> {
        Ok(Self { connection: Arc::new(Connection::lazy(options)?) })
    }

    /// Sends the cells of an event and waits for its tracks.
    ///
    /// # Errors
    /// [`ClientError`], whose variant says whether the cells, the connection, the server or the response is at fault.
    pub async fn infer(
        &self,
        cells: &RawCells,
        options: &InferOptions,
    ) -> Result<Response, ClientError> {
        self.send(&Request::new(cells, options)?).await
    }

    /// As [`Self::infer`], with a request that was made before: it may be sent any number of times.
    ///
    /// # Errors
    /// As [`Self::infer`].
    pub async fn send(&self, request: &Request) -> Result<Response, ClientError> {
        let Request { message, options } = request;
        let infer = |mut attempt: Attempt| {
            // Contents are shared, not copied.
            let request = attempt.request(message.clone());
            async move { attempt.stub.model_infer(request).await }
        };
        let (reply, attempts) = self.call(options.deadline, &options.retry, infer).await?;
        Response::read(reply, &options.outputs, attempts)
    }

    /// Whether the server takes requests.
    ///
    /// # Errors
    /// [`ClientError::Transport`], [`ClientError::Status`] or [`ClientError::Deadline`].
    pub async fn server_ready(&self) -> Result<bool, ClientError> {
        let ask = |mut stub: Stub, request| async move { stub.server_ready(request).await };
        Ok(self.ask(grpc::ServerReadyRequest {}, ask).await?.ready)
    }

    /// Whether a model takes requests; an empty `version` is the newest one.
    ///
    /// # Errors
    /// As [`Self::server_ready`].
    pub async fn model_ready(&self, model: &str, version: &str) -> Result<bool, ClientError> {
        let (name, version) = (model.to_owned(), version.to_owned());
        let message = grpc::ModelReadyRequest { name, version };
        let ask = |mut stub: Stub, request| async move { stub.model_ready(request).await };
        Ok(self.ask(message, ask).await?.ready)
    }

    /// Name, version and extensions of the server.
    ///
    /// # Errors
    /// As [`Self::server_ready`].
    pub async fn server_metadata(&self) -> Result<grpc::ServerMetadataResponse, ClientError> {
        let ask = |mut stub: Stub, request| async move { stub.server_metadata(request).await };
        self.ask(grpc::ServerMetadataRequest {}, ask).await
    }

    /// Versions and tensors of a model; an empty `version` is the newest one.
    ///
    /// # Errors
    /// As [`Self::server_ready`].
    pub async fn model_metadata(
        &self,
        model: &str,
        version: &str,
    ) -> Result<grpc::ModelMetadataResponse, ClientError> {
        let (name, version) = (model.to_owned(), version.to_owned());
        let message = grpc::ModelMetadataRequest { name, version };
        let ask = |mut stub: Stub, request| async move { stub.model_metadata(request).await };
        self.ask(message, ask).await
    }

    /// How many requests a model has answered and how long each part of the work took; an empty `version` is all of them.
    ///
    /// # Errors
    /// As [`Self::server_ready`].
    pub async fn model_statistics(
        &self,
        model: &str,
        version: &str,
    ) -> Result<Vec<grpc::ModelStatistics>, ClientError> {
        let (name, version) = (model.to_owned(), version.to_owned());
        let message = grpc::ModelStatisticsRequest { name, version };
        let ask = |mut stub: Stub, request| async move { stub.model_statistics(request).await };
        Ok(self.ask(message, ask).await?.model_stats)
    }

    /// A question about the server, tried once.
    pub(crate) async fn ask<M: Clone, T, F>(
        &self,
        message: M,
        call: impl Fn(Stub, tonic::Request<M>) -> F,
    ) -> Result<T, ClientError>
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let ask = |attempt: Attempt| {
            let request = attempt.request(message.clone());
            call(attempt.stub, request)
        };
        Ok(self.call(Some(QUESTION_DEADLINE), &RetryPolicy::NEVER, ask).await?.0)
    }

    /// Tries a call until there is an answer, `policy` ends, or `deadline` after now is over; gives the number of attempts
    /// too.
    pub(crate) async fn call<T, F>(
        &self,
        deadline: Option<Duration>,
        policy: &RetryPolicy,
        attempt: impl Fn(Attempt) -> F,
    ) -> Result<(T, usize), ClientError>
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let begin = Instant::now();
        let mut number = 0;
        loop {
            let left = deadline.map(|deadline| deadline.saturating_sub(begin.elapsed()));
            let (stub, generation) = self.connection.stub();
            let tried = attempt(Attempt { stub, number, left });
            let outcome = match left {
                // The server is told too, but may be silent.
                Some(left) => tokio::time::timeout(left, tried)
                    .await
                    .unwrap_or_else(|_| Err(Status::from_error(Box::new(TimeoutExpired(()))))),
                None => tried.await,
            };
            let status = match outcome {
                Ok(response) => return Ok((response.into_inner(), number + 1)),
                Err(status) => status,
            };
            let meaning = meaning(&status);
            if meaning == Meaning::Silence {
                self.connection.give_up(generation);
            }
            let error = self.error(&status, meaning, deadline, number + 1);
            let again = matches!(meaning, Meaning::Unavailable | Meaning::Broken);
            let pause = policy.pause(number, begin.elapsed()).filter(|_| again);
            let Some(pause) = pause else {
                return Err(error);
            };
            if deadline.is_some_and(|deadline| begin.elapsed() + pause >= deadline) {
                return Err(error);
            }
            tracing::debug!(attempt = number + 1, ?pause, %error, "trying again");
            tokio::time::sleep(pause).await;
            number += 1;
        }
    }

    fn error(
        &self,
        status: &Status,
        meaning: Meaning,
        deadline: Option<Duration>,
        attempts: usize,
    ) -> ClientError {
        match (meaning, deadline) {
            (Meaning::Silence | Meaning::TimeOver, Some(deadline)) => {
                ClientError::Deadline { deadline, attempts }
            }
            (Meaning::Broken | Meaning::Untrusted, _) => {
                let source = std::error::Error::source(status);
                let reason = source.map_or_else(|| status.message().to_owned(), causes);
                ClientError::Transport { url: self.connection.url().to_owned(), attempts, reason }
            }
            _ => {
                let (code, message) = (status.code(), status.message().to_owned());
                ClientError::Status { code, message, attempts }
            }
        }
    }
}
