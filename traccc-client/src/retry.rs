use rand::Rng;
use std::time::Duration;

/// How often and when a call is tried again that no server took: after UNAVAILABLE, and after a connection that failed or
/// broke before the response was complete.
///
/// A reconstruction has no lasting effect: a second one of the same event does no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a call is tried again; 0: never.
    pub retries: usize,
    /// The longest pause before the first repetition. It doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause of all.
    pub longest_pause: Duration,
    /// No repetition begins later than this after the call.
    pub time: Duration,
}

impl Default for RetryPolicy {
    /// Five repetitions with pauses of up to 50 ms, 100 ms, ... and within 30 s.
    fn default() -> Self {
        Self {
            retries: 5,
            first_pause: Duration::from_millis(50),
            longest_pause: Duration::from_secs(2),
            time: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// One attempt.
    pub const NEVER: Self = Self {
        retries: 0,
        first_pause: Duration::ZERO,
        longest_pause: Duration::ZERO,
        time: Duration::ZERO,
    };

    /// The pause before repetition `repetition`, counted from 0, or `None` when it must not be.
    pub(crate) fn pause(&self, repetition: usize, since_call: Duration) -> Option<Duration> {
        if repetition >= self.retries {
            return None;
        }
        let doubled = 2_u32.saturating_pow(repetition.try_into().unwrap_or(u32::MAX));
        let longest = self.first_pause.saturating_mul(doubled).min(self.longest_pause);
        // Between half and all of it: clients that failed together do not come back together.
        let pause = longest.mul_f64(rand::rng().random_range(0.5..=1.0));
        (since_call + pause <= self.time).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_vary() {
        let policy = RetryPolicy { retries: 80, ..RetryPolicy::default() };
        let longest = |n: usize| {
            let pauses: Vec<_> = (0..50).filter_map(|_| policy.pause(n, Duration::ZERO)).collect();
            assert!(pauses.iter().any(|pause| pause != &pauses[0]));
            pauses.into_iter().max().unwrap()
        };
        for (n, expected) in [(0, 50), (1, 100), (4, 800), (6, 2000), (79, 2000)] {
            let found = longest(n).as_millis();
            assert!((expected / 2..=expected).contains(&found), "{n}: {found} ms");
        }
    }

    #[test]
    fn repetitions_end_by_count_and_by_time() {
        let policy = RetryPolicy::default();
        assert!(policy.pause(4, Duration::from_secs(1)).is_some());
        assert_eq!(policy.pause(5, Duration::ZERO), None);
        assert_eq!(policy.pause(0, Duration::from_secs(30)), None);
        assert_eq!(RetryPolicy::NEVER.pause(0, Duration::ZERO), None);
    }
}
