//! What the thread of an instance does: takes requests out of the queue, decodes them, has their events reconstructed together,
//! and answers each.

use crate::infer::{
    Content, InferReply, InferRequest, Input, OutputTensor, RequestedOutput, ServeError,
};
use crate::queue::Queue;
use crate::statistics::{Reason, Statistics, Times};
use bytes::Bytes;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;
use tokio::sync::oneshot;
use traccc_protocol::{RequestParameters, Tensor};
use traccc_service::{Decoded, Failure, Instance, Reply};

/// A request on its way. When the client has gone, `reply` is closed.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request: InferRequest,
    pub(crate) arrived: Instant,
    pub(crate) queued: Instant,
    pub(crate) reply: oneshot::Sender<Result<InferReply, ServeError>>,
}

/// A request whose event is in the batch.
struct Task {
    outputs: Vec<RequestedOutput>,
    arrived: Instant,
    times: Times,
    reply: oneshot::Sender<Result<InferReply, ServeError>>,
}

/// Until the queue is closed and empty.
pub(crate) fn work(mut instance: Instance, queue: &Queue<Job>, statistics: &Statistics) {
    let (engine, batching) = (instance.backend(), instance.batching());
    while let Some(jobs) = queue.pop_batch(engine, batching) {
        answer(&mut instance, jobs, queue, statistics);
    }
}

/// Decodes, reconstructs and encodes. Only in the middle the engine is busy.
fn answer(instance: &mut Instance, jobs: Vec<Job>, queue: &Queue<Job>, statistics: &Statistics) {
    let (mut tasks, mut events) = (Vec::new(), Vec::new());
    for Job { request, arrived, queued, reply } in jobs {
        if reply.is_closed() {
            statistics.failed(Reason::Cancelled, arrived.elapsed());
            continue;
        }
        let mut times = Times { queue: queued.elapsed(), ..Times::default() };
        let start = Instant::now();
        let InferRequest { inputs, outputs, parameters, memory } = request;
        let decoded = contained(|| decode(instance, &inputs, parameters));
        drop((inputs, memory));
        times.input = start.elapsed();
        let task = Task { outputs, arrived, times, reply };
        match decoded {
            Ok(event) => {
                tasks.push(task);
                events.push(event);
            }
            Err(error) => task.end(Err(error), statistics),
        }
    }
    if tasks.is_empty() {
        return;
    }
    let start = Instant::now();
    statistics.executed();
    let replies: Vec<_> = tasks.iter().map(|task| &task.reply).collect();
    let running = queue.run(instance.backend());
    let results = instance.reconstruct_batch(&events, &|event| replies[event].is_closed());
    drop(running);
    let infer = start.elapsed();

    let count = tasks.len();
    let mut batch = Times { infer, ..Times::default() };
    for (i, (mut task, result)) in tasks.into_iter().zip(results).enumerate() {
        let start = Instant::now();
        let outputs = std::mem::take(&mut task.outputs);
        let outcome = contained(|| {
            let reply = result?;
            let outputs = outputs.into_iter().map(|requested| encode(&reply, requested));
            let outputs = outputs.collect::<Result<_, _>>()?;
            Ok((InferReply { outputs, parameters: reply.parameters() }, reply))
        });
        (task.times.infer, task.times.output) = (infer, start.elapsed());
        batch.input += task.times.input;
        batch.output += task.times.output;
        if i + 1 == count {
            // Before the last answer: who has it finds the batch counted.
            statistics.batch(count, &batch);
        }
        task.end(outcome, statistics);
    }
}

impl Task {
    /// Counts the request and answers it.
    fn end(mut self, outcome: Result<(InferReply, Reply), ServeError>, statistics: &Statistics) {
        let times = &mut self.times;
        times.total = self.arrived.elapsed();
        tracing::debug!(
            queue_us = times.queue.as_micros(),
            input_us = times.input.as_micros(),
            infer_us = times.infer.as_micros(),
            output_us = times.output.as_micros(),
            error = outcome.as_ref().err().map(tracing::field::display),
            "request"
        );
        let outcome = match outcome {
            Ok((reply, made)) => {
                statistics.succeeded(times, &made);
                Ok(reply)
            }
            Err(error) => {
                statistics.failed(error.reason(), times.total);
                Err(error)
            }
        };
        // The client may have gone in the meantime.
        let _ = self.reply.send(outcome);
    }
}

/// A panic is the failure of its request: an instance replaces its chain by itself, and nothing else outlives a request.
fn contained<T>(work: impl FnOnce() -> Result<T, ServeError>) -> Result<T, ServeError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let message = "a request made the server panic: see its log".to_owned();
        Err(Failure::Panicked { message }.into())
    })
}

fn decode(
    instance: &Instance,
    inputs: &[Input],
    parameters: RequestParameters,
) -> Result<Decoded, ServeError> {
    let contents = inputs.iter().map(|input| match &input.content {
        Content::Inline(bytes) => Ok(Cow::Borrowed(&bytes[..])),
        Content::Shared(window) => window.read().map(Cow::Owned),
    });
    let contents = contents.collect::<Result<Vec<_>, _>>()?;
    let tensors: Vec<Tensor<'_>> = inputs
        .iter()
        .zip(&contents)
        .map(|(Input { name, data_type, shape, .. }, bytes)| Tensor {
            name,
            data_type,
            shape,
            bytes,
        })
        .collect();
    Ok(instance.decode(&tensors, parameters)?)
}

fn encode(reply: &Reply, requested: RequestedOutput) -> Result<OutputTensor, ServeError> {
    let RequestedOutput { output, target } = requested;
    let mut bytes = vec![0; reply.byte_size(output)];
    reply.write(output, &mut bytes)?;
    let bytes = match target {
        None => Some(Bytes::from(bytes)),
        Some(window) => {
            window.write(output.spec().name, &bytes)?;
            None
        }
    };
    Ok(OutputTensor { output, shape: reply.shape(output), bytes })
}
