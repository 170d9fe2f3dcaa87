//! One execution: all requests decoded, their events reconstructed together, each request answered once, counted once, released
//! once.

use crate::clock;
use crate::guard::contained;
use crate::instance::InstanceHandle;
use crate::request::{Cancellation, Request};
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

/// What an execution does with requests.
pub(crate) trait Work {
    /// An event, and what its response is to have.
    type Event;
    /// What became of an event.
    type Reply;

    /// Makes an event of a request.
    fn decode(&self, request: &Request) -> Result<Self::Event, ApiError>;

    /// Reconstructs events, each of which has a result, in their order; `cancelled` says which clients have gone.
    fn reconstruct(
        &self,
        events: &[&Self::Event],
        cancelled: &(dyn Fn(usize) -> bool + Sync),
    ) -> Vec<Result<Self::Reply, ApiError>>;

    /// Fills a response.
    fn answer(
        &self,
        event: &Self::Event,
        reply: &Self::Reply,
        response: &mut Response<'_>,
    ) -> Result<(), ApiError>;
}

/// A request with its response, and its event or why there is none.
struct Task<'a, E> {
    request: &'a Request,
    response: Result<Response<'a>, ApiError>,
    event: Result<E, ApiError>,
    start: u64,
    decoded: u64,
}

impl<'a, E> Task<'a, E> {
    fn begin(work: &impl Work<Event = E>, request: &'a Request) -> Self {
        let start = clock::now();
        let response = Response::new(request);
        let event = match &response {
            Ok(_) => contained(|| work.decode(request)),
            Err(error) => Err(error.clone()),
        };
        Self { request, response, event, start, decoded: clock::now() }
    }
}

/// Answers requests.
///
/// Statistics are reported before the response is sent, so that a client that has its response finds it counted.
pub(crate) fn run<W: Work>(instance: &InstanceHandle, work: &W, requests: &[Request]) {
    let start = clock::now();
    let tasks: Vec<_> = requests.iter().map(|request| Task::begin(work, request)).collect();
    let compute_start = clock::now();
    let mut results = reconstruct(work, &tasks).into_iter();
    let compute_end = clock::now();

    let count = tasks.len();
    for (i, Task { request, mut response, event, start: exec_start, decoded }) in
        tasks.into_iter().enumerate()
    {
        let begun = event.is_ok();
        let outcome = match (&event, &mut response) {
            (Ok(event), Ok(response)) => contained(|| {
                let missing = || Err(ApiError::internal("an event has got lost"));
                let reply = results.next().unwrap_or_else(missing)?;
                work.answer(event, &reply, response)
            }),
            (Err(error), _) => Err(error.clone()),
            (Ok(_), Err(error)) => Err(error.clone()),
        };
        let times = if begun {
            Times { exec_start, compute_start, compute_end, exec_end: clock::now() }
        } else {
            // All of its time was spent on the input.
            Times { exec_start, compute_start: decoded, compute_end: decoded, exec_end: decoded }
        };
        instance.report(request, outcome.is_ok(), &times);
        if i + 1 == count {
            let (exec_start, exec_end) = (start, clock::now());
            let times = Times { exec_start, compute_start, compute_end, exec_end };
            instance.report_batch(count, &times);
        }
        if let Err(error) = response.and_then(|response| response.send(outcome)) {
            tracing::error!("a request stays without a response: {}", error.message);
        }
    }
}

/// Reconstructs the events that there are; a panic is the failure of each.
fn reconstruct<W: Work>(work: &W, tasks: &[Task<'_, W::Event>]) -> Vec<Result<W::Reply, ApiError>> {
    let with_event = || tasks.iter().filter(|task| task.event.is_ok());
    let events: Vec<&W::Event> = tasks.iter().flat_map(|task| &task.event).collect();
    if events.is_empty() {
        return Vec::new();
    }
    let clients: Vec<Cancellation<'_>> =
        with_event().map(|task| task.request.cancellation()).collect();
    let cancelled = |event: usize| clients[event].is_requested();
    contained(|| Ok(work.reconstruct(&events, &cancelled)))
        .unwrap_or_else(|error| events.iter().map(|_| Err(error.clone())).collect())
}
