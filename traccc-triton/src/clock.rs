//! The clock of Triton's statistics.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds on the monotonic clock, the one Triton uses; another would give nonsense in its queue times.
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
