use crate::client::Client;
use crate::error::ClientError;
use crate::request::Request;
use crate::response::Response;
use crate::shared_memory::SharedMemoryPool;

/// How requests reach a server. Clones share it, and it carries any number of requests at once.
#[derive(Clone, Debug)]
pub enum Route {
    /// With their tensors in the messages.
    Messages(Client),
    /// With their tensors in shared memory: each request that is on its way has its own.
    SharedMemory(SharedMemoryPool),
}

impl Route {
    /// Prepares for so many requests at once, so that none of them has to wait for it.
    ///
    /// # Errors
    /// As [`SharedMemoryPool::reserve`].
    pub async fn reserve(&self, requests: usize) -> Result<(), ClientError> {
        match self {
            Self::Messages(_) => Ok(()),
            Self::SharedMemory(pool) => pool.reserve(requests).await,
        }
    }

    /// Sends a request and waits for its tracks.
    ///
    /// # Errors
    /// As [`Client::send`] or [`SharedMemoryPool::send`].
    pub async fn send(&self, request: &Request) -> Result<Response, ClientError> {
        match self {
            Self::Messages(client) => client.send(request).await,
            Self::SharedMemory(pool) => pool.send(request).await,
        }
    }

    /// Leaves nothing behind in the server.
    ///
    /// # Errors
    /// As [`SharedMemoryPool::close`].
    pub async fn close(&self) -> Result<(), ClientError> {
        match self {
            Self::Messages(_) => Ok(()),
            Self::SharedMemory(pool) => pool.close().await,
        }
    }

    /// Requests that an open loop has on their way at once.
    pub(crate) fn most_at_once(&self) -> usize {
        match self {
            Self::Messages(_) => 1024,
            // Our server knows 256 regions, of which a request has two.
            Self::SharedMemory(_) => 128,
        }
    }
}
