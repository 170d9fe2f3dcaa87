//! What a request holds while it is on its way: the right to be answered, and the memory of what has come of it.

use crate::infer::ServeError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The memory that all requests together may take, in bytes.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    left: Arc<Semaphore>,
    limit: usize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Self { left: Arc::new(Semaphore::new(limit)), limit }
    }

    /// Nothing yet.
    pub(crate) fn reserve(&self) -> Reservation {
        Reservation { budget: self.clone(), taken: None }
    }
}

/// A part of the budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Budget,
    taken: Option<OwnedSemaphorePermit>,
}

impl Reservation {
    /// Takes so many bytes more.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), ServeError> {
        let Budget { left, limit } = &self.budget;
        let busy = || ServeError::Busy { limit: *limit };
        let all = self.size().saturating_add(bytes);
        // Counted in 32 bits.
        let bytes = u32::try_from(all).and_then(|_| u32::try_from(bytes)).map_err(|_| busy())?;
        let more = left.clone().try_acquire_many_owned(bytes).map_err(|_| busy())?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }

    /// Takes what is missing to so many bytes.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> Result<(), ServeError> {
        self.grow(bytes.saturating_sub(self.size()))
    }

    /// The bytes taken.
    pub(crate) fn size(&self) -> usize {
        self.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }
}

/// What the parts of the server that see a request share; travels in the extensions of gRPC calls.
#[derive(Clone, Debug)]
pub(crate) struct Ticket(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    permit: Mutex<Option<OwnedSemaphorePermit>>,
    memory: Mutex<Reservation>,
    counted: AtomicBool,
}

impl Ticket {
    pub(crate) fn new(budget: &Budget) -> Self {
        let (permit, memory) = (Mutex::default(), Mutex::new(budget.reserve()));
        Self(Arc::new(Shared { permit, memory, counted: AtomicBool::new(false) }))
    }

    /// Keeps the right to be answered until [`Self::answered`], or until nobody has the ticket.
    pub(crate) fn admit(&self, permit: OwnedSemaphorePermit) {
        *locked(&self.0.permit) = Some(permit);
    }

    /// The reply has gone: the next request may come.
    pub(crate) fn answered(&self) {
        locked(&self.0.permit).take();
    }

    /// The memory of what has come so far.
    pub(crate) fn memory(&self) -> MutexGuard<'_, Reservation> {
        locked(&self.0.memory)
    }

    /// Hands on what has been taken so far, for as long as the request lives.
    pub(crate) fn take_memory(&self) -> Reservation {
        let mut memory = self.memory();
        let fresh = memory.budget.reserve();
        std::mem::replace(&mut *memory, fresh)
    }

    /// From now on the statistics of a model count how the request ends.
    pub(crate) fn set_counted(&self) {
        self.0.counted.store(true, Ordering::Relaxed);
    }

    /// Whether the statistics of a model count how the request ends.
    pub(crate) fn is_counted(&self) -> bool {
        self.0.counted.load(Ordering::Relaxed)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_takes_from_the_budget_until_it_is_dropped() {
        let budget = Budget::new(100);
        let (mut first, mut second) = (budget.reserve(), budget.reserve());
        first.grow(40).unwrap();
        first.grow_to(60).unwrap();
        first.grow_to(10).unwrap();
        second.grow(40).unwrap();
        assert!(matches!(second.grow(1), Err(ServeError::Busy { limit: 100 })));
        drop(first);
        second.grow(60).unwrap();
        assert!(second.grow(usize::MAX).is_err());
    }

    #[test]
    fn a_ticket_hands_on_its_memory_once() {
        let budget = Budget::new(100);
        let ticket = Ticket::new(&budget);
        ticket.memory().grow(70).unwrap();
        let taken = ticket.take_memory();
        assert!(ticket.memory().grow(70).is_err());
        drop(taken);
        ticket.memory().grow(70).unwrap();
    }
}
