//! Events on several threads, their results in the order of the events.

use anyhow::{Context, Result};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Workers that take one item after the other. Each has something of its own that stays warm (a chain) and its own
/// threads.
///
/// Threads are divided between the workers instead of shared: in a common pool a thread that waits inside one event
/// would take over another event, and the time of its stage would contain that of the other event.
pub(crate) struct Workers<S> {
    workers: Vec<(ThreadPool, S)>,
}

impl<S: Send> Workers<S> {
    /// `threads` threads (all cores when `None`) for `items` items: as many workers as `concurrency` says for these threads, and
    /// not more than items.
    pub(crate) fn new(
        threads: Option<usize>,
        items: usize,
        concurrency: impl FnOnce(usize) -> usize,
        mut start: impl FnMut() -> Result<S>,
    ) -> Result<Self> {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = threads.unwrap_or_else(cores).max(1);
        let count = concurrency(threads).min(items).max(1);
        let mut workers = Vec::with_capacity(count);
        for worker in 0..count {
            // An engine beside the processor can keep more workers busy than there are threads.
            let share = (threads / count + usize::from(worker < threads % count)).max(1);
            let pool = ThreadPoolBuilder::new().num_threads(share).build();
            workers
                .push((pool.context("threads cannot be started: use fewer --threads")?, start()?));
        }
        Ok(Self { workers })
    }

    /// How many workers there are.
    pub(crate) fn len(&self) -> usize {
        self.workers.len()
    }

    /// All threads.
    pub(crate) fn threads(&self) -> usize {
        self.workers.iter().map(|(pool, _)| pool.current_num_threads()).sum()
    }

    /// Does `work` on the items from 0 to `items` and hands the results to `finish` in ascending order.
    ///
    /// The first error in that order ends it. Workers wait when they are far ahead of `finish`, so that few results are
    /// held in memory.
    pub(crate) fn run<T: Send>(
        &mut self,
        items: usize,
        work: impl Fn(&mut S, usize) -> Result<T> + Sync,
        finish: impl FnMut(usize, T) -> Result<()>,
    ) -> Result<()> {
        let queue = Queue::new(items, 4 * self.workers.len());
        std::thread::scope(|scope| {
            let (sender, receiver) = channel();
            for (pool, state) in &mut self.workers {
                let (queue, work, sender) = (&queue, &work, sender.clone());
                scope.spawn(move || {
                    serve(queue, &sender, |item| pool.install(|| work(state, item)));
                });
            }
            drop(sender);
            let outcome = collect(&receiver, &queue, finish);
            queue.stop();
            outcome
        })
    }
}

fn serve<T>(queue: &Queue, sender: &Sender<(usize, T)>, mut work: impl FnMut(usize) -> T) {
    let _stop = StopOnPanic(queue);
    while let Some(item) = queue.take() {
        if sender.send((item, work(item))).is_err() {
            return;
        }
    }
}

fn collect<T>(
    receiver: &Receiver<(usize, Result<T>)>,
    queue: &Queue,
    mut finish: impl FnMut(usize, T) -> Result<()>,
) -> Result<()> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for (item, result) in receiver {
        early.insert(item, result);
        while let Some(result) = early.remove(&next) {
            finish(next, result?)?;
            next += 1;
            queue.finished(next);
        }
    }
    Ok(())
}

/// Hands out item numbers in ascending order, at most `window` ahead of the finished ones.
struct Queue {
    items: usize,
    window: usize,
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Default)]
struct QueueState {
    next: usize,
    finished: usize,
    stopped: bool,
}

impl Queue {
    fn new(items: usize, window: usize) -> Self {
        Self { items, window, state: Mutex::default(), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<usize> {
        let full = |s: &mut QueueState| !s.stopped && s.next >= s.finished + self.window;
        let mut state =
            self.changed.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        let item = state.next;
        if state.stopped || item >= self.items {
            return None;
        }
        state.next += 1;
        Some(item)
    }

    fn finished(&self, count: usize) {
        self.lock().finished = count;
        self.changed.notify_all();
    }

    fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }
}

/// The others must not wait for the item of a worker that panicked.
struct StopOnPanic<'a>(&'a Queue);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;
    use std::time::Duration;

    fn workers(threads: usize, items: usize) -> Workers<usize> {
        Workers::new(Some(threads), items, |threads| threads, || Ok(0)).unwrap()
    }

    #[test]
    fn results_come_in_order_for_any_number_of_threads() {
        for threads in [1, 2, 7] {
            let mut results = Vec::new();
            let work = |done: &mut usize, item: usize| {
                *done += 1;
                // Later items are faster.
                std::thread::sleep(Duration::from_micros(((40 - item) * 50) as u64));
                Ok(item * item)
            };
            let mut workers = workers(threads, 40);
            let keep = |item, square| {
                results.push((item, square));
                Ok(())
            };
            workers.run(40, work, keep).unwrap();
            assert_eq!(results, (0..40).map(|i| (i, i * i)).collect::<Vec<_>>());
            assert_eq!(workers.workers.iter().map(|(_, done)| done).sum::<usize>(), 40);
        }
    }

    #[test]
    fn threads_are_divided_between_as_many_workers_as_there_are_items() {
        let shares = |threads, items| {
            let workers = workers(threads, items).workers;
            workers.iter().map(|(pool, _)| pool.current_num_threads()).collect::<Vec<_>>()
        };
        assert_eq!(shares(5, 2), [3, 2]);
        assert_eq!(shares(3, 10), [1, 1, 1]);
        assert_eq!(shares(4, 0), [4]);
        assert_eq!(shares(0, 3), [1]);
    }

    #[test]
    fn the_engine_says_how_many_workers_make_sense() {
        let workers = Workers::new(Some(3), 10, |threads| threads + 1, || Ok(0)).unwrap();
        let shares: Vec<_> =
            workers.workers.iter().map(|(pool, _)| pool.current_num_threads()).collect();
        assert_eq!(shares, [1, 1, 1, 1]);
        let workers = Workers::new(Some(5), 10, |_| 2, || Ok(0)).unwrap();
        let shares: Vec<_> =
            workers.workers.iter().map(|(pool, _)| pool.current_num_threads()).collect();
        assert_eq!(shares, [3, 2]);
    }

    #[test]
    fn the_first_error_in_order_ends_the_work() {
        let mut finished = 0;
        let work = |_: &mut usize, item: usize| {
            if item == 5 {
                std::thread::sleep(Duration::from_millis(20));
            }
            if item >= 5 { bail!("item {item}") } else { Ok(()) }
        };
        let outcome = workers(3, 1000).run(1000, work, |_, ()| {
            finished += 1;
            Ok(())
        });
        assert_eq!((outcome.unwrap_err().to_string(), finished), ("item 5".to_owned(), 5));
    }

    #[test]
    #[should_panic(expected = "scoped thread panicked")]
    fn a_panic_ends_all_workers() {
        let work = |_: &mut usize, item: usize| -> Result<()> {
            assert!(item != 3, "work cannot be done");
            Ok(())
        };
        let _ = workers(2, 1000).run(1000, work, |_, ()| Ok(()));
    }
}
