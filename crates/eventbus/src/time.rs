//! The numbers of records, and the times that callers give.

use std::fmt;
use std::time::Duration;

/// The number of a record, from 0, without gaps but for what was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Offset(pub u64);

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A time on the caller's clock, in nanoseconds since whatever it counts from.
///
/// Times that are kept are since 1970, so that they mean something after a restart; see
/// [`since_epoch`](Self::since_epoch).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

impl Time {
    /// From nanoseconds.
    #[must_use]
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }

    /// In nanoseconds.
    #[must_use]
    pub const fn as_ns(self) -> u64 {
        self.0
    }

    /// So long after the clock's zero; the year 2554 if it is later than that.
    #[must_use]
    pub fn since_epoch(since: Duration) -> Self {
        Self(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Later by so much.
    #[must_use]
    pub fn saturating_add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(Self::since_epoch(by).0))
    }

    /// Earlier by so much.
    #[must_use]
    pub fn saturating_sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(Self::since_epoch(by).0))
    }
}
