//! Times in buckets of a fixed number, written by one thread and read by any.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use crate::sync::{AtomicU64, Ordering};

/// Buckets in which a power of two is divided: a time is known to a sixteenth of itself.
const PARTS_LOG2: u32 = 4;
const PARTS: usize = 1 << PARTS_LOG2;

/// Times of 2^40 ns (18 minutes) and more are one bucket.
const EXPONENT_MAX: u32 = 40;

const BUCKETS: usize = (EXPONENT_MAX - PARTS_LOG2 + 1) as usize * PARTS + 1;

/// A count that one thread adds to and any thread reads.
///
/// The additions of several threads at once would be lost in part; they use `add_shared`.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// By its one writer.
    #[inline]
    pub(crate) fn add(&self, more: u64) {
        let now = self.0.load(Ordering::Relaxed);
        self.0.store(now.wrapping_add(more), Ordering::Relaxed);
    }

    /// By anybody, if everybody uses this.
    #[inline]
    pub(crate) fn add_shared(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one thread has measured.
pub(crate) struct Recorder {
    buckets: Box<[Count]>,
    sum_ns: Count,
    max_ns: Count,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self {
            buckets: (0..BUCKETS).map(|_| Count::default()).collect(),
            sum_ns: Count::default(),
            max_ns: Count::default(),
        }
    }

    /// Adds a time; by one thread.
    pub(crate) fn record(&self, time: Duration) {
        let time_ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(time_ns)].add(1);
        self.sum_ns.add(time_ns);
        let max_ns = self.max_ns.read();
        self.max_ns.add(time_ns.saturating_sub(max_ns));
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

/// Times that were measured, by several threads together.
///
/// A time is known to a sixteenth of itself; times of 18 minutes and more are as one, but for the
/// [mean](Self::mean) and the [maximum](Self::max).
#[derive(Clone, PartialEq, Eq)]
pub struct Histogram {
    counts: Box<[u64]>,
    sum_ns: u64,
    max_ns: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS].into(),
            sum_ns: 0,
            max_ns: 0,
        }
    }
}

impl Histogram {
    /// Adds what one thread has measured so far.
    pub(crate) fn add(&mut self, recorder: &Recorder) {
        for (count, bucket) in self.counts.iter_mut().zip(&recorder.buckets) {
            *count += bucket.read();
        }
        self.sum_ns = self.sum_ns.wrapping_add(recorder.sum_ns.read());
        self.max_ns = self.max_ns.max(recorder.max_ns.read());
    }

    /// How many times were measured.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The mean, if anything was measured.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        let mean = self.sum_ns.checked_div(self.count());
        mean.map(Duration::from_nanos)
    }

    /// The longest time.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max_ns)
    }

    /// The least time that at least this part of the times does not exceed, at most a sixteenth too
    /// long; none if nothing was measured.
    ///
    /// `part` is from 0 to 1: 0.99 for the 99th percentile.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank of more than 2^53 need not be exact, and is not negative"
    )]
    pub fn percentile(&self, part: f64) -> Option<Duration> {
        let count = self.count();
        let rank = (count as f64 * part.clamp(0.0, 1.0)).ceil().max(1.0) as u64;
        let mut below = 0;
        let at = self.counts.iter().position(|it| {
            below += it;
            *it > 0 && below >= rank
        })?;
        let end_ns = (at + 1 < BUCKETS).then(|| end_ns(at));
        let limit_ns = end_ns.map_or(self.max_ns, |end| end.min(self.max_ns));
        Some(Duration::from_nanos(limit_ns))
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram")
            .field("count", &self.count())
            .field("mean", &self.mean())
            .field("p50", &self.percentile(0.5))
            .field("p99", &self.percentile(0.99))
            .field("max", &self.max())
            .finish()
    }
}

/// Times below 16 ns have a bucket each; above, each power of two has 16.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the bits that are kept are four"
)]
fn bucket(time_ns: u64) -> usize {
    if time_ns < PARTS as u64 {
        return time_ns as usize;
    }
    let exponent = time_ns.ilog2();
    if exponent >= EXPONENT_MAX {
        return BUCKETS - 1;
    }
    let part = (time_ns >> (exponent - PARTS_LOG2)) as usize & (PARTS - 1);
    (exponent - PARTS_LOG2 + 1) as usize * PARTS + part
}

/// The longest time of a bucket that is not the last.
fn end_ns(bucket: usize) -> u64 {
    if bucket < PARTS {
        return bucket as u64;
    }
    let shift = bucket / PARTS - 1;
    let part = (bucket % PARTS + PARTS) as u64;
    ((part + 1) << shift) - 1
}
