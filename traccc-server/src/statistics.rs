//! What a model has done so far, in the terms of Triton.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tonic::Code;
use traccc::Stage;
use traccc_protocol::grpc::{InferBatchStatistics, InferStatistics, StatisticDuration};
use traccc_service::{Counter, Failure, FailureKind, Reply};

/// Why a request failed, in the terms of Triton's metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// Not taken: too many wait already.
    Rejected,
    /// The client has gone.
    Cancelled,
    /// The engine failed.
    Backend,
    /// The request is wrong.
    Other,
}

impl Reason {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Rejected, Self::Cancelled, Self::Backend, Self::Other];

    /// The label in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rejected => "REJECTED",
            Self::Cancelled => "CANCELED",
            Self::Backend => "BACKEND",
            Self::Other => "OTHER",
        }
    }

    /// The reason of a failure.
    pub(crate) fn of(failure: &Failure) -> Self {
        match failure.kind() {
            FailureKind::InvalidArgument => Self::Other,
            FailureKind::Cancelled => Self::Cancelled,
            FailureKind::Unavailable | FailureKind::Internal => Self::Backend,
        }
    }
}

/// How often, and how long all together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) count: u64,
    pub(crate) ns: u64,
}

impl Sum {
    fn add(&mut self, time: Duration) {
        self.count += 1;
        self.ns += u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    }
}

impl From<Sum> for StatisticDuration {
    fn from(Sum { count, ns }: Sum) -> Self {
        Self { count, ns }
    }
}

/// The parts of the time of a request that succeeded.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    /// Waiting for an instance.
    pub(crate) queue: Duration,
    /// From tensors to cells.
    pub(crate) input: Duration,
    /// From cells to tracks.
    pub(crate) infer: Duration,
    /// From tracks to tensors.
    pub(crate) output: Duration,
    /// From the request's arrival to the end of the output.
    pub(crate) total: Duration,
}

/// The sums over all requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) success: Sum,
    pub(crate) fail: Sum,
    pub(crate) queue: Sum,
    pub(crate) input: Sum,
    pub(crate) infer: Sum,
    pub(crate) output: Sum,
    /// Batches begun.
    pub(crate) executions: u64,
    /// Input, reconstruction and output of the batches that ended, by the number of their events.
    pub(crate) batches: BTreeMap<usize, [Sum; 3]>,
    /// Milliseconds since the epoch.
    pub(crate) last_inference: u64,
    pub(crate) failures: HashMap<Reason, u64>,
    pub(crate) counters: HashMap<(Counter, Option<Stage>), f64>,
}

/// The sums of a model, for several threads.
#[derive(Debug, Default)]
pub(crate) struct Statistics(Mutex<Totals>);

impl Statistics {
    fn change(&self, change: impl FnOnce(&mut Totals)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The sums now.
    pub(crate) fn totals(&self) -> Totals {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A batch begins.
    pub(crate) fn executed(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.change(|totals| {
            totals.executions += 1;
            totals.last_inference = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        });
    }

    /// A batch of so many events has ended.
    pub(crate) fn batch(&self, events: usize, times: &Times) {
        self.change(|totals| {
            let sums = totals.batches.entry(events).or_default();
            for (sum, time) in sums.iter_mut().zip([times.input, times.infer, times.output]) {
                sum.add(time);
            }
        });
    }

    /// A request has its reply.
    pub(crate) fn succeeded(&self, times: &Times, reply: &Reply) {
        let increments = reply.increments();
        self.change(|totals| {
            totals.success.add(times.total);
            totals.queue.add(times.queue);
            totals.input.add(times.input);
            totals.infer.add(times.infer);
            totals.output.add(times.output);
            for increment in increments {
                let key = (increment.counter, increment.stage);
                *totals.counters.entry(key).or_default() += increment.value;
            }
        });
    }

    /// A request has none.
    pub(crate) fn failed(&self, reason: Reason, total: Duration) {
        self.change(|totals| {
            totals.fail.add(total);
            *totals.failures.entry(reason).or_default() += 1;
        });
    }
}

/// Calls that were refused before their model was known, by their status.
#[derive(Debug, Default)]
pub(crate) struct Refused(Mutex<BTreeMap<String, u64>>);

impl Refused {
    /// One more.
    pub(crate) fn count(&self, status: Code) {
        let mut totals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *totals.entry(format!("{status:?}")).or_default() += 1;
    }

    /// All so far.
    pub(crate) fn totals(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Totals {
    /// For the protocol.
    pub(crate) fn infer_statistics(&self) -> InferStatistics {
        InferStatistics {
            success: Some(self.success.into()),
            fail: Some(self.fail.into()),
            queue: Some(self.queue.into()),
            compute_input: Some(self.input.into()),
            compute_infer: Some(self.infer.into()),
            compute_output: Some(self.output.into()),
            cache_hit: Some(StatisticDuration::default()),
            cache_miss: Some(StatisticDuration::default()),
        }
    }

    /// For the protocol.
    pub(crate) fn batch_statistics(&self) -> Vec<InferBatchStatistics> {
        let of_size =
            |(&events, &[input, infer, output]): (&usize, &[Sum; 3])| InferBatchStatistics {
                batch_size: events as u64,
                compute_input: Some(input.into()),
                compute_infer: Some(infer.into()),
                compute_output: Some(output.into()),
            };
        self.batches.iter().map(of_size).collect()
    }
}
