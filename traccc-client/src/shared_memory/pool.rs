use super::SharedMemory;
use crate::client::Client;
use crate::error::ClientError;
use crate::request::Request;
use crate::response::Response;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// Memory that this process shares with a server on the same machine, for any number of requests at once: each has its own
/// as long as it is on its way. Clones share it.
///
/// What [`SharedMemory`] says of the server and of the end holds here too.
#[derive(Clone, Debug)]
pub struct SharedMemoryPool {
    client: Client,
    output_bytes: usize,
    /// Locked while a request uses it; all are here, so that [`Self::close`] finds also those of calls that were dropped.
    members: Arc<Mutex<Vec<Member>>>,
}

type Member = Arc<tokio::sync::Mutex<SharedMemory>>;

impl SharedMemoryPool {
    /// An empty one, which grows when more requests are on their way than ever before. Each gets `output_bytes` for the
    /// tensors of its response.
    pub fn new(client: &Client, output_bytes: usize) -> Self {
        Self { client: client.clone(), output_bytes, members: Arc::default() }
    }

    /// Makes the memory for `requests` at once, and tells the server, so that no request has to wait for that.
    ///
    /// # Errors
    /// As [`SharedMemory::open`].
    pub async fn reserve(&self, requests: usize) -> Result<(), ClientError> {
        let mut taken = Vec::with_capacity(requests);
        for _ in 0..requests {
            let mut memory = self.take().await?;
            if !memory.registered {
                memory.register().await?;
            }
            taken.push(memory);
        }
        Ok(())
    }

    /// As [`SharedMemory::send`], in memory that no other request uses.
    ///
    /// # Errors
    /// As [`SharedMemory::send`].
    pub async fn send(&self, request: &Request) -> Result<Response, ClientError> {
        self.take().await?.send(request).await
    }

    /// Waits for the requests that are on their way, tells the server that the memory is gone, and removes it.
    ///
    /// # Errors
    /// The first one of the server, which is then not asked again; the memory is removed all the same.
    pub async fn close(&self) -> Result<(), ClientError> {
        let members = std::mem::take(&mut *self.members());
        for member in members {
            member.lock().await.unregister().await?;
        }
        Ok(())
    }

    async fn take(&self) -> Result<OwnedMutexGuard<SharedMemory>, ClientError> {
        if let Some(free) = self.free() {
            return Ok(free);
        }
        let member = Arc::new(tokio::sync::Mutex::new(SharedMemory::create(
            &self.client,
            self.output_bytes,
        )?));
        let taken = member.clone().lock_owned().await;
        self.members().push(member);
        Ok(taken)
    }

    fn free(&self) -> Option<OwnedMutexGuard<SharedMemory>> {
        self.members().iter().find_map(|member| member.clone().try_lock_owned().ok())
    }

    fn members(&self) -> MutexGuard<'_, Vec<Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
