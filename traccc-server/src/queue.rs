//! Requests that wait for an instance.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A queue with a limit, for several threads on both sides.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    limit: usize,
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
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

impl<T> Queue<T> {
    /// An empty one.
    pub(crate) fn new(limit: usize) -> Self {
        let state = State { waiting: VecDeque::new(), closed: false };
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
            state.waiting.retain(|item| !given_up(item));
        }
        if state.waiting.len() >= self.limit {
            return Err(Refused::Full);
        }
        state.waiting.push_back(item);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes the first; waits for one. `None` when the queue is closed and empty.
    pub(crate) fn pop(&self) -> Option<T> {
        let mut state = self.state();
        loop {
            if let Some(item) = state.waiting.pop_front() {
                return Some(item);
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
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

    #[test]
    fn items_leave_in_the_order_they_came_and_a_full_queue_refuses() {
        let queue = Queue::new(2);
        assert_eq!(queue.push(1, |_| false), Ok(()));
        assert_eq!(queue.push(2, |_| false), Ok(()));
        assert_eq!(queue.push(3, |_| false), Err(Refused::Full));
        assert_eq!(queue.push(4, |&item| item == 1), Ok(()), "1 makes room");
        assert_eq!((queue.pop(), queue.pop(), queue.len()), (Some(2), Some(4), 0));
    }

    #[test]
    fn a_closed_queue_gives_what_it_has_and_then_ends() {
        let queue = Queue::new(2);
        assert_eq!(queue.push(1, |_| false), Ok(()));
        queue.close();
        assert_eq!(queue.push(2, |_| false), Err(Refused::Closed));
        assert_eq!((queue.pop(), queue.pop()), (Some(1), None));
    }

    #[test]
    fn closing_wakes_those_who_wait() {
        let queue = Queue::<u8>::new(1);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.pop());
            queue.close();
            assert_eq!(waiting.join().unwrap(), None);
        });
    }
}
