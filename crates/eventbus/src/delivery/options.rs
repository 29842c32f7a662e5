//! How messages are delivered again.

use std::time::Duration;

use thiserror::Error;

/// The most tries of a message, whose history is kept.
pub const TRIES_LIMIT: u32 = 64;

/// What is kept of a consumer's reason.
pub const REASON_BYTES_MAX: usize = 256;

/// The most messages of a machine.
const BACKLOG_LIMIT: usize = 1 << 24;

/// How messages are delivered again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How long a consumer may hold a message without a word.
    pub lease: Duration,
    /// Tries of a message, the first among them, before it is a dead letter; 1 to [`TRIES_LIMIT`].
    pub tries_max: u32,
    /// How long the second try waits at the least and at the most; each further one waits twice as
    /// long, up to `backoff_max`. Half of it is drawn by lot, so that what failed together does not come
    /// back together.
    pub backoff: Duration,
    /// The longest wait for a try.
    pub backoff_max: Duration,
    /// Messages that are offered and not settled; from 1.
    pub backlog_max: usize,
    /// Messages that are held, by all consumers together; from 1.
    pub held_max: usize,
    /// Messages that one consumer holds; from 1.
    pub held_by_one_max: usize,
}

impl Default for Options {
    /// 30 s a lease, 5 tries, 100 ms to a minute between them; 1,024 held of 65,536.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            tries_max: 5,
            backoff: Duration::from_millis(100),
            backoff_max: Duration::from_mins(1),
            backlog_max: 1 << 16,
            held_max: 1_024,
            held_by_one_max: 256,
        }
    }
}

/// An option is out of its range.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("option {name} is out of its range: {must}")]
pub struct OptionsError {
    /// Which.
    pub name: &'static str,
    /// The range.
    pub must: &'static str,
}

impl Options {
    pub(crate) fn check(&self) -> Result<(), OptionsError> {
        let refuse = |name, must| Err(OptionsError { name, must });
        if !(1..=TRIES_LIMIT).contains(&self.tries_max) {
            return refuse("tries_max", "1 to 64");
        }
        if !(1..=BACKLOG_LIMIT).contains(&self.backlog_max) {
            return refuse("backlog_max", "1 to 16,777,216");
        }
        if self.held_max == 0 || self.held_by_one_max == 0 {
            return refuse("held_max, held_by_one_max", "from 1");
        }
        if self.lease.is_zero() || self.backoff > self.backoff_max {
            return refuse(
                "lease, backoff",
                "a lease lasts, and backoff is at most backoff_max",
            );
        }
        Ok(())
    }

    /// How long try `number`, from 2, waits: between half of the full wait and all of it.
    pub(crate) fn wait(&self, number: u32, random: u64) -> Duration {
        let doublings = number.saturating_sub(2).min(31);
        let full = self
            .backoff
            .saturating_mul(1 << doublings)
            .min(self.backoff_max);
        let full_ns = u64::try_from(full.as_nanos()).unwrap_or(u64::MAX);
        let half_ns = full_ns / 2;
        Duration::from_nanos(full_ns - half_ns + random % (half_ns + 1))
    }
}
