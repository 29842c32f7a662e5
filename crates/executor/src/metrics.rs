//! What has happened and what is going on, read without a lock.

use crate::histogram::{Count, Histogram, Recorder};
use crate::job::{Outcome, Refusal};
use crate::priority::Priority;

/// What one worker has done; it alone writes it.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) finished: Count,
    pub(crate) panicked: Count,
    pub(crate) cancelled: Count,
    pub(crate) expired: Count,
    pub(crate) stolen: Count,
    pub(crate) promoted: Count,
    pub(crate) slept: Count,
    pub(crate) waited: [Recorder; Priority::COUNT],
    pub(crate) ran: Recorder,
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self {
            finished: Count::default(),
            panicked: Count::default(),
            cancelled: Count::default(),
            expired: Count::default(),
            stolen: Count::default(),
            promoted: Count::default(),
            slept: Count::default(),
            waited: std::array::from_fn(|_| Recorder::new()),
            ran: Recorder::new(),
        }
    }

    /// Counts a task that came to a worker.
    pub(crate) fn count(&self, outcome: Outcome) {
        let count = match outcome {
            Outcome::Finished => &self.finished,
            Outcome::Panicked => &self.panicked,
            Outcome::Cancelled => &self.cancelled,
            // A worker refuses for one reason only.
            Outcome::Refused => &self.expired,
        };
        count.add(1);
    }
}

/// What any thread counts, each of which is rare.
#[derive(Debug, Default)]
pub(crate) struct SharedCounters {
    pub(crate) rejected: Count,
    pub(crate) displaced: Count,
    pub(crate) stopped: Count,
    pub(crate) cancelled: Count,
}

impl SharedCounters {
    /// Counts a task that was refused with this reason.
    pub(crate) fn count(&self, outcome: Outcome, why: Refusal) {
        let count = match (outcome, why) {
            (Outcome::Cancelled, _) => &self.cancelled,
            (_, Refusal::Displaced) => &self.displaced,
            _ => &self.stopped,
        };
        count.add_shared(1);
    }
}

/// What has happened since the executor started, and what is going on.
///
/// The figures are read one after the other while others change them. Once everything that was
/// taken in has ended, `finished + panicked + cancelled + expired + displaced + stopped` is how many tasks
/// that was.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// Workers that run or are to run, without the reserved ones.
    pub workers: usize,
    /// Workers that poll, or are being woken.
    pub spinning: usize,
    /// Workers that sleep.
    pub sleeping: usize,
    /// Tasks that wait in the queue, with a priority, key or deadline.
    pub queue_len: usize,
    /// Tasks that wait in the express lane.
    pub lane_len: usize,
    /// Tasks that ran to their end.
    pub finished: u64,
    /// Tasks that panicked.
    pub panicked: u64,
    /// Tasks that were cancelled before they began.
    pub cancelled: u64,
    /// Tasks whose deadline passed before they began.
    pub expired: u64,
    /// Low tasks that lost their place to newer ones.
    pub displaced: u64,
    /// Tasks that had not begun when the executor stopped.
    pub stopped: u64,
    /// Tasks that were not taken in.
    pub rejected: u64,
    /// What was taken from another worker's deque.
    pub stolen: u64,
    /// Halves of joins that were offered to others.
    pub promoted: u64,
    /// How often a worker fell asleep.
    pub slept: u64,
    /// How long tasks waited, by [`Priority`]: all that came through the queue, and a sixteenth of
    /// the others.
    pub waited: [Histogram; Priority::COUNT],
    /// How long tasks ran: the same ones.
    pub ran: Histogram,
}

impl Metrics {
    pub(crate) fn add(&mut self, counters: &Counters) {
        self.finished += counters.finished.read();
        self.panicked += counters.panicked.read();
        self.cancelled += counters.cancelled.read();
        self.expired += counters.expired.read();
        self.stolen += counters.stolen.read();
        self.promoted += counters.promoted.read();
        self.slept += counters.slept.read();
        for (histogram, recorder) in self.waited.iter_mut().zip(&counters.waited) {
            histogram.add(recorder);
        }
        self.ran.add(&counters.ran);
    }

    pub(crate) fn add_shared(&mut self, counters: &SharedCounters) {
        self.rejected += counters.rejected.read();
        self.displaced += counters.displaced.read();
        self.stopped += counters.stopped.read();
        self.cancelled += counters.cancelled.read();
    }
}
