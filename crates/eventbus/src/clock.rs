//! Where the time in envelopes comes from.
#![expect(
    clippy::disallowed_methods,
    reason = "a clock is read here; the ban is for the pure crates"
)]

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time that goes into envelopes and identifiers.
///
/// A publisher never goes back: if a clock does, the time stands still until it has caught up.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Nanoseconds since 1970-01-01, UTC.
    fn unix_ns(&self) -> u64;
}

/// The system's clock as the kernel last updated it: a few nanoseconds to read, some milliseconds
/// old at most (a tick of the kernel, 1 to 10 ms).
///
/// Where there is no such clock it is [`PreciseClock`].
#[derive(Debug, Clone, Copy, Default)]
pub struct CoarseClock;

impl Clock for CoarseClock {
    #[inline]
    fn unix_ns(&self) -> u64 {
        #[cfg(target_os = "linux")]
        {
            let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
            let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
            let rest = u64::try_from(now.tv_nsec).unwrap_or(0);
            seconds.saturating_mul(1_000_000_000).saturating_add(rest)
        }
        #[cfg(not(target_os = "linux"))]
        PreciseClock.unix_ns()
    }
}

/// The system's clock, some 20 to 50 ns to read.
#[derive(Debug, Clone, Copy, Default)]
pub struct PreciseClock;

impl Clock for PreciseClock {
    fn unix_ns(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        // Before 1970 the clock is not set: zero is as good as anything.
        since.map_or(0, |it| u64::try_from(it.as_nanos()).unwrap_or(u64::MAX))
    }
}
