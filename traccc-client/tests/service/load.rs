//! Load generation.

use crate::events::SAMPLE;
use crate::mock::{Behaviour, Mock};
use std::sync::Arc;
use std::time::Duration;
use traccc_client::{
    Arrivals, Bound, InferOptions, LoadPlan, LoadReport, Request, RetryPolicy, Route,
    SharedMemoryPool, run_load,
};

const PLAN: LoadPlan = LoadPlan {
    arrivals: Arrivals::Closed { concurrency: 3 },
    bound: Bound::Requests(20),
    warm_up: 0,
    seed: 1,
};

async fn load(mock: &Mock, retry: RetryPolicy, plan: &LoadPlan) -> LoadReport {
    run_load(&Route::Messages(mock.client().await), &requests(retry), plan).await
}

fn requests(retry: RetryPolicy) -> Arc<[Request]> {
    let options = InferOptions { retry, ..InferOptions::default() };
    SAMPLE.events.iter().map(|cells| Request::new(cells, &options).unwrap()).collect()
}

#[tokio::test]
async fn a_closed_loop_sends_what_it_should_and_no_more() {
    let mock = Mock::start(Behaviour::default());
    let report = load(&mock, RetryPolicy::NEVER, &LoadPlan { warm_up: 7, ..PLAN }).await;
    assert_eq!((report.latencies.len(), report.failed(), mock.requests()), (20, 0, 27));
    assert!(report.latencies.is_sorted() && report.throughput() > 0.0);
    assert!(report.percentile(100.0).unwrap() <= report.time);
}

#[tokio::test]
async fn an_open_loop_does_not_wait_for_answers() {
    // One after the other these would take four seconds.
    let delay = Duration::from_millis(200);
    let mock = Mock::start(Behaviour { delay, ..Behaviour::default() });
    let arrivals = Arrivals::Open { rate: 200.0 };
    let report = load(&mock, RetryPolicy::NEVER, &LoadPlan { arrivals, ..PLAN }).await;
    assert_eq!((report.latencies.len(), mock.requests()), (20, 20));
    assert!(report.time < Duration::from_secs(3), "{:?}", report.time);
    assert!(report.percentile(0.0).unwrap() >= delay);
}

#[tokio::test]
async fn a_bound_of_time_ends_both_kinds() {
    let mock = Mock::start(Behaviour::default());
    for arrivals in [Arrivals::Closed { concurrency: 2 }, Arrivals::Open { rate: 20.0 }] {
        let bound = Bound::Time(Duration::from_millis(300));
        let plan = LoadPlan { arrivals, bound, ..PLAN };
        let report = load(&mock, RetryPolicy::NEVER, &plan).await;
        assert!(!report.latencies.is_empty() && report.time < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn the_whole_time_counts_also_when_nothing_comes_at_its_end() {
    let mock = Mock::start(Behaviour::default());
    let whole = Duration::from_secs(20);
    // With this seed one request in 20 s, and none after it: the test does not wait for them.
    let arrivals = Arrivals::Open { rate: 0.000_1 };
    let plan = LoadPlan { arrivals, bound: Bound::Time(whole), ..PLAN };
    let report = load(&mock, RetryPolicy::NEVER, &plan).await;
    assert_eq!((report.latencies.len(), report.unanswered), (0, 0));
    assert_eq!(report.time, whole);
    let arrivals = Arrivals::Open { rate: 40.0 };
    let whole = Duration::from_millis(300);
    let plan = LoadPlan { arrivals, bound: Bound::Time(whole), ..PLAN };
    let report = load(&mock, RetryPolicy::NEVER, &plan).await;
    assert!(report.time >= whole, "{:?}", report.time);
}

#[tokio::test]
async fn an_open_loop_far_beyond_capacity_ends_on_time() {
    // 1024 requests on their way at once, each for an hour.
    let delay = Duration::from_secs(3600);
    let mock = Mock::start(Behaviour { delay, ..Behaviour::default() });
    for (rate, due) in [(10_000.0, 3000), (1.0e9, 300_000_000)] {
        let bound = Bound::Time(Duration::from_millis(300));
        let plan = LoadPlan { arrivals: Arrivals::Open { rate }, bound, ..PLAN };
        let report = load(&mock, RetryPolicy::NEVER, &plan).await;
        assert!(report.time < Duration::from_secs(10), "{:?}", report.time);
        assert_eq!((report.latencies.len(), report.failed()), (0, 0));
        let close = due * 9 / 10..due * 11 / 10;
        assert!(close.contains(&report.unanswered), "{} of {due}", report.unanswered);
    }
}

#[tokio::test]
async fn failures_are_counted_by_their_kind() {
    let mock = Mock::start(Behaviour { unavailable: 5, ..Behaviour::default() });
    let report = load(&mock, RetryPolicy::NEVER, &PLAN).await;
    assert_eq!((report.latencies.len(), report.failed()), (15, 5));
    assert_eq!(report.errors["UNAVAILABLE"], 5);
    assert!(report.error.unwrap().contains("draining"));
    // With repetitions none is lost.
    let mock = Mock::start(Behaviour { unavailable: 5, ..Behaviour::default() });
    let report = load(&mock, RetryPolicy::default(), &PLAN).await;
    assert_eq!((report.latencies.len(), report.failed(), report.retries), (20, 0, 5));
}

#[tokio::test]
async fn repetitions_of_failed_requests_count_too() {
    let mock = Mock::start(Behaviour { unavailable: usize::MAX, ..Behaviour::default() });
    let first_pause = Duration::from_millis(1);
    let retry = RetryPolicy { retries: 2, first_pause, ..RetryPolicy::default() };
    let report = load(&mock, retry, &LoadPlan { bound: Bound::Requests(4), ..PLAN }).await;
    assert_eq!((report.failed(), report.retries, mock.requests()), (4, 8, 12));
}

#[tokio::test]
async fn each_request_on_its_way_has_shared_memory_of_its_own() {
    let delay = Duration::from_millis(50);
    let mock = Mock::start(Behaviour { delay, ..Behaviour::default() });
    let pool = SharedMemoryPool::new(&mock.client().await, 1 << 20);
    let route = Route::SharedMemory(pool.clone());
    for arrivals in [Arrivals::Closed { concurrency: 3 }, Arrivals::Open { rate: 200.0 }] {
        let plan = LoadPlan { arrivals, ..PLAN };
        let report = run_load(&route, &requests(RetryPolicy::NEVER), &plan).await;
        assert_eq!((report.latencies.len(), report.failed()), (20, 0), "{:?}", report.error);
        let regions = mock.regions.lock().unwrap().len();
        match arrivals {
            Arrivals::Closed { .. } => assert_eq!(regions, 6),
            Arrivals::Open { .. } => assert!((7..=40).contains(&regions), "{regions}"),
        }
    }
    pool.close().await.unwrap();
    assert!(mock.regions.lock().unwrap().is_empty());
}
