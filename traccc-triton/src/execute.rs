//! One execution: each request by itself, answered once, released once, counted once.

use crate::clock;
use crate::guard::contained;
use crate::instance::InstanceHandle;
use crate::request::Request;
use crate::response::Response;
use crate::status::ApiError;

/// When the parts of a request's work ended, in ns on the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) exec_start: u64,
    pub(crate) compute_start: u64,
    pub(crate) compute_end: u64,
    pub(crate) exec_end: u64,
}

/// Takes the times of a request.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    start: u64,
    decoded: Option<u64>,
    computed: Option<u64>,
}

impl Stopwatch {
    fn start() -> Self {
        Self { start: clock::now(), decoded: None, computed: None }
    }

    /// The input is decoded.
    pub(crate) fn decoded(&mut self) {
        self.decoded = Some(clock::now());
    }

    /// The event is reconstructed.
    pub(crate) fn computed(&mut self) {
        self.computed = Some(clock::now());
    }

    /// The output is written. Work that ended early counts to the part it ended in.
    fn stop(&self) -> Times {
        let exec_end = clock::now();
        Times {
            exec_start: self.start,
            compute_start: self.decoded.unwrap_or(exec_end),
            compute_end: self.computed.unwrap_or(exec_end),
            exec_end,
        }
    }
}

/// The times of an execution: those of its requests, one after the other.
#[derive(Debug, Default)]
struct Sum {
    start: Option<u64>,
    input: u64,
    compute: u64,
    output: u64,
}

impl Sum {
    fn add(&mut self, times: &Times) {
        self.start.get_or_insert(times.exec_start);
        self.input += times.compute_start - times.exec_start;
        self.compute += times.compute_end - times.compute_start;
        self.output += times.exec_end - times.compute_end;
    }

    fn times(&self) -> Times {
        let exec_start = self.start.unwrap_or_default();
        let compute_start = exec_start + self.input;
        let compute_end = compute_start + self.compute;
        Times { exec_start, compute_start, compute_end, exec_end: compute_end + self.output }
    }
}

/// Answers requests with what `answer` makes of each, or with the error it gives.
///
/// Statistics are reported before the response is sent, so that a client that has its response finds it counted.
pub(crate) fn run(
    instance: &InstanceHandle,
    requests: Vec<Request>,
    answer: impl Fn(&Request, &mut Response<'_>, &mut Stopwatch) -> Result<(), ApiError>,
) {
    let count = requests.len();
    let mut sum = Sum::default();
    for (i, request) in requests.into_iter().enumerate() {
        let mut stopwatch = Stopwatch::start();
        let mut response = Response::new(&request);
        let outcome = match &mut response {
            Ok(response) => contained(|| answer(&request, response, &mut stopwatch)),
            Err(error) => Err(error.clone()),
        };
        let times = stopwatch.stop();
        sum.add(&times);
        instance.report(&request, outcome.is_ok(), &times);
        if i + 1 == count {
            instance.report_batch(count, &sum.times());
        }
        if let Err(error) = response.and_then(|response| response.send(outcome)) {
            tracing::error!("a request stays without a response: {}", error.message);
        }
    }
}
