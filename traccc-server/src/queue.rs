//! Requests that wait for an instance.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use traccc::Backend;
use traccc_service::Batching;

/// A queue with a limit, for several threads on both sides.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    limit: usize,
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    /// With the times of their arrival.
    waiting: VecDeque<(Instant, T)>,
    /// Batches on each engine.
    running: HashMap<Backend, usize>,
    closed: bool,
}

/// Why something was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The limit is reached.
    Full,
    /// Nobody will take anything out any more.
    Closed,
}

/// A batch runs on an engine as long as this lives.
#[derive(Debug)]
pub(crate) struct Running<'a, T> {
    queue: &'a Queue<T>,
    engine: Backend,
}

impl<T> Drop for Running<'_, T> {
    fn drop(&mut self) {
        if let Some(running) = self.queue.state().running.get_mut(&self.engine) {
            *running -= 1;
        }
        self.queue.changed.notify_all();
    }
}

impl<T> Queue<T> {
    /// An empty one.
    pub(crate) fn new(limit: usize) -> Self {
        let (waiting, running) = (VecDeque::new(), HashMap::new());
        let state = State { waiting, running, closed: false };
        Self { limit, state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends one. If the queue is full, those that `given_up` are thrown out first.
    pub(crate) fn push(&self, item: T, given_up: impl Fn(&T) -> bool) -> Result<(), Refused> {
        let mut state = self.state();
        if state.closed {
            return Err(Refused::Closed);
        }
        if state.waiting.len() >= self.limit {
            state.waiting.retain(|(_, item)| !given_up(item));
        }
        if state.waiting.len() >= self.limit {
            return Err(Refused::Full);
        }
        state.waiting.push_back((Instant::now(), item));
        drop(state);
        // All: one that waits for company would keep the call from an idle engine.
        self.changed.notify_all();
        Ok(())
    }

    /// Takes the first ones, at most as many as make a batch; waits for one. While a batch of another instance runs on the same
    /// engine, it waits for a full batch too, but not longer than until the first has waited for the delay: an engine that has
    /// nothing to do never waits for company. `None` when the queue is closed and empty.
    pub(crate) fn pop_batch(&self, engine: Backend, batching: Batching) -> Option<Vec<T>> {
        let Batching { events, delay } = batching;
        let mut state = self.state();
        loop {
            let Some(&(arrived, _)) = state.waiting.front() else {
                if state.closed {
                    return None;
                }
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let idle = state.running.get(&engine).is_none_or(|&running| running == 0);
            let left = delay.saturating_sub(arrived.elapsed());
            if state.waiting.len() >= events || idle || left.is_zero() || state.closed {
                let count = state.waiting.len().min(events);
                return Some(state.waiting.drain(..count).map(|(_, item)| item).collect());
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A batch runs on an engine, until what this gives is dropped.
    pub(crate) fn run(&self, engine: Backend) -> Running<'_, T> {
        *self.state().running.entry(engine).or_default() += 1;
        Running { queue: self, engine }
    }

    /// Takes nothing more.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.state().waiting.len()
    }

    /// How many may wait.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const ONE: Batching = Batching { events: 1, delay: Duration::ZERO };
    const CARD: Backend = Backend::Cuda { device: 0 };
    const LONG: Duration = Duration::from_secs(3600);

    fn full(items: impl IntoIterator<Item = u32>) -> Queue<u32> {
        let queue = Queue::new(100);
        items.into_iter().for_each(|item| queue.push(item, |_| false).unwrap());
        queue
    }

    fn pop(queue: &Queue<u32>, events: usize, delay: Duration) -> Option<Vec<u32>> {
        queue.pop_batch(CARD, Batching { events, delay })
    }

    #[test]
    fn items_leave_in_the_order_they_came_and_a_full_queue_refuses() {
        let queue = Queue::new(2);
        assert_eq!(queue.push(1, |_| false), Ok(()));
        assert_eq!(queue.push(2, |_| false), Ok(()));
        assert_eq!(queue.push(3, |_| false), Err(Refused::Full));
        assert_eq!(queue.push(4, |&item| item == 1), Ok(()), "1 makes room");
        let pop = || pop(&queue, 1, Duration::ZERO);
        assert_eq!((pop(), pop(), queue.len()), (Some(vec![2]), Some(vec![4]), 0));
    }

    #[test]
    fn a_closed_queue_gives_what_it_has_and_then_ends() {
        let queue = full([1]);
        queue.close();
        assert_eq!(queue.push(2, |_| false), Err(Refused::Closed));
        assert_eq!((pop(&queue, 1, LONG), pop(&queue, 1, LONG)), (Some(vec![1]), None));
    }

    #[test]
    fn closing_wakes_those_who_wait() {
        let queue = Queue::<u8>::new(1);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.pop_batch(CARD, ONE).is_none());
            queue.close();
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn an_idle_engine_never_waits_for_company() {
        let queue = full([1, 2, 3]);
        assert_eq!(pop(&queue, 8, LONG), Some(vec![1, 2, 3]));
        // What runs on another card is no reason to wait.
        let _running = queue.run(Backend::Cuda { device: 1 });
        queue.push(4, |_| false).unwrap();
        assert_eq!(pop(&queue, 8, LONG), Some(vec![4]));
    }

    #[test]
    fn while_a_batch_runs_a_full_one_is_taken_at_once_and_a_smaller_one_after_the_delay() {
        let queue = full(1..=3);
        let _running = queue.run(CARD);
        assert_eq!(pop(&queue, 2, LONG), Some(vec![1, 2]));
        let (arrived, delay) = (queue.state().waiting[0].0, Duration::from_millis(30));
        assert_eq!(pop(&queue, 2, delay), Some(vec![3]));
        assert!(arrived.elapsed() >= delay);
    }

    #[test]
    fn the_end_of_the_batch_that_runs_ends_the_waiting() {
        let queue = full([2]);
        let running = [queue.run(CARD), queue.run(CARD)];
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| pop(&queue, 2, LONG));
            for running in running {
                std::thread::sleep(Duration::from_millis(20));
                assert!(!waiting.is_finished(), "a batch runs, and there is room for one more");
                drop(running);
            }
            assert_eq!(waiting.join().unwrap(), Some(vec![2]));
        });
    }

    #[test]
    fn company_that_comes_in_time_goes_with_the_first() {
        let queue = full([2]);
        let _running = queue.run(CARD);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| pop(&queue, 2, LONG));
            std::thread::sleep(Duration::from_millis(20));
            queue.push(3, |_| false).unwrap();
            assert_eq!(waiting.join().unwrap(), Some(vec![2, 3]));
        });
    }
}
