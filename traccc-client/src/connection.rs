use crate::connect::ConnectOptions;
use crate::error::{ClientError, causes};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tonic::transport::{Channel, Endpoint};
use traccc_protocol::grpc::grpc_inference_service_client::GrpcInferenceServiceClient;

pub(crate) type Stub = GrpcInferenceServiceClient<Channel>;

/// A connection that can be given up for a new one.
#[derive(Debug)]
pub(crate) struct Connection {
    url: String,
    endpoint: Endpoint,
    max_response_bytes: usize,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    channel: Channel,
    /// How many were given up before.
    generation: usize,
}

impl Connection {
    /// One that stands.
    pub(crate) async fn open(options: &ConnectOptions) -> Result<Self, ClientError> {
        let endpoint = options.endpoint()?;
        let channel = endpoint.connect().await.map_err(|error| ClientError::Transport {
            url: options.url.clone(),
            attempts: 1,
            reason: causes(&error),
        })?;
        Ok(Self::over(channel, endpoint, options))
    }

    /// One that the first call makes.
    pub(crate) fn lazy(options: &ConnectOptions) -> Result<Self, ClientError> {
        let endpoint = options.endpoint()?;
        Ok(Self::over(endpoint.connect_lazy(), endpoint, options))
    }

    fn over(channel: Channel, endpoint: Endpoint, options: &ConnectOptions) -> Self {
        let (url, max_response_bytes) = (options.url.clone(), options.max_response_bytes);
        let current = Mutex::new(Current { channel, generation: 0 });
        Self { url, endpoint, max_response_bytes, current }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What a call is made with, and the number by which [`Self::give_up`] knows it.
    pub(crate) fn stub(&self) -> (Stub, usize) {
        let current = self.current();
        let stub = Stub::new(current.channel.clone());
        // The default of 4 MiB is less than the tracks of a full event.
        (stub.max_decoding_message_size(self.max_response_bytes), current.generation)
    }

    /// Later calls make a new connection: the machine at the other end may be gone without a word, which this one learns
    /// only after minutes. Calls that are under way keep it.
    pub(crate) fn give_up(&self, generation: usize) {
        let mut current = self.current();
        // Of many calls that were late together the first one does it.
        if current.generation == generation {
            let channel = self.endpoint.connect_lazy();
            *current = Current { channel, generation: generation + 1 };
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
