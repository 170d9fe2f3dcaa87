//! Load for a server, and how it bears it.

use crate::request::Request;
use crate::route::Route;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    /// So many clients, each of which sends its next request when it has the answer to the last one.
    Closed {
        /// Number of clients; 0 counts as 1.
        concurrency: usize,
    },
    /// At random times that do not depend on the server, as from many independent clients.
    Open {
        /// Mean number of requests per second, above 0.
        rate: f64,
    },
}

/// When no more requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// After so many.
    Requests(usize),
    /// After this time.
    Time(Duration),
}

/// What a server gets to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadPlan {
    /// When requests are sent.
    pub arrivals: Arrivals,
    /// When no more are sent.
    pub bound: Bound,
    /// Requests of the same kind before the measurement begins.
    pub warm_up: usize,
    /// Of the random times.
    pub seed: u64,
}

/// How it went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadReport {
    /// From the beginning to the last answer, and at least the whole time of a [`Bound::Time`].
    pub time: Duration,
    /// Of each request that had an answer, ascending: from the time it was to be sent until the answer was complete.
    pub latencies: Vec<Duration>,
    /// Failed requests by [`ClientError::class`](crate::ClientError::class).
    pub errors: BTreeMap<&'static str, usize>,
    /// What was said of one of them.
    pub error: Option<String>,
    /// Attempts beyond the first of each request, answered or failed.
    pub retries: usize,
    /// About how many requests were due in the time of an open loop and had no answer soon after it: given up, or not even
    /// sent because too many others waited.
    pub unanswered: usize,
}

/// Sends `requests` again and again, in turn, as `plan` says.
pub async fn run_load(route: &Route, requests: &Arc<[Request]>, plan: &LoadPlan) -> LoadReport {
    if requests.is_empty() {
        return LoadReport::default();
    }
    if plan.warm_up > 0 {
        measure(route, requests, plan, Bound::Requests(plan.warm_up)).await;
    }
    measure(route, requests, plan, plan.bound).await
}

async fn measure(
    route: &Route,
    requests: &Arc<[Request]>,
    plan: &LoadPlan,
    bound: Bound,
) -> LoadReport {
    let begin = Instant::now();
    let mut report = match plan.arrivals {
        Arrivals::Closed { concurrency } => {
            closed_loop(route, requests, concurrency.max(1), bound).await
        }
        Arrivals::Open { rate } => {
            let arrivals = PoissonArrivals::new(begin, rate, plan.seed);
            open_loop(route, requests, arrivals, bound).await
        }
    };
    // Requests that come seldom leave the end of the time empty: it counts as well.
    let whole = if let Bound::Time(time) = bound { time } else { Duration::ZERO };
    report.time = begin.elapsed().max(whole);
    report.latencies.sort_unstable();
    report
}

impl Bound {
    fn allows(self, sent: usize, since_begin: Duration) -> bool {
        match self {
            Self::Requests(number) => sent < number,
            Self::Time(time) => since_begin < time,
        }
    }
}

async fn closed_loop(
    route: &Route,
    requests: &Arc<[Request]>,
    concurrency: usize,
    bound: Bound,
) -> LoadReport {
    let sent = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..concurrency {
        let (route, requests, sent) = (route.clone(), requests.clone(), sent.clone());
        clients.spawn(async move {
            let mut report = LoadReport::default();
            loop {
                let number = sent.fetch_add(1, Ordering::Relaxed);
                if !bound.allows(number, begin.elapsed()) {
                    return report;
                }
                report.send(&route, &requests[number % requests.len()], Instant::now()).await;
            }
        });
    }
    let mut report = LoadReport::default();
    while let Some(joined) = clients.join_next().await {
        report.join(joined);
    }
    report
}

async fn open_loop(
    route: &Route,
    requests: &Arc<[Request]>,
    mut arrivals: PoissonArrivals,
    bound: Bound,
) -> LoadReport {
    let begin = Instant::now();
    let end = if let Bound::Time(time) = bound { begin.checked_add(time) } else { None };
    // Those to come wait, and their latency counts from when they were due.
    let room = Arc::new(Semaphore::new(route.most_at_once()));
    let mut report = LoadReport::default();
    let mut calls = JoinSet::new();
    for number in 0.. {
        let due = arrivals.next();
        if !bound.allows(number, due.saturating_duration_since(begin)) {
            break;
        }
        until(due).await;
        let Some(permit) = permit(&room, end).await else {
            report.unanswered = 1 + arrivals.expected_until(end);
            break;
        };
        let (route, requests) = (route.clone(), requests.clone());
        calls.spawn(async move {
            let mut report = LoadReport::default();
            report.send(&route, &requests[number % requests.len()], due).await;
            drop(permit);
            report
        });
        while let Some(joined) = calls.try_join_next() {
            report.join(joined);
        }
    }
    loop {
        let next = calls.join_next();
        let joined = match end {
            None => next.await,
            Some(end) => match tokio::time::timeout_at(end + PATIENCE, next).await {
                Ok(joined) => joined,
                Err(_) => break,
            },
        };
        let Some(joined) = joined else { break };
        report.join(joined);
    }
    // Dropped, and with that broken off.
    report.unanswered += calls.len();
    report
}

/// The right to have one more request on its way, unless it comes too late for `end`.
async fn permit(room: &Arc<Semaphore>, end: Option<Instant>) -> Option<OwnedSemaphorePermit> {
    let Some(end) = end else {
        // Never closed.
        return room.clone().acquire_owned().await.ok();
    };
    // A timer that is late is no server that is slow.
    let end = end + 10 * TIMER_STEP;
    if Instant::now() > end {
        return None;
    }
    tokio::time::timeout_at(end, room.clone().acquire_owned()).await.ok()?.ok()
}

/// How long an open loop waits after its time for the answers to requests that were sent in it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Waits, more exactly than the timer, whose steps of 1 ms would be in every latency.
async fn until(due: Instant) {
    let soon = due.checked_sub(TIMER_STEP).unwrap_or(due);
    tokio::time::sleep_until(soon).await;
    while Instant::now() < due {
        tokio::task::yield_now().await;
    }
}

/// The timer may be late by this.
const TIMER_STEP: Duration = Duration::from_millis(1);

/// Times with exponentially distributed gaps.
struct PoissonArrivals {
    last: Instant,
    rate: f64,
    random: StdRng,
}

impl PoissonArrivals {
    fn new(begin: Instant, rate: f64, seed: u64) -> Self {
        Self { last: begin, rate, random: StdRng::seed_from_u64(seed) }
    }

    fn next(&mut self) -> Instant {
        let gap = -(1.0 - self.random.random::<f64>()).ln() / self.rate;
        // At worst, for rates near 0, a day.
        self.last += Duration::try_from_secs_f64(gap).unwrap_or(DAY).min(DAY);
        self.last
    }

    /// The mean number of arrivals from the last one to `end`.
    fn expected_until(&self, end: Option<Instant>) -> usize {
        let left = end.map_or(Duration::ZERO, |end| end.saturating_duration_since(self.last));
        (left.as_secs_f64() * self.rate).round() as usize
    }
}

const DAY: Duration = Duration::from_secs(86_400);

impl LoadReport {
    async fn send(&mut self, route: &Route, request: &Request, due: Instant) {
        match route.send(request).await {
            Ok(response) => {
                self.latencies.push(due.elapsed());
                self.retries += response.attempts - 1;
            }
            Err(error) => {
                *self.errors.entry(error.class()).or_default() += 1;
                self.retries += error.retries();
                self.error = Some(error.to_string());
            }
        }
    }

    fn join(&mut self, part: Result<Self, tokio::task::JoinError>) {
        match part {
            Ok(part) => {
                self.latencies.extend(part.latencies);
                for (class, count) in part.errors {
                    *self.errors.entry(class).or_default() += count;
                }
                self.error = part.error.or(self.error.take());
                self.retries += part.retries;
                self.unanswered += part.unanswered;
            }
            Err(error) => {
                *self.errors.entry("client").or_default() += 1;
                self.error = Some(error.to_string());
            }
        }
    }

    /// Number of failed requests.
    pub fn failed(&self) -> usize {
        self.errors.values().sum()
    }

    /// Answers per second.
    pub fn throughput(&self) -> f64 {
        if self.time.is_zero() {
            0.0
        } else {
            self.latencies.len() as f64 / self.time.as_secs_f64()
        }
    }

    /// Mean latency, if there was an answer.
    pub fn mean(&self) -> Option<Duration> {
        let count = u32::try_from(self.latencies.len()).ok().filter(|&count| count > 0)?;
        Some(self.latencies.iter().sum::<Duration>() / count)
    }

    /// The least latency that `percent` % of the answers did not exceed, if there was an answer.
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        let count = self.latencies.len();
        let rank = (percent / 100.0 * count as f64).ceil() as usize;
        self.latencies.get(rank.clamp(1, count.max(1)) - 1).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let latencies = (1..=200).map(Duration::from_millis).collect();
        let report = LoadReport { latencies, ..LoadReport::default() };
        let ms = |percent| report.percentile(percent).unwrap().as_millis();
        assert_eq!([ms(0.0), ms(50.0), ms(95.0), ms(99.0), ms(100.0)], [1, 100, 190, 198, 200]);
        assert_eq!(report.mean(), Some(Duration::from_micros(100_500)));
        let empty = LoadReport::default();
        assert_eq!((empty.percentile(50.0), empty.mean()), (None, None));
        assert!(empty.throughput().abs() < 1e-12);
    }

    #[tokio::test]
    async fn requests_are_sent_when_they_are_due() {
        let mut late = Vec::new();
        // Other programs may take the processor from an attempt; the runtime's timer alone is late in all of them.
        for _ in 0..5 {
            late.clear();
            for step in 0..41 {
                let due = Instant::now() + Duration::from_micros(2000 + 23 * step);
                until(due).await;
                late.push(Instant::now().checked_duration_since(due).unwrap());
            }
            late.sort_unstable();
            if late[20] < Duration::from_micros(300) {
                return;
            }
        }
        panic!("{late:?}");
    }

    #[test]
    fn arrivals_have_the_rate_and_the_spread_of_a_poisson_process() {
        let begin = Instant::now();
        let mut arrivals = PoissonArrivals::new(begin, 50.0, 3);
        let times: Vec<f64> =
            (0..20_000).map(|_| arrivals.next().duration_since(begin).as_secs_f64()).collect();
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let square = gaps.iter().map(|gap| gap * gap).sum::<f64>() / gaps.len() as f64;
        assert!((mean - 0.02).abs() < 0.02 * 0.05, "{mean}");
        // Standard deviation and mean are equal.
        assert!((square / (mean * mean) - 2.0).abs() < 0.1, "{square} {mean}");
    }
}
