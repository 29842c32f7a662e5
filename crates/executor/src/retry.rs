//! Tries again what failed for a while: exponential back-off with full jitter.
#![forbid(unsafe_code)]

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Clock;
use crate::random::Random;
use crate::sync::system::{AtomicU64, Ordering};

/// How long to wait before the next attempt.
///
/// The ceiling doubles with every failure, and the delay is drawn uniformly from nothing up to it,
/// so that many who failed together do not come back together.
///
/// # Source
///
/// Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), the variant "full jitter".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The ceiling after the first failure.
    pub first: Duration,
    /// The ceiling beyond which it does not grow.
    pub max: Duration,
}

impl Backoff {
    /// The longest delay after so many failures in a row; nothing after none.
    #[must_use]
    pub fn ceiling(&self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else {
            return Duration::ZERO;
        };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.max)
    }

    /// Draws the delay after so many failures in a row.
    pub(crate) fn delay(&self, failures: u32, random: &Random) -> Duration {
        random.up_to(self.ceiling(failures))
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(50),
            max: Duration::from_secs(10),
        }
    }
}

/// What an attempt failed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure<E> {
    /// It may succeed when it is tried again.
    Transient(E),
    /// It will fail again.
    Permanent(E),
}

/// Why a retried operation failed. The source is the last attempt's error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RetryError<E> {
    /// The error is one that does not pass.
    #[error("attempt {attempts} failed for good: {source}")]
    Permanent {
        /// How often it was tried.
        attempts: u32,
        /// The last error.
        source: E,
    },
    /// It was tried as often as it may.
    #[error("all {attempts} attempts failed, the last with: {source}")]
    Exhausted {
        /// How often it was tried.
        attempts: u32,
        /// The last error.
        source: E,
    },
    /// The next attempt would begin after the deadline, which was not waited for.
    #[error("no time is left after attempt {attempts} failed: {source}")]
    OutOfTime {
        /// How often it was tried.
        attempts: u32,
        /// The last error.
        source: E,
    },
}

/// Runs operations again that failed. Shared between threads.
///
/// # Examples
///
/// ```
/// use std::num::NonZeroU32;
/// use std::sync::Arc;
/// use std::time::Duration;
/// use claude_flow_executor::{Backoff, Clock, Failure, Retry, SystemClock};
///
/// let attempts_max = NonZeroU32::new(3).ok_or("three is not zero")?;
/// let clock = Arc::new(SystemClock);
/// let retry = Retry::new(Backoff::default(), attempts_max, 42, clock.clone());
/// let deadline = clock.after(Duration::from_secs(1));
/// let answer = retry.run(deadline, |attempt| match attempt {
///     1 => Err(Failure::Transient("not yet")),
///     _ => Ok("now"),
/// });
/// assert_eq!(answer, Ok("now"));
/// assert_eq!(retry.snapshot().retries, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Retry {
    backoff: Backoff,
    attempts_max: NonZeroU32,
    clock: Arc<dyn Clock>,
    random: Random,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    operations: AtomicU64,
    retries: AtomicU64,
    failed: AtomicU64,
}

/// What a [`Retry`] did until now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetrySnapshot {
    /// Operations that were begun.
    pub operations: u64,
    /// Attempts beyond the first of an operation.
    pub retries: u64,
    /// Operations that failed in the end.
    pub failed: u64,
}

impl Retry {
    /// The same seed draws the same delays.
    #[must_use]
    pub fn new(
        backoff: Backoff,
        attempts_max: NonZeroU32,
        seed: u64,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            backoff,
            attempts_max,
            clock,
            random: Random::new(seed),
            counts: Counts::default(),
        }
    }

    /// Runs an operation until it succeeds. It is told which attempt this is, from 1.
    ///
    /// The calling thread waits between attempts.
    ///
    /// # Errors
    ///
    /// The last error, and why there was no further attempt.
    pub fn run<T, E>(
        &self,
        deadline: Instant,
        mut operation: impl FnMut(u32) -> Result<T, Failure<E>>,
    ) -> Result<T, RetryError<E>> {
        self.counts.operations.fetch_add(1, Ordering::Relaxed);
        let mut attempts = 1;
        loop {
            let error = match operation(attempts) {
                Ok(value) => return Ok(value),
                Err(Failure::Permanent(source)) => RetryError::Permanent { attempts, source },
                Err(Failure::Transient(source)) if attempts >= self.attempts_max.get() => {
                    RetryError::Exhausted { attempts, source }
                }
                Err(Failure::Transient(source)) => {
                    let delay = self.backoff.delay(attempts, &self.random);
                    let next = self.clock.after(delay);
                    if next < deadline {
                        self.clock.sleep_until(next);
                        self.counts.retries.fetch_add(1, Ordering::Relaxed);
                        attempts += 1;
                        continue;
                    }
                    RetryError::OutOfTime { attempts, source }
                }
            };
            self.counts.failed.fetch_add(1, Ordering::Relaxed);
            return Err(error);
        }
    }

    /// What it did until now, read without locks.
    #[must_use]
    pub fn snapshot(&self) -> RetrySnapshot {
        RetrySnapshot {
            operations: self.counts.operations.load(Ordering::Relaxed),
            retries: self.counts.retries.load(Ordering::Relaxed),
            failed: self.counts.failed.load(Ordering::Relaxed),
        }
    }
}
