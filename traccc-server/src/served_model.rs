//! A model that is served: a queue, and a thread for each instance.

use crate::error::ServerError;
use crate::infer::{InferReply, InferRequest, Input, RequestedOutput, ServeError};
use crate::queue::{Queue, Refused};
use crate::repository::{ModelFolder, description};
use crate::statistics::{Reason, Statistics};
use crate::work::{Job, work};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::oneshot;
use traccc::Backend;
use traccc_protocol::contract::input;
use traccc_protocol::{Output, RequestError};
use traccc_service::{Instance, Model, ModelError, ModelOptions, SetupCache};

/// A version of a model, with its instances running.
#[derive(Debug)]
pub(crate) struct ServedModel {
    pub(crate) name: String,
    pub(crate) version: i64,
    pub(crate) statistics: Arc<Statistics>,
    inputs: Vec<String>,
    outputs: Vec<Output>,
    queue: Arc<Queue<Job>>,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

impl ServedModel {
    /// Loads a model and starts its instances.
    pub(crate) fn start(
        model: &ModelFolder,
        version: i64,
        folder: &Path,
        queue: usize,
        cache: &SetupCache,
    ) -> Result<Self, ServerError> {
        let config = &model.config;
        let name = config.name.clone();
        let wrong = |source| {
            let (name, source) = (name.clone(), Box::new(source));
            ServerError::Model { name, version, source }
        };
        let description = description(config);
        let outputs = description.check().map_err(wrong)?;
        let options =
            ModelOptions::from_parameters(&description.parameters, folder).map_err(wrong)?;
        let loaded = Arc::new(Model::load(&options, cache).map_err(wrong)?);
        let backends = model.backends()?;
        // An engine that is chosen here may be the processor too.
        let on_processor = |backend: &&Backend| matches!(backend, Backend::Cpu | Backend::Auto);
        let beside = backends.iter().filter(on_processor).count();
        let instances: Result<Vec<Instance>, ModelError> =
            backends.iter().map(|&backend| loaded.instance(backend, beside)).collect();

        let served = Self {
            version,
            statistics: Arc::default(),
            inputs: config.input.iter().map(|input| input.name.clone()).collect(),
            outputs,
            queue: Arc::new(Queue::new(queue)),
            workers: Mutex::default(),
            name: name.clone(),
        };
        for (i, instance) in instances.map_err(wrong)?.into_iter().enumerate() {
            let (queue, statistics) = (served.queue.clone(), served.statistics.clone());
            let thread = std::thread::Builder::new()
                .name(format!("{name}_{i}"))
                .spawn(move || work(instance, &queue, &statistics));
            let thread = thread.map_err(ServerError::Thread)?;
            served.workers.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(served)
    }

    /// Reconstructs an event on the next free instance. When this future is dropped, so is the request.
    pub(crate) async fn infer(&self, request: InferRequest) -> Result<InferReply, ServeError> {
        let arrived = Instant::now();
        let request = self.complete(request).inspect_err(|error| self.refused(error, arrived))?;
        let (reply, answer) = oneshot::channel();
        let job = Job { request, arrived, queued: Instant::now(), reply };
        let given_up = |job: &Job| {
            let gone = job.reply.is_closed();
            if gone {
                self.statistics.failed(Reason::Cancelled, job.arrived.elapsed());
            }
            gone
        };
        if let Err(refused) = self.queue.push(job, given_up) {
            let error = match refused {
                Refused::Full => {
                    let (model, limit) = (self.name.clone(), self.queue.limit());
                    ServeError::QueueFull { model, limit }
                }
                Refused::Closed => ServeError::ShuttingDown,
            };
            self.refused(&error, arrived);
            return Err(error);
        }
        answer.await.unwrap_or(Err(ServeError::ShuttingDown))
    }

    /// Counts a request that does not reach an instance.
    pub(crate) fn refused(&self, error: &ServeError, arrived: Instant) {
        self.statistics.failed(error.reason(), arrived.elapsed());
    }

    /// Checks names against the configuration, and fills in the outputs of a request that names none.
    fn complete(&self, mut request: InferRequest) -> Result<InferRequest, ServeError> {
        for (i, Input { name, .. }) in request.inputs.iter().enumerate() {
            let spec = input::ALL.into_iter().find(|spec| spec.name == name);
            let Some(spec) = spec.filter(|_| self.inputs.contains(name)) else {
                return Err(RequestError::Unknown { tensor: name.clone() }.into());
            };
            // Before anything is read: each repetition would take the memory of its content.
            if request.inputs[..i].iter().any(|other| other.name == *name) {
                return Err(RequestError::Twice { tensor: spec.name }.into());
            }
        }
        for RequestedOutput { output, .. } in &request.outputs {
            if !self.outputs.contains(output) {
                let name = output.spec().name.to_owned();
                return Err(RequestError::UnknownOutput { name }.into());
            }
        }
        if request.outputs.is_empty() {
            let all = self.outputs.iter();
            request.outputs = all.map(|&output| RequestedOutput { output, target: None }).collect();
        }
        Ok(request)
    }

    /// How many requests wait for an instance.
    pub(crate) fn pending(&self) -> usize {
        self.queue.len()
    }

    /// Answers what waits, then ends the instances.
    pub(crate) fn stop(&self) {
        self.queue.close();
        let workers =
            std::mem::take(&mut *self.workers.lock().unwrap_or_else(PoisonError::into_inner));
        for worker in workers {
            if worker.join().is_err() {
                tracing::error!(model = self.name, "an instance has ended with a panic");
            }
        }
    }
}

impl Drop for ServedModel {
    fn drop(&mut self) {
        // Else its threads would wait for ever.
        self.queue.close();
    }
}
